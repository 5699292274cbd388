"""The plan as a net of points: every step is one, every phase two, its beginning and its end.

With an end of its own a phase of m steps that another phase of n steps depends on costs m + n edges
instead of m times n, so everything on the net is linear in the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from console.plan import references
from console.plan.model import Plan, Step, StepId

Referred = Callable[[Step], Sequence[StepId]]


@dataclass(frozen=True, slots=True)
class Net:
    """Points are numbers in document order. `names` gives each point's step or phase, `first` and
    `last` the points of an id (the same for a step), `after` the points that each point leads to.

    An unexpanded phase is one point: what depends on it must wait for it. Unknown dependencies and
    those of a step on itself lead nowhere; `faults_of` tells them.
    """

    names: tuple[StepId, ...]
    first: dict[StepId, int]
    last: dict[StepId, int]
    after: tuple[tuple[int, ...], ...]

    @staticmethod
    def of(plan: Plan, referred: Referred = references.referred) -> Net:
        """The net of a plan; `referred` gives the steps whose results a step uses."""
        builder = _Builder()
        builder.place(plan.steps)
        builder.link(referred)
        after = tuple(tuple(dict.fromkeys(to)) if len(to) > 1 else tuple(to) for to in builder.after)
        return Net(tuple(builder.names), builder.first, builder.last, after)

    def named(self, points: Iterable[int]) -> tuple[StepId, ...]:
        """The ids along a path; a phase that is passed from its beginning to its end is named once."""
        names: list[StepId] = []
        entered: dict[StepId, int] = {}
        for point in points:
            name = self.names[point]
            if name in entered and point == self.last[name]:
                del names[entered[name] :]
            if self.first[name] == point != self.last[name]:
                entered[name] = len(names)
            names.append(name)
        return tuple(names)


class _Builder:
    def __init__(self) -> None:
        self.names: list[StepId] = []
        self.first: dict[StepId, int] = {}
        self.last: dict[StepId, int] = {}
        self.after: list[list[int]] = []
        self._steps: list[tuple[Step, int]] = []

    def place(self, steps: tuple[Step, ...]) -> list[tuple[int, int]]:
        """Give each step its points; a phase holds its children between its beginning and its end."""
        placed = []
        for step in steps:
            begin = end = self._point(step.id)
            self._steps.append((step, begin))
            if step.steps:
                inside = self.place(step.steps)
                end = self._point(step.id)
                for child_begin, child_end in inside:
                    self.after[begin].append(child_begin)
                    self.after[child_end].append(end)
            self.first.setdefault(step.id, begin)
            self.last.setdefault(step.id, end)
            placed.append((begin, end))
        return placed

    def link(self, referred: Referred) -> None:
        """Lead from every dependency, said or implied by a reference, to what depends on it."""
        after, last = self.after, self.last
        for step, begin in self._steps:
            for before in (*step.depends_on, *referred(step)):
                if before != step.id and before in last:
                    after[last[before]].append(begin)

    def _point(self, name: StepId) -> int:
        self.names.append(name)
        self.after.append([])
        return len(self.names) - 1
