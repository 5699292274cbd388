"""Taking steps out of a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from console.plan import tree
from console.plan.model import Compensation, Plan, Step, StepId
from console.plan.place import KEPT, EditRefused, step_in


@dataclass(frozen=True, slots=True)
class DeleteSteps:
    """Take steps out together, phases with all they hold. What depends on one of them makes this
    impossible, unless `rewire` gives those steps its dependencies instead and takes it out of the
    rollback items."""

    steps: tuple[StepId, ...]
    rewire: bool = False

    @property
    def summary(self) -> str:
        return f"delete {self._named}"

    @property
    def _named(self) -> str:
        return f"step{'s' if len(self.steps) > 1 else ''} {_few(self.steps)}"

    def change(self, plan: Plan) -> Plan:
        for name in self.steps:
            step_in(plan, name)
        wanted = set(self.steps)
        doomed = [s for s, path in plan.walk() if s.id in wanted and wanted.isdisjoint(path)]
        gone = frozenset().union(*map(tree.ids_in, doomed))
        left_behind = [
            step.id for step, _ in plan.walk() if step.id not in gone and not gone.isdisjoint(step.depends_on)
        ]
        self._refuse("step", left_behind, "depend", "on")
        tied = [item.action for item in plan.rollback if gone & set(item.undoes or ())]
        self._refuse("rollback item", tied, "undo")
        behind = outside(*doomed)

        def rewired(step: Step) -> Step:
            ids = (new for name in step.depends_on for new in (behind(name) if name in gone else (name,)))
            return tree.with_dependencies(step, tuple(ids)) if gone & set(step.depends_on) else step

        left = tree.edited(plan.steps, lambda step: () if step.id in gone else None)
        steps = tree.each(left, rewired) if left_behind else left
        return plan.model_copy(update={"steps": steps, "rollback": _without(plan.rollback, gone)})

    def _refuse(self, kind: str, names: list[str], verb: str, tail: str = "") -> None:
        if names and not self.rewire:
            them = "it" if len(self.steps) == 1 else "them"
            third = "es" if verb.endswith("o") else "s"
            who, does = (kind, verb + third) if len(names) == 1 else (f"{kind}s", verb)
            why = f"{does} {tail}".strip()
            raise EditRefused(
                f"{self._named} cannot be deleted: {who} {_few(names)} {why} {them}",
                kept=KEPT,
                todo="re-wire to delete it all the same",
            )


class DeleteStep(DeleteSteps):
    """Take one step out."""

    def __init__(self, step: StepId, rewire: bool = False) -> None:
        super().__init__((step,), rewire)


def outside(*blocks: Step) -> Callable[[StepId], tuple[StepId, ...]]:
    """Per step of some blocks (steps, or phases with all they hold, none inside another): the steps
    outside that must come before it, found through the blocks."""
    held = {step.id: step for block in blocks for step in tree.inside(block)}
    above: dict[StepId, tuple[StepId, ...]] = {block.id: () for block in blocks}
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


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
