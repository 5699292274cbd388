"""Steering a run without the screen: whole lines typed at a terminal, nothing that moves a cursor.

    hold 3        ?        roll back 2        edit

A line goes to the question that is open, or, where its first word is one of the words below, does what that
says; the question is put again then. `?` lists the words. What is refused is said, with the reason, and
changes nothing.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from console.commands import prompts
from console.commands.common import say
from console.commands.words.editing import Editing
from console.commands.words.looking import Looking
from console.commands.words.steering import Steering
from console.commands.words.word import Word
from console.errors import ControlRefused, PlandeckError
from console.headless import Follower, Show
from console.lines import line_of
from console.plan.model import Plan
from console.run import control as c
from console.run.control import Session, Wish
from console.run.events import Record
from console.run.standing import Request
from console.run.state import RunState
from console.text import clean, one_line

YES = ("y", "yes")

KEPT = 500
"""Lines of facts that can be told again."""


class Typed:
    """The person at a terminal without the screen. `answer` is what a `Follower` asks, `beside` runs beside
    it; `show` keeps lines back while an editor or a question has the terminal."""

    def __init__(self, session: Session, show: Show, by: str) -> None:
        self.session, self.by = session, by
        self._show = show
        self._kept: list[tuple[Record, RunState, Record | None]] | None = None
        self._follower: Follower | None = None
        self.lines: deque[str] = deque(maxlen=KEPT)
        self._bytes = b""
        self._prompt = self._name = ""
        self._doing = False
        self._asking: list[str | None] = []
        self._answered = anyio.Event()
        self._company: tuple[str, str, str] = ("", "", "")
        self._control = anyio.Event()
        self.words = {word.name: word for word in self._all_words()}
        if hasattr(session, "on_control"):
            session.on_control = self._on_control

    # ── what is heard ────────────────────────────────────────────────────────────────────────────

    def show(self, record: Record, state: RunState, then: Record | None) -> None:
        if line := line_of(record, state, then):
            self.lines.append(line)
        if self._kept is not None:
            self._kept.append((record, state, then))
        else:
            self._show(record, state, then)

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
            piece = os.read(sys.stdin.fileno(), 65_536)
            if not piece:
                return None
            self._bytes += piece
        line, _, self._bytes = self._bytes.partition(b"\n")
        return line.decode("utf-8", "replace").strip()

    async def _take(self, line: str) -> None:
        first, _, rest = line.partition(" ")
        word = self.words.get(first.lower())
        if word is None or self._is_answer(line):
            if self._prompt:
                self._asking.append(line)
                self._answered.set()
            elif line:
                say(f"there is nothing to answer and no word {one_line(first, 40)!r}; ? lists the words")
            return
        self._doing = True
        try:
            await word.do(rest.strip())
        except PlandeckError as error:
            say(f"! {clean(str(error))}")
        finally:
            self._doing = False
        if self._prompt:
            self._put_prompt()

    def _is_answer(self, line: str) -> bool:
        """Whether the open question takes this line, though it begins with a word: one of its answers, or
        the name of a tool that is to be typed."""
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
        try:
            wish = await prompts.ask(request, state, self.read, self.session.directory)
        finally:
            self._prompt = ""
        if isinstance(wish, c.Approve) and not self.ours:
            return c.Countersign(**wish.model_dump())
        return wish

    async def read(self, prompt: str, name: str = "") -> str | None:
        """One line in answer to a prompt; `None` when nobody is there any more."""
        self._prompt, self._name = prompt, name
        if not self._doing:  # else once, when the word is done
            self._put_prompt()
        while not self._asking:
            self._answered = anyio.Event()
            await self._answered.wait()
        self._prompt = ""
        return self._asking.pop(0)

    def _put_prompt(self) -> None:
        sys.stdout.write(self._prompt)
        sys.stdout.flush()

    async def confirm(self, question: str) -> bool:
        """A question of a word's own: the next line is its answer, whatever it says."""
        sys.stdout.write(f"{question} [y/N] ")
        sys.stdout.flush()
        return (await self._line() or "").lower() in YES

    # ── who holds the control ────────────────────────────────────────────────────────────────────

    def _on_control(self) -> None:
        holder, asker, kept = (str(getattr(self.session, one, "")) for one in ("holder", "asker", "kept"))
        before, self._company = self._company, (holder, asker, kept)
        if holder != before[0]:
            say(
                "you hold the control of this run" if self.ours else f"{holder or 'nobody'} holds the control"
            )
        if asker and asker != before[1]:
            todo = ": type give or keep" if self.ours else ""
            say(f"{asker} asks for the control{todo}")
        if kept and kept != before[2]:
            say(f"the control was not given: {kept}")
        self._control.set()

    # ── the words ────────────────────────────────────────────────────────────────────────────────

    def _all_words(self) -> list[Word]:
        help_ = Word("?", "", "list these words", self._help, "help palette")
        rooms = (Looking(self).words(), Steering(self, self._leave).words(), Editing(self).words())
        return [help_, *(word for words in rooms for word in words)]

    async def _help(self, _: str) -> None:
        for word in self.words.values():
            say(f"  {f'{word.name} {word.takes}'.strip()}: {word.told}")
        if self._prompt:
            say("  anything else answers the question")

    def _leave(self) -> None:
        if self._follower is not None:
            self._follower.leave()

    # ── what the words need ──────────────────────────────────────────────────────────────────────

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
