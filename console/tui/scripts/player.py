"""Plays a session script in a running console: presses its keys, waits for what it waits for, and holds it
to what it expects.

    Player(script, pilot, pace) ── press, type ──> ConsoleApp
                                <── state, text ──

What differs between a demo and a test is the `Pace`: how time passes, and what is done with a caption
and a snapshot. A line that does not come true ends the session with `OffScript`, which names it.
"""

from __future__ import annotations

import asyncio
import time
import unicodedata
from typing import Protocol
from weakref import WeakSet

from textual import events
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from console.errors import PlandeckError
from console.run.state import RunState
from console.tui.app import ConsoleApp
from console.tui.screens.modal import Settle
from console.tui.screens.run import RunScreen
from console.tui.scripts.model import (
    Condition,
    Expect,
    Line,
    Press,
    Say,
    Script,
    Snapshot,
    TypeIn,
    WaitFor,
)

PATIENCE = 30.0
"""Seconds of real time that something may take to come to hold."""

NAP = 0.01

VERDICT = 0.1
"""Seconds after which a screen that takes keys has said so."""


class OffScript(PlandeckError):
    """The session went another way than its script."""


class Pace(Protocol):
    """How time passes while a script is played, and who watches."""

    def is_quiet(self, state: RunState) -> bool:
        """Whether nothing more happens in the run until time passes or a key is pressed."""

    async def pass_time(self) -> bool:
        """Let time pass until something may have happened; False when nothing will by itself."""

    async def before_key(self, player: Player, *, typing: bool = False) -> None:
        """Wait until it is time for the next key."""

    async def say(self, player: Player, text: str) -> None:
        """Show a caption."""

    async def snapshot(self, player: Player, name: str) -> None:
        """The script wants this moment kept."""


def key_event(key: str) -> events.Key:
    """The key as a terminal gives it."""
    if len(key) == 1 and not key.isalnum():
        key = _character_to_key(key)
    try:
        char: str | None = unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(key, key)))
    except KeyError:
        char = key if len(key) == 1 else None
    return events.Key(key, char)


class Player:
    """Plays `script` in the application that `pilot` drives."""

    def __init__(self, script: Script, pilot: Pilot[int], pace: Pace) -> None:
        assert isinstance(pilot.app, ConsoleApp)
        self.script = script
        self.pilot = pilot
        self.app: ConsoleApp = pilot.app
        self.pace = pace
        self.sent: WeakSet[events.Key] = WeakSet()

    @property
    def run_screen(self) -> RunScreen | None:
        """The main screen, also while another is over it."""
        return next((s for s in self.app.screen_stack if isinstance(s, RunScreen) and s.is_mounted), None)

    @property
    def state(self) -> RunState:
        screen = self.run_screen
        return screen.bridge.state if screen else RunState()

    async def play(self) -> None:
        """Play every line. Raises `OffScript` at the first that does not come true."""
        await self.settle()
        for line in self.script.lines:
            await self._play(line)

    async def _play(self, line: Line) -> None:
        match line:
            case Press(keys=keys):
                await self._press(line, keys)
            case TypeIn(text=text):
                await self._type(line, text)
            case WaitFor(condition=condition):
                await self._wait_for(line, condition)
            case Expect(condition=condition):
                await self.settle()
                if missing := self._missing(condition):
                    raise self.off(line, f"expected {condition}: {missing}")
            case Say(text=text):
                await self.pace.say(self, text)
            case Snapshot(name=name):
                await self.rest()
                await self.pace.snapshot(self, name)

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────

    async def _press(self, line: Line, keys: tuple[str, ...]) -> None:
        for key in keys:
            await self._ready(line)
            await self.pace.before_key(self)
            self.send(key)
            await self.settle()

    async def _type(self, line: Line, text: str) -> None:
        await self._ready(line)
        for char in text:
            await self.pace.before_key(self, typing=True)
            self.send("enter" if char == "\n" else char)
        await self.settle()

    async def _ready(self, line: Line) -> None:
        """A screen takes no key for a moment after it came; nor is anything typed ahead here."""
        if not self.app.is_running:
            raise self.off(line, "the console was left before")
        await self._calm()

    def send(self, key: str) -> None:
        """Press a key, as if it came from the terminal."""
        event = key_event(key)
        self.sent.add(event)
        self.app.post_message(event)

    # ── waiting ──────────────────────────────────────────────────────────────────────────────────

    async def _wait_for(self, line: Line, condition: Condition) -> None:
        waited = 0.0
        while missing := await self._still_missing(condition):
            begun = time.monotonic()
            if not self.pace.is_quiet(self.state):
                await asyncio.sleep(NAP)
            elif not await self._time_passes():
                if missing := self._missing(condition, or_was=True):
                    raise self.off(line, f"{condition} will never be: {missing}")
                break
            # Whoever watches a demo may hold it for as long as they want.
            waited += min(1.0, time.monotonic() - begun)
            if waited > PATIENCE:
                raise self.off(line, f"{condition} did not come within {PATIENCE:.0f} s: {missing}")
        await self.settle()

    async def _time_passes(self) -> bool:
        """Let time pass for somebody who has seen what there is until then."""
        await self.settle()
        return await self.pace.pass_time()

    async def _still_missing(self, condition: Condition) -> str:
        if condition.looks and not condition.missing(self.state, or_was=True):
            await self.settle()
        return self._missing(condition, or_was=True)

    def _missing(self, condition: Condition, *, or_was: bool = False) -> str:
        missing = condition.missing(self.state, or_was=or_was)
        return missing or (condition.missing_on(self.text()) if condition.looks else "")

    async def settle(self) -> None:
        """Wait until the screen shows everything that follows from what has happened."""
        ends = time.monotonic() + PATIENCE
        await self.pilot.pause(0)
        while time.monotonic() < ends:
            if not self._is_settled():
                await asyncio.sleep(NAP)
                continue
            if screen := self.run_screen:
                screen.refresh_run()
            await self.pilot.pause()
            if self._is_settled():  # looking anew has begun nothing
                return

    async def _calm(self) -> None:
        """Wait until the screen on top takes keys, and says so."""
        screen = self.app.screen
        settle = getattr(screen, "settle", None)
        if isinstance(settle, Settle) and not settle.over:
            await asyncio.sleep(settle.seconds)
            await self.pilot.pause(VERDICT)

    def _is_settled(self) -> bool:
        screen = self.run_screen
        if screen is None or not self.app.is_running:
            return self.script.begin == "picker" or not self.app.is_running
        return self.pace.is_quiet(screen.bridge.state) and screen.is_settled

    # ── looking ──────────────────────────────────────────────────────────────────────────────────

    def text(self) -> str:
        """What is on the screen."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines)

    async def rest(self) -> None:
        """Wait until the screen is as it stays."""
        await self.settle()
        await self._calm()
        self.still()
        await self.settle()

    def still(self) -> None:
        """Take from the screen what moves by itself: times that run, the blinking of cursors, and what
        was said in passing."""
        if run_screen := self.run_screen:
            run_screen.tick()
        self.app.clear_notifications()
        screen = self.app.screen
        for field in (*screen.query(Input), *screen.query(TextArea)):
            field.cursor_blink = False

    def off(self, line: Line, what: str) -> OffScript:
        shown = [row for row in self.text().splitlines() if row.strip()]
        return OffScript(
            what,
            where=f"{self.script.path.name}:{line.number}",
            kept=f"on the screen: {shown[0].strip() if shown else 'nothing'}",
        )
