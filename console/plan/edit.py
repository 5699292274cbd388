"""Edits as values: what an operator changes in a plan, each refused with its reason or applied whole.

An edit may not make a fault that was not there before; so a sound plan stays sound, and a plan with
faults can be mended one edit at a time. `EditHistory` keeps every state: undo and redo are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from console.plan import tree
from console.plan.edits import AddStep, ReplacePlan, ReplaceStep, SetEnabled, SetGate, SetRollback
from console.plan.faults import faults_of
from console.plan.grouping import Group, Ungroup
from console.plan.model import Plan, Step, StepId
from console.plan.move import MoveStep
from console.plan.place import KEPT, EditRefused, Place
from console.plan.removal import DeleteStep, DeleteSteps
from console.plan.soundness import Sound

__all__ = [
    "AddStep",
    "DeleteStep",
    "DeleteSteps",
    "Edit",
    "EditHistory",
    "EditRefused",
    "Group",
    "MoveStep",
    "Place",
    "ReplacePlan",
    "ReplaceStep",
    "SetEnabled",
    "SetGate",
    "SetRollback",
    "Together",
    "Ungroup",
    "apply",
    "copied",
    "copies",
    "new_id",
]


class Edit(Protocol):
    """One change of a plan. `change` raises `EditRefused`; use `apply`, which also checks the outcome."""

    @property
    def summary(self) -> str:
        """The edit in one line, for the record."""

    def change(self, plan: Plan) -> Plan:
        """The changed plan."""


@dataclass(frozen=True, slots=True)
class Together:
    """Several edits as one: each is made on what the ones before it left; all of them, or none."""

    edits: tuple[Edit, ...]
    title: str

    @property
    def summary(self) -> str:
        return self.title

    def change(self, plan: Plan) -> Plan:
        for edit in self.edits:
            plan = edit.change(plan)
        return plan


def apply(plan: Plan, edit: Edit, sound: Sound | None = None) -> Plan:
    """The plan after `edit`. Raises `EditRefused` when it cannot be made, or would leave a fault that
    the plan does not have now. `sound` is what is known of `plan`, where it has no faults."""
    new = edit.change(plan)
    _refuse_emptied(plan, new, edit.summary)
    faults = faults_of(new) if sound is None else sound.faults_after(new)
    if faults:
        known = {(fault.step, fault.message) for fault in faults_of(plan)}
        for fault in faults:
            if (fault.step, fault.message) not in known:
                where = f"step {fault.step}" if fault.step else ""
                raise EditRefused(f"{edit.summary}: {fault.message}", where=where, kept=KEPT)
    return new


def _refuse_emptied(old: Plan, new: Plan, summary: str) -> None:
    bare = [step for step, _ in new.walk() if not step.steps and not step.expand and not step.action]
    had_steps = {step.id for step, _ in old.walk() if step.steps} if bare else set()
    for step in bare:
        if step.id in had_steps:
            why = f"{summary}: phase {step.id} would be left without steps"
            raise EditRefused(why, kept=KEPT, todo="delete or dissolve the phase instead")


def new_id(plan: Plan, used: Iterable[StepId] = ()) -> StepId:
    """The next free number, above every number in the plan and among `used` ids of the past."""
    ids = (*(step.id for step, _ in plan.walk()), *used)
    return str(max((int(name) for name in ids if name.isdecimal()), default=0) + 1)


def copied(step: Step, plan: Plan, used: Iterable[StepId] = ()) -> Step:
    """A copy of `step` to paste into `plan`: it and all it holds get new ids."""
    return copies((step,), plan, used)[0]


def copies(steps: Sequence[Step], plan: Plan, used: Iterable[StepId] = ()) -> tuple[Step, ...]:
    """Copies of `steps` to paste into `plan` together: what they say of each other is said of the copies."""
    first = int(new_id(plan, used))
    held = [inner.id for step in steps for inner in tree.inside(step)]
    ids = {name: str(first + index) for index, name in enumerate(held)}
    return tuple(tree.with_ids(step, ids) for step in steps)


class EditHistory:
    """A plan and the edits made to it, with undo and redo."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.used: set[StepId] = {step.id for step, _ in plan.walk()}
        self._sound: Sound | None = None
        self._sound_from = 0
        self._undone: list[tuple[Edit, Plan]] = []
        self._done: list[tuple[Edit, Plan]] = []

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits that made the plan what it is, oldest first."""
        return tuple(edit for edit, _ in self._done)

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    @property
    def undone(self) -> tuple[Edit, ...]:
        """The edits that can be made again, the next one last."""
        return tuple(edit for edit, _ in self._undone)

    def do(self, edit: Edit) -> Plan:
        """Apply `edit`; what was undone is given up. Raises `EditRefused` and changes nothing."""
        before = self.plan
        self.plan = apply(before, edit, self.look())
        self._done.append((edit, before))
        self._undone.clear()
        self.used |= {step.id for step, _ in self.plan.walk()}
        return self.plan

    def look(self) -> Sound | None:
        """What is known of the plan, unless it has faults. Every plan since the one that was looked at first
        is sound as well; undo goes back beyond it to what has to be looked at again."""
        if self._sound is None and not faults_of(self.plan):
            self._sound, self._sound_from = Sound(self.plan), len(self._done)
        elif self._sound is not None and self._sound.plan is not self.plan:
            self._sound.turn_to(self.plan)
        return self._sound

    def undo(self) -> Plan:
        """Take the last edit back. Raises `EditRefused` when there is none."""
        if not self._done:
            raise EditRefused("there is no edit to undo")
        edit, before = self._done.pop()
        self._undone.append((edit, self.plan))
        self.plan = before
        if len(self._done) < self._sound_from:
            self._sound = None
        return self.plan

    def redo(self) -> Plan:
        """Make the edit again that was undone last. Raises `EditRefused` when there is none."""
        if not self._undone:
            raise EditRefused("there is no edit to make again")
        edit, after = self._undone.pop()
        self._done.append((edit, self.plan))
        self.plan = after
        return self.plan

    def new_id(self) -> StepId:
        """The next number that no step of this plan has, or ever had."""
        return new_id(self.plan, self.used)
