"""The difference of two plans in parts that can be taken or left one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Literal

from console.plan import tree
from console.plan.diff import PlanDiff, diff
from console.plan.grouping import Ungroup
from console.plan.model import Plan, Step, StepId
from console.plan.removal import DeleteSteps

Kind = Literal["added", "removed", "changed", "rewired", "moved", "plan"]


@dataclass(frozen=True, slots=True)
class Hunk:
    """One part: what happens to the step `id`, or to the field `id` of the plan."""

    kind: Kind
    id: StepId


def hunks(change: PlanDiff) -> tuple[Hunk, ...]:
    """The parts of a difference. A step that changed is one part, wherever it stands."""
    touched = {one.id for one in (*change.changed, *change.rewired)}
    return (
        *(Hunk("added", step.id) for step in change.added),
        *(Hunk("removed", name) for name in change.removed),
        *(Hunk("changed", one.id) for one in change.changed),
        *(Hunk("rewired", one.id) for one in change.rewired),
        *(Hunk("moved", name) for name in change.moved if name not in touched),
        *(Hunk("plan", field.field) for field in change.plan),
    )


def parts(old: Plan, new: Plan) -> tuple[Hunk, ...]:
    """The parts that make `new` of `old`, in the order of the plans: what goes stands where it stood, and the
    plan's own fields come last."""
    order = {step.id: (number, 0) for number, (step, _) in enumerate(new.walk())}
    last = -1
    for number, (step, _) in enumerate(old.walk(), 1):
        if step.id in order:
            last = max(last, order[step.id][0])
        else:
            order[step.id] = (last, number)
    found = hunks(diff(old, new))
    ends = (len(order), 0)
    return tuple(sorted(found, key=lambda hunk: ends if hunk.kind == "plan" else order[hunk.id]))


def without(old: Plan, new: Plan, left: Iterable[Hunk]) -> Plan:
    """`new`, made of `old`, without the parts that are `left`.

    What an added step that is left out stood between is tied together; what waited for a step that stays
    after all waits for it again. The outcome may have faults (a parameter that uses the result of a
    step that was left out): it is validated like any other plan.
    """
    parts = set(left)
    chosen = {kind: [h.id for h in hunks(diff(old, new)) if h in parts and h.kind == kind] for kind in _KINDS}
    plan = new.model_copy(update={field: getattr(old, field) for field in chosen["plan"]})
    present = {step.id for step, _ in new.walk()} | set(chosen["removed"])
    for name in (*chosen["changed"], *chosen["rewired"]):
        plan = _as_before(plan, _among(old, name, present))
    for name in chosen["moved"]:
        plan = _put_back(plan, old, plan.step(name))
    for name in chosen["removed"]:
        plan = _put_back(plan, old, _among(old, name, present).model_copy(update={"steps": ()}))
    for name in chosen["removed"]:
        plan = _waited_for(plan, old, name)
    return _taken_out(plan, chosen["added"])


_KINDS: tuple[Kind, ...] = ("added", "removed", "changed", "rewired", "moved", "plan")


def _among(old: Plan, name: StepId, present: Set[StepId]) -> Step:
    """A step as it was, waiting for steps that are `present`: what is gone is replaced by what it waited
    for itself."""
    found: dict[StepId, None] = {}
    todo = list(reversed(old.step(name).depends_on))
    seen: set[StepId] = set()
    while todo:
        need = todo.pop()
        if need in present:
            found[need] = None
        elif need not in seen:
            seen.add(need)
            todo += reversed(old.step(need).depends_on)
    return tree.with_dependencies(old.step(name), tuple(found))


def _as_before(plan: Plan, step: Step) -> Plan:
    now = plan.step(step.id)
    whole = step.model_copy(update={"steps": now.steps})
    return tree.with_steps(plan, tree.replaced(plan.steps, step.id, (whole,)))


def _put_back(plan: Plan, old: Plan, step: Step) -> Plan:
    """`plan` with a step where it stood in `old`, as near as that goes."""
    name = step.id
    present = {one.id for one, _ in plan.walk()}
    path = next(path for found, path in old.walk() if found.id == name)
    beside = old.step(path[-1]).steps if path else old.steps
    before = [one.id for one in beside[: [one.id for one in beside].index(name)]]
    phase = path[-1] if path and path[-1] in present else ""
    plan = tree.with_steps(plan, tree.replaced(plan.steps, name, ()))

    def among(steps: tuple[Step, ...]) -> tuple[Step, ...]:
        at = max((i + 1 for i, one in enumerate(steps) if one.id in before), default=0)
        return (*steps[:at], step, *steps[at:])

    if not phase:
        return tree.with_steps(plan, among(plan.steps))
    holder = plan.step(phase)
    return tree.with_steps(
        plan,
        tree.replaced(plan.steps, phase, (holder.model_copy(update={"steps": among(holder.steps)}),)),
    )


def _waited_for(plan: Plan, old: Plan, name: StepId) -> Plan:
    """`plan` in which everything waits for `name` that did so in `old`."""
    waiting = {step.id for step, _ in old.walk() if name in step.depends_on}

    def again(step: Step) -> Step:
        if step.id not in waiting or name in step.depends_on:
            return step
        return step.model_copy(update={"depends_on": (*step.depends_on, name)})

    return tree.with_steps(plan, tree.each(plan.steps, again))


def _taken_out(plan: Plan, names: Sequence[StepId]) -> Plan:
    """`plan` without added steps; of an added phase its steps stay. They go together: what waits for one of
    them must not be tied to another whose result that one would have used."""
    for name in names:
        if plan.step(name).steps:
            plan = Ungroup(name).change(plan)
    present = {step.id for step, _ in plan.walk()}
    gone = tuple(name for name in names if name in present)
    return DeleteSteps(gone, rewire=True).change(plan) if gone else plan
