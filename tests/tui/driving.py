"""Drives the real application over a scripted session: press keys, wait for what is true, look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from console.run.events import Event
from console.tui.app import ConsoleApp, Opener, Options
from console.tui.screens.run import RunScreen
from tests.tui.fakes import FakeSession

WIDE, NARROW = (140, 40), (80, 24)

PATIENCE = 30.0
"""Seconds that something may take to come to hold: many, for a machine that has much to do."""


async def until(pilot: Pilot[Any], holds: Callable[[], bool]) -> None:
    """Wait until something is true, and the screen has taken it in."""
    if holds():
        return
    ends = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > ends:
            raise AssertionError("it never came to hold")
        await asyncio.sleep(0.01)
    await pilot.pause()


class Driver:
    """A running application. Waiting ends when something is true, or fails after `PATIENCE` seconds."""

    def __init__(self, pilot: Pilot[int], session: FakeSession, wait_for_findings: bool) -> None:
        self.pilot = pilot
        self.session = session
        self.wait_for_findings = wait_for_findings

    @property
    def app(self) -> ConsoleApp:
        assert isinstance(self.pilot.app, ConsoleApp)
        return self.pilot.app

    @property
    def screen(self) -> RunScreen:
        """The main screen, also while another is over it."""
        return next(s for s in self.app.screen_stack if isinstance(s, RunScreen))

    @property
    def on_top(self) -> str:
        """The name of the screen that has the keys."""
        return type(self.app.screen).__name__

    async def until(self, holds: Callable[[], bool]) -> None:
        await until(self.pilot, holds)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def tell(self, *events: Event) -> None:
        """Have something happen in the run, and wait until the screen has taken it in."""
        self.session.tell(*events)
        await self.caught_up()

    async def caught_up(self) -> None:
        seq = self.session.state.seq
        await self.until(lambda: self.screen.bridge.state.seq == seq and self.screen.bridge.ready)
        self.screen.refresh_run()
        if self.wait_for_findings:
            await self.until(lambda: self.screen.foresight.insight_of is self.screen.view.plan)
        await self.pilot.pause()

    def text(self) -> str:
        """What is on the screen, as text."""
        return "\n".join(
            "".join(segment.text for segment in line) for line in self.app.screen._compositor.render_strips()
        )

    def bold(self) -> list[str]:
        """The bold words in the title of the frame on the right."""
        title = self.screen.right._border_title
        assert title is not None
        return [title.plain[s.start : s.end] for s in title.spans if "bold" in str(s.style)]

    def line(self, *parts: str) -> str:
        """The first line on the screen that holds all of `parts`; fails when there is none."""
        for line in self.text().splitlines():
            if all(part in line for part in parts):
                return line
        raise AssertionError(f"no line holds {parts} in\n{self.text()}")

    def notices(self) -> list[str]:
        """What was said in passing."""
        return [notice.message for notice in self.app._notifications]


@asynccontextmanager
async def driving(
    folder: Path,
    *events: Event,
    size: tuple[int, int] = WIDE,
    theme: str = "",
    ascii: bool = False,
    read_only: bool = False,
    keys: dict[str, str] | None = None,
    wait_for_findings: bool = True,
) -> AsyncIterator[Driver]:
    """The application over a session that has come as far as `events`."""
    session = FakeSession(folder, *events, read_only=read_only)
    async with driving_session(
        session, size=size, theme=theme, ascii=ascii, keys=keys, wait_for_findings=wait_for_findings
    ) as driver:
        yield driver


@asynccontextmanager
async def driving_session(
    session: FakeSession,
    *,
    size: tuple[int, int] = WIDE,
    theme: str = "",
    ascii: bool = False,
    keys: dict[str, str] | None = None,
    wait_for_findings: bool = True,
    reopen: Opener | None = None,
) -> AsyncIterator[Driver]:
    """The application over this session."""
    options = Options(
        theme=theme,
        ascii=ascii,
        by="ada",
        keys=keys or {},
        now=lambda: session.state.at + 3,
        reopen=reopen,
    )
    app = ConsoleApp(session, options)
    async with app.run_test(size=size) as pilot:
        driver = Driver(pilot, session, wait_for_findings)
        await driver.until(lambda: any(isinstance(s, RunScreen) for s in app.screen_stack))
        await driver.until(lambda: driver.screen.is_mounted)
        await driver.caught_up()
        yield driver
        driver.text()  # whatever a test has come to can be painted
