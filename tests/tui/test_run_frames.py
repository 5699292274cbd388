"""What is worked out for a frame: a key, and output that streams, cost what has changed and no more."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import cast

import pytest
from textual._context import active_app
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver

from console.plan.model import Plan, Step
from console.run import events as ev
from console.tui.ink import Row
from console.tui.terminal import Paced
from console.tui.widgets.output import OutputPane
from tests.tui import fakes
from tests.tui.driving import WIDE, Driver, driving

pytestmark = pytest.mark.anyio


def count_layouts(driver: Driver) -> list[object]:
    """Grows with every layout of the screen from now on."""
    seen: list[object] = []
    driver.screen.screen_layout_refresh_signal.subscribe(driver.screen, seen.append)
    return seen


async def test_every_frame_goes_through_the_same_filters(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running(), ascii=True) as driver:
        first, second = driver.app.get_line_filters(), driver.app.get_line_filters()
        assert all(one is other for one, other in zip(first, second, strict=True)), (
            "nothing made is made again"
        )


async def test_what_a_key_moves_to_is_shown_with_the_cursor(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        assert driver.screen.view.step == "1"
        driver.screen.action_do("down")
        assert driver.screen.view.step == "3", "before anything is painted"
        await driver.pilot.pause()
        driver.line("Step 3 backup_database")


async def test_output_that_grows_lays_nothing_out(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        driver.session.write_output("3", out="".join(f"line {n}\n" for n in range(500)))
        await driver.press("j", "2")
        await driver.until(lambda: "line 499" in driver.text())
        layouts = count_layouts(driver)
        for number in range(500, 505):
            driver.session.write_output("3", out=f"line {number}\n")
            await driver.until(lambda number=number: f"line {number}" in driver.text())  # type: ignore[misc]
        assert not layouts


async def test_lines_that_come_below_what_is_seen_paint_their_count_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        driver.session.write_output("3", out="".join(f"line {n}\n" for n in range(500)))
        await driver.press("j", "2")
        await driver.until(lambda: "line 499" in driver.text())
        await driver.press("g")
        driver.line("line 0")
        painted: list[int] = []
        row_at = OutputPane.row_at

        def counted(pane: OutputPane, index: int, width: int) -> Row:
            painted.append(index)
            return row_at(pane, index, width)

        monkeypatch.setattr(OutputPane, "row_at", counted)
        driver.session.write_output("3", out="one more\n")
        await driver.until(lambda: "501 lines" in driver.text())
        assert not painted
        await driver.press("z")
        driver.line("one more")


async def test_output_that_nobody_sees_paints_nothing_and_is_there_when_it_is_opened(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        driver.session.write_output("3", out="the first line\n")
        await driver.press("j", "2")
        await driver.until(lambda: "the first line" in driver.text())
        await driver.press("6")
        output = driver.screen.pane_named("output")
        driver.session.write_output("3", out="".join(f"line {n}\n" for n in range(500)))
        layouts = count_layouts(driver)
        await driver.until(lambda: output.count() == 501)
        assert not layouts
        await driver.press("2")
        driver.line("line 499")


async def test_keys_that_move_lay_nothing_out(tmp_path: Path) -> None:
    steps = tuple(Step(id=str(n), action="run_tests", description=f"test {n}") for n in range(1, 61))
    async with driving(tmp_path, *fakes.approved(Plan(goal="Test", steps=steps))) as driver:
        layouts = count_layouts(driver)
        await driver.press("j", "k", "G", "g")
        assert not layouts


async def test_a_pane_is_as_wide_as_it_will_be_before_it_is_shown(tmp_path: Path) -> None:
    failed = ev.StepFailed(step="2", attempt=1, error="no space left on any of the disks", exit_code=1)
    async with driving(tmp_path, *fakes.running(), failed) as driver:
        await driver.press("3", "4")
        pane = driver.screen.pane_named("failures")
        seen = pane.content_width
        await driver.press("3")
        assert pane.content_width == seen


async def test_the_journal_that_was_left_at_its_end_is_there_at_its_end(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        for number in range(40):
            await driver.tell(ev.Warned(message=f"warning {number}"))
        await driver.press("6", "2")
        await driver.tell(*(ev.Warned(message=f"warning {number}") for number in range(40, 45)))
        await driver.press("6")
        driver.line("warning 44")


class InMemory(Paced, HeadlessDriver):
    """A terminal whose frames go nowhere."""


async def test_what_is_painted_when_the_terminal_answers_knows_its_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scroll bar asks for it: without, the frame that waited for the answer was lost."""
    async with driving(tmp_path, *fakes.running()) as driver:
        terminal = InMemory(cast("App[object]", driver.app), size=WIDE)
        terminal.start_application_mode()
        known: list[object] = []
        monkeypatch.setattr(terminal.gate, "answered", lambda kind: known.append(active_app.get(None)))
        reader = threading.Thread(target=terminal._tell, args=("mode",))  # as the one that reads the keys
        reader.start()
        reader.join()
        await driver.until(lambda: bool(known))
        assert known == [driver.app]


def test_a_frame_does_not_wait_for_a_beat_of_textual() -> None:
    """In a process of its own: what the tests import first decides here."""
    said = "import console.tui.app, textual.screen; print(textual.screen.UPDATE_PERIOD)"
    environment = {name: value for name, value in os.environ.items() if name != "TEXTUAL_FPS"}
    done = subprocess.run(
        [sys.executable, "-c", said], env=environment, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 0.005
