"""Edits that mend findings. Each works on the plan as it is when it is applied."""

from __future__ import annotations

from dataclasses import dataclass

from console.plan import tree
from console.plan.edit import new_id
from console.plan.model import Params, Plan, Step, StepId, Undo
from console.plan.place import step_in


@dataclass(frozen=True, slots=True)
class AddDependency:
    """Let `step` wait for `on`."""

    step: StepId
    on: StepId
    why: str

    @property
    def summary(self) -> str:
        return f"let step {self.step} wait for step {self.on}"

    def change(self, plan: Plan) -> Plan:
        return _depending(plan, self.step, self.on, self.why)


@dataclass(frozen=True, slots=True)
class DropDependency:
    """Do not let `step` wait for `on`, but for those of `instead` that it waited for through it."""

    step: StepId
    on: StepId
    instead: tuple[StepId, ...] = ()

    @property
    def summary(self) -> str:
        return f"do not let step {self.step} wait for step {self.on}"

    def change(self, plan: Plan) -> Plan:
        step = step_in(plan, self.step)
        kept = [name for name in step.depends_on if name != self.on]
        kept += [name for name in self.instead if name not in kept]
        return _replaced(plan, tree.with_dependencies(step, tuple(kept)))


@dataclass(frozen=True, slots=True)
class InsertStep:
    """A new call with the next free id, behind the steps `after` (with the reason for each), and in
    front of `before`, which waits for it because of `why`."""

    action: str
    params: Params
    after: tuple[tuple[StepId, str], ...] = ()
    before: StepId = ""
    why: str = ""
    description: str = ""

    @property
    def summary(self) -> str:
        place = f"before step {self.before}" if self.before else f"after step {self.after[-1][0]}"
        return f"insert {self.action} {place}"

    def change(self, plan: Plan) -> Plan:
        step = Step(
            id=new_id(plan),
            action=self.action,
            params=self.params,
            depends_on=tuple(name for name, _ in self.after),
            description=self.description,
            explain=dict(self.after),
        )
        beside = self.before or self.after[-1][0]
        other = step_in(plan, beside)
        pair = (step, other) if self.before else (other, step)
        new = tree.with_steps(plan, tree.replaced(plan.steps, beside, pair))
        return _depending(new, self.before, step.id, self.why) if self.before else new


@dataclass(frozen=True, slots=True)
class SetUndo:
    """Give `step` a compensation."""

    step: StepId
    undo: Undo

    @property
    def summary(self) -> str:
        return f"let {self.undo.action} undo step {self.step}"

    def change(self, plan: Plan) -> Plan:
        return _replaced(plan, step_in(plan, self.step).model_copy(update={"undo": self.undo}))


def _depending(plan: Plan, name: StepId, on: StepId, why: str) -> Plan:
    step = step_in(plan, name)
    if on in step.depends_on:
        return plan
    explain = step.explain | {on: why}
    return _replaced(plan, step.model_copy(update={"depends_on": (*step.depends_on, on), "explain": explain}))


def _replaced(plan: Plan, step: Step) -> Plan:
    return tree.with_steps(plan, tree.replaced(plan.steps, step.id, (step,)))
