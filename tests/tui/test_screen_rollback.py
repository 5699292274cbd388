"""A rollback is shown before it runs, and runs only when somebody means it."""

from __future__ import annotations

import pytest

from console.plan.model import Step
from console.run.control import RollBack
from console.run.events import RollbackItem, RollbackPlan
from console.tui.screens.rollback import RollbackScreen
from tests.tui.builders import DEPLOY, failed, running, succeeded
from tests.tui.showing import Clock, shown

pytestmark = pytest.mark.anyio

PREVIEW = RollbackPlan(
    items=(
        RollbackItem(
            step=Step(id="undo-2", action="remove_file", params={"file": "backup.sql"}),
            undoes=("2",),
            tie="the step's own undo",
        ),
        RollbackItem(
            step=Step(id="rollback-1", action="deploy", params={"env": "production", "tag": "v1"}),
            undoes=("3",),
            tie="the same tool, deploy",
            fate="refused",
            why="the backup of step 2 did not succeed",
        ),
        RollbackItem(
            step=Step(id="rollback-2", action="notify_team", params={"message": "[bold]back"}),
            undoes=("5",),
            fate="left_out",
            why="step 5 never started",
        ),
    ),
    uncovered=("1",),
    irreversible=("3",),
)
LONG = RollbackPlan(
    items=tuple(
        RollbackItem(step=Step(id=f"undo-{n}", action="remove_file", params={"file": f"f{n}"}), undoes=("2",))
        for n in range(20)
    )
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


def rollback(preview: RollbackPlan, clock: Clock) -> RollbackScreen:
    state = running(DEPLOY, *succeeded("1"), *succeeded("2"), *failed("3"))
    return RollbackScreen(preview, "f" * 64, state, clock=clock)


async def test_the_cursor_starts_on_cancel(clock: Clock) -> None:
    async with shown(rollback(PREVIEW, clock)) as show:
        clock.now += 1
        await show.press("G", "enter")
        assert show.result is None


async def test_enter_on_roll_back_runs_what_was_shown(clock: Clock) -> None:
    async with shown(rollback(PREVIEW, clock)) as show:
        clock.now += 1
        await show.press("G", "right", "enter")
        assert show.result == RollBack(hash="f" * 64, back_to=None)


async def test_a_key_pressed_twice_does_not_choose_the_other_answer(clock: Clock) -> None:
    async with shown(rollback(PREVIEW, clock)) as show:
        clock.now += 1
        await show.press("G", "right", "right", "left", "left", "right", "enter")
        assert isinstance(show.result, RollBack)


async def test_which_answer_is_marked_and_what_enter_does_is_said_in_words(clock: Clock) -> None:
    async with shown(rollback(PREVIEW, clock), size=(100, 50)) as show:
        clock.now += 1
        assert "▸ Cancel" in show.text()
        assert "Enter cancels: nothing is rolled back" in show.text()
        await show.press("right")
        assert "▸ Roll back (1)" in show.text()
        assert "▸ Cancel" not in show.text()
        assert "Enter rolls back: 1 item would run" in show.text()


async def test_a_part_of_a_run_is_rolled_back_to_its_step(clock: Clock) -> None:
    async with shown(rollback(PREVIEW.model_copy(update={"back_to": "1"}), clock)) as show:
        clock.now += 1
        assert "step 1 and everything that started before it" in show.text()
        await show.press("G", "tab", "enter")
        assert show.result == RollBack(hash="f" * 64, back_to="1")


async def test_a_rollback_that_was_not_read_does_not_run(clock: Clock) -> None:
    async with shown(rollback(LONG, clock)) as show:
        clock.now += 1
        await show.press("right", "enter")
        assert show.is_open
        assert "Read to the end first" in show.text()
        await show.press("pagedown", "pagedown", "pagedown", "pagedown", "pagedown", "enter")
        assert isinstance(show.result, RollBack)


async def test_keys_typed_too_early_do_not_run_it(clock: Clock) -> None:
    async with shown(rollback(PREVIEW, clock), size=(100, 50)) as show:
        await show.press("right", "enter")
        assert show.is_open
        clock.now += 1
        await show.press("enter")
        assert isinstance(show.result, RollBack)


async def test_clicks_do_not_run_it(clock: Clock) -> None:
    async with shown(rollback(PREVIEW, clock), size=(100, 50)) as show:
        clock.now += 1
        for x in range(2, 40, 6):
            await show.pilot.click("#answers", offset=(x, 0))
        assert show.is_open


async def test_losses_are_said_before_what_is_undone(clock: Clock) -> None:
    async with shown(rollback(PREVIEW, clock), size=(100, 50)) as show:
        text = show.text()
    order = [
        "Irreversible",
        "3 deploy",
        "Not undone",
        "1 run_tests",
        "What would be undone",
        "rm -- backup.sql",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


async def test_each_item_says_what_it_undoes_and_why(clock: Clock) -> None:
    async with shown(rollback(PREVIEW, clock), size=(100, 50)) as show:
        text = show.text()
    for part in (
        "2 backup_database  the step's own undo",
        "the backup of step 2 did not succeed",
        "step 5 never started",
        "1 would run · 1 refused · 1 left out",
    ):
        assert part in text


async def test_where_nothing_can_be_undone_there_is_nothing_to_run(clock: Clock) -> None:
    async with shown(rollback(RollbackPlan(irreversible=("3",)), clock)) as show:
        clock.now += 1
        assert "There is nothing that could be undone" in show.text()
        await show.press("right", "enter")
        assert show.result is None
