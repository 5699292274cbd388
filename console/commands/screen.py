"""The screen, and the sessions behind it. It is painted first; the run is started, or attached to, after.

Sessions live in tasks of their own, so that no worker of the screen owns a connection. Nothing is
imported here that the first paint does not need.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.errors import PlandeckError
from console.settings import IN_BROWSER

if TYPE_CHECKING:
    from console.run.control import Session
    from console.run.history import Estimates
    from console.service.order import Order
    from console.service.playback import Playback
    from console.tui.app import Options
    from console.tui.screens.picker import SampleInfo
    from console.tui.screens.runs import RunInfo

RECENT = 20
"""Runs that the picker offers."""

SIXTEEN = ("linux", "screen", "tmux", "xterm", "vt", "ansi", "rxvt", "konsole")
"""Beginnings of TERM that mean sixteen colours when nothing else is said."""


class Door:
    """Opens sessions, and keeps them open as long as the screen is there."""

    def __init__(self) -> None:
        self._held: list[asyncio.Task[None]] = []

    async def attach(self, directory: Path, *, take: bool = False, key: Path | None = None) -> Session:
        """A session with the run; its record alone when no process executes it."""
        opened: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self._held.append(asyncio.create_task(self._hold(directory, take, key, opened)))
        return await opened

    async def _hold(
        self, directory: Path, take: bool, key: Path | None, opened: asyncio.Future[Session]
    ) -> None:
        from console.service.client import Kept, NotExecuted, attach

        try:
            async with attach(directory, ui=True, key=key) as session:
                if take:
                    await session.take_control()
                opened.set_result(session)
                await asyncio.Event().wait()
        except NotExecuted:
            opened.set_result(Kept(directory))
        except PlandeckError as error:
            if opened.done():
                raise
            opened.set_exception(error)

    async def close(self) -> None:
        for task in self._held:
            task.cancel()
        await asyncio.gather(*self._held, return_exceptions=True)

    async def start(self, make: Callable[[], Order]) -> Session:
        """Make an order, have it executed by a process of its own, and attach to that."""
        return await self.attach(await asyncio.to_thread(_launched, make))

    async def pick(self, what: str) -> Session:
        """What was chosen in the picker: a task is started, a run is attached to."""
        from console.commands.starting import start_picked

        return await self.attach(await asyncio.to_thread(start_picked, what))

    async def like(self, run: str) -> Session:
        """Start a run with the plan that another one had."""
        from console.commands.starting import LIKE

        return await self.pick(LIKE + run)

    async def reopen(self, run: str) -> Session:
        """Have a run taken up again that has ended, or that lost its process; nothing starts by itself."""
        from console.service.order import load_order
        from console.settings import find_run

        changes = {"reopen": True, "roll_back": False, "unattended": False, "on_failure": None}
        return await self.start(lambda: load_order(find_run(run), **changes))


def _launched(make: Callable[[], Order]) -> Path:
    from console.service.launch import launch

    order = make()
    launch(order)
    return order.directory


Begin = Callable[[Door], Awaitable["Session"]]


async def show(begin: Begin | None) -> int:
    """Show the run that `begin` opens, or the picker, until the screen is left; gives the exit code."""
    from console.tui.app import run_console

    door = Door()
    try:
        return await run_console(partial(begin, door) if begin else None, _options(door))
    finally:
        await door.close()


async def show_here(session: Session) -> int:
    """Show a run that this process executes, or a record that nobody can take up."""
    from console.tui.app import run_console

    return await run_console(session, _options(None))


async def show_replay(playback: Playback) -> int:
    """Show an exported run on its own clock."""
    from console.tui.app import run_console

    return await run_console(playback, screen_options(now=playback.now))


def screen_options(**changes: Any) -> Options:
    """The operator's options with changes, for a console that nothing is opened from."""
    return replace(_options(None), **changes)


def _options(door: Door | None) -> Options:
    from console.settings import load_settings
    from console.tui.app import Options

    settings = load_settings()
    return Options(
        theme=settings.theme or theme_for(os.environ),
        ascii=settings.ascii or needs_ascii(os.environ, sys.stdout.encoding or ""),
        keys=settings.keys,
        offers=_offers,
        open=door.pick if door else None,
        reopen=door.reopen if door else None,
        like=door.like if door else None,
        estimates=_past,
    )


def _past() -> Estimates:
    from console.run.history import estimates

    return estimates()


def theme_for(environ: Mapping[str, str]) -> str:
    """The theme for a terminal that tells of no more than sixteen colours; empty for the default one."""
    term = environ.get("TERM", "")
    many = environ.get("COLORTERM") or "256" in term or "direct" in term or environ.get(IN_BROWSER)
    return "16" if term.startswith(SIXTEEN) and not many else ""


def needs_ascii(environ: Mapping[str, str], encoding: str) -> bool:
    """Whether marks beyond ASCII cannot be shown: no UTF-8, or the font of the Linux console."""
    if environ.get(IN_BROWSER):
        return False
    return environ.get("TERM") == "linux" or encoding.lower().replace("-", "") not in ("utf8", "")


def _offers() -> tuple[list[SampleInfo], list[RunInfo]]:
    from console.commands.ordering import sample_failures
    from console.task import load, samples
    from console.tui.screens.picker import SampleInfo

    known = [(name, load(str(file))) for name, file in samples().items()]
    offered = [SampleInfo(name, task.goal, sample_failures(task)) for name, task in known]
    return [*_saved(), *offered], _recent()


def _saved() -> list[SampleInfo]:
    """The tasks that the operator saved; one that cannot be read any more says why."""
    from console.task import load, saved
    from console.tui.screens.picker import SampleInfo

    found = []
    for name, file in saved().items():
        try:
            about = load(str(file)).goal
        except PlandeckError as error:
            about = f"cannot be read: {str(error).splitlines()[0]}"
        found.append(SampleInfo(name, about, saved=True))
    return found


def _recent() -> list[RunInfo]:
    from console.commands.look import UNREADABLE, summary_of
    from console.run.life import RunStatus
    from console.settings import run_ids, state_dir
    from console.tui.screens.runs import RunInfo

    found = [summary_of(state_dir() / "runs" / run) for run in run_ids()[:RECENT]]
    return [
        RunInfo(one["run"], one["goal"], RunStatus(one["state"]), _ago(one["created_at"]))
        for one in found
        if one["state"] != UNREADABLE
    ]


def _ago(at: float) -> str:
    minutes = max(0, int(time.time() - at)) // 60
    for size, name in ((1440, "d"), (60, "h")):
        if minutes >= size:
            return f"{minutes // size} {name} ago"
    return f"{minutes} min ago"
