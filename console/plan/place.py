"""Where a step goes in a plan, and why it may not."""

from __future__ import annotations

from dataclasses import dataclass

from console.errors import ControlRefused
from console.plan import tree
from console.plan.faults import nearest
from console.plan.model import Plan, Step, StepId
from console.plan.tree import Steps

KEPT = "the plan is as it was"


class EditRefused(ControlRefused):
    """The plan does not allow this edit; it is as it was."""


def step_in(plan: Plan, step_id: StepId) -> Step:
    """The step or phase with this id. Raises `EditRefused` naming the nearest one."""
    try:
        return plan.step(step_id)
    except KeyError:
        hint = nearest(step_id, [step.id for step, _ in plan.walk()])
        raise EditRefused(f"there is no step {step_id}", kept=KEPT, todo=hint) from None


def refuse_taken(plan: Plan, ids: frozenset[StepId]) -> None:
    """Raises `EditRefused` when a step of `plan` has one of `ids` already."""
    for step, _ in plan.walk():
        if step.id in ids:
            raise EditRefused(f"the id {step.id} is taken", kept=KEPT, todo="choose another")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step goes: beside a step, last in a phase, or at the end of the plan when all are empty."""

    after: StepId = ""
    before: StepId = ""
    into: StepId = ""

    def __str__(self) -> str:
        named = (("after", self.after), ("before", self.before), ("into", self.into))
        return next((f"{word} {name}" for word, name in named if name), "to the end")

    def put(self, plan: Plan, step: Step) -> Plan:
        """`plan` with `step` here. Raises `EditRefused` when the place is not there."""
        beside = self.after or self.before or self.into
        if not beside:
            return tree.with_steps(plan, (*plan.steps, step))
        other = step_in(plan, beside)
        if self.into:
            if not other.is_phase:
                raise EditRefused(f"step {other.id} is not a phase", kept=KEPT)
            pair: Steps = (other.model_copy(update={"steps": (*other.steps, step), "expand": False}),)
        else:
            pair = (other, step) if self.after else (step, other)
        return tree.with_steps(plan, tree.replaced(plan.steps, beside, pair))


AT_THE_END = Place()
