"""The order a plan imposes on its steps: what comes before what, how long it takes, what waits.

A `Graph` speaks of the steps that do something, and of phases that are not expanded yet, which hold
up what depends on them. Other phases are dissolved: to depend on a phase is to depend on all its
steps, and a phase's own dependencies hold for each of its steps. A reference implies the dependency.
Disabled steps stay in the graph, marked `skipped`, so that what is ordered through them stays ordered.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from console.plan import references
from console.plan.cycles import cycle_in
from console.plan.model import Plan, StepId
from console.plan.net import Net, Referred
from console.plan.waiting import Waiting

__all__ = ["DEFAULT_DURATION", "Graph", "WhatIf", "cycle_in", "what_if"]

DEFAULT_DURATION = 1.0
"""Seconds a step is taken to last when nothing is known: then the longest chain is the critical path."""


Asked = Callable[[StepId], bool]


def _never(_: StepId) -> bool:
    return False


class Graph:
    """The graph of a plan without a cycle (`ValueError` otherwise; `codec.faults_of` names it).

    `order` is topological and as near to the document's order as that allows. `skipped` holds the
    disabled steps, those of a disabled phase included, `unexpanded` the phases without steps yet.
    Everything else is computed when it is first asked for and linear in the plan, but `above`, `below`
    and `ordered`. `referred` gives the steps whose results a step uses.
    """

    def __init__(self, plan: Plan, referred: Referred = references.referred) -> None:
        self._net = Net.of(plan, referred)
        self._sequence = _sequence(self._net)
        walked = list(plan.walk())
        steps = {step.id: (step, path) for step, path in walked if not step.steps}
        off = {step.id for step, _ in walked if not step.enabled}
        self.order: tuple[StepId, ...] = tuple(
            name for point in self._sequence if (name := self._net.names[point]) in steps
        )
        self.unexpanded: frozenset[StepId] = frozenset(
            name for name, (step, _) in steps.items() if step.is_phase
        )
        self.skipped: frozenset[StepId] = frozenset(
            name for name, (_, path) in steps.items() if off and (name in off or not off.isdisjoint(path))
        )
        self._rank = {name: index for index, name in enumerate(steps)}

    @classmethod
    def of(cls, plan: Plan, referred: Referred = references.referred) -> Graph:
        return cls(plan, referred)

    def directly_before(self, step: StepId, through: Asked = _never) -> tuple[StepId, ...]:
        """The steps it depends on directly, in document order, those it asks to look `through` aside; none of
        what is not in the graph."""
        return self._nearest(step, self._before, through)

    def directly_after(self, step: StepId, through: Asked = _never) -> tuple[StepId, ...]:
        """The steps that depend on it directly, in the same way."""
        return self._nearest(step, self._net.after, through)

    def waiting(self, settled: Iterable[StepId] = (), left_out: Iterable[StepId] = ()) -> Waiting:
        """What each step waits for that is neither `settled` nor `left_out`."""
        return Waiting(self._net, self._before, self._rank, settled, left_out)

    def levels(self) -> list[list[StepId]]:
        """Steps by the length of the longest chain before them; the steps of a level are unordered."""
        in_graph = [float(name in self._rank) for name in self._net.names]
        depth = _longest(self._before, self._sequence, in_graph)
        levels: dict[float, list[StepId]] = {}
        for name in self._rank:
            levels.setdefault(depth[self._net.first[name]], []).append(name)
        return [levels[key] for key in sorted(levels)]

    def width(self) -> int:
        """The most steps that one level holds."""
        return max(map(len, self.levels()), default=0)

    def ancestors(self, step: StepId) -> frozenset[StepId]:
        """Every step that must come before `step`. `KeyError` when there is no such step."""
        return self._reached(self._net.first[step], self._before)

    def descendants(self, step: StepId) -> frozenset[StepId]:
        """Every step that must come after `step`. `KeyError` when there is no such step."""
        return self._reached(self._net.last[step], self._net.after)

    def ordered(self, one: StepId, other: StepId) -> bool:
        """Whether the plan says which of two different steps comes first."""
        at = self.place
        return bool(self.above[one] >> at[other] & 1 or self.above[other] >> at[one] & 1)

    def remaining(self, durations: Mapping[StepId, float]) -> dict[StepId, float]:
        """Seconds from the start of each step to the end of the longest path that begins with it."""
        longest = _longest(self._net.after, self._sequence[::-1], self._weights(durations))
        return {name: longest[self._net.first[name]] for name in self.order}

    def critical_path(self, durations: Mapping[StepId, float]) -> tuple[StepId, ...]:
        """The longest path; the first in document order of equal ones. Skipped steps take no time and
        are left out."""
        longest = _longest(self._net.after, self._sequence[::-1], self._weights(durations))
        path: list[StepId] = []
        ahead: Iterable[int] = range(len(self._net.names))
        while best := max(((longest[point], -point) for point in ahead), default=None):
            point = -best[1]
            name = self._net.names[point]
            if name in self._rank and name not in self.skipped:
                path.append(name)
            ahead = self._net.after[point]
        return tuple(path)

    def makespan(self, durations: Mapping[StepId, float], workers: int | None = None) -> float:
        """Seconds until everything is done with `workers` steps at a time (`None`: as many as there are),
        the step with the longest remaining path first."""
        remaining = self.remaining(durations)
        if workers is None:
            return max(remaining.values(), default=0.0)
        seconds = dict(zip(self._net.names, self._weights(durations), strict=True))
        waiting, runs = self.waiting(left_out=self.skipped), self._rank.keys() - self.skipped
        ready = [(-remaining[name], self._rank[name], name) for name in runs if waiting.is_free(name)]
        heapq.heapify(ready)
        running: list[tuple[float, int, StepId]] = []
        now = 0.0
        while ready or running:
            while ready and len(running) < max(1, workers):
                _, rank, name = heapq.heappop(ready)
                heapq.heappush(running, (now + seconds[name], rank, name))
            now, _, done = heapq.heappop(running)
            for name in waiting.settle(done):
                heapq.heappush(ready, (-remaining[name], self._rank[name], name))
        return now

    @cached_property
    def _before(self) -> tuple[tuple[int, ...], ...]:
        return _turned(self._net.after)

    @cached_property
    def place(self) -> dict[StepId, int]:
        """Where each step stands in `order`."""
        return {name: index for index, name in enumerate(self.order)}

    @cached_property
    def above(self) -> dict[StepId, int]:
        """Per step the steps that come before it, as a number: one bit a step, in `order`."""
        return self._sets(self._sequence, self._before)

    @cached_property
    def below(self) -> dict[StepId, int]:
        """Per step the steps that come after it, as `above` has them."""
        return self._sets(self._sequence[::-1], self._net.after)

    def _sets(self, sequence: Sequence[int], edges: Sequence[Sequence[int]]) -> dict[StepId, int]:
        """Per step all that is reached along `edges`; `sequence` has the points that they lead to first."""
        first, sets = self._net.first, [0] * len(self._net.names)
        place = {first[name]: index for name, index in self.place.items()}
        for point in sequence:
            reached = 0
            for other in edges[point]:
                reached |= sets[other]
                if other in place:
                    reached |= 1 << place[other]
            sets[point] = reached
        return {name: sets[first[name]] for name in self.order}

    def _weights(self, durations: Mapping[StepId, float]) -> list[float]:
        """Seconds per point: none for a phase's ends and for skipped steps."""
        return [
            durations.get(name, DEFAULT_DURATION) if name in self._rank and name not in self.skipped else 0.0
            for name in self._net.names
        ]

    def _nearest(self, step: StepId, edges: Sequence[Sequence[int]], through: Asked) -> tuple[StepId, ...]:
        """The next steps along `edges`, through the ends of phases."""
        names, rank = self._net.names, self._rank
        todo = [self._net.first[step]] if step in rank else []
        seen: set[int] = set()
        found: list[int] = []
        while todo:
            for point in edges[todo.pop()]:
                if point not in seen:
                    seen.add(point)
                    passed = names[point] not in rank or through(names[point])
                    (todo if passed else found).append(point)
        return tuple(sorted((names[point] for point in found), key=rank.__getitem__))

    def _reached(self, start: int, edges: Sequence[Sequence[int]]) -> frozenset[StepId]:
        seen = {start}
        todo = [start]
        while todo:
            for point in edges[todo.pop()]:
                if point not in seen:
                    seen.add(point)
                    todo.append(point)
        seen.discard(start)
        return frozenset(name for point in seen if (name := self._net.names[point]) in self._rank)


