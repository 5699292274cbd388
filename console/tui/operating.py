"""What the keys do to the run: answers to what waits, and wishes about it and its steps.

Nothing is approved here: `a` opens the screen that shows what is approved, and only that screen's
answer goes to the run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Coroutine
from typing import TYPE_CHECKING, Any

from rich.text import Text

from console.plan.hunks import Hunk, without
from console.plan.model import Plan, StepId
from console.run.control import (
    Approve,
    CallOff,
    Cancel,
    Continue,
    Countersign,
    DeclineRollback,
    Deny,
    ExpandPhase,
    MarkDone,
    Pause,
    PreviewRollback,
    Probe,
    Propose,
    Replan,
    Retry,
    RollBack,
    Skip,
    Stop,
    Wish,
)
from console.run.events import RollbackPlan
from console.run.life import StepStatus
from console.run.rollback import plan_rollback, rollback_hash
from console.run.standing import Proposal
from console.text import clean
from console.tui import reasons as why
from console.tui.actions import describe, describe_picking
from console.tui.parting import parting_line
from console.tui.widgets.diff_pane import DiffPane

if TYPE_CHECKING:
    from console.tui.screens.run import RunScreen

QUESTIONS = frozenset({"gate", "decision", "in_doubt", "tool"})
"""Requests that ask something; all others show what is to be approved."""

COPIED = 60_000
"""Characters that are copied at most: many terminals take no more at one go."""

Work = Callable[[], Coroutine[Any, Any, None] | None]


class Operating:
    """The operator's side of the main screen."""

    def __init__(self, screen: RunScreen) -> None:
        self.screen = screen

    def handlers(self) -> dict[str, Work]:
        return {
            "approve": self.answer,
            "request_changes": self.request_changes,
            "call_off": self.call_off,
            "pause": self.pause,
            "retry": lambda: self.about_step(Retry(step=self.subject(why.TO_RETRY))),
            "skip": lambda: self.about_step(Skip(step=self.subject(why.TO_SKIP), reason="by the operator")),
            "mark_done": self.mark_done,
            "cancel": lambda: self.about_step(Cancel(step=self.subject(why.TO_CANCEL))),
            "reject": self.reject,
            "hunk": self.take_or_leave,
            "probe": lambda: self.about_step(Probe(step=self.subject(why.TO_PROBE))),
            "take_up": self.take_up,
            "start_like": self.start_like,
            "other_run": self.other_run,
            "rollback": lambda: self.roll_back(None),
            "rollback_here": lambda: self.roll_back(self.step),
            "decline_rollback": self.decline_rollback,
            "expand": lambda: self.about_step(ExpandPhase(phase=self.step)),
            "stop": self.stop,
            "take_control": self.screen.bridge.take_control,
            "ask_control": self.ask_control,
            "hand_over": self.hand_over,
            "follow": self.follow,
            "copy": self.copy,
            "detach": self.detach,
            "palette": self.palette,
            "help": self.help,
        }

    @property
    def step(self) -> str:
        return self.screen.view.step

    def subject(self, allowed: Collection[StepStatus]) -> StepId:
        return self.screen.view.subject(allowed)

    async def wish(self, wish: Wish) -> Any:
        """Say a wish, about the plan with all the edits that are on the screen."""
        await self.screen.editing.changes.settled()
        return await self.screen.bridge.wish(wish)

    async def ask(self, question: Any) -> Any:
        """Push a screen and wait for its answer. What was said in passing does not cover it."""
        self.screen.app.clear_notifications()
        return await self.screen.app.push_screen_wait(question)

    # ── what waits ───────────────────────────────────────────────────────────────────────────────

    async def answer(self) -> None:
        """Show what waits, and send what the operator says to it."""
        view = self.screen.view
        await self.screen.editing.changes.settled()
        whole = self.screen.bridge.state.proposal if view.left_out else None
        left = self.screen.query_one(DiffPane).left_of(whole)
        if whole is not None and not await self._propose_parts(whole, left):
            return
        # Who only looks on can be the second of two persons, and nothing else.
        request = view.half_approved if view.takeable else view.waiting
        state = self.screen.bridge.state
        if request is None:
            return
        if request.scope in QUESTIONS:
            from console.tui.screens.question import QuestionScreen

            directory = self.screen.session.directory
            said: Approve | Deny | None = await self.ask(QuestionScreen(request, state, directory=directory))
        else:
            from console.tui.screens.approval import ApprovalScreen

            said = await self.ask(ApprovalScreen(request, state, directory=self.screen.session.directory))
        if isinstance(said, Approve) and view.takeable:
            said = Countersign(**said.model_dump())
        if said is not None:
            await self.wish(said)
        elif whole is not None:
            await self._put_back(whole, left)

    def take_or_leave(self) -> None:
        """Leave the part of the revision under the cursor out, or take it in again."""
        pane = self.screen.query_one(DiffPane)
        if pane.toggle():
            self.screen.foresight.look_at_parts(pane.left_of(self.screen.bridge.state.proposal))
            self.screen.show_parts()
        else:
            self.screen.say("the cursor is on no part of the revision")

    async def _propose_parts(self, whole: Proposal, left: frozenset[Hunk]) -> bool:
        """Have the parts that are taken wait for an answer in place of the whole; whether they do."""
        pane, plan = self.screen.query_one(DiffPane), self.screen.bridge.state.plan
        if plan is None:
            return False
        if len(left) == pane.count_of_parts:
            self.screen.say("no part of the revision is taken (x rejects it)")
            return False
        await self._propose(without(plan, whole.plan, left), instead=whole)
        return True

    async def _put_back(self, whole: Proposal, left: frozenset[Hunk]) -> None:
        """Nobody answered: what was only to be looked at is as it was, with the parts that were left out."""
        state = self.screen.bridge.state
        if state.proposal is None or self.screen.view.request("revision") is None:
            return
        await self._propose(whole.plan, instead=state.proposal)
        self.screen.query_one(DiffPane).leave(left, of=self.screen.bridge.state)
        self.screen.foresight.look_at_parts(left)
        self.screen.show_parts()

    async def _propose(self, plan: Plan, *, instead: Proposal) -> None:
        seq = self.screen.bridge.state.seq
        await self.wish(Propose(plan=plan, instead=instead.hash))
        await self.screen.bridge.until(
            lambda: self.screen.bridge.state.seq > seq and self.screen.view.request("revision") is not None
        )
        self.screen.refresh_run()

    async def reject(self) -> None:
        request = self.screen.view.request("revision")
        if request is None:
            self.screen.say("the revision is no longer waiting")
            return
        from console.tui.screens.text_input import AskText

        reason = await self.ask(AskText("Reject the revision: why?"))
        if reason is not None:
            await self.wish(Deny(request=request.id, reason=reason))

    async def request_changes(self) -> None:
        from console.tui.screens.request_changes import RequestChanges

        text = await self.ask(RequestChanges(self.screen.bridge.state))
        if text:
            await self.wish(Replan(words=text))

    async def call_off(self) -> None:
        await self.wish(CallOff())

    # ── the run ──────────────────────────────────────────────────────────────────────────────────

    async def pause(self) -> None:
        await self.wish(Continue() if self.screen.view.state.paused else Pause())

    async def stop(self) -> None:
        from console.tui.screens.confirm import ConfirmScreen

        question = "Stop the run here? Running steps are cancelled, nothing is undone."
        if await self.ask(ConfirmScreen(question, yes="Stop the run", no="Go on")):
            await self.wish(Stop(reason="by the operator"))

    async def roll_back(self, back_to: str | None) -> None:
        """Show what a rollback would do; it runs when the operator says so on that screen. A run that has
        ended, or lost its process, is taken up again for it."""
        preview, shown_hash = await self._preview(back_to)
        from console.tui.screens.rollback import RollbackScreen
        from console.tui.widgets.rollback_pane import RollbackPane

        self.screen.query_one(RollbackPane).preview = preview
        said: RollBack | None = await self.ask(RollbackScreen(preview, shown_hash, self.screen.bridge.state))
        if said is None:
            return
        if self.screen.view.reopenable:
            await self._take_up(said)
        else:
            await self.wish(said)

    async def decline_rollback(self) -> None:
        from console.tui.screens.text_input import AskText

        asked = self.screen.view.state.rollback_requests[-1]
        reason = await self.ask(AskText(f"Tell {asked.by} why nothing is rolled back:"))
        if reason is not None:
            await self.wish(DeclineRollback(reason=reason))

    async def _preview(self, back_to: str | None) -> tuple[RollbackPlan, str]:
        state = self.screen.bridge.state
        if self.screen.view.reopenable:
            plan = state.everything()
            assert plan is not None, "a step has started"
            rollback = plan_rollback(plan, state.catalog, state, back_to=back_to)
            return rollback, rollback_hash(rollback)
        answer = await self.wish(PreviewRollback(back_to=back_to))
        shown = answer["rollback"]
        if not isinstance(shown, RollbackPlan):
            shown = RollbackPlan.model_validate_json(json.dumps(shown))
        return shown, answer["hash"]

    async def take_up(self) -> None:
        """Have a process take the run up again, where it was."""
        await self._take_up(None)

    async def other_run(self) -> None:
        """Offer the runs that are kept; this one goes on without a screen."""
        from console.tui.screens.runs import RunList

        elsewhere = self.screen.elsewhere
        if elsewhere is None:
            return
        runs = [info for info in await elsewhere.runs() if info.run != self.screen.session.run]
        chosen = await self.ask(RunList(runs))
        if chosen is not None:
            await elsewhere.show(chosen)

    async def start_like(self) -> None:
        """Start a new run with this one's plan, and show that; this one goes on."""
        if self.screen.like is not None:
            if not self.screen.view.status.is_final:
                self.screen.say(f"run {self.screen.session.run} goes on; this is a new one like it")
            await self.screen.like()

    async def _take_up(self, wish: Wish | None) -> None:
        if self.screen.reopen is not None:
            await self.screen.reopen(wish, self.step)

    async def ask_control(self) -> None:
        holder = self.screen.bridge.company.holder
        await self.screen.bridge.ask_control()
        if holder:
            self.screen.say(f"{holder} is asked for the control")

    async def hand_over(self) -> None:
        from console.tui.screens.confirm import ConfirmScreen

        asker = self.screen.view.asker
        question = f"{asker} asks for the control of this run. You will look on."
        yes = await self.ask(ConfirmScreen(question, yes="Give it", no="Keep it"))
        if asker == self.screen.view.asker:  # somebody else may have asked meanwhile
            await self.screen.bridge.answer_control(yes=yes)

    # ── a step ───────────────────────────────────────────────────────────────────────────────────

    async def about_step(self, wish: Wish) -> None:
        await self.wish(wish)

    async def mark_done(self) -> None:
        """Take the operator's word; references to the step get what is typed or pasted."""
        from console.tui.screens.text_input import AskText

        step = self.subject(why.TO_MARK)
        result = await self.ask(AskText(f"Step {step} is done by hand. Its result:", multiline=True))
        if result is not None:
            await self.wish(MarkDone(step=step, result=result or None))

    # ── the console ──────────────────────────────────────────────────────────────────────────────

    def follow(self) -> None:
        from console.tui.widgets.output import OutputPane

        on = self.screen.query_one(OutputPane).toggle_follow()
        self.screen.show_parts()
        if self.screen.panes.right != "output":
            self.screen.say("the output is followed" if on else "the output stays where it is")

    def copy(self) -> None:
        """To the terminal's clipboard: from the plan the selected step's command, from another
        pane what it says, of much the end."""
        from console.tui.widgets.step_detail import command_text

        view = self.screen.view
        if view.pane != "plan":
            text, lines = self.screen.current.end_of_text(COPIED)
            self.screen.app.copy_to_clipboard(clean(text))
            many = f"{lines} line{'s' if lines != 1 else ''}"
            self.screen.say(f"{many} of {view.pane} {'are' if lines != 1 else 'is'} copied")
        elif view.selected is not None:
            self.screen.app.copy_to_clipboard(clean(command_text(view, view.selected)))
            self.screen.say(f"the command of step {view.step} is copied")

    def detach(self, code: int | None = None) -> None:
        """Leave the screen, with the run's exit code or `code`; a run that has not ended goes on."""
        said = parting_line(self.screen.view, self.screen.session.run)
        self.screen.app.exit(
            return_code=self.exit_code if code is None else code, message=Text(said) if said else None
        )

    @property
    def exit_code(self) -> int:
        """The run's own exit code once it has ended, else that of a detached console."""
        from console.tui.app import DETACHED

        finished = self.screen.bridge.state.finished
        return finished.exit_code if finished else DETACHED

    def palette(self) -> None:
        self.screen.app.action_command_palette()

    async def help(self) -> None:
        from console.tui.screens.help import HelpScreen

        screen, picking = self.screen, self.screen.view.picking
        if picking:
            shown = HelpScreen(describe_picking(screen.keymap), of=f"what step {picking} waits for")
        else:
            shown = HelpScreen(describe(screen.view, screen.keymap))
        await self.ask(shown)
