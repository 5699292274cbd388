"""Steering a run without the screen: whole lines typed at a terminal, nothing that moves a cursor.

    hold 3        ?        rollback 2        edit

A line goes to the question that is open, or, where its first word is one of the words (words/table.py), does
what that says; the question is put again then. `?` lists the words. What is refused is said, with the reason,
and changes nothing. A line that was there before the question was put does not answer it.
"""

from __future__ import annotations

import array
import fcntl
import os
import sys
import termios
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import typer

from console.commands.common import HUNG_UP, put, say
from console.commands.prompts import YES, Question
from console.commands.words.table import TABLE
from console.errors import ControlRefused, PlandeckError
from console.headless import Follower, Show
from console.lines import line_of
from console.plan.edit import EditHistory
from console.plan.model import Plan, StepId
from console.run import control as c
from console.run import events as ev
from console.run.control import Session, Wish
from console.run.events import Record
from console.run.life import RunStatus, StepStatus
from console.run.standing import Request
from console.run.state import RunState
from console.text import clean, one_line

KEPT = 500
"""Lines of facts that can be told again."""

GOING = (StepStatus.RUNNING, StepStatus.READY)
WRONG = (StepStatus.FAILED, StepStatus.CANCELLED, StepStatus.IN_DOUBT)


class Typed:
    """The person at a terminal without the screen. `answer` is what a `Follower` asks, `beside` runs beside
    it; `show` keeps lines back while an editor or a question has the terminal. `pause` is called before a
    question is put. Records up to number `after` are told only when asked for. A `Desk` of the words."""

    def __init__(
        self,
        session: Session,
        show: Show,
        by: str,
        pause: Callable[[], None] = lambda: None,
        after: int = 0,
    ) -> None:
        self.session, self.by = session, by
        self.history = EditHistory(Plan())
        self.question: Question | None = None
        self.lines: deque[str] = deque(maxlen=KEPT)
        self._show, self._pause, self._after = show, pause, after
        self._shown: Plan | None = None
        self._kept: list[tuple[Record, RunState, Record | None]] | None = None
        self._follower: Follower | None = None
        self._bytes = b""
        self._prompt = self._name = ""
        self._ahead, self._early = 0, False
        self._doing = False
        self._stood = ""
        self._asking: list[str | None] = []
        self._answered = anyio.Event()
        self._company: tuple[str, str, str] = ("", "", "")
        self._control = anyio.Event()
        if hasattr(session, "on_control"):
            session.on_control = self._on_control

    # ── what is heard ────────────────────────────────────────────────────────────────────────────

    def show(self, record: Record, state: RunState, then: Record | None) -> None:
        line = line_of(record, state, then)
        if line:
            self.lines.append(line)
        if record.seq <= self._after or self._follows(record):
            return
        if self._kept is not None:
            self._kept.append((record, state, then))
            return
        waits = bool(line) and self._is_put
        if waits:  # not behind the prompt, nor behind what is being typed there
            put("\n")
        self._show(record, state, then)
        if waits and self.question and self.question.request.id in state.requests:
            self._put_prompt()
        elif waits:
            self._prompt = ""
        elif then is None and (still := self._standstill(state)):
            say(still)

    def _follows(self, record: Record) -> bool:
        """Whether the question itself follows on what would only tell of it."""
        if not self.ours or self._follower is None:
            return False
        if isinstance(record.event, ev.RequestWithdrawn):
            return self._doing
        return isinstance(record.event, ev.ApprovalRequested) and self._follower.question() is not None

    def _standstill(self, state: RunState) -> str:
        """What is said where nothing goes on but for somebody here; empty where something does, and where
        that was said already."""
        by_status: dict[StepStatus, list[StepId]] = {}
        for step, life in state.steps.items():
            if not life.gone_round:
                by_status.setdefault(life.status, []).append(step)
        held = by_status.get(StepStatus.HELD, [])
        ways = [f"{', '.join(held)} held: type release STEP"] if held else []
        stands = state.status is RunStatus.RUNNING and bool(held)
        if state.status is RunStatus.PAUSED:
            stands = True
            wrong = [step for status in WRONG for step in by_status.get(status, [])]
            ways += [f"{', '.join(wrong)} not done: type retry, skip or done STEP"] if wrong else []
            ways.append("the run is paused: type continue")
        stands = stands and self.ours and not state.requests and not any(map(by_status.get, GOING))
        said = f"nothing goes on; {'; '.join(ways)}" if stands else ""
        before, self._stood = self._stood, said
        return said if said != before else ""

    @property
    def state(self) -> RunState:
        return self._follower.state if self._follower else RunState()

    @property
    def ours(self) -> bool:
        """Whether what is wished here is heard."""
        return bool(getattr(self.session, "has_control", True))

    async def beside(self, follower: Follower) -> None:
        """Take in what is typed, as long as the run is followed."""
        self._follower = follower
        say("type ? for what can be done here")
        while True:
            line = await self._line()
            if line is None:
                # The end of the input: who asks next is told that nobody is there.
                self._asking.append(None)
                self._answered.set()
                await anyio.sleep_forever()
                return
            await self._take(line)

    async def _line(self) -> str | None:
        """The next line of the terminal; `None` at its end. No thread waits for it: one would outlive us."""
        while b"\n" not in self._bytes:
            await anyio.wait_readable(sys.stdin)
            try:
                piece = os.read(sys.stdin.fileno(), 65_536)
            except OSError:  # the terminal is gone, though nobody has sent the signal for it
                raise typer.Exit(HUNG_UP) from None
            if not piece:
                return None
            self._bytes += piece
        line, _, self._bytes = self._bytes.partition(b"\n")
        self._early = self._ahead > 0
        self._ahead = max(0, self._ahead - len(line) - 1)
        return clean(line).strip()

    async def _take(self, line: str) -> None:
        first, _, rest = line.partition(" ")
        word = TABLE.get(first.lower())
        if word is None or self._is_answer(line):
            if self._prompt and self._early:
                say("this was typed before the question was put: it answers nothing")
            elif self._prompt:
                self._prompt = ""  # what comes behind it was there before the next question
                self._asking.append(line)
                self._answered.set()
            elif line:
                say(f"there is nothing to answer and no word {one_line(first, 40)!r}; ? lists the words")
            return
        self._doing = True
        try:
            await word.do(self, rest.strip())
        except PlandeckError as error:
            say(f"! {clean(str(error))}")
        finally:
            self._doing = False
        if self._prompt:
            self._put_prompt()

    def _is_answer(self, line: str) -> bool:
        """Whether the open question takes this line, though it begins with a word: one of its answers, or
        the name that is to be typed."""
        if self._prompt and line == self._name:
            return True
        options = [option for request in self.state.requests.values() for option in request.options]
        return bool(self._prompt) and line.lower().replace(" ", "_") in options

    # ── questions ────────────────────────────────────────────────────────────────────────────────

    async def answer(self, request: Request, state: RunState) -> Wish | None:
        """Put a question of the run once it is ours to answer."""
        while not (self.ours or request.signed):
            self._control = anyio.Event()
            await self._control.wait()
        question = self.question = Question(request, state, self.session.directory)
        self._pause()
        if sys.stdout.isatty() and not self._doing:  # what one has just caused oneself needs no bell
            put("\a")
        try:
            for line in question.lines(self._shown):
                say(line)
            if request.scope == "plan":
                self._shown = state.plan
            wish = await question.answer(self.read)
        finally:
            self._prompt, self.question = "", None
        if isinstance(wish, c.Approve) and not self.ours:
            return c.Countersign(**wish.model_dump())
        return wish

    async def read(self, prompt: str, name: str = "") -> str | None:
        """One line in answer to a prompt; `None` when nobody is there any more."""
        self._prompt, self._name = prompt, name
        self._ahead = len(self._bytes) + _waiting()
        if not self._doing:  # else once, when the word is done
            self._put_prompt()
        while not self._asking:
            self._answered = anyio.Event()
            await self._answered.wait()
        self._prompt = ""
        return self._asking.pop(0)

    @property
    def _is_put(self) -> bool:
        """Whether the prompt is the last that stands on the terminal."""
        return bool(self._prompt) and not self._doing

    def _put_prompt(self) -> None:
        put(self._prompt)

    async def confirm(self, question: str) -> bool:
        """A question of a word's own: the next line is its answer, whatever it says."""
        put(f"{question} [y/N] ")
        return (await self._line() or "").lower() in YES

    # ── who holds the control ────────────────────────────────────────────────────────────────────

    def _on_control(self) -> None:
        holder, asker, kept = (str(getattr(self.session, one, "")) for one in ("holder", "asker", "kept"))
        before, self._company = self._company, (holder, asker, kept)
        if holder != before[0] and not getattr(self.session, "gone", ""):
            say(
                "you hold the control of this run" if self.ours else f"{holder or 'nobody'} holds the control"
            )
        if asker and asker != before[1]:
            todo = ": type give or keep" if self.ours else ""
            say(f"{asker} asks for the control{todo}")
        if kept and kept != before[2]:
            say(f"the control was not given: {kept}")
        self._control.set()

    # ── what the words need ──────────────────────────────────────────────────────────────────────

    def leave(self) -> None:
        self._prompt = ""
        if self._follower is not None:
            self._follower.leave()

    async def wish(self, wish: Wish) -> Any:
        """Say a wish. Raises `ControlRefused`."""
        control = self.session.control
        if control is None:
            raise ControlRefused("nothing can be wished of this run any more")
        return await control.wish(wish, by=self.by)

    async def heard(self, holds: Callable[[], bool]) -> None:
        """Wait for records until something holds."""
        if self._follower is not None:
            await self._follower.heard(holds)

    async def in_editor(self, plan: Plan, take: Callable[[Plan], Awaitable[None]]) -> None:
        """Have a plan written anew in the operator's editor; facts wait until it is closed."""
        from console.commands.editor import edited

        self._kept = []
        try:
            said = await edited(plan, take, self.confirm)
        finally:
            kept, self._kept = self._kept, None
            for record, then_state, then in kept:
                self._show(record, then_state, then)
        say(said)


def _waiting() -> int:
    """The bytes of whole lines that wait to be read."""
    count = array.array("i", [0])
    try:
        fcntl.ioctl(sys.stdin, termios.FIONREAD, count)
    except OSError:
        return 0
    return count[0]
