"""The screen: shown for a session, or first with the picker. Sessions live in tasks of their own, so
that no worker of the screen owns a connection."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from anyio.abc import TaskStatus

from console.run.control import Session

if TYPE_CHECKING:
    from console.tui.app import Opener, Options
    from console.tui.screens.runs import RunInfo

RECENT = 20
"""Runs that the picker offers."""


async def show(session: Session | None, opener: Opener | None = None) -> int:
    """Show a session, or the picker, until the screen is left; gives the exit code."""
    from console.tui.app import ConsoleApp
    from console.tui.guard import survive_any_byte

    survive_any_byte()
    app = ConsoleApp(session, _options(session, opener))
    await app.run_async()
    return 1 if app.return_code is None else app.return_code


def _options(session: Session | None, opener: Opener | None) -> Options:
    from console.service.client import who_am_i
    from console.settings import load_settings
    from console.tui.app import Options

    settings = load_settings()
    options = Options(theme=settings.theme, ascii=settings.ascii, keys=settings.keys, by=who_am_i())
    if session is not None:
        return options
    from console.commands.ordering import sample_failures
    from console.task import load, samples
    from console.tui.screens.picker import SampleInfo

    known = [(name, load(str(file))) for name, file in samples().items()]
    offered = [SampleInfo(name, task.goal, sample_failures(task)) for name, task in known]
    return replace(options, samples=offered, runs=_recent(), open=opener)


def _recent() -> list[RunInfo]:
    from console.commands.look import summary_of
    from console.run.life import RunStatus
    from console.settings import run_ids, state_dir
    from console.tui.screens.runs import RunInfo

    found = [summary_of(state_dir() / "runs" / run) for run in run_ids()[:RECENT]]
    return [
        RunInfo(one["run"], one["goal"], RunStatus(one["state"]), _ago(one["created_at"]))
        for one in found
        if one["state"] != "unreadable"
    ]


def _ago(at: float) -> str:
    minutes = max(0, int(time.time() - at)) // 60
    for size, name in ((1440, "d"), (60, "h")):
        if minutes >= size:
            return f"{minutes // size} {name} ago"
    return f"{minutes} min ago"


async def show_attached(directory: Path, *, take: bool = False) -> int:
    """Attach to a run and show it."""
    from console.service.client import attach

    async with attach(directory, ui=True) as session:
        if take:
            await session.take_control()
        return await show(session)


async def pick() -> int:
    """The picker, and then the run that was picked."""
    from console.commands.run import start_picked
    from console.service.client import Kept, NotExecuted, attach

    code = 1
    async with anyio.create_task_group() as tasks:

        async def hold(directory: Path, *, task_status: TaskStatus[Session]) -> None:
            try:
                async with attach(directory, ui=True) as session:
                    task_status.started(session)
                    await anyio.sleep_forever()
            except NotExecuted:
                task_status.started(Kept(directory))

        async def open_(what: str) -> Session:
            directory = await to_thread.run_sync(start_picked, what)
            session: Session = await tasks.start(hold, directory)
            return session

        code = await show(None, open_)
        tasks.cancel_scope.cancel()
    return code
