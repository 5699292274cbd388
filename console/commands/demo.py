"""A session script as a demo: played in a console on the terminal, with captions and pauses.

Whoever watches can pause, go on at once, take over or leave. On a stage (the default) the steps are acted
and nothing is started; live, the sample runs for real in a world of its own. A script presses every key
itself, the approving ones too, so live it plays nothing but tasks that bring such a world.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import events
from textual.pilot import Pilot

from console.commands.ordering import Front, order_for
from console.commands.staging import opening, order_of, shown, task_of
from console.errors import PlandeckError, UsageError
from console.run.control import Session
from console.run.state import RunState
from console.service.host import host, perform
from console.service.order import save_order
from console.service.stage import Stage
from console.service.unwrap import heart
from console.tui import app as application
from console.tui.app import DETACHED, ConsoleApp, Options
from console.tui.scripts.caption import KEYS, OVER, PAUSED, hide_caption, show_caption
from console.tui.scripts.model import Script
from console.tui.scripts.player import Player

if TYPE_CHECKING:
    pass

READ = 0.055
"""Seconds a caption stays for each of its letters, at least `READ_LEAST`."""

READ_LEAST = 2.0
KEY, LETTER = 0.7, 0.06
"""Seconds before a key, and before a letter of a word that is typed."""

MOST = 2.0
"""Seconds that the stage waits at most for what comes next."""


LOOK = 0.05
"""Seconds between two looks at a run that goes on by itself."""


class DemoApp(ConsoleApp):
    """The console while a script plays: the keys of the terminal are those of whoever watches."""

    CSS_PATH = str(Path(application.__file__).with_name("app.tcss"))

    def __init__(self, session: Session | None, options: Options, watching: Watching) -> None:
        super().__init__(session, options)
        self.watching = watching

    def exit(self, result: int | None = None, return_code: int = 0, message: Any = None) -> None:
        """However the screen is left, by a key or by a signal: the script ends with it. Of a run that was
        only acted nothing is left that could be shown or taken up."""
        self.watching.stop()
        if self.watching.stage is not None:
            message, return_code = None, return_code if return_code != DETACHED else 0
        super().exit(result, return_code, message)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and self.watching.takes(event):
            return
        if isinstance(event, events.Paste) and self.watching.plays:
            return
        await super().on_event(event)


class Watching:
    """Whoever watches: the pace of a demo. `live` says that time passes by itself."""

    def __init__(self, speed: float, stage: Stage | None) -> None:
        self.speed = speed
        self.stage = stage
        self.player: Player | None = None
        self.plays = True
        self.paused = False
        self.fault: PlandeckError | None = None
        self._text = ""
        self._over = False
        self._on = asyncio.Event()

    # ── keys of the terminal ─────────────────────────────────────────────────────────────────────

    def takes(self, event: events.Key) -> bool:
        """Whether a key is for the demo and not for the console."""
        player = self.player
        if player is None or not self.plays or event in player.sent:
            return False
        match event.key:
            case "space" | "p":
                self.paused = not self.paused
                self._caption()
                if not self.paused:
                    self._on.set()
            case "right" | "enter" | "n":
                self._on.set()
            case "h":
                self._hand_over(player)
            case "q" | "escape" | "ctrl+c" | "ctrl+q":
                player.app.exit(return_code=0)
        return True

    def stop(self) -> None:
        """Nothing more is played."""
        self.plays = False
        self._on.set()

    def _hand_over(self, player: Player) -> None:
        """The script ends here; the keys are the console's."""
        self.plays = False
        player.app.notify("the keys are yours from here on", markup=False)
        for screen in player.app.screen_stack:
            hide_caption(screen)
        self._on.set()

    # ── the pace ─────────────────────────────────────────────────────────────────────────────────

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until somebody wants to go on; while it is paused for as long as it is."""
        self._on.clear()
        try:
            async with asyncio.timeout(seconds / self.speed):
                await self._on.wait()
        except TimeoutError:
            while self.paused and self.plays:
                self._on.clear()
                await self._on.wait()
        if not self.plays:
            raise Over

    def is_quiet(self, state: RunState) -> bool:
        return self.stage is None or self.stage.is_quiet(state)

    async def pass_time(self) -> bool:
        if self.stage is None:
            await self.pause(LOOK)
            return True
        due = self.stage.due
        if due is None:
            return False
        await self.pause(min(MOST, due - self.stage.clock.now()))
        return self.stage.advance()

    async def before_key(self, player: Player, *, typing: bool = False) -> None:
        self._caption()
        await self.pause(LETTER if typing else KEY)

    async def say(self, player: Player, text: str) -> None:
        self._text = text
        self._caption()
        await self.pause(max(READ_LEAST, READ * len(text)))

    async def snapshot(self, player: Player, name: str) -> None:
        self._caption()

    async def end(self, player: Player) -> None:
        """Stay until somebody leaves, or takes over."""
        self._text, self._over = "That was the demo: the screen stays until q.", True
        self._caption()
        while self.plays:
            self._on.clear()
            await self._on.wait()

    def _caption(self) -> None:
        if self.player is not None and self.plays:
            keys = OVER if self._over else PAUSED if self.paused else KEYS
            show_caption(self.player.app.screen, self._text, keys=keys)


class Over(Exception):
    """Whoever watches has seen enough, or goes on by hand."""


# ── playing ──────────────────────────────────────────────────────────────────────────────────────


async def play(script: Script, *, live: bool, speed: float) -> int:
    """Play a script on the terminal; gives the exit code. Raises `OffScript` where it goes another way."""
    if live:
        return await _live(script, speed)
    with tempfile.TemporaryDirectory(prefix="plandeck-demo-") as folder:
        stage = Stage(script.world, script.start)
        order = order_of(script, Path(folder))
        return await _until_left(script, Watching(speed, stage), lambda front: perform(order, stage, front))


async def _live(script: Script, speed: float) -> int:
    task = task_of(script)
    if task.sandbox is None:
        todo = "Leave --live out, or give the task a sandbox"
        raise UsageError("the task of this script brings no world of its own", todo=todo)
    order = order_for(task, Front(screen=True), inject=script.inject)
    save_order(order)
    return await _until_left(script, Watching(speed, None), lambda front: host(order, front))


async def _until_left(
    script: Script,
    watching: Watching,
    execute: Callable[[Callable[[Session], Awaitable[int]]], Awaitable[int]],
) -> int:
    async def front(session: Session) -> int:
        return await _show(script, session, watching)

    try:
        code = await execute(front)
    except BaseExceptionGroup as error:
        raise heart(error) from None
    if watching.fault is not None:
        raise watching.fault
    return code


async def _show(script: Script, session: Session, watching: Watching) -> int:
    from console.commands.screen import screen_options

    if watching.stage is not None:
        session = await shown(script, session, watching.stage)
    options = screen_options(**opening(session, watching.stage), kept=watching.stage is None)
    app = DemoApp(None if script.begin == "picker" else session, options, watching)

    async def pilot_of(pilot: Pilot[Any]) -> None:
        player = watching.player = Player(script, pilot, watching)
        try:
            await player.play()
            await watching.pause(READ_LEAST)
            await watching.end(player)
        except Over:
            return
        except PlandeckError as error:
            if watching.plays:
                watching.fault = error
                app.exit(return_code=1)
        except Exception:
            # Whoever watches has left: what the script still waited for is not there any more.
            if watching.plays:
                raise

    await app.run_async(auto_pilot=pilot_of)
    return app.return_code or 0
