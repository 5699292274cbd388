"""How far a plan agrees with a reference plan: the same calls, in the same order. Pure.

Steps are matched first: each step of the plan with at most one step of the reference that calls the
same tool, one with equal parameters first, then in the plans' order. On this matching rest two measures.

    agreement   F1 over a plan's statements. A plan states each call (its tool), and for each two steps
                of which one must wait for the other, directly or through others, that order (their
                tools). 1 when both plans state the same, 0 when they share nothing.
    edits       how many changes turn the plan into the reference: steps to add or remove, steps whose
                parameters change, direct dependencies to add or remove (redundant ones left out).

The first does not care how an order is written down, the second counts an editor's work. Notes and
disabled steps are not part of either.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from console.plan.canonical import canonical
from console.plan.graph import Graph
from console.plan.model import Plan, Step, StepId

_REFERENCE = re.compile(r"\{step_([A-Za-z0-9][A-Za-z0-9_-]*?)_result")


@dataclass(frozen=True, slots=True)
class Agreement:
    """`f1` is between 0 and 1; `edits` counts changes."""

    f1: float
    edits: int


def agreement(plan: Plan, reference: Plan) -> Agreement:
    """`plan` against `reference`; neither may have a cycle."""
    ours, theirs = _View(plan), _View(reference)
    return Agreement(_f1(ours.statements(), theirs.statements()), _edits(ours, theirs))


class _View:
    """The calls of a plan and what waits for what."""

    def __init__(self, plan: Plan) -> None:
        graph = Graph.of(plan)
        steps = {step.id: step for step in plan.leaves() if not step.is_note and step.id not in graph.skipped}
        self.steps: dict[StepId, Step] = {name: steps[name] for name in graph.order if name in steps}
        self.before: dict[StepId, frozenset[StepId]] = {
            name: graph.ancestors(name) & self.steps.keys() for name in self.steps
        }

    def statements(self) -> Counter[tuple[str, ...]]:
        found: Counter[tuple[str, ...]] = Counter((step.action,) for step in self.steps.values())
        found.update(
            (self.steps[first].action, self.steps[name].action)
            for name, all_before in self.before.items()
            for first in all_before
        )
        return found

    def direct(self) -> set[tuple[StepId, StepId]]:
        """Dependencies that do not follow from others."""
        found = set()
        for name, all_before in self.before.items():
            implied: set[StepId] = set().union(*(self.before[other] for other in all_before))
            found |= {(first, name) for first in all_before - implied}
        return found

    def call(self, name: StepId) -> tuple[str, bytes]:
        """What a step calls, with what; a reference is known by the tool whose result it is."""
        step = self.steps[name]
        params = json.dumps(step.params, ensure_ascii=False, sort_keys=True)
        named = _REFERENCE.sub(lambda m: f"{{step {self._action(m[1])}", params)
        return step.action, canonical(json.loads(named))

    def _action(self, name: StepId) -> str:
        return self.steps[name].action if name in self.steps else name


def _f1(ours: Counter[tuple[str, ...]], theirs: Counter[tuple[str, ...]]) -> float:
    both = (ours & theirs).total()
    return 2 * both / (ours.total() + theirs.total()) if both else float(not ours and not theirs)


def _edits(ours: _View, theirs: _View) -> int:
    match = _matched(ours, theirs)
    changed = sum(ours.call(a) != theirs.call(b) for a, b in match.items())
    unmatched = len(ours.steps) + len(theirs.steps) - 2 * len(match)
    edges = {(match.get(a, a), match.get(b, b), a in match and b in match) for a, b in ours.direct()}
    wanted = {(a, b, True) for a, b in theirs.direct()}
    return unmatched + changed + len(edges ^ wanted)


def _matched(ours: _View, theirs: _View) -> Mapping[StepId, StepId]:
    match: dict[StepId, StepId] = {}
    for exact in (True, False):
        taken = set(match.values())
        free: dict[object, list[StepId]] = {}
        for name in theirs.steps:
            if name not in taken:
                free.setdefault(theirs.call(name) if exact else theirs.steps[name].action, []).append(name)
        for name, step in ours.steps.items():
            alike = free.get(ours.call(name) if exact else step.action)
            if name not in match and alike:
                match[name] = alike.pop(0)
    return match
