"""Putting steps into a phase, and dissolving one."""

from __future__ import annotations

from dataclasses import dataclass

from console.plan import tree
from console.plan.model import Plan, Step, StepId
from console.plan.place import KEPT, EditRefused, refuse_taken, step_in
from console.plan.tree import Steps


@dataclass(frozen=True, slots=True)
class Group:
    """Put steps that stand in one place of the tree into a new phase, where the first of them stood."""

    steps: tuple[StepId, ...]
    phase: StepId
    title: str = ""

    @property
    def summary(self) -> str:
        return f"group steps {', '.join(self.steps)} as {self.phase}"

    def change(self, plan: Plan) -> Plan:
        wanted = set(self.steps)
        members = {step.id: (step, path) for step, path in plan.walk() if step.id in wanted}
        for name in self.steps:
            step_in(plan, name)
        if not members or len({path for _, path in members.values()}) > 1:
            raise EditRefused("only steps of one phase can be grouped", kept=KEPT)
        refuse_taken(plan, frozenset({self.phase}))
        first = next(iter(members))
        phase = Step(id=self.phase, description=self.title, steps=tuple(step for step, _ in members.values()))

        def gather(step: Step) -> Steps | None:
            if step.id not in wanted:
                return None
            return (phase,) if step.id == first else ()

        return tree.with_steps(plan, tree.edited(plan.steps, gather))


@dataclass(frozen=True, slots=True)
class Ungroup:
    """Dissolve a phase: its steps stand in its place and take over what held for all of them."""

    phase: StepId

    @property
    def summary(self) -> str:
        return f"dissolve phase {self.phase}"

    def change(self, plan: Plan) -> Plan:
        phase = step_in(plan, self.phase)
        if not phase.steps:
            raise EditRefused(f"step {self.phase} holds no steps", kept=KEPT)
        if phase.gate is not None:
            raise EditRefused(
                f"phase {self.phase} has a gate, which would be lost",
                kept=KEPT,
                todo="remove the gate first",
            )
        freed = tuple(_freed(child, phase) for child in phase.steps)
        names = tuple(child.id for child in freed)

        def spread(ids: tuple[StepId, ...]) -> tuple[StepId, ...]:
            return tuple(new for name in ids for new in (names if name == self.phase else (name,)))

        def respelled(step: Step) -> Step:
            return (
                tree.with_dependencies(step, spread(step.depends_on))
                if self.phase in step.depends_on
                else step
            )

        rollback = tuple(
            item.model_copy(update={"undoes": spread(item.undoes)})
            if item.undoes and self.phase in item.undoes
            else item
            for item in plan.rollback
        )
        steps = tree.each(tree.replaced(plan.steps, self.phase, freed), respelled)
        return plan.model_copy(update={"steps": steps, "rollback": rollback})


def _freed(child: Step, phase: Step) -> Step:
    """A step of a dissolved phase, with what the phase said for all its steps."""
    inherited = {
        "enabled": child.enabled and phase.enabled,
        "on": phase.on if child.on is None else child.on,
        "on_failure": child.on_failure or phase.on_failure,
        "explain": {**phase.explain, **child.explain},
    }
    return tree.with_dependencies(child.model_copy(update=inherited), (*phase.depends_on, *child.depends_on))
