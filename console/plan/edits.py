"""The edits that change one step or one part of a plan; `move.py`, `removal.py` and `grouping.py` have the
ones that change how steps hang together."""

from __future__ import annotations

from dataclasses import dataclass

from console.plan import tree
from console.plan.model import Compensation, Gate, Plan, Step, StepId
from console.plan.place import AT_THE_END, KEPT, EditRefused, Place, refuse_taken, step_in


@dataclass(frozen=True, slots=True)
class AddStep:
    """A new step or phase."""

    step: Step
    place: Place = AT_THE_END

    @property
    def summary(self) -> str:
        return f"add step {self.step.id} {self.place}"

    def change(self, plan: Plan) -> Plan:
        refuse_taken(plan, tree.ids_in(self.step))
        return self.place.put(plan, self.step)


@dataclass(frozen=True, slots=True)
class ReplaceStep:
    """The same step with other values."""

    id: StepId
    step: Step

    @property
    def summary(self) -> str:
        return f"change step {self.id}"

    def change(self, plan: Plan) -> Plan:
        step_in(plan, self.id)
        if self.step.id != self.id:
            raise EditRefused(f"the id of step {self.id} cannot change", kept=KEPT)
        return tree.with_steps(plan, tree.replaced(plan.steps, self.id, (self.step,)))


@dataclass(frozen=True, slots=True)
class SetEnabled:
    """Leave a step or phase out of the run, or take it in again."""

    step: StepId
    enabled: bool

    @property
    def summary(self) -> str:
        return f"{'enable' if self.enabled else 'skip'} step {self.step}"

    def change(self, plan: Plan) -> Plan:
        new = step_in(plan, self.step).model_copy(update={"enabled": self.enabled})
        return tree.with_steps(plan, tree.replaced(plan.steps, self.step, (new,)))


@dataclass(frozen=True, slots=True)
class SetGate:
    """Stop before a step and ask, or no more."""

    step: StepId
    gate: Gate | None

    @property
    def summary(self) -> str:
        return f"{'set a gate before' if self.gate else 'remove the gate of'} step {self.step}"

    def change(self, plan: Plan) -> Plan:
        new = step_in(plan, self.step).model_copy(update={"gate": self.gate})
        return tree.with_steps(plan, tree.replaced(plan.steps, self.step, (new,)))


@dataclass(frozen=True, slots=True)
class SetRollback:
    """Another list of plan-level compensations."""

    items: tuple[Compensation, ...]

    @property
    def summary(self) -> str:
        return f"set the rollback to {len(self.items)} items"

    def change(self, plan: Plan) -> Plan:
        return plan.model_copy(update={"rollback": self.items})


@dataclass(frozen=True, slots=True)
class ReplacePlan:
    """Another plan altogether, as it comes back from the operator's editor."""

    plan: Plan

    @property
    def summary(self) -> str:
        return "replace the plan"

    def change(self, plan: Plan) -> Plan:
        return self.plan
