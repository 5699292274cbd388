"""Words that wish something of the run, its steps, and who holds the control."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from console.commands.common import say
from console.commands.steer import lines_of
from console.commands.words.foresight import tell_what_if
from console.commands.words.word import UNCHANGED, Desk, Word, needed
from console.errors import ControlRefused
from console.run import control as c
from console.run.control import Wish
from console.run.events import RollbackPlan


class Steering:
    """`leave` ends the following of the run."""

    def __init__(self, desk: Desk, leave: Callable[[], None]) -> None:
        self.desk = desk
        self._leave = leave

    def words(self) -> list[Word]:
        def about(wish: Callable[[str], Wish]) -> Callable[[str], Awaitable[None]]:
            async def do(step: str) -> None:
                await self.desk.wish(wish(needed(step, "a step's id")))

            return do

        def plain(wish: Callable[[], Wish]) -> Callable[[str], Awaitable[None]]:
            async def do(_: str) -> None:
                await self.desk.wish(wish())

            return do

        return [
            Word("hold", "STEP", "do not start it before it is released", self._hold, "hold"),
            Word("release", "STEP", "let a held step start", self._release, "hold"),
            Word("skip", "STEP", "go on without it", about(lambda s: c.Skip(step=s)), "skip"),
            Word("retry", "STEP", "try it again", about(lambda s: c.Retry(step=s)), "retry"),
            Word("cancel", "STEP", "end what it runs", about(lambda s: c.Cancel(step=s)), "cancel"),
            Word(
                "done", "STEP [RESULT]", "take it as done by hand, with this result", self._done, "mark_done"
            ),
            Word("verify", "STEP", "ask its tool's probe", about(lambda s: c.Probe(step=s)), "probe"),
            Word("pause", "", "start nothing more", plain(c.Pause), "pause"),
            Word("continue", "", "start steps again", plain(c.Continue), "pause"),
            Word("changes", "WORDS", "have the planner change the plan so", self._changes, "request_changes"),
            Word(
                "expand", "PHASE", "have a phase planned", about(lambda s: c.ExpandPhase(phase=s)), "expand"
            ),
            Word("calloff", "", "end the planning that is under way", plain(c.CallOff), "call_off"),
            Word(
                "rollback",
                "[STEP]",
                "show what it would undo (back to STEP), then ask",
                self._rollback,
                "rollback rollback_here rollback_pane",
            ),
            Word(
                "decline",
                "[WORDS]",
                "do not roll back though it was asked for",
                self._decline,
                "decline_rollback",
            ),
            Word("stop", "", "end the run here; nothing is undone", self._stop, "stop"),
            Word("take", "", "take the control of the run", self._take_control, "take_control"),
            Word("ask", "", "ask for the control of the run", self._ask_control, "ask_control"),
            Word("give", "", "give the control to who asks for it", self._give, "hand_over"),
            Word("keep", "", "keep it", self._keep, "hand_over"),
            Word("detach", "", "leave; a run with a process of its own goes on", self._detach, "detach"),
        ]

    async def _hold(self, step: str) -> None:
        await self._and_then(c.Hold(step=needed(step, "a step's id")))

    async def _release(self, step: str) -> None:
        await self._and_then(c.Release(step=needed(step, "a step's id")))

    async def _and_then(self, wish: Wish) -> None:
        """Say a wish, and what it comes to once it is taken in."""
        state = self.desk.state
        seq = state.seq
        await self.desk.wish(wish)
        await self.desk.heard(lambda: state.seq > seq)
        await tell_what_if(self.desk)

    async def _done(self, rest: str) -> None:
        step, _, result = needed(rest, "a step's id").partition(" ")
        await self.desk.wish(c.MarkDone(step=step, result=result.strip() or None))

    async def _changes(self, words: str) -> None:
        await self.desk.wish(c.Replan(words=needed(words, "what should be changed, in words")))

    async def _decline(self, words: str) -> None:
        await self.desk.wish(c.DeclineRollback(reason=words))

    async def _stop(self, _: str) -> None:
        if await self.desk.confirm("stop the run here? Running steps are cancelled, nothing is undone."):
            await self.desk.wish(c.Stop(reason="typed by the operator"))
        else:
            say("the run goes on")

    async def _rollback(self, back_to: str) -> None:
        answer = await self.desk.wish(c.PreviewRollback(back_to=back_to or None))
        shown = RollbackPlan.model_validate(answer["rollback"])
        if not any(item.fate == "planned" for item in shown.items):
            raise ControlRefused("there is nothing that could be undone", kept=UNCHANGED)
        for line in lines_of(shown):
            say(line)
        if await self.desk.confirm("roll back?"):
            await self.desk.wish(c.RollBack(hash=answer["hash"], back_to=back_to or None))
        else:
            say("nothing was rolled back")

    async def _detach(self, _: str) -> None:
        self._leave()

    # ── who holds the control ────────────────────────────────────────────────────────────────────

    async def _take_control(self, _: str) -> None:
        await self._shared().take_control()

    async def _ask_control(self, _: str) -> None:
        await self._shared().ask_control()

    async def _give(self, _: str) -> None:
        await self._shared().answer_control(yes=True)

    async def _keep(self, _: str) -> None:
        await self._shared().answer_control(yes=False)

    def _shared(self) -> Any:
        if not hasattr(self.desk.session, "take_control"):
            raise ControlRefused("the control is yours: the run is executed here")
        return self.desk.session
