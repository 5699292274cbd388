"""What changed between two plans, step by step and field by field.

Steps are the same when their ids are. Values count as changed when they differ in type as well: to a
tool `1`, `1.0` and `true` are three things. `apply(old, diff(old, new))` is `new`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel

from console.plan.identical import identical
from console.plan.model import Plan, Step, StepId


class Absent(Enum):
    """The side of a change where the parameter is not given."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "(not given)"


ABSENT: Final = Absent.ABSENT

_PLAN_FIELDS = ("goal", "rollback", "expected", "meta")
_STEP_FIELDS = tuple(name for name in Step.model_fields if name not in ("id", "steps"))
_ORDER_FIELDS = frozenset(("depends_on", "explain"))


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One value before and after. Parameters change one by one: then `field` is `params` and `key` the
    parameter's name."""

    field: str
    before: Any
    after: Any
    key: str | None = None

    @property
    def name(self) -> str:
        return f"{self.field}.{self.key}" if self.key is not None else self.field


@dataclass(frozen=True, slots=True)
class StepChange:
    """The fields of one step or phase that changed, in the model's order."""

    id: StepId
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """The difference of two plans, phases counted as steps.

    `kept` steps have the same values; `added` are whole but without their children, which are added
    too; `rewired` steps differ in nothing but what they depend on. `moved` ones stand in another phase
    or in another order among those that stayed. `plan` are changes of the plan's own fields. `layout`
    gives the new order of children, by phase ("" for the plan), where it is not the old one.
    """

    kept: tuple[StepId, ...] = ()
    added: tuple[Step, ...] = ()
    removed: tuple[StepId, ...] = ()
    changed: tuple[StepChange, ...] = ()
    rewired: tuple[StepChange, ...] = ()
    moved: tuple[StepId, ...] = ()
    plan: tuple[FieldChange, ...] = ()
    layout: tuple[tuple[StepId, tuple[StepId, ...]], ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.removed or self.changed or self.rewired or self.plan or self.layout)

    def summary(self) -> str:
        """The difference in one line of counts."""
        counts = (
            (len(self.kept), "kept"),
            (len(self.added), "added"),
            (len(self.removed), "removed"),
            (len(self.changed), "changed"),
            (len(self.rewired), "re-wired"),
            (len(self.moved), "moved"),
        )
        parts = [f"{count} {word}" for count, word in counts if count]
        if self.plan:
            parts.append(f"other {', '.join(change.field for change in self.plan)}")
        return "no change" if self.is_empty else ", ".join(parts)


def diff(old: Plan, new: Plan) -> PlanDiff:
    """What makes `new` of `old`. Both must tell their steps apart by id."""
    before = {step.id: step for step, _ in old.walk()}
    after = {step.id: step for step, _ in new.walk()}
    was = _layout(old)
    changes = [
        StepChange(name, fields)
        for name, step in after.items()
        if name in before and (fields := _step_fields(before[name], step))
    ]
    touched = {change.id for change in changes}
    return PlanDiff(
        kept=tuple(name for name in after if name in before and name not in touched),
        added=tuple(_bare(step) for name, step in after.items() if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(change for change in changes if not _is_order_only(change)),
        rewired=tuple(change for change in changes if _is_order_only(change)),
        moved=_moved(old, new),
        plan=tuple(_fields(_PLAN_FIELDS, old, new)),
        layout=tuple(entry for entry in _layout(new).items() if was.get(entry[0], ()) != entry[1]),
    )


def apply(old: Plan, change: PlanDiff) -> Plan:
    """The plan that `change` makes of `old`, the plan it was made from."""
    steps = {step.id: _bare(step) for step, _ in old.walk()} | {step.id: step for step in change.added}
    for one in (*change.changed, *change.rewired):
        steps[one.id] = _with(steps[one.id], one.fields)
    layout = _layout(old) | dict(change.layout)

    def built(name: StepId) -> Step:
        children = tuple(built(child) for child in layout.get(name, ()))
        return steps[name].model_copy(update={"steps": children}) if children else steps[name]

    fields = {one.field: one.after for one in change.plan}
    return old.model_copy(update={**fields, "steps": tuple(built(name) for name in layout[""])})


def _fields(names: Iterable[str], one: BaseModel, other: BaseModel) -> list[FieldChange]:
    pairs = ((name, getattr(one, name), getattr(other, name)) for name in names)
    return [FieldChange(name, before, after) for name, before, after in pairs if not identical(before, after)]


def _step_fields(one: Step, other: Step) -> tuple[FieldChange, ...]:
    if one is other:
        return ()
    changes: list[FieldChange] = []
    for change in _fields(_STEP_FIELDS, one, other):
        changes += _param_changes(change.before, change.after) if change.field == "params" else [change]
    return tuple(changes)


def _param_changes(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[FieldChange]:
    pairs = ((key, one.get(key, ABSENT), other.get(key, ABSENT)) for key in {**one, **other})
    return [
        FieldChange("params", before, after, key)
        for key, before, after in pairs
        if not identical(before, after)
    ]


def _with(step: Step, changes: Iterable[FieldChange]) -> Step:
    fields: dict[str, Any] = {}
    params = dict(step.params)
    for change in changes:
        if change.key is None:
            fields[change.field] = change.after
        elif change.after is ABSENT:
            del params[change.key]
        else:
            params[change.key] = change.after
    return step.model_copy(update={**fields, "params": params})


def _bare(step: Step) -> Step:
    return step.model_copy(update={"steps": ()}) if step.steps else step


def _is_order_only(change: StepChange) -> bool:
    return all(one.field in _ORDER_FIELDS for one in change.fields)


def _layout(plan: Plan) -> dict[StepId, tuple[StepId, ...]]:
    """The children of the plan ("") and of every step, in order."""
    children = {step.id: tuple(child.id for child in step.steps) for step, _ in plan.walk()}
    return {"": tuple(step.id for step in plan.steps), **children}


def _moved(old: Plan, new: Plan) -> tuple[StepId, ...]:
    """The fewest steps that had to be moved to get the new order, those that changed phase included."""
    rank: dict[StepId, tuple[StepId, int]] = {}
    for holder, children in _layout(old).items():
        rank |= {child: (holder, index) for index, child in enumerate(children)}
    moved: set[StepId] = set()
    for holder, children in _layout(new).items():
        known = [child for child in children if child in rank]
        stayed = [child for child in known if rank[child][0] == holder]
        in_order = _longest_rising(stayed, lambda child: rank[child][1])
        moved |= set(known) - in_order
    return tuple(step.id for step, _ in new.walk() if step.id in moved)


def _longest_rising(items: list[StepId], key: Callable[[StepId], int]) -> set[StepId]:
    """A longest subsequence of `items` whose keys rise (patience sorting)."""
    tops: list[int] = []
    piles: list[list[tuple[StepId, int]]] = []
    for item in items:
        at = bisect_left(tops, key(item))
        below = len(piles[at - 1]) - 1 if at else -1
        if at == len(tops):
            tops.append(key(item))
            piles.append([])
        else:
            tops[at] = key(item)
        piles[at].append((item, below))
    rising: set[StepId] = set()
    index = len(piles[-1]) - 1 if piles else -1
    for pile in reversed(piles):
        item, index = pile[index]
        rising.add(item)
    return rising
