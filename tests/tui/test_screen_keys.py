"""Every screen over the main one tells its own keys, and why one of them is dead."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.tui.screen_keys import SCREENS
from console.tui.screens.help import HelpScreen
from console.tui.screens.picker import Picker
from console.tui.screens.runs import RunList
from console.tui.screens.step_editor import StepEditor
from tests.tui import fakes
from tests.tui.builders import CATALOG, DEPLOY
from tests.tui.driving import driving
from tests.tui.showing import Shown, shown

pytestmark = pytest.mark.anyio


def told(show: Shown) -> list[str]:
    """The lines of the help that is shown, blanks made one."""
    assert isinstance(show.app.screen, HelpScreen)
    return [" ".join(line.strip("│ ").split()) for line in show.text().splitlines()]


async def test_the_approval_says_why_enter_is_dead(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval(), size=(80, 24)) as driver:
        await driver.press("a")
        await driver.until(lambda: driver.on_top == "ApprovalScreen")
        await driver.press("question_mark")
        await driver.until(lambda: driver.on_top == "HelpScreen")
        assert "Read to the end first" in driver.line("Enter", "Approve")
        driver.line("x", "Reject, with a reason")
        assert "Hold or release" not in driver.text(), "keys of the main screen are not for here"
        await driver.press("escape")
        await driver.until(lambda: driver.on_top == "ApprovalScreen")


async def test_a_form_tells_its_keys_while_it_is_typed_into() -> None:
    async with shown(StepEditor(DEPLOY, None, CATALOG, "")) as show:
        await show.press("f1")
        assert any(line.startswith("Ctrl+s Save action: required") for line in told(show))
        await show.press("f1")
        assert show.app.screen is show.screen
        await show.type("?")
        assert show.app.screen is show.screen, "there it is a letter"


async def test_the_palette_s_key_tells_the_keys_of_the_screen_too(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        await driver.press("e")
        await driver.until(lambda: driver.on_top == "StepEditor")
        await driver.press("ctrl+p")
        await driver.until(lambda: driver.on_top == "HelpScreen")


async def test_a_question_mark_begins_no_goal() -> None:
    async with shown(Picker([], [])) as show:
        await show.press("question_mark")
        assert "nothing is typed, and nothing is marked" in " ".join(told(show))
        await show.press("escape")
        await show.type("why?")
        assert "why?" in show.text()


async def test_a_list_tells_its_keys() -> None:
    async with shown(RunList([])) as show:
        await show.press("question_mark")
        assert any(line.startswith("Enter Open the run there is no other run") for line in told(show))


async def test_while_dependencies_are_picked_the_keys_are_those_of_the_picking(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        driver.screen.plan_tree.select("3")
        await driver.press("W")
        driver.line("Space pick the step", "Enter take what is picked", "Esc leave it as it was")
        await driver.press("question_mark")
        await driver.until(lambda: driver.on_top == "HelpScreen")
        driver.line("Space", "Pick the step, or not")
        assert "Approve" not in driver.text().split("Keys ·")[1]


def test_no_screen_has_two_meanings_for_a_key() -> None:
    for name, keys in SCREENS.items():
        flat = [one for key in keys for one in key.keys.split(",")]
        assert len(flat) == len(set(flat)), name
