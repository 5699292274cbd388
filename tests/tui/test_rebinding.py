"""Keys that the operator has bound anew: they do what was asked for, and nothing else loses its keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.tui.actions import describe
from console.tui.keys import key_of
from console.tui.rebinding import faults, rebound
from tests.tui import fakes
from tests.tui.driving import driving

pytestmark = pytest.mark.anyio


async def test_an_action_that_shares_its_key_keeps_it_when_the_other_is_bound_again(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.proposed(), keys={"run.edit": "ctrl+e", "run.hold": "ctrl+y"}) as d:
        d.screen.show_pane("diff")
        await d.press("space")
        assert d.screen.view.left_out == 1


async def test_a_key_that_was_given_away_is_told_so_by_the_help(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval(), keys={"run.edit": "j"}) as driver:
        told = {info.id: info.keys for info in describe(driver.screen.view, driver.screen.keymap)}
        assert told["down"] == "↓"
        assert told["edit"] == "j"
        driver.line("j edit")
        await driver.press("j")
        await driver.until(lambda: driver.on_top == "StepEditor")


async def test_movement_that_was_bound_again_moves_on_the_other_screens_too(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval(), keys={"run.bottom": "E"}) as driver:
        await driver.press("a")
        await driver.until(lambda: driver.on_top == "ApprovalScreen")
        await driver.press("E")
        assert driver.app.screen.query_one("#page").scroll_y > 0
        await driver.press("f1")
        await driver.until(lambda: driver.on_top == "HelpScreen")
        driver.line("  E ", "To the end")


async def test_what_is_not_followed_is_said(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running(), keys={"run.aprove": "ctrl+y", "run.retry": "R"}) as driver:
        said = "\n".join(driver.notices())
        assert "no action is called run.aprove (nearest is run.approve)" in said
        assert "run.retry is not given R" in said
        assert driver.screen.keymap["run.retry"] == "r"


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("Ctrl+Y", "ctrl+y"),
        ("?", "question_mark"),
        ("PgDn", "pagedown"),
        ("Alt+J", "alt+J"),
        (" space ", "space"),
        ("E", "E"),
        ("!", "exclamation_mark"),
        ("shift+Tab", "shift+tab"),
        ("ctrl+right", "ctrl+right"),
    ],
)
def test_keys_are_read_as_people_write_them(written: str, key: str) -> None:
    assert key_of(written) == key


def test_two_that_were_given_the_same_key_share_it() -> None:
    keys = rebound({"run.add": "n", "run.delete": "n"})
    assert (keys["run.add"], keys["run.delete"], keys["run.next_match"]) == ("n", "n", "")


def test_screens_over_the_main_one_have_ids_too() -> None:
    assert not list(faults({"approval.reject": "X", "sheet.leave": "escape", "run.rollback": "R"}))
