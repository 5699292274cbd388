"""Editing on the main screen: marks, one edit for many steps, undo over everything, picking in the tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.plan.model import Plan, Step
from console.run import control as wishes
from console.run import events as ev
from console.run.control import Wish
from console.task import load
from tests.tui import fakes
from tests.tui.driving import NARROW, Driver, driving
from tests.tui.test_run_keys import plan_of, takes_plans

pytestmark = pytest.mark.anyio


def ids(driver: Driver) -> list[str]:
    return [step.id for step in plan_of(driver).leaves()]


def edits(driver: Driver) -> list[wishes.ChangePlan]:
    return [wish for wish in driver.session.fake.wishes if isinstance(wish, wishes.ChangePlan)]


async def settled(driver: Driver) -> None:
    await driver.screen.editing.changes.settled()
    await driver.caught_up()


async def test_one_key_acts_on_all_marked_steps_as_one_edit(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        driver.screen.plan_tree.select("7")
        await driver.press("M", "M")
        assert "2 marked" in driver.line("marked")
        await driver.press("d")
        await settled(driver)
        assert ids(driver) == ["1", "3", "2", "4", "5", "6"]
        assert [edit.summary for edit in edits(driver)] == ["delete steps 7, 8"]
        await driver.press("u")
        await settled(driver)
        assert ids(driver) == ["1", "3", "2", "4", "5", "6", "7", "8"]


async def test_the_cursor_goes_back_to_a_step_whose_deletion_is_undone(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        driver.screen.plan_tree.select("8")
        await driver.press("d")
        await settled(driver)
        assert driver.screen.view.step == "7"
        await driver.press("u")
        await settled(driver)
        assert driver.screen.view.step == "8"
        driver.line("Step 8 notify_team")


async def test_an_edit_that_the_run_tells_late_does_not_end_what_can_be_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The screen hears of the first when the run has been told of the second."""
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        changes, grant = driver.screen.editing.changes, driver.session.fake.on_wish
        assert grant is not None
        hear = driver.screen.editing.plan_changed
        late: list[Plan | None] = []
        monkeypatch.setattr(driver.screen.editing, "plan_changed", late.append)
        driver.screen.plan_tree.select("8")
        await driver.press("d")
        await settled(driver)
        driver.session.fake.on_wish = lambda _: None
        await driver.press("d")
        await driver.until(lambda: len(edits(driver)) == 2)
        hear(late[-1])
        assert [edit.summary for edit in changes.history.edits] == ["delete step 8", "delete step 7"]
        driver.session.fake.on_wish = grant
        grant(edits(driver)[-1])
        await settled(driver)


