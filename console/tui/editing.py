"""What the keys do to the plan: each edit is a value (console/plan/edit.py), applied here to see what it
comes to, and wished of the run as a whole new plan on the revision it was made on.

Undo and redo go the same way. When somebody else changes the plan, the history begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from console.errors import InvalidPlan
from console.plan.edit import (
    AddStep,
    DeleteStep,
    Edit,
    EditHistory,
    EditRefused,
    MoveStep,
    Place,
    ReplacePlan,
    ReplaceStep,
    SetEnabled,
    SetGate,
    copied,
)
from console.plan.model import Gate, Plan, Step, StepId
from console.run.control import ChangePlan
from console.tui.bridge import Bridge
from console.tui.draft import Draft

if TYPE_CHECKING:
    from console.tui.screens.run import RunScreen

Work = Callable[[], Coroutine[Any, Any, None] | None]


class Editing:
    """The editor's side of the main screen."""

    def __init__(self, screen: RunScreen) -> None:
        self.screen = screen
        self.history = EditHistory(Plan())

    def handlers(self) -> dict[str, Work]:
        return {
            "edit": self.edit_step,
            "edit_revision": self.edit_revision,
            "edit_plan": self.edit_plan,
            "add": self.add,
            "delete": self.delete,
            "copy_step": self.copy_step,
            "paste": self.paste,
            "paste_now": self.paste,
            "move_down": lambda: self.move(1),
            "move_up": lambda: self.move(-1),
            "indent": self.indent,
            "outdent": self.outdent,
            "enable": self.enable,
            "gate": self.gate,
            "undo": self.undo,
            "redo": self.redo,
            "findings": self.findings,
            "fix": self.fix,
        }

    @property
    def bridge(self) -> Bridge:
        return self.screen.bridge

    @property
    def plan(self) -> Plan:
        return self.bridge.state.plan or Plan(goal=self.bridge.state.goal)

    @property
    def step(self) -> Step:
        step = self.screen.view.selected
        assert step is not None, "the action is only enabled on a step"
        return step

    def plan_changed(self, plan: Plan | None) -> None:
        """The run has another plan: ours, or somebody else's."""
        if plan is not None and plan != self.history.plan:
            used = self.history.used | set(self.bridge.state.steps)
            self.history = EditHistory(plan)
            self.history.used |= used
        self._show_history()

    def _show_history(self) -> None:
        view = self.screen.view
        view.undoable = "undo" if self.history.can_undo else ""
        view.redoable = "redo" if self.history.can_redo else ""

    # ── one edit ─────────────────────────────────────────────────────────────────────────────────

    async def make(self, edit: Edit, go_to: StepId = "") -> None:
        """Apply an edit and have the run take it. Raises `ControlRefused` with nothing changed."""
        self.history.do(edit)
        await self._send(edit.summary, self.history.undo)
        if go_to:
            self._go_to(go_to)

    async def make_or_rewire(self, edit: Edit, rewired: Edit, go_to: StepId = "") -> bool:
        """As `make`; when a dependency forbids it, offer to re-wire. Whether the edit was made."""
        try:
            await self.make(edit, go_to)
        except EditRefused as refused:
            from console.tui.screens.confirm import ConfirmScreen

            yes: bool = await self.screen.operating.ask(
                ConfirmScreen(f"{refused.what}. Re-wire the dependencies?", yes="Re-wire", no="Leave it")
            )
            if yes:
                await self.make(rewired, go_to)
            return yes
        return True

    async def _send(self, summary: str, take_back: Callable[[], Plan]) -> None:
        revision = self.bridge.state.revision
        try:
            await self.bridge.wish(ChangePlan(plan=self.history.plan, revision=revision, summary=summary))
        except BaseException:
            take_back()
            raise
        await self.bridge.until(lambda: self.bridge.state.revision > revision)
        self.screen.refresh_run()

    def _go_to(self, step: StepId) -> None:
        self.screen.plan_tree.select(step)
        self.screen.view.step = self.screen.plan_tree.step
        self.screen.show_parts()

    async def undo(self) -> None:
        self.history.undo()
        await self._send("undo the last edit", self.history.redo)

    async def redo(self) -> None:
        self.history.redo()
        await self._send("make the edit again", self.history.undo)

    # ── steps ────────────────────────────────────────────────────────────────────────────────────

    async def edit_step(self) -> None:
        step = self.step
        new = await self._form(step, f"step {step.id}")
        if new is not None and new != step:
            await self.make(ReplaceStep(step.id, new))

    async def add(self) -> None:
        place = self._below()
        new = await self._form(None, str(place))
        if new is not None:
            await self.make(AddStep(new, place), go_to=new.id)

    async def _form(self, step: Step | None, position: str) -> Step | None:
        from console.tui.screens.step_editor import StepEditor

        state = self.bridge.state
        answer: Step | None = await self.screen.operating.ask(
            StepEditor(self.plan, step, state.catalog, position)
        )
        return answer

    def _below(self) -> Place:
        """Below the selected step; first thing in an open phase is its last place."""
        selected = self.screen.view.selected
        if selected is None or self.bridge.state.is_item(selected.id):
            return Place()
        return Place(into=selected.id) if selected.is_phase else Place(after=selected.id)

    async def delete(self) -> None:
        step = self.step.id
        if await self.make_or_rewire(DeleteStep(step), DeleteStep(step, rewire=True)):
            self.screen.say(f"step {step} is deleted (u undoes)")

    def copy_step(self) -> None:
        self.screen.view.copied = self.step
        self.screen.say(f"step {self.step.id} is copied")
        self.screen.show_parts()

    async def paste(self) -> None:
        original = self.screen.view.copied
        assert original is not None, "the action is only enabled with a copy"
        new = copied(original, self.plan, self.history.used)
        await self.make(AddStep(new, self._below()), go_to=new.id)

    async def enable(self) -> None:
        await self.make(SetEnabled(self.step.id, not self.step.enabled))

    async def gate(self) -> None:
        """A gate before the step, with a question if one is typed; or no gate any more."""
        step = self.step
        if step.gate is not None:
            await self.make(SetGate(step.id, None))
            return
        from console.tui.screens.text_input import AskText

        question = await self.screen.operating.ask(
            AskText(f"Gate before step {step.id}. What to ask (or nothing):")
        )
        if question is not None:
            await self.make(SetGate(step.id, Gate(question=question)))

    # ── order ────────────────────────────────────────────────────────────────────────────────────

    def _siblings(self, step: StepId) -> tuple[Sequence[Step], StepId]:
        """The steps beside a step, itself included, and the phase they are in."""
        for candidate, path in self.plan.walk():
            if candidate.id == step:
                return (self.plan.step(path[-1]).steps if path else self.plan.steps), path[-1] if path else ""
        return (), ""

    async def move(self, by: int) -> None:
        step = self.step.id
        siblings, phase = self._siblings(step)
        at = next(i for i, s in enumerate(siblings) if s.id == step)
        beside = at + by
        if 0 <= beside < len(siblings):
            other = siblings[beside].id
            place = Place(after=other) if by > 0 else Place(before=other)
        elif phase:
            place = Place(after=phase) if by > 0 else Place(before=phase)
        else:
            self.screen.say(f"step {step} is the {'last' if by > 0 else 'first'} one already")
            return
        await self.make_or_rewire(MoveStep(step, place), MoveStep(step, place, rewire=True), go_to=step)

    async def indent(self) -> None:
        step = self.step.id
        siblings, _ = self._siblings(step)
        at = next(i for i, s in enumerate(siblings) if s.id == step)
        if at == 0 or not siblings[at - 1].is_phase:
            self.screen.say(f"there is no phase right above step {step} to move it into")
            return
        place = Place(into=siblings[at - 1].id)
        await self.make_or_rewire(MoveStep(step, place), MoveStep(step, place, rewire=True), go_to=step)

    async def outdent(self) -> None:
        step = self.step.id
        _, phase = self._siblings(step)
        if not phase:
            self.screen.say(f"step {step} is in no phase")
            return
        place = Place(after=phase)
        await self.make_or_rewire(MoveStep(step, place), MoveStep(step, place, rewire=True), go_to=step)

    # ── the whole plan ───────────────────────────────────────────────────────────────────────────

    async def edit_plan(self) -> None:
        """The plan; where none came out, what could be read of the planner's reply, faults marked."""
        state = self.bridge.state
        if state.plan is None and state.draft:
            await self._in_editor(self.plan, Draft(state.draft, state.faults))
        else:
            await self._in_editor(self.plan)

    async def edit_revision(self) -> None:
        proposal = self.bridge.state.proposal
        if proposal is not None:
            await self._in_editor(proposal.plan)

    async def _in_editor(self, plan: Plan, draft: Draft | None = None) -> None:
        from console.catalog import fit
        from console.tui.external_editor import edit_plan

        async def take(new: Plan) -> None:
            catalog = self.bridge.state.catalog
            new = fit.bind(new, catalog)
            if faults := fit.faults(new, catalog):
                raise InvalidPlan(faults)
            if new != self.plan:
                await self.make(ReplacePlan(new))

        await edit_plan(self.screen.app, plan, take, draft=draft)

    async def findings(self) -> None:
        """All findings; the one that is chosen has its fix applied."""
        from console.tui.screens.findings import FindingsScreen

        chosen = await self.screen.operating.ask(FindingsScreen(self.screen.insight.findings, self.plan))
        if chosen is not None and chosen.fix is not None:
            await self._apply_fix(chosen.fix)

    async def fix(self) -> None:
        """Apply the fix of the selected step's first finding, else of the first there is."""
        offered = [f for f in self.screen.insight.findings if f.fix is not None]
        mine = [f for f in offered if f.step == self.screen.view.step]
        chosen = (mine or offered)[0]
        await self._apply_fix(chosen.fix)
        self.screen.say(f"fixed: {chosen.message} (u undoes)")

    async def _apply_fix(self, fix: Any) -> None:
        await self.make(fix)
