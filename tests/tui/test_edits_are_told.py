"""What an edit does is said: what was taken back, what re-wiring would change, what is in the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from console.task.saved import saved
from console.tui.app import ConsoleApp, Options
from console.tui.screens.findings import FindingsScreen
from console.tui.screens.run import RunScreen
from console.tui.widgets.summary import SummaryPane
from tests.tui import fakes
from tests.tui.driving import NARROW, WIDE, driving, until
from tests.tui.test_run_editing import settled
from tests.tui.test_run_keys import takes_plans

pytestmark = pytest.mark.anyio


async def test_undo_and_redo_say_what_they_are_about(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        driver.screen.plan_tree.select("8")
        await driver.press("d")
        await settled(driver)
        await driver.press("u")
        await settled(driver)
        assert "undone: delete step 8 (Ctrl+r makes it again)" in driver.notices()
        await driver.press("ctrl+r")
        await settled(driver)
        assert "made again: delete step 8" in driver.notices()


async def test_the_question_says_what_re_wiring_would_change(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        driver.screen.plan_tree.select("3")
        await driver.press("d")
        await driver.until(lambda: driver.on_top == "ConfirmScreen")
        driver.line("step 6 waits for 5 (was")
        await driver.press("n")


async def test_a_name_that_cannot_be_is_said_while_it_is_typed_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        await driver.press("ctrl+s")
        await driver.until(lambda: driver.on_top == "AskText")
        await driver.press(*"my", "space", *"own", "enter")
        driver.line("a name is 1 to 64 letters")
        driver.app.screen.query_one(Input).value = "my-own"
        await driver.press("enter")
        await driver.until(lambda: "my-own" in saved())
        await driver.press("ctrl+s")
        await driver.until(lambda: driver.on_top == "AskText")
        driver.line("my-own")
        await driver.press("escape")


async def test_the_what_if_takes_the_rows_it_needs_in_another_width_too(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval(), size=WIDE) as driver:
        takes_plans(driver)
        driver.screen.plan_tree.select("4")
        await driver.press("s")
        await settled(driver)
        await driver.until(lambda: "left out 4" in driver.text())
        await driver.pilot.resize_terminal(*NARROW)
        await driver.until(lambda: "(was ~" in driver.text())


async def test_a_pane_is_copied_as_what_it_says(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        await driver.press("6", "Y")
        assert "run created" in driver.app.clipboard
        assert f"{len(driver.screen.bridge.records)} lines of events are copied" in driver.notices()
        await driver.press("1", "Y")
        assert "run created" not in driver.app.clipboard


async def test_the_palette_begins_with_what_can_be_done_to_the_run(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        await driver.press("colon")
        await driver.until(lambda: "Approve what waits" in driver.text())
        text = driver.text()
        assert text.index("Approve what waits") < text.index("Edit the step")
        assert "Move down" not in text.split("Edit the step")[0]
        await driver.press("escape")


async def test_enter_on_a_finding_without_a_fix_goes_to_its_step(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        driver.screen.plan_tree.select("1")
        await driver.press("w")
        await driver.until(lambda: driver.on_top == "FindingsScreen")
        screen = driver.app.screen
        assert isinstance(screen, FindingsScreen)
        place = next(n for n, f in enumerate(screen.findings) if f.fix is None and f.step not in ("", "1"))
        await driver.press(*["down"] * place, "enter")
        await driver.until(lambda: driver.screen.view.step == screen.findings[place].step)


async def test_of_a_run_that_is_not_kept_no_folder_is_named(tmp_path: Path) -> None:
    session = fakes.FakeSession(tmp_path, *fakes.rolled_back())
    async with ConsoleApp(session, Options(by="ada", kept=False)).run_test() as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen) and pilot.app.screen.is_settled)
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        said = [row.text for row in screen.query_one(SummaryPane).rows]
        assert said
        assert not any("kept in" in line or "plandeck show" in line for line in said)