async def test_marks_never_act_on_rows_that_cannot_be_seen(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        await driver.press("asterisk", "slash", *"smoke", "enter")
        assert "2 marked +6 hidden" in driver.line("marked")
        await driver.press("s")
        await settled(driver)
        assert [s.id for s in plan_of(driver).leaves() if not s.enabled] == ["5", "7"]
        await driver.press("slash", *"zzz", "enter", "d")
        assert any("cannot be seen" in text for text in driver.notices())
        assert len(edits(driver)) == 1


async def test_marks_do_not_act_behind_another_pane(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval(), size=NARROW) as driver:
        takes_plans(driver)
        driver.screen.plan_tree.select("7")
        await driver.press("M", "2", "d")
        assert any("cannot be seen" in text for text in driver.notices())
        assert edits(driver) == []


async def test_copies_of_marked_steps_speak_of_each_other(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        driver.screen.plan_tree.select("7")
        await driver.press("M", "M", "y", "escape", "p")
        await settled(driver)
        assert ids(driver)[-2:] == ["9", "10"]
        assert plan_of(driver).step("9").depends_on == ("6",)
        assert plan_of(driver).step("10").depends_on == ("9",)


async def test_holding_marked_steps_is_one_thing_to_be_undone(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.approved()) as driver:

        def grant(wish: Wish) -> None:
            if isinstance(wish, wishes.Hold):
                driver.session.tell(ev.StepHeld(step=wish.step, by="ada", reason="by the operator"))
            elif isinstance(wish, wishes.Release):
                driver.session.tell(ev.StepReleased(step=wish.step, by="ada"))

        driver.session.fake.on_wish = grant
        driver.screen.plan_tree.select("1")
        await driver.press("M", "M", "space")
        await driver.until(lambda: driver.session.fake.kinds() == ["hold", "hold"])
        await driver.caught_up()
        await driver.press("u")
        await driver.until(lambda: driver.session.fake.kinds()[2:] == ["release", "release"])


async def test_what_is_asked_while_something_is_carried_out_comes_after_it(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.approved()) as driver:

        def grant(wish: Wish) -> None:
            assert isinstance(wish, wishes.Hold)
            driver.session.tell(ev.StepHeld(step=wish.step, by="ada", reason="by the operator"))

        driver.session.fake.on_wish = grant
        driver.screen.plan_tree.select("1")
        driver.screen.action_do("hold")
        driver.screen.action_do("mark_done")
        await driver.until(lambda: driver.on_top != "RunScreen")
        assert driver.session.fake.kinds() == ["hold"]


async def test_steps_go_into_a_new_phase_and_out_of_it(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        driver.screen.plan_tree.select("2")
        await driver.press("M", "M", "greater_than_sign")
        await driver.until(lambda: driver.on_top == "AskText")
        await driver.press(*"Build", "enter")
        await settled(driver)
        phase = plan_of(driver).step("staging").steps[0]
        assert (phase.description, [s.id for s in phase.steps]) == ("Build", ["2", "4"])
        await driver.press("escape")
        driver.screen.plan_tree.select("staging")
        await driver.press("less_than_sign")
        await settled(driver)
        assert [step.id for step in plan_of(driver).steps] == ["prepare", phase.id, "5", "production"]


async def test_dependencies_are_picked_in_the_tree(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        driver.screen.plan_tree.select("4")
        await driver.press("W")
        assert "[x]" in driver.line("build_image")
        await driver.press("j", "space")
        assert any("circle" in text for text in driver.notices())
        driver.screen.plan_tree.select("3")
        await driver.press("space", "d")
        assert any("Enter takes" in text for text in driver.notices())
        await driver.press("enter")
        await settled(driver)
        assert plan_of(driver).step("4").depends_on == ("2", "3")
        assert "[x]" not in driver.text()


async def test_edits_that_come_faster_than_the_run_are_all_kept(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        for step in ("1", "3", "2"):
            driver.screen.plan_tree.select(step)
            driver.screen.action_do("enable")
        await settled(driver)
        assert [s.id for s in plan_of(driver).leaves() if not s.enabled] == ["1", "3", "2"]


async def test_a_part_of_a_revision_that_is_left_out_is_not_proposed(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.proposed()) as driver:

        def grant(wish: Wish) -> None:
            if isinstance(wish, wishes.Propose):
                number = len(driver.session.fake.wishes) + 2
                driver.session.tell(
                    ev.RequestWithdrawn(request=f"q{number - 1}"),
                    ev.RevisionProposed(
                        plan=wish.plan, hash=f"h{number}", reason="r", planner="offline", changed_by="ada"
                    ),
                    ev.ApprovalRequested(request=f"q{number}", scope="revision", hash=f"h{number}"),
                )

        driver.session.fake.on_wish = grant
        await driver.press("4")
        driver.screen.pane_named("diff").select("9")
        await driver.press("space")
        assert "left out" in driver.line("9 smoke_test")
        assert "accept the taken parts" in driver.text()
        await driver.press("a")
        await driver.until(lambda: driver.on_top == "ApprovalScreen")
        (proposed,) = [wish for wish in driver.session.fake.wishes if isinstance(wish, wishes.Propose)]
        assert proposed.instead == "h2"
        assert [step.id for step in proposed.plan.leaves()] == ["1", "3", "2", "4", "5", "6", "7"]
        assert proposed.plan.step("6").params == {"tag": "v2.3.0"}
        # Nobody answers: the whole revision waits again, and the part is still left out.
        await driver.press("escape")
        await driver.until(lambda: len(driver.session.fake.wishes) == 2)
        await driver.until(lambda: "accept the taken parts" in driver.text())
        again = driver.session.fake.wishes[1]
        assert isinstance(again, wishes.Propose)
        assert (again.plan, again.instead) == (fakes.revised(), "h3")
        assert "left out" in driver.line("9 smoke_test")


async def test_a_revision_of_which_nothing_is_taken_is_rejected_not_accepted(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.proposed()) as driver:
        await driver.press("4")
        for step in ("9", "8", "6"):
            driver.screen.pane_named("diff").select(step)
            await driver.press("space")
        await driver.press("a")
        assert any("x rejects it" in text for text in driver.notices())
        assert driver.session.fake.wishes == []


async def test_the_plan_on_the_screen_is_saved_as_a_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        driver.screen.plan_tree.select("8")
        await driver.press("d")
        await settled(driver)
        await driver.press("ctrl+s")
        await driver.until(lambda: driver.on_top == "AskText")
        await driver.press(*"mine", "enter")
        await driver.until(lambda: any("plandeck run mine" in text for text in driver.notices()))
        assert load("mine").plan == plan_of(driver)


async def test_the_last_step_that_leaves_a_phase_takes_the_phase_with_it(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        driver.screen.plan_tree.select("1")
        await driver.press("M", "M", "less_than_sign")
        await driver.until(lambda: bool(edits(driver)))
        await settled(driver)
        assert [step.id for step in plan_of(driver).steps[:2]] == ["1", "3"]
        assert driver.on_top == "RunScreen"


async def test_re_wiring_is_not_offered_where_it_would_not_help(tmp_path: Path) -> None:
    used = Step(id="2", action="notify_team", params={"message": "{step_1_result}"}, depends_on=("1",))
    plan = Plan(goal="Tell", steps=(Step(id="1", action="run_tests"), used))
    async with driving(tmp_path, *fakes.awaiting_approval(plan)) as driver:
        await driver.press("d")
        await driver.until(lambda: bool(driver.notices()))
        assert driver.on_top == "RunScreen"
        assert "{step_1_result} refers to step 1" in driver.notices()[0]


async def test_a_phase_is_held_and_left_out_with_all_its_steps(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        inside = [step.id for step in plan_of(driver).step("production").steps]
        driver.screen.plan_tree.select("production")
        await driver.press("left", "space")
        await driver.until(lambda: len(driver.session.fake.wishes) == len(inside))
        assert [wish.step for wish in driver.session.fake.wishes if isinstance(wish, wishes.Hold)] == inside
        await driver.press("s")
        await settled(driver)
        assert [step.id for step in plan_of(driver).leaves() if step not in plan_of(driver).taken()] == inside
        driver.line("▸ Production  left out –")
        await driver.press("right")
        driver.line("– 6 deploy_production", "left out")
        await driver.press("s")
        await settled(driver)
        assert plan_of(driver).taken() == plan_of(driver).leaves()