def _sequence(net: Net) -> list[int]:
    """The points of a net so that each comes after all that lead to it, the earliest first."""
    if all(not to or min(to) > point for point, to in enumerate(net.after)):
        return list(range(len(net.names)))  # as they are written, mostly
    missing = [0] * len(net.names)
    for to in net.after:
        for point in to:
            missing[point] += 1
    ready = [point for point, count in enumerate(missing) if not count]
    sequence = []
    while ready:
        point = heapq.heappop(ready)
        sequence.append(point)
        for after in net.after[point]:
            missing[after] -= 1
            if not missing[after]:
                heapq.heappush(ready, after)
    if len(sequence) < len(net.names):
        raise ValueError("the dependencies of the plan go in a circle")
    return sequence


def _turned(after: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    before: list[list[int]] = [[] for _ in after]
    for point, to in enumerate(after):
        for other in to:
            before[other].append(point)
    return tuple(map(tuple, before))


def _longest(
    edges: Sequence[Sequence[int]], sequence: Sequence[int], weights: Sequence[float]
) -> list[float]:
    """Per point the greatest sum of weights on a path along `edges`, itself included; `sequence` has
    the points that edges lead to first."""
    longest = list(weights)
    for point in sequence:
        longest[point] += max((longest[other] for other in edges[point]), default=0.0)
    return longest


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What a plan comes to when some steps are held or left out: `blocked` must wait for them, in the
    plan's order; `critical_path` and `estimate` (seconds) are of what can still run."""

    blocked: tuple[StepId, ...]
    critical_path: tuple[StepId, ...]
    estimate: float


def what_if(
    plan: Plan,
    without: Set[StepId],
    durations: Mapping[StepId, float] = MappingProxyType({}),
    workers: int | None = None,
    *,
    graph: Graph | None = None,
) -> WhatIf:
    """The plan without these steps, phases among them standing for all their steps. `graph` is the plan's,
    where it is known."""
    graph = graph or Graph.of(plan)
    held = {step.id for step, path in plan.walk() if step.id in without or not without.isdisjoint(path)}
    below = set().union(*(graph.descendants(name) for name in held)) - held
    idle = dict.fromkeys(held | below, 0.0)
    times = {name: durations.get(name, DEFAULT_DURATION) for name in graph.order} | idle
    path = tuple(name for name in graph.critical_path(times) if name not in idle)
    blocked = tuple(name for name in graph.order if name in below and name not in graph.skipped)
    return WhatIf(blocked, path, graph.makespan(times, workers))
