"""What the keys do to the order of the plan: moving, phases, marks, and picking in the tree what a step waits
for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from console.plan import tree
from console.plan.edit import Edit, EditRefused, Group, MoveStep, Place, ReplaceStep, Together, Ungroup
from console.plan.model import Plan, Step, StepId
from console.tui.actions import STILL
from console.tui.editing import Editing, Work
from console.tui.reasons import named_steps as named

if TYPE_CHECKING:
    from console.tui.screens.run import RunScreen


class Arranging:
    """The part of the editor's side that is about how steps hang together."""

    def __init__(self, screen: RunScreen, editing: Editing) -> None:
        self.screen, self.editing = screen, editing

    def handlers(self) -> dict[str, Work]:
        return {
            "move_down": lambda: self.move(1),
            "move_up": lambda: self.move(-1),
            "indent": self.indent,
            "outdent": self.outdent,
            "pick": self.pick,
            "mark": self.mark,
            "mark_range": self.mark_range,
            "mark_all": self.mark_all,
        }

    @property
    def plan(self) -> Plan:
        return self.editing.plan

    # ── order ────────────────────────────────────────────────────────────────────────────────────

    def _siblings(self, step: StepId) -> tuple[Sequence[Step], StepId]:
        """The steps beside a step, itself included, and the phase they are in."""
        for candidate, path in self.plan.walk():
            if candidate.id == step:
                return (self.plan.step(path[-1]).steps if path else self.plan.steps), path[-1] if path else ""
        return (), ""

    async def _move(self, steps: Sequence[StepId], place: Place) -> None:
        """Put steps there, in their order, as one edit."""

        def moves(rewire: bool) -> Edit:
            if len(steps) == 1:
                return MoveStep(steps[0], place, rewire=rewire)
            order = tuple(steps) if place.into or place.before else tuple(reversed(steps))
            return Together(
                tuple(MoveStep(step, place, rewire=rewire) for step in order),
                f"move {named(list(steps))} {place}",
            )

        await self.editing.make_or_rewire(moves(False), moves(True), go_to=self.screen.view.step)

    async def move(self, by: int) -> None:
        steps = [step.id for step in self.editing.targets]
        edge = steps[-1] if by > 0 else steps[0]
        siblings, phase = self._siblings(edge)
        at = next(i for i, s in enumerate(siblings) if s.id == edge) + by
        if 0 <= at < len(siblings):
            place = Place(after=siblings[at].id) if by > 0 else Place(before=siblings[at].id)
        elif phase:
            place = Place(after=phase) if by > 0 else Place(before=phase)
        else:
            self.screen.say(f"step {edge} is the {'last' if by > 0 else 'first'} one already")
            return
        await self._move(steps, place)

    # ── phases ───────────────────────────────────────────────────────────────────────────────────

    async def indent(self) -> None:
        """Into the phase right above; where there is none, into a new one."""
        steps = [step.id for step in self.editing.targets]
        siblings, _ = self._siblings(steps[0])
        at = next(i for i, s in enumerate(siblings) if s.id == steps[0])
        if at and siblings[at - 1].is_phase:
            await self._move(steps, Place(into=siblings[at - 1].id))
        else:
            await self._group(steps)

    async def _group(self, steps: list[StepId]) -> None:
        from console.tui.screens.text_input import AskText

        title = await self.screen.operating.ask(AskText(f"A new phase with {named(steps)}. Its name:"))
        if title is not None:
            phase = self.editing.changes.history.new_id()
            self.editing.make(Group(tuple(steps), phase, title.strip() or "Phase"))

    async def outdent(self) -> None:
        """Out of the phase; one that all its steps leave is dissolved, and so is a phase that is in none."""
        targets = self.editing.targets
        siblings, phase = self._siblings(targets[0].id)
        if phase and {step.id for step in siblings} <= {step.id for step in targets}:
            self.editing.make(Ungroup(phase), go_to=self.screen.view.step)
            self.screen.say(f"phase {phase} is dissolved: nothing is left in it (u undoes)")
        elif phase:
            await self._move([step.id for step in targets], Place(after=phase))
        elif targets[0].steps:
            self.editing.make(Ungroup(targets[0].id), go_to=targets[0].steps[0].id)
            self.screen.say(f"phase {targets[0].id} is dissolved (u undoes)")
        else:
            self.screen.say(f"step {targets[0].id} is in no phase")

    # ── marks ────────────────────────────────────────────────────────────────────────────────────

    def mark(self) -> None:
        self.screen.plan_tree.toggle_mark(self.screen.view.step)
        self.screen.plan_tree.move(1)
        self.screen.show_parts()

    def mark_range(self) -> None:
        self.screen.plan_tree.mark_to(self.screen.view.step)
        self.screen.show_parts()

    def mark_all(self) -> None:
        self.screen.plan_tree.toggle_all_marks()
        self.screen.show_parts()

    # ── dependencies, picked in the tree ─────────────────────────────────────────────────────────

    def pick(self) -> None:
        """Have the steps picked that the selected one waits for."""
        from console.tui.screens.step_form import possible_dependencies

        step = self.editing.step
        possible = {found.id for found in possible_dependencies(self.plan, step.id)}
        self.screen.show_pane("plan")
        self.screen.view.picking = step.id
        self.screen.plan_tree.pick(step.id, set(step.depends_on), possible | set(step.depends_on))
        self.screen.show_parts()

    def picking_key(self, action: str) -> bool:
        """A key while dependencies are picked; whether the action is done as always."""
        if action in STILL:
            return True
        pane = self.screen.plan_tree
        if action == "hold":
            if not pane.toggle_pick():
                self.screen.say(self._why_no_pick(pane.step))
        elif action in ("open", "pick"):
            self._take_picked()
        elif action in ("back", "detach"):
            self._end_picking()
        else:
            self.screen.say("Space picks a step, Enter takes what is picked, Esc leaves it as it was")
        return False

    def _why_no_pick(self, step: StepId) -> str:
        picking = self.screen.view.picking
        paths = {found.id: path for found, path in self.plan.walk()}
        if step == picking:
            return f"step {step} cannot wait for itself"
        if step in paths[picking] or picking in paths.get(step, ()):
            return f"one of {picking} and {step} is in the other: it cannot wait for that"
        return f"step {step} waits for {picking} already: that would be a circle"

    def _take_picked(self) -> None:
        step = self.plan.step(self.screen.view.picking)
        chosen = self.screen.plan_tree.picked
        self._end_picking()
        kept = [name for name in step.depends_on if name in chosen]
        new = [s.id for s, _ in self.plan.walk() if s.id in chosen and s.id not in kept]
        changed = tree.with_dependencies(step, (*kept, *new))
        if changed != step:
            try:
                self.editing.make(ReplaceStep(step.id, changed), go_to=step.id)
            except EditRefused as refused:
                self.screen.say(str(refused), severity="warning")

    def _end_picking(self) -> None:
        step, self.screen.view.picking = self.screen.view.picking, ""
        self.screen.plan_tree.end_pick()
        self.screen.plan_tree.select(step)
        self.screen.view.step = self.screen.plan_tree.step
        self.screen.show_parts()
