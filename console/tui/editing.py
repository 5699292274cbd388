"""What the keys do to the steps of the plan: each edit is a value (console/plan/edit.py), made at once
(console/tui/changes.py).

An edit is about the marked steps that can be seen, else about the selected one; one edit whatever their
number. console/tui/arranging.py has what changes their order, phases and dependencies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.errors import InvalidPlan
from console.plan.edit import (
    AddStep,
    DeleteSteps,
    Edit,
    EditRefused,
    Place,
    ReplacePlan,
    ReplaceStep,
    SetEnabled,
    SetGate,
    Together,
    apply,
    copies,
)
from console.plan.model import Gate, Plan, Step, StepId
from console.run.control import Propose
from console.run.life import StepStatus
from console.run.state import RunState
from console.tui.changes import Changes
from console.tui.draft import Draft
from console.tui.reasons import NAMED, to_hold
from console.tui.reasons import named_steps as named
from console.tui.view import find_life

if TYPE_CHECKING:
    from console.tui.screens.run import RunScreen

Work = Callable[[], Coroutine[Any, Any, None] | None]


class Editing:
    """The editor's side of the main screen."""

    def __init__(self, screen: RunScreen) -> None:
        self.screen = screen
        self.changes = Changes(screen)
        self._saved_as = ""

    def handlers(self) -> dict[str, Work]:
        return {
            "edit": self.edit_step,
            "edit_revision": self.edit_revision,
            "edit_plan": self.edit_plan,
            "add": self.add,
            "delete": self.delete,
            "copy_step": self.copy_steps,
            "paste": self.paste,
            "paste_now": self.paste,
            "hold": self.hold,
            "enable": self.enable,
            "gate": self.gate,
            "undo": self.undo,
            "redo": self.redo,
            "findings": self.findings,
            "fix": self.fix,
            "save_task": self.save_task,
        }

    @property
    def plan(self) -> Plan:
        return self.changes.plan

    @property
    def step(self) -> Step:
        step = self.screen.view.selected
        assert step is not None, "the action is only enabled on a step"
        return step

    @property
    def targets(self) -> tuple[Step, ...]:
        """The steps that an edit is about, in the plan's order; none that is inside another."""
        wanted = set(self.screen.view.targets)
        return tuple(step for step, path in self.plan.walk() if step.id in wanted and wanted.isdisjoint(path))

    def plan_changed(self, plan: Plan | None) -> None:
        """The run has this plan."""
        self.changes.heard(plan, self.screen.bridge.state.revision)
        self.show_history()

    def show_history(self) -> None:
        view = self.screen.view
        view.undoable = "undo" if self.changes.can_undo else ""
        view.redoable = "redo" if self.changes.can_redo else ""

    # ── one edit ─────────────────────────────────────────────────────────────────────────────────

    def make(self, edit: Edit, go_to: StepId = "") -> None:
        """Make an edit and show it. Raises `EditRefused` with nothing changed."""
        self.changes.make(edit)
        self.show_history()
        if go_to:
            self._go_to(go_to)
        self.screen.show_parts()

    async def make_or_rewire(self, edit: Edit, rewired: Edit, go_to: StepId = "") -> bool:
        """As `make`; when a dependency forbids it, and re-wiring would do, offer that. Whether the edit was
        made."""
        try:
            self.make(edit, go_to)
        except EditRefused as refused:
            then = apply(self.plan, rewired)  # raises what re-wiring does not help against either
            from console.tui.screens.confirm import ConfirmScreen

            question = f"{refused.what}. Re-wire the dependencies?\n\n{told_rewired(self.plan, then)}"
            yes: bool = await self.screen.operating.ask(ConfirmScreen(question, yes="Re-wire", no="Leave it"))
            if yes:
                self.make(rewired, go_to)
            return yes
        return True

    def _go_to(self, step: StepId) -> None:
        self.screen.plan_tree.select(step)
        self.screen.view.step = self.screen.plan_tree.step

    def _go_to_what_came(self, before: Plan) -> None:
        """The cursor stands on what an undo or redo has brought."""
        known = {step.id for step, _ in before.walk()}
        if came := next((step.id for step, _ in self.plan.walk() if step.id not in known), ""):
            self._go_to(came)

    async def undo(self) -> None:
        before = self.plan
        said = await self.changes.undo()
        self.show_history()
        self._go_to_what_came(before)
        self.screen.show_parts()
        self.screen.say(f"undone: {said} (Ctrl+r makes it again)")

    async def redo(self) -> None:
        before = self.plan
        said = await self.changes.redo()
        self.show_history()
        self._go_to_what_came(before)
        self.screen.show_parts()
        self.screen.say(f"made again: {said}")

    # ── steps ────────────────────────────────────────────────────────────────────────────────────

    async def edit_step(self) -> None:
        step = self.step
        new = await self._form(step, "")
        if new is not None and new != step:
            self.make(ReplaceStep(step.id, new))

    async def add(self) -> None:
        place = self._below()
        new = await self._form(None, str(place), place.after or "")
        if new is not None:
            self.make(AddStep(new, place), go_to=new.id)

    async def _form(self, step: Step | None, position: str, after: StepId = "") -> Step | None:
        from console.tui.screens.step_editor import StepEditor

        state = self.screen.bridge.state
        editor = StepEditor(
            self.plan,
            step,
            state.catalog,
            position,
            results=results_of(state),
            workspace=Path(state.workspace) if state.workspace else None,
            after=after,
            past=lambda: self.screen.foresight.estimates().fields,
        )
        answer: Step | None = await self.screen.operating.ask(editor)
        return answer

    def _below(self) -> Place:
        """Below the selected step; first thing in an open phase is its last place."""
        selected = self.screen.view.selected
        if selected is None or self.screen.bridge.state.is_item(selected.id):
            return Place()
        return Place(into=selected.id) if selected.is_phase else Place(after=selected.id)

    async def delete(self) -> None:
        steps = self._with_emptied_phases({step.id for step in self.targets})
        if await self.make_or_rewire(DeleteSteps(steps), DeleteSteps(steps, rewire=True)):
            self.screen.say(f"{named(steps)} {'is' if len(steps) == 1 else 'are'} deleted (u undoes)")

    def _with_emptied_phases(self, doomed: set[StepId]) -> tuple[StepId, ...]:
        """These steps, and a phase in place of all its steps: none is left empty."""
        for step, _ in reversed(list(self.plan.walk())):
            if step.steps and all(child.id in doomed for child in step.steps):
                doomed = (doomed - {child.id for child in step.steps}) | {step.id}
        return tuple(step.id for step, _ in self.plan.walk() if step.id in doomed)

    def copy_steps(self) -> None:
        steps = self.targets or (self.step,)
        self.screen.view.copied = steps
        self.screen.say(
            f"{named([s.id for s in steps])} {'is' if len(steps) == 1 else 'are'} copied (p pastes)"
        )
        self.screen.show_parts()

    def paste(self) -> None:
        new = copies(self.screen.view.copied, self.plan, self.changes.history.used)
        place = self._below()
        edits = []
        for step in new:
            edits.append(AddStep(step, place))
            place = Place(after=step.id) if place.after else place
        self.make(_as_one(edits, f"paste {named([step.id for step in new])}"), go_to=new[0].id)

    async def hold(self) -> None:
        """Hold the steps; release them when all are held."""
        state, targets = self.screen.bridge.state, to_hold(self.screen.view)
        held = [s for s in targets if (life := find_life(state, s)) and life.status is StepStatus.HELD]
        chosen = targets if len(held) == len(targets) else tuple(s for s in targets if s not in held)
        await self.changes.hold(chosen, hold=len(held) < len(targets))
        self.show_history()

    def enable(self) -> None:
        """Leave the steps out; take them in when all are left out."""
        steps = self.targets
        enabled = not any(step.enabled for step in steps)
        edits = [SetEnabled(step.id, enabled) for step in steps if step.enabled is not enabled]
        verb = "take in" if enabled else "leave out"
        self.make(_as_one(edits, f"{verb} {named([step.id for step in steps])}"))

    async def gate(self) -> None:
        """A gate before each step, with a question if one is typed; no gates where all have one."""
        steps = self.targets
        ids = [step.id for step in steps]
        if all(step.gate is not None for step in steps):
            self.make(_as_one([SetGate(name, None) for name in ids], f"remove the gates of {named(ids)}"))
            return
        from console.tui.screens.text_input import AskText

        question = await self.screen.operating.ask(
            AskText(f"Gate before {named(ids)}. What to ask (or nothing):")
        )
        if question is not None:
            gates = [SetGate(step.id, Gate(question=question)) for step in steps if step.gate is None]
            self.make(_as_one(gates, f"set a gate before {named(ids)}"))

    # ── the whole plan ───────────────────────────────────────────────────────────────────────────

    async def edit_plan(self) -> None:
        """The plan; where none came out, what could be read of the planner's reply, faults marked."""
        state = self.screen.bridge.state
        draft = Draft(state.draft, state.faults) if state.plan is None and state.draft else None

        async def take(new: Plan) -> None:
            self.make(ReplacePlan(new))
            await self.changes.taken()

        await self._in_editor(self.plan, take, "edit", draft)

    async def edit_revision(self) -> None:
        """Write the proposed revision anew; it waits for an answer in that form."""
        proposal = self.screen.bridge.state.proposal
        if proposal is None:
            return

        async def take(new: Plan) -> None:
            await self.screen.bridge.wish(Propose(plan=new, instead=proposal.hash))

        await self._in_editor(proposal.plan, take, "edit-revision")

    async def _in_editor(
        self, plan: Plan, take: Callable[[Plan], Awaitable[None]], place: str, draft: Draft | None = None
    ) -> None:
        """Have `plan` written anew; the text is kept at a place beside the run until `take` has taken it."""
        from console.catalog import fit
        from console.tui.external_editor import edit_plan

        async def fitting(new: Plan) -> None:
            catalog = self.screen.bridge.state.catalog
            new = fit.bind(new, catalog)
            if faults := fit.faults(new, catalog):
                raise InvalidPlan(faults)
            if new != plan:
                await take(new)

        await edit_plan(
            self.screen.app, plan, fitting, draft=draft, keep=self.screen.session.directory / place
        )

    async def save_task(self) -> None:
        """Save the plan as it is on the screen under a name, to be gone on with or started again."""
        from console.task.saved import name_fault, save, saved
        from console.tui.screens.confirm import ConfirmScreen
        from console.tui.screens.text_input import AskText

        ask = AskText("Save the plan as a task. Its name:", self._saved_as, check=name_fault)
        name = await self.screen.operating.ask(ask)
        if name is None:
            return
        question = ConfirmScreen(f"There is a task {name} already. Save over it?", "Save over it", "Leave it")
        if name in saved() and not await self.screen.operating.ask(question):
            return
        state = self.screen.bridge.state
        tools = [tool.file for tool in state.catalog.tools.values() if tool.file]
        goal = self.plan.goal or state.goal
        save(name, self.plan, goal=goal, tools=tools, document=state.task)
        self._saved_as = name
        self.screen.say(f"saved: plandeck run {name}")

    async def findings(self) -> None:
        """All findings; the one that is chosen has its fix applied."""
        from console.tui.screens.findings import FindingsScreen

        chosen = await self.screen.operating.ask(
            FindingsScreen(self.screen.foresight.insight.findings, self.plan)
        )
        if chosen is None:
            return
        if chosen.fix is not None:
            self.make(chosen.fix)
            self.screen.say(f"fixed: {chosen.message} (u undoes)")
        else:
            self.screen.show_pane("plan")
            self._go_to(chosen.step)
            self.screen.show_parts()

    def fix(self) -> None:
        """Apply the fix of the selected step's first finding, else of the first there is."""
        offered = [f for f in self.screen.foresight.insight.findings if f.fix is not None]
        mine = [f for f in offered if f.step == self.screen.view.step]
        chosen = (mine or offered)[0]
        assert chosen.fix is not None, "only those that offer one are looked at"
        self.make(chosen.fix)
        self.screen.say(f"fixed: {chosen.message} (u undoes)")


def results_of(state: RunState) -> dict[StepId, str]:
    """The beginnings of the results that steps gave, or that were typed for them."""
    found = {}
    for step, life in state.steps.items():
        given = life.marked_result if life.marked_by else life.attempt.preview if life.attempt else ""
        if isinstance(given, str) and given:
            found[step] = given
    return found


def told_rewired(before: Plan, after: Plan) -> str:
    """Which steps wait for others than before, a line for each."""
    waits = {step.id: step.depends_on for step, _ in before.walk()}
    changed = [
        f"step {step.id} waits for {', '.join(step.depends_on) or 'nothing'}"
        f" (was {', '.join(waits[step.id]) or 'nothing'})"
        for step, _ in after.walk()
        if step.id in waits and set(step.depends_on) != set(waits[step.id])
    ]
    more = [f"and {len(changed) - NAMED} more"] if len(changed) > NAMED else []
    return "\n".join([*changed[:NAMED], *more]) + "\n"


def _as_one(edits: list[Any], title: str) -> Edit:
    """These edits as one; one alone as itself."""
    if len(edits) == 1:
        only: Edit = edits[0]
        return only
    return Together(tuple(edits), title)
