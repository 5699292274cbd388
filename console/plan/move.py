"""Moving a step in the tree without turning what the plan says about order upside down."""

from __future__ import annotations

from dataclasses import dataclass

from console.plan import references, tree
from console.plan.model import Plan, Step, StepId
from console.plan.place import KEPT, EditRefused, Place, step_in
from console.plan.removal import outside


@dataclass(frozen=True, slots=True)
class MoveStep:
    """Put a step, or a phase with all it holds, somewhere else.

    Refused when it would then stand before something it depends on, or after something that depends on
    it. With `rewire` the order of those steps is turned round instead: the one that comes first now is
    what the other depends on, and each takes over what came before the other. The use of a result
    cannot be turned round. What leaves a phase keeps its order: it takes over the phase's dependencies,
    and what depends on the phase depends on it too.
    """

    step: StepId
    place: Place
    rewire: bool = False

    @property
    def summary(self) -> str:
        return f"move step {self.step} {self.place}"

    def change(self, plan: Plan) -> Plan:
        block = step_in(plan, self.step)
        beside = self.place.after or self.place.before or self.place.into
        if beside in tree.ids_in(block):
            raise EditRefused(f"step {self.step} cannot be moved {self.place}: that is itself", kept=KEPT)
        plan = _freed(plan, block, _path(self._moved(plan, block), block.id))
        block = plan.step(block.id)
        new = self._moved(plan, block)
        already = set(_clashes(plan, block))
        clashes = [clash for clash in _clashes(new, block) if clash not in already]
        for later, earlier in clashes:
            if not self.rewire or earlier in references.referred(new.step(later)):
                self._refuse(new.step(later), earlier)
        return _turned_round(new, block, clashes) if clashes else new

    def _moved(self, plan: Plan, block: Step) -> Plan:
        taken_out = tree.with_steps(plan, tree.replaced(plan.steps, block.id, ()))
        return self.place.put(taken_out, block)

    def _refuse(self, later: Step, earlier: StepId) -> None:
        uses = earlier in references.referred(later)
        why = "uses the result of" if uses else "depends on"
        raise EditRefused(
            f"step {self.step} cannot be moved {self.place}: "
            f"step {later.id} {why} step {earlier}, which would come after it",
            kept=KEPT,
            todo="" if uses else "re-wire to turn their order round",
        )


def _path(plan: Plan, step_id: StepId) -> tuple[StepId, ...]:
    return next(path for step, path in plan.walk() if step.id == step_id)


def _freed(plan: Plan, block: Step, new_path: tuple[StepId, ...]) -> Plan:
    """`plan` with all that the phases `block` will leave say about its order said of itself."""
    left = {name: plan.step(name) for name in _path(plan, block.id) if name not in new_path}
    inherited = tuple(need for phase in left.values() for need in phase.depends_on)
    inside = tree.ids_in(block)

    def spoken_for(step: Step) -> Step:
        if step.id == block.id:
            return tree.with_dependencies(step, (*step.depends_on, *inherited))
        if step.id not in inside and not left.keys().isdisjoint(step.depends_on):
            return tree.with_dependencies(step, (*step.depends_on, block.id))
        return step

    return tree.with_steps(plan, tree.each(plan.steps, spoken_for)) if left else plan


Clash = tuple[StepId, StepId]
"""A step that stands before what it needs, and that."""


def _clashes(plan: Plan, block: Step) -> list[Clash]:
    """Where the order of the tree goes against a dependency between `block` and the rest."""
    held = tree.ids_in(block)
    begin, end = _spans(plan)
    return [
        (step.id, need)
        for step, _ in plan.walk()
        for need in tree.needs(step)
        if need in end and (step.id in held) != (need in held) and begin[step.id] < end[need]
    ]


def _spans(plan: Plan) -> tuple[dict[StepId, int], dict[StepId, int]]:
    """The first and the last position of every step and phase in the order of the tree."""
    begin: dict[StepId, int] = {}
    end: dict[StepId, int] = {}
    for index, (step, path) in enumerate(plan.walk()):
        begin[step.id] = end[step.id] = index
        end |= dict.fromkeys(path, index)
    return begin, end


def _turned_round(plan: Plan, block: Step, clashes: list[Clash]) -> Plan:
    """`plan` with the dependencies of `clashes` turned round, so that the tree's order is the order."""
    held = tree.ids_in(block)
    asks = {step.id: tree.needs(step) for step, _ in plan.walk()}
    new = {step.id: step.depends_on for step, _ in plan.walk()}
    up = [clash for clash in clashes if clash[0] in held]
    if up:
        _lead_over(plan, block, up, asks, new)
    down = [clash for clash in clashes if clash[1] in held]
    if down:
        _trail_behind(plan, block, down, asks, new)
    return tree.with_steps(
        plan, tree.each(plan.steps, lambda step: tree.with_dependencies(step, new[step.id]))
    )


Asks = dict[StepId, tuple[StepId, ...]]


def _lead_over(plan: Plan, block: Step, clashes: list[Clash], asks: Asks, new: Asks) -> None:
    """The block was moved up: it comes first now, and takes over what came before what it has passed.
    What came after the block still comes after what it has passed."""
    passed = _passed(plan, block, [need for _, need in clashes], asks)
    held = tree.ids_in(block)
    before = [need for name in asks if name in passed for need in asks[name] if need not in passed | held]
    for later, _ in clashes:
        new[later] = (*(name for name in new[later] if name not in passed), *before)
    used = {need for name in passed for need in asks[name]}
    last = tuple(name for name in asks if name in passed and name not in used)
    for name in asks:
        if name in passed and passed.isdisjoint(asks[name]):
            new[name] += (block.id,)
        elif name not in passed and name not in held and not held.isdisjoint(asks[name]):
            new[name] += last


def _trail_behind(plan: Plan, block: Step, clashes: list[Clash], asks: Asks, new: Asks) -> None:
    """The block was moved down: what needed it takes over what came before it, and goes first. What came
    after it by way of the steps it has passed still comes after it."""
    users: Asks = dict.fromkeys(asks, ())
    for name, needs in asks.items():
        for need in needs:
            users[need] = (*users.get(need, ()), name)
    passed = _passed(plan, block, [later for later, _ in clashes], users)
    held = tree.ids_in(block)
    behind = outside(block)
    for later, earlier in clashes:
        new[later] = (*(name for name in new[later] if name != earlier), *behind(earlier))
    new[block.id] += tuple(name for name in asks if name in passed and passed.isdisjoint(users[name]))
    for name in asks:
        if name not in passed and name not in held and not passed.isdisjoint(asks[name]):
            new[name] += (block.id,)


def _passed(plan: Plan, block: Step, start: list[StepId], along: Asks) -> frozenset[StepId]:
    """The steps behind `start` that the block has moved past."""
    begin, _ = _spans(plan)
    held = tree.ids_in(block)
    is_above = begin[start[0]] < begin[block.id]
    passed: set[StepId] = set()
    todo = list(start)
    while todo:
        name = todo.pop()
        if name in passed or name in held or name not in begin:
            continue
        if (begin[name] < begin[block.id]) == is_above:
            passed.add(name)
            todo += along[name]
    return frozenset(passed)
