"""A replay on the main screen: its clock is steered, the run is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from console.run.events import Record
from console.run.life import RunStatus, StepStatus
from console.service.exported import Exported, Output
from console.service.playback import Playback, Position
from console.tui.actions import BY_ID
from console.tui.app import ConsoleApp, Options
from console.tui.screens.run import RunScreen
from console.tui.widgets.replay_line import replay_row
from tests.tui import fakes
from tests.tui.driving import NARROW, WIDE, until

pytestmark = pytest.mark.anyio


class Seen:
    """The console over a replay."""

    def __init__(self, pilot: Pilot[int], playback: Playback, screen: RunScreen) -> None:
        self.pilot, self.playback, self.screen = pilot, playback, screen

    async def until_shown(self) -> None:
        bridge = self.screen.bridge
        await until(self.pilot, lambda: bridge.ready and bridge.state.seq == self.playback.position.number)
        self.screen.refresh_run()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.until_shown()

    def text(self) -> str:
        strips = self.screen.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)


@asynccontextmanager
async def replaying(
    folder: Path, size: tuple[int, int] = WIDE, *, plays: bool = False
) -> AsyncIterator[Seen]:
    events = fakes.rolled_back()
    records = [Record(seq=n, at=fakes.T0 + n, event=event) for n, event in enumerate(events, 1)]
    output = {("6", 1): Output("6", 1, out="pulling v2.3.1\nnot rolled out\n")}
    playback = Playback(Exported(records, output), folder)
    playback.plays_when_shown = plays
    app = ConsoleApp(playback, Options(by="ada", now=playback.now))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: any(isinstance(s, RunScreen) and s.is_mounted for s in app.screen_stack))
        screen = next(s for s in app.screen_stack if isinstance(s, RunScreen))
        seen = Seen(pilot, playback, screen)
        if not plays:
            await seen.until_shown()
        yield seen


async def test_a_replay_has_a_handler_for_every_action(tmp_path: Path) -> None:
    async with replaying(tmp_path) as seen:
        assert set(seen.screen._handlers) == set(BY_ID)


async def test_the_next_failure_is_one_key_away_and_its_output_is_there(tmp_path: Path) -> None:
    async with replaying(tmp_path) as seen:
        assert seen.screen.bridge.state.status is RunStatus.DRAFTING
        await seen.press("f")
        assert seen.screen.bridge.state.step("6").status is StepStatus.FAILED
        assert "health check failed" in seen.text()
        seen.screen.plan_tree.select("6")
        seen.screen.view.step = "6"
        await seen.press("2")
        assert "not rolled out" in seen.text()


async def test_a_record_back_takes_back_what_it_told(tmp_path: Path) -> None:
    async with replaying(tmp_path) as seen:
        await seen.press("f")
        at = seen.playback.position.number
        await seen.press("comma")
        assert seen.playback.position.number == at - 1
        assert seen.screen.bridge.state.step("6").status is StepStatus.RUNNING
        assert len(seen.screen.bridge.records) == at - 1
        await seen.press("full_stop")
        assert seen.screen.bridge.state.step("6").status is StepStatus.FAILED


async def test_space_plays_and_nothing_is_held(tmp_path: Path) -> None:
    async with replaying(tmp_path) as seen:
        await seen.pilot.press("space")
        assert seen.playback.position.playing
        assert "replay 1×" in seen.text()
        await seen.press("space")
        assert not seen.playback.position.playing


async def test_what_is_to_play_begins_when_it_can_be_seen(tmp_path: Path) -> None:
    async with replaying(tmp_path, plays=True) as seen:
        assert seen.playback.position.playing
        assert seen.playback.position.moment < 20


def test_a_short_run_is_told_in_tenths_and_a_speed_is_told_while_it_stands() -> None:
    stands = Position(number=3, of=9, moment=0.42, whole=0.93, part=0.4, playing=False, speed=2.0)
    assert "replay paused 2×  0.4s / 0.9s" in replay_row(stands, 80).text
    long = replace(stands, moment=75, whole=300, playing=True, speed=1.0)
    assert "replay 1×  01:15 / 05:00" in replay_row(long, 80).text


async def test_at_80_columns_the_line_and_the_keys_are_there(tmp_path: Path) -> None:
    async with replaying(tmp_path, NARROW) as seen:
        await seen.press("at", *"#30", "enter")
        await until(seen.pilot, lambda: seen.playback.position.number == 30)
        await seen.until_shown()
        lines = seen.text().splitlines()
        assert "record 30/" in lines[-2]
        assert "Space play" in lines[-1]


async def test_what_steers_a_run_says_why_it_cannot(tmp_path: Path) -> None:
    async with replaying(tmp_path) as seen:
        await seen.press("f", "a", "r", "d")
        said = [notice.message for notice in seen.screen.app._notifications]
        assert said
        assert all("only shown here" in message for message in said)
