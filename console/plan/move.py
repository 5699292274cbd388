"""Moving a step in the tree without turning what the plan says about order upside down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
        new = self._moved(plan, block)
        freed = _freed(plan, block, _path(new, block.id))
        if freed is not plan:
            plan, block = freed, freed.step(block.id)
            new = self._moved(plan, block)
        clashes = _clashes(new, block)
        already = set(_clashes(plan, block)) if clashes else set()
        clashes = [clash for clash in clashes if clash not in already]
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
    across = [
        (step.id, need)
        for step, _ in plan.walk()
        if step.id in held or not held.isdisjoint(step.depends_on) or references.may_refer(step)
        for need in tree.needs(step)
        if (step.id in held) != (need in held)
    ]
    begin, end = _spans(plan) if across else ({}, {})
    return [(step, need) for step, need in across if need in end and begin[step] < end[need]]


def _spans(plan: Plan) -> tuple[dict[StepId, int], dict[StepId, int]]:
    """The first and the last position of every step and phase in the order of the tree."""
    begin: dict[StepId, int] = {}
    end: dict[StepId, int] = {}
    for index, (step, path) in enumerate(plan.walk()):
        begin[step.id] = end[step.id] = index
        for phase in path:
            end[phase] = index
    return begin, end


Ids = tuple[StepId, ...]


def _turned_round(plan: Plan, block: Step, clashes: list[Clash]) -> Plan:
    """`plan` with the dependencies of `clashes` turned round, so that the tree's order is the order."""
    turn = _Turn(plan, block)
    up = [clash for clash in clashes if clash[0] in turn.held]
    if up:
        turn.lead_over(up)
    down = [clash for clash in clashes if clash[1] in turn.held]
    if down:
        turn.trail_behind(down)
    changed = tree.each(plan.steps, lambda step: tree.with_dependencies(step, turn.new[step.id]))
    return tree.with_steps(plan, changed)


class _Turn:
    """The dependencies of a plan in which `block` has been moved past steps it is ordered against.

    `asks` gives for every step all that must come before it directly: what it and its phases ask for,
    a phase standing for all it holds; `users` is the same the other way round. `new` are the
    dependencies as they will be written.
    """

    def __init__(self, plan: Plan, block: Step) -> None:
        self.block = block
        self.held = tree.ids_in(block)
        self.begin, _ = _spans(plan)
        self.new = {step.id: step.depends_on for step, _ in plan.walk()}
        self._path = {step.id: path for step, path in plan.walk()}
        inside = {step.id: tuple(held.id for held in tree.inside(step)) for step, _ in plan.walk()}
        needs = {step.id: tree.needs(step) for step, _ in plan.walk()}
        self.asks: dict[StepId, Ids] = {}
        self.users: dict[StepId, list[StepId]] = {name: [] for name in needs}
        for name, path in self._path.items():
            asked = (need for owner in (name, *path) for need in needs[owner])
            self.asks[name] = tuple(dict.fromkeys(one for need in asked for one in inside.get(need, ())))
            for need in self.asks[name]:
                self.users[need].append(name)

    def lead_over(self, clashes: list[Clash]) -> None:
        """The block was moved up: it comes first now, and takes over what came before what it has passed.
        What came after the block still comes after what it has passed."""
        passed = self._passed([need for _, need in clashes], self.asks)
        before = {need for name in passed for need in self.asks[name]} - passed - self.held
        last = self._outermost(name for name in passed if passed.isdisjoint(self.users[name]))
        after = {name for held in self.held for name in self.users[held]} - passed - self.held
        for later, _ in clashes:
            kept = tuple(name for name in self.new[later] if name not in passed)
            self.new[later] = (*kept, *self._outermost(before))
        for name in self._outermost(name for name in passed if passed.isdisjoint(self.asks[name])):
            self.new[name] += (self.block.id,)
        for name in self._outermost(after):
            self.new[name] += last

    def trail_behind(self, clashes: list[Clash]) -> None:
        """The block was moved down: what needed it takes over what came before it, and goes first. What
        came after it by way of the steps it has passed still comes after it."""
        passed = self._passed([later for later, _ in clashes], self.users)
        after = {name for one in passed for name in self.users[one]} - passed - self.held
        behind = outside(self.block)
        for later, earlier in clashes:
            kept = tuple(name for name in self.new[later] if name != earlier)
            self.new[later] = (*kept, *behind(earlier))
        last = (name for name in passed if passed.isdisjoint(self.users[name]))
        self.new[self.block.id] += self._outermost(last)
        for name in self._outermost(after):
            self.new[name] += (self.block.id,)

    def _passed(self, start: list[StepId], along: Mapping[StepId, Sequence[StepId]]) -> frozenset[StepId]:
        """The steps behind `start` that the block has moved past."""
        is_above = self.begin[start[0]] < self.begin[self.block.id]
        passed: set[StepId] = set()
        todo = [held for name in start for held in self.begin if name in (held, *self._path[held])]
        while todo:
            name = todo.pop()
            above = self.begin[name] < self.begin[self.block.id]
            if name not in passed and name not in self.held and above == is_above:
                passed.add(name)
                todo += along[name]
        return frozenset(passed)

    def _outermost(self, names: Iterable[StepId]) -> Ids:
        """`names` in the tree's order, without what a phase among them holds."""
        wanted = set(names)
        return tuple(name for name in self.begin if name in wanted and wanted.isdisjoint(self._path[name]))
