"""A sound plan and what is known of it, so that an edit is judged by what it changed and not by all there is.

`faults_after` gives no fault exactly when `faults_of` gives none: a plan without faults can only get one
from a step that was changed, from one that is gone, or from an edge that closes a circle.
"""

from __future__ import annotations

from console.errors import Fault
from console.plan import tree
from console.plan.faults import faults_of, faults_of_step
from console.plan.model import Plan, Step, StepId

Entry = tuple[Step, StepId, tuple[StepId, ...]]
"""A step, the phase it stands in, and what it asks for."""

Known = dict[StepId, Entry]


class Sound:
    """What is known of `plan`, which has no faults."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._known: Known = _learned(plan, {})

    def faults_after(self, new: Plan) -> tuple[Fault, ...]:
        """The faults of `new`; when there are none, `new` is what is known from now on."""
        known = _learned(new, self._known)
        if self._may_have_faults(new, known) and (faults := faults_of(new)):
            return faults
        self.plan, self._known = new, known
        return ()

    def turn_to(self, plan: Plan) -> None:
        """Know another plan that has no faults either."""
        self.plan, self._known = plan, _learned(plan, self._known)

    def _may_have_faults(self, new: Plan, known: Known) -> bool:
        """Whether anything changed that all there is must be looked at for."""
        gone = self._known.keys() - known.keys()
        if new.rollback is not self.plan.rollback or len(known) != len(list(new.walk())):
            return True
        if gone and (new.rollback or any(not gone.isdisjoint(needs) for _, _, needs in known.values())):
            return True
        steps = {name: step for name, (step, _, _) in known.items()}
        return any(self._is_suspect(name, entry, steps) for name, entry in known.items())

    def _is_suspect(self, name: StepId, entry: Entry, steps: dict[StepId, Step]) -> bool:
        """Whether a step is wrong by itself, or may have closed a circle: it stands elsewhere, or asks for
        something that neither it nor, if it is new, another step of its phase asked for."""
        before = self._known.get(name)
        if before is entry:
            return False
        step, phase, needs = entry
        asked = before[2] if before is not None else needs
        if before is None:
            beside = (set(n) for _, where, n in self._known.values() if where == phase)
            if step.steps or (phase and needs and not any(set(needs) <= n for n in beside)):
                return True
        elif before[1] != phase:
            return True
        return not set(needs) <= set(asked) or bool(faults_of_step(step, steps))


def _learned(plan: Plan, before: Known) -> Known:
    known: Known = {}
    for step, path in plan.walk():
        phase = path[-1] if path else ""
        entry = before.get(step.id)
        if entry is None or entry[0] is not step or entry[1] != phase:
            entry = (step, phase, tree.needs(step))
        known[step.id] = entry
    return known
