"""Taking a step out of a plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from console.plan import tree
from console.plan.model import Compensation, Plan, Step, StepId
from console.plan.place import KEPT, EditRefused, step_in


@dataclass(frozen=True, slots=True)
class DeleteStep:
    """Take a step out, a phase with all it holds. What depends on it makes this impossible, unless
    `rewire` gives those steps its dependencies instead and takes it out of the rollback items."""

    step: StepId
    rewire: bool = False

    @property
    def summary(self) -> str:
        return f"delete step {self.step}"

    def change(self, plan: Plan) -> Plan:
        doomed = step_in(plan, self.step)
        gone = tree.ids_in(doomed)
        others = [step for step, _ in plan.walk() if step.id not in gone]
        self._refuse([f"step {step.id}" for step in others if gone & set(step.depends_on)], "depends on it")
        tied = [f"rollback item {item.action}" for item in plan.rollback if gone & set(item.undoes or ())]
        self._refuse(tied, "undoes it")
        behind = outside(doomed)

        def rewired(step: Step) -> Step:
            ids = (new for name in step.depends_on for new in (behind(name) if name in gone else (name,)))
            return tree.with_dependencies(step, tuple(ids)) if gone & set(step.depends_on) else step

        steps = tree.each(tree.replaced(plan.steps, self.step, ()), rewired)
        return plan.model_copy(update={"steps": steps, "rollback": _without(plan.rollback, gone)})

    def _refuse(self, names: list[str], why: str) -> None:
        if names and not self.rewire:
            raise EditRefused(
                f"step {self.step} cannot be deleted: {_few(names)} {why}",
                kept=KEPT,
                todo="re-wire to delete it all the same",
            )


def outside(block: Step) -> Callable[[StepId], tuple[StepId, ...]]:
    """Per step of a block (a step, or a phase with all it holds): the steps outside that must come
    before it, found through the block."""
    held = {step.id: step for step in tree.inside(block)}
    above: dict[StepId, tuple[StepId, ...]] = {block.id: ()}
    for step in held.values():
        above |= {child.id: (*above[step.id], step.id) for child in step.steps}

    def behind(name: StepId) -> tuple[StepId, ...]:
        found: dict[StepId, None] = {}
        seen: set[StepId] = set()
        todo = [name]
        while todo:
            now = todo.pop()
            if now in seen:
                continue
            seen.add(now)
            todo += (child.id for child in held[now].steps)
            for holder in (*above[now], now):
                for need in tree.needs(held[holder]):
                    if need in held:
                        todo.append(need)
                    else:
                        found[need] = None
        return tuple(found)

    return behind


def _without(rollback: tuple[Compensation, ...], gone: frozenset[StepId]) -> tuple[Compensation, ...]:
    """The items without ties to steps that are gone, and without items that had no other tie."""
    kept = []
    for item in rollback:
        if item.undoes and gone & set(item.undoes):
            left = tuple(name for name in item.undoes if name not in gone)
            if left:
                kept.append(item.model_copy(update={"undoes": left}))
        else:
            kept.append(item)
    return tuple(kept)


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
