"""Goal facts -> a solution: a cheap sequence, the proofs of its effects, and its partial order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from console.catalog.contract import bind_pattern, parse_fact
from console.catalog.spec import Catalog, Fact
from console.planners.action import Action, ActionKey, among, call_text, plain
from console.planners.base import Want
from console.planners.ground import ground_problem
from console.planners.order import Order, partial_order
from console.planners.search import Search
from console.planners.why import Known, unreachable

PROOF_WORK = 20_000
KEPT_SHARE = 4
"""A step that is already in the plan counts as one part in so many of its cost."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be solved. `running` are actions under way, taken to succeed; `unproved` are done ones
    whose effect may still need proof; `kept` are calls that should stay in the plan;
    `banned` maps actions that must not be used to why; `met` are numbers of wants that were met."""

    catalog: Catalog
    facts: frozenset[Fact]
    wants: tuple[Want, ...]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    recovery: bool = False
    running: tuple[Action, ...] = ()
    unproved: tuple[Action, ...] = ()
    kept: frozenset[tuple[str, str]] = frozenset()
    banned: Mapping[ActionKey, str] = field(default_factory=dict)
    met: frozenset[int] = frozenset()
    tick: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Solution:
    """`sequence` begins with the running actions; `order` is over its positions; `proofs` maps a
    verification to the actions it verifies; `start` is what held before the sequence."""

    sequence: tuple[Action, ...]
    order: Order
    proofs: Mapping[Action, tuple[Action, ...]]
    start: frozenset[Fact]
    actions: tuple[Action, ...]


def solve(ask: Ask) -> Solution:
    """The cheapest solution that can be found. Raises `NoPlanExists` when there is none."""
    problem = ground_problem(
        ask.catalog, ask.facts, ask.wants, ask.inputs, recovery=ask.recovery, met=ask.met, tick=ask.tick
    )
    actions = tuple(_priced(a, ask.kept) for a in problem.actions if not _is_banned(a, ask.banned))
    search = Search(actions, ask.tick)
    universe = plain(problem.start.union(*(a.adds for a in (*actions, *ask.running))))
    running = tuple(among(a, universe) for a in ask.running)
    start = problem.start
    for action in running:
        start = after(start, action)
    found = search.find(start, problem.goal)
    if found is None:
        known = Known(ask.catalog, search.reachable(start), problem.missing, ask.banned, ask.recovery)
        raise unreachable(known, ask.wants)
    chosen = [replace(a) for a in found]
    proofs = _Proofs(search, actions, problem.goal)
    for action in (*ask.unproved, *running):
        chosen = proofs.prove(action, 0, chosen, start)
    for action in tuple(chosen):
        chosen = proofs.prove(action, chosen.index(action) + 1, chosen, start)
    sequence = (*running, *chosen)
    position = {action: i for i, action in enumerate(sequence)}
    proved = {
        position[proof]: [position[a] for a in of if a in position] for proof, of in proofs.found.items()
    }
    order = partial_order(sequence, problem.start, problem.goal, ask.wants, proved)
    return Solution(sequence, order, {k: tuple(v) for k, v in proofs.found.items()}, problem.start, actions)


def after(state: frozenset[Fact], action: Action) -> frozenset[Fact]:
    """What holds after `action`."""
    return (state - action.drops) | action.adds


def _is_banned(action: Action, banned: Mapping[ActionKey, str]) -> bool:
    """Whether this call is banned, with this effect or (an empty effect) with any."""
    name, call, _ = action.key
    return action.key in banned or (name, call, frozenset()) in banned


def _priced(action: Action, kept: frozenset[tuple[str, str]]) -> Action:
    if (action.tool.name, call_text(action.tool, action.params)) in kept:
        return replace(action, cost=max(1, action.cost // KEPT_SHARE))
    return action


def runs(sequence: Iterable[Action], start: frozenset[Fact], goal: frozenset[Fact]) -> bool:
    """Whether every action can run in its turn and the goal holds at the end."""
    state = start
    for action in sequence:
        if not action.needs <= state:
            return False
        state = after(state, action)
    return goal <= state


class _Proofs:
    """Finds, or puts in, what a tool's `verify` asks for after each use of the tool."""

    def __init__(self, search: Search, actions: Sequence[Action], goal: frozenset[Fact]) -> None:
        self.found: dict[Action, list[Action]] = {}
        self._search = search
        self._actions = actions
        self._goal = goal
        self._tools = {a.tool.name for a in actions}

    def prove(
        self, action: Action, behind: int, sequence: list[Action], start: frozenset[Fact]
    ) -> list[Action]:
        """`sequence` with a proof of `action` at or behind position `behind`, where one can be had."""
        if not action.tool.verify:
            return sequence
        fact = None
        if action.tool.verify not in self._tools:
            fact = bind_pattern(parse_fact(action.tool.verify), action.binding)
        for later in sequence[behind:]:
            if fact in later.adds if fact else self._is_proof(later, action):
                self.found.setdefault(later, []).append(action)
                return sequence
        for place in range(behind, len(sequence) + 1):
            state = start
            for earlier in sequence[:place]:
                state = after(state, earlier)
            extra = self._by_fact(state, fact) if fact else self._by_tool(state, action)
            longer = [*sequence[:place], *extra, *sequence[place:]]
            if extra and runs(longer, start, self._goal):
                self.found.setdefault(extra[-1], []).append(action)
                return longer
        return sequence

    def _by_fact(self, state: frozenset[Fact], fact: Fact) -> list[Action]:
        found = self._search.find(state, frozenset({fact}), work=PROOF_WORK)
        return [replace(a, wants=frozenset()) for a in found or ()]

    def _by_tool(self, state: frozenset[Fact], action: Action) -> list[Action]:
        for candidate in self._actions:
            if self._is_proof(candidate, action) and candidate.needs <= state:
                return [replace(candidate)]
        return []

    def _is_proof(self, candidate: Action, action: Action) -> bool:
        shared = candidate.binding.keys() & action.binding.keys()
        same = all(candidate.binding[name] == action.binding[name] for name in shared)
        return candidate.tool.name == action.tool.verify and same
