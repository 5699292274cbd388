"""Steering a run without the screen: whole lines typed at a terminal, nothing that moves a cursor.

    hold 3        ?        roll back 2        edit

A line goes to the question that is open, or, where its first word is one of the words below, does what that
says; the question is put again then. `?` lists the words. What is refused is said, with the reason, and
changes nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anyio
from anyio import to_thread

from console.catalog.fit import faults as misfits
from console.commands import prompts
from console.commands.common import say
from console.commands.steer import lines_of
from console.errors import ControlRefused, InvalidPlan, PlandeckError
from console.headless import Follower, Show
from console.lines import name_of
from console.plan.model import Plan
from console.run import control as c
from console.run.control import Session, Wish
from console.run.events import Record, RollbackPlan
from console.run.life import RunStatus
from console.run.standing import Request
from console.run.state import RunState
from console.text import clean, one_line

YES = ("y", "yes")


@dataclass(frozen=True, slots=True)
class Word:
    """What can be typed: `takes` names what follows the word, `told` says what it does."""

    name: str
    takes: str
    told: str
    do: Callable[[str], Awaitable[None]]


class Typed:
    """The person at a terminal without the screen. `answer` is what a `Follower` asks, `beside` runs beside
    it; `show` keeps lines back while an editor or a question has the terminal."""

    def __init__(self, session: Session, show: Show, by: str) -> None:
        self.session, self.by = session, by
        self._show = show
        self._kept: list[tuple[Record, RunState, Record | None]] | None = None
        self._follower: Follower | None = None
        self._bytes = b""
        self._prompt = ""
        self._asking: list[str | None] = []
        self._answered = anyio.Event()
        self._company: tuple[str, str, str] = ("", "", "")
        self._control = anyio.Event()
        self.words = {word.name: word for word in self._all_words()}
        if hasattr(session, "on_control"):
            session.on_control = self._on_control

    # ── what is heard ────────────────────────────────────────────────────────────────────────────

    def show(self, record: Record, state: RunState, then: Record | None) -> None:
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
        try:
            await word.do(rest.strip())
        except PlandeckError as error:
            say(f"! {clean(str(error))}")
        if self._prompt:
            self._put_prompt()

    def _is_answer(self, line: str) -> bool:
        """Whether the open question takes this line, though it begins with a word."""
        options = [option for request in self.state.requests.values() for option in request.options]
        return bool(self._prompt) and line.lower().replace(" ", "_") in options

    # ── questions ────────────────────────────────────────────────────────────────────────────────

    async def answer(self, request: Request, state: RunState) -> Wish | None:
        """Put a question of the run once it is ours to answer."""
        while not (self.ours or request.signed):
            self._control = anyio.Event()
            await self._control.wait()
        try:
            wish = await prompts.ask(request, state, self.read)
        finally:
            self._prompt = ""
        if isinstance(wish, c.Approve) and not self.ours:
            return c.Countersign(**wish.model_dump())
        return wish

    async def read(self, prompt: str) -> str | None:
        """One line in answer to a prompt; `None` when nobody is there any more."""
        self._prompt = prompt
        self._put_prompt()
        while not self._asking:
            self._answered = anyio.Event()
            await self._answered.wait()
        self._prompt = ""
        return self._asking.pop(0)

    def _put_prompt(self) -> None:
        sys.stdout.write(self._prompt)
        sys.stdout.flush()

    async def _confirm(self, question: str) -> bool:
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

    async def _take_control(self, _: str) -> None:
        await self._shared().take_control()

    async def _ask_control(self, _: str) -> None:
        await self._shared().ask_control()

    async def _give(self, _: str) -> None:
        await self._shared().answer_control(yes=True)

    async def _keep(self, _: str) -> None:
        await self._shared().answer_control(yes=False)

    def _shared(self) -> Any:
        if not hasattr(self.session, "take_control"):
            raise ControlRefused("the control is yours: the run is executed here")
        return self.session

    # ── the words ────────────────────────────────────────────────────────────────────────────────

    def _all_words(self) -> list[Word]:
        def about(wish: Callable[[str], Wish]) -> Callable[[str], Awaitable[None]]:
            async def do(step: str) -> None:
                await self._wish(wish(_needed(step, "a step's id")))

            return do

        def plain(wish: Callable[[str], Wish]) -> Callable[[str], Awaitable[None]]:
            async def do(rest: str) -> None:
                await self._wish(wish(rest))

            return do

        return [
            Word("?", "", "list these words", self._help),
            Word("plan", "", "every step and how it stands", self._plan),
            Word("step", "STEP", "all of one step: what it runs, what undoes it, how it went", self._step),
            Word("output", "STEP", "the end of what a step put out", self._output),
            Word("hold", "STEP", "do not start it before it is released", about(lambda s: c.Hold(step=s))),
            Word("release", "STEP", "let a held step start", about(lambda s: c.Release(step=s))),
            Word("skip", "STEP", "go on without it", about(lambda s: c.Skip(step=s))),
            Word("retry", "STEP", "try it again", about(lambda s: c.Retry(step=s))),
            Word("cancel", "STEP", "end what it runs", about(lambda s: c.Cancel(step=s))),
            Word("done", "STEP [RESULT]", "take it as done by hand, with this result", self._done),
            Word("verify", "STEP", "ask its tool's probe", about(lambda s: c.Probe(step=s))),
            Word("pause", "", "start nothing more", plain(lambda _: c.Pause())),
            Word("continue", "", "start steps again", plain(lambda _: c.Continue())),
            Word("edit", "", "change the plan in $EDITOR", self._edit),
            Word("changes", "WORDS", "have the planner change the plan so", self._changes),
            Word("expand", "PHASE", "have a phase planned", about(lambda s: c.ExpandPhase(phase=s))),
            Word("calloff", "", "end the planning that is under way", plain(lambda _: c.CallOff())),
            Word("rollback", "[STEP]", "show what it would undo (back to STEP), then ask", self._rollback),
            Word("decline", "[WORDS]", "do not roll back though it was asked for", self._decline),
            Word("stop", "", "end the run here; nothing is undone", self._stop),
            Word("take", "", "take the control of the run", self._take_control),
            Word("ask", "", "ask for the control of the run", self._ask_control),
            Word("give", "", "give the control to who asks for it", self._give),
            Word("keep", "", "keep it", self._keep),
            Word("detach", "", "leave; a run with a process of its own goes on", self._detach),
        ]

    async def _wish(self, wish: Wish) -> Any:
        control = self.session.control
        if control is None:
            raise ControlRefused("nothing can be wished of this run any more")
        return await control.wish(wish, by=self.by)

    async def _help(self, _: str) -> None:
        for word in self.words.values():
            say(f"  {f'{word.name} {word.takes}'.strip()}: {word.told}")
        if self._prompt:
            say("  anything else answers the question")

    async def _plan(self, _: str) -> None:
        state = self.state
        say(f"run {state.run}: {state.status.value.replace('_', ' ')}, revision {state.revision}")
        for leaf in state.plan.leaves() if state.plan else ():
            life = state.steps[leaf.id]
            why = f": {one_line(life.reason, 200)}" if life.reason else ""
            say(f"  {name_of(leaf.id, state)}: {life.status.value.replace('_', ' ')}{why}")
        for request in state.requests.values():
            say(f"  waits for an answer: {request.scope.replace('_', ' ')} {request.step}".rstrip())

    def _found(self, step: str) -> str:
        try:
            self.state.step(_needed(step, "a step's id"))
        except KeyError:
            raise ControlRefused("there is no such step", where=f"step {one_line(step, 60)}") from None
        return step

    async def _step(self, step: str) -> None:
        state = self.state
        step = self._found(step)
        life, written = state.step(step), state.find(step)
        say(prompts.step_line(written, state))
        say(
            f"  it is {life.status.value.replace('_', ' ')}{f': {clean(life.reason)}' if life.reason else ''}"
        )
        for attempt in life.attempts:
            code = "" if attempt.exit_code is None else f", exit code {attempt.exit_code}"
            say(f"  attempt {attempt.number}: {attempt.outcome or 'running'}{code}")
            for line in clean(attempt.tail).splitlines():
                say(f"    stderr: {line}")

    async def _output(self, step: str) -> None:
        from console.run.control import spool

        attempt = self.state.step(self._found(step)).attempt
        if attempt is None:
            raise ControlRefused("it has put out nothing: it has not started", where=f"step {step}")
        folder = spool(self.session.directory, attempt.key)
        for name, label in (("out", ""), ("err", "stderr: ")):
            tail = await to_thread.run_sync(_tail, folder / name)
            for line in clean(tail).splitlines():
                say(f"  {label}{line}")

    async def _done(self, rest: str) -> None:
        step, _, result = _needed(rest, "a step's id").partition(" ")
        await self._wish(c.MarkDone(step=step, result=result.strip() or None))

    async def _changes(self, words: str) -> None:
        await self._wish(c.Replan(words=_needed(words, "what should be changed, in words")))

    async def _decline(self, words: str) -> None:
        await self._wish(c.DeclineRollback(reason=words))

    async def _stop(self, _: str) -> None:
        if await self._confirm("stop the run here? Running steps are cancelled, nothing is undone."):
            await self._wish(c.Stop(reason="typed by the operator"))
        else:
            say("the run goes on")

    async def _rollback(self, back_to: str) -> None:
        answer = await self._wish(c.PreviewRollback(back_to=back_to or None))
        shown = RollbackPlan.model_validate(answer["rollback"])
        if not any(item.fate == "planned" for item in shown.items):
            raise ControlRefused("there is nothing that could be undone", kept="nothing was changed")
        for line in lines_of(shown):
            say(line)
        if await self._confirm("roll back?"):
            await self._wish(c.RollBack(hash=answer["hash"], back_to=back_to or None))
        else:
            say("nothing was rolled back")

    async def _detach(self, _: str) -> None:
        if self._follower is not None:
            self._follower.leave()

    # ── editing ──────────────────────────────────────────────────────────────────────────────────

    async def _edit(self, _: str) -> None:
        """The plan as YAML in the operator's editor; facts wait until it is closed."""
        from console.commands.editor import edited

        state = self.state
        if state.plan is None:
            raise ControlRefused("there is no plan yet")
        if state.status in (RunStatus.ROLLING_BACK,) or state.status.is_final:
            raise ControlRefused(f"the run is {state.status.value.replace('_', ' ')}")
        revision = state.revision

        async def take(plan: Plan) -> None:
            if faults := misfits(plan, self.state.catalog):
                raise InvalidPlan(faults)
            summary = "edited in $EDITOR"
            await self._wish(c.ChangePlan(plan=plan, revision=revision, summary=summary))

        self._kept = []
        try:
            said = await edited(state.plan, take, self._confirm)
        finally:
            kept, self._kept = self._kept, None
            for record, then_state, then in kept:
                self._show(record, then_state, then)
        say(said)


def _needed(text: str, what: str) -> str:
    if not text:
        raise ControlRefused(f"it needs {what}", kept="nothing was changed", todo="Type ? for the words")
    return text


def _tail(file: Any, size: int = 4000) -> str:
    try:
        with file.open("rb") as source:
            source.seek(0, 2)
            source.seek(max(0, source.tell() - size))
            return str(source.read().decode("utf-8", "replace"))
    except FileNotFoundError:
        return ""
