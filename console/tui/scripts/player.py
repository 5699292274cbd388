"""Plays a session script in a running console: presses its keys, waits for what it waits for, and holds it
to what it expects.

    Player(script, pilot, pace) ── press, type ──> ConsoleApp
                                <── state, text ──

What differs between a demo and a test is the `Pace`: how time passes, and what is done with a caption
and a snapshot. A line that does not come true ends the session with `OffScript`, which names it.
"""

from __future__ import annotations

import time
from typing import Protocol

from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from console.errors import PlandeckError
from console.run.state import RunState
from console.tui.app import ConsoleApp
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


class OffScript(PlandeckError):
    """The session went another way than its script."""


class Pace(Protocol):
    """How time passes while a script is played, and who watches."""

    def is_quiet(self, state: RunState) -> bool:
        """Whether nothing more happens in the run until time passes or a key is pressed."""

    async def pass_time(self) -> bool:
        """Let time pass until something may have happened; False when nothing will by itself."""

    async def press(self, player: Player, key: str) -> None:
        """Press a key with `player.send`, when the time for it has come."""

    async def say(self, player: Player, text: str) -> None:
        """Show a caption."""

    async def snapshot(self, player: Player, name: str) -> None:
        """The script wants this moment kept."""


class Player:
    """Plays `script` in the application that `pilot` drives."""

    def __init__(self, script: Script, pilot: Pilot[int], pace: Pace) -> None:
        assert isinstance(pilot.app, ConsoleApp)
        self.script = script
        self.pilot = pilot
        self.app: ConsoleApp = pilot.app
        self.pace = pace

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
                await self._press(line, text)
            case WaitFor(condition=condition):
                await self._wait_for(line, condition)
            case Expect(condition=condition):
                await self.settle()
                if missing := self._missing(condition):
                    raise self.off(line, f"expected {condition}: {missing}")
            case Say(text=text):
                await self.pace.say(self, text)
            case Snapshot(name=name):
                await self.settle()
                await self.pace.snapshot(self, name)

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────

    async def _press(self, line: Line, keys: str | tuple[str, ...]) -> None:
        for key in keys:
            if not self.app.is_running:
                raise self.off(line, "the console was left before")
            await self.pace.press(self, key)

    async def send(self, key: str) -> None:
        """Press a key and wait until what follows from it is on the screen."""
        await self.pilot.press(key)
        await self.settle()

    # ── waiting ──────────────────────────────────────────────────────────────────────────────────

    async def _wait_for(self, line: Line, condition: Condition) -> None:
        ends = time.monotonic() + PATIENCE
        while True:
            if condition.looks and not condition.missing(self.state):
                await self.settle()
            missing = self._missing(condition)
            if not missing:
                break
            if self.pace.is_quiet(self.state) and not await self.pace.pass_time():
                await self.settle()
                if missing := self._missing(condition):
                    raise self.off(line, f"{condition} will never be: {missing}")
                break
            if time.monotonic() > ends:
                raise self.off(line, f"{condition} did not come within {PATIENCE:.0f} s: {missing}")
            await self.pilot.pause(NAP)
        await self.settle()

    def _missing(self, condition: Condition) -> str:
        return condition.missing(self.state) or (condition.looks and condition.missing_on(self.text())) or ""

    async def settle(self) -> None:
        """Wait until the screen shows everything that follows from what has happened."""
        ends = time.monotonic() + PATIENCE
        await self.pilot.pause()
        while not self._is_settled() and time.monotonic() < ends:
            await self.pilot.pause(NAP)
        await self.pilot.pause()

    def _is_settled(self) -> bool:
        screen = self.run_screen
        if screen is None or not self.app.is_running:
            return self.script.begin == "picker" or not self.app.is_running
        state = screen.bridge.state
        if not (screen.bridge.ready and self.pace.is_quiet(state)):
            return False
        screen.refresh_run()
        return screen.insight_of is state.plan or state.plan is None

    # ── looking ──────────────────────────────────────────────────────────────────────────────────

    def text(self) -> str:
        """What is on the screen."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines)

    def still(self) -> None:
        """Take from the screen what moves by itself: the blinking of cursors, and what was said in
        passing."""
        self.app.clear_notifications()
        for widget in self.app.screen.query("Input, TextArea").results(Input | TextArea):
            widget.cursor_blink = False

    def off(self, line: Line, what: str) -> OffScript:
        shown = [row for row in self.text().splitlines() if row.strip()]
        return OffScript(
            what,
            where=f"{self.script.path.name}:{line.number}",
            kept=f"on the screen: {shown[0].strip() if shown else 'nothing'}",
        )
