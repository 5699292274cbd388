"""A session script on a stage: the console in memory, over a run whose steps are acted.

    await play_staged(script, folder, keep)

Used by the tests and the guide's pictures: every picture of a script comes out the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from console.commands.ordering import planned_by
from console.run.control import Session
from console.run.life import RunStatus
from console.run.state import RunState
from console.service.host import perform
from console.service.order import Order
from console.service.playback import Playback
from console.service.stage import Stage
from console.service.staged_replay import replayed, unwatched
from console.service.unwrap import heart
from console.task import Planning, Task, load
from console.tui.app import ConsoleApp, Options
from console.tui.screens.picker import SampleInfo
from console.tui.screens.runs import RunInfo
from console.tui.scripts.caption import show_caption
from console.tui.scripts.model import Script
from console.tui.scripts.player import Player

RUN = "4f1c"
BY = "ada"

Keep = Callable[[Player, str], Awaitable[None]]
"""What is done with a snapshot: the player, and the snapshot's name."""


async def play_staged(script: Script, folder: Path, keep: Keep, *, captions: bool = False) -> list[str]:
    """Play a script on a stage, its files in `folder`; gives the captions, and shows them where they are
    wanted. Raises `OffScript`."""
    stage = Stage(script.world, script.start)
    pace = StagePace(stage, keep, shows=captions)

    async def front(session: Session) -> int:
        session = await shown(script, session, stage)
        options = Options(**opening(session, stage))
        app = ConsoleApp(None if script.begin == "picker" else session, options)
        async with app.run_test(size=script.size) as pilot:
            await Player(script, pilot, pace).play()
        return 0

    try:
        await perform(order_of(script, folder), stage, front)
    except BaseExceptionGroup as error:
        raise heart(error) from None
    return pace.captions


def order_of(script: Script, folder: Path) -> Order:
    """The order that a script's run is performed by."""
    order = Order(directory=folder / RUN, task=task_of(script), workspace=f"/srv/{script.name}", by=BY)
    return unwatched(order) if script.begin == "replay" else order


async def shown(script: Script, session: Session, stage: Stage) -> Session:
    """What the screen shows of a script's run: the run, or its replay."""
    return await replayed(session, stage) if script.begin == "replay" else session


def opening(session: Session, stage: Stage | None) -> dict[str, Any]:
    """The options of a console in which whatever is chosen opens `session`, at the time of its stage."""

    async def opened(_what: str) -> Session:
        return session

    options: dict[str, Any] = {"offers": offers, "open": opened}
    if stage is not None:
        now = session.now if isinstance(session, Playback) else stage.clock.now
        options |= {"by": BY, "now": now}
    return options


def task_of(script: Script) -> Task:
    """The script's task, planned as the script says and never by a model."""
    task = load(script.task, script.sets)
    if script.recording is not None:
        planning = Planning(use="recorded", recording=script.recording)
        return task.model_copy(update={"planner": planning})
    return task if task.planner.use == "recorded" else planned_by(task, "offline")


def offers() -> tuple[list[SampleInfo], list[RunInfo]]:
    """What a picker on a stage offers: the samples that every machine can run, and two runs."""
    samples = [
        SampleInfo("deploy", "Deploy v2.3.1 to production safely", ("broken-build", "flaky-smoke")),
        SampleInfo("migrate-database", "Migrate the shop database to schema v2", ("half-migrated",)),
        SampleInfo("support-audit", "Audit the checkout workflow, find the failing step and draft a fix"),
    ]
    runs = [
        RunInfo("9b07", "Deploy v2.3.0 to production safely", RunStatus.SUCCEEDED, "2 h ago"),
        RunInfo("12ce", "Migrate the shop database to schema v2", RunStatus.ROLLED_BACK, "3 d ago"),
    ]
    return samples, runs


class StagePace:
    """Time passes by what is due next; keys are pressed at once."""

    def __init__(self, stage: Stage, keep: Keep, *, shows: bool) -> None:
        self._stage = stage
        self._keep = keep
        self._shows = shows
        self.captions: list[str] = []

    def is_quiet(self, state: RunState) -> bool:
        return self._stage.is_quiet(state)

    async def pass_time(self) -> bool:
        return self._stage.advance()

    async def before_key(self, player: Player, *, typing: bool = False) -> None:
        """At once."""

    async def say(self, player: Player, text: str) -> None:
        self.captions.append(text)
        self._caption(player)

    async def snapshot(self, player: Player, name: str) -> None:
        self._caption(player)
        await player.settle()
        await self._keep(player, name)

    def _caption(self, player: Player) -> None:
        if self._shows and self.captions:
            show_caption(player.app.screen, self.captions[-1])
