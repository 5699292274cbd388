"""Keys of the main screen: each does what it says, or says why not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Input

from console.plan.model import Plan
from console.run import control as wishes
from console.run import events as ev
from console.run.control import Wish
from console.tui.actions import ACTIONS, BY_ID, SPLIT_ESCAPE_TAILS, describe, why_not
from console.tui.app import DETACHED, ConsoleApp, Options
from console.tui.screens.rollback import RollbackScreen
from console.tui.screens.run import RunScreen
from tests.tui import fakes
from tests.tui.driving import NARROW, Driver, driving, driving_session

pytestmark = pytest.mark.anyio


def takes_plans(driver: Driver) -> None:
    """Have the session grant changes of the plan, as an engine does."""
    session = driver.session

    def grant(wish: Wish) -> None:
        if isinstance(wish, wishes.ChangePlan):
            revision = session.state.revision + 1
            session.tell(
                ev.PlanEdited(
                    revision=revision,
                    plan=wish.plan,
                    plan_hash=f"h{revision}",
                    summary=wish.summary,
                    by="ada",
                )
            )

    session.fake.on_wish = grant


def plan_of(driver: Driver) -> Plan:
    plan = driver.session.state.plan
    assert plan is not None
    return plan


# ── the registry ─────────────────────────────────────────────────────────────────────────────────


async def test_every_action_has_a_handler_and_its_own_id(tmp_path: Path) -> None:
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        assert set(driver.screen._handlers) == {action.id for action in ACTIONS if action.group != "Replay"}


def test_no_capital_that_a_split_escape_sequence_ends_with_acts_at_once() -> None:
    acting = {key for action in ACTIONS for key in action.keys.split(",") if action.id != "rollback"}
    assert not acting & SPLIT_ESCAPE_TAILS


async def test_keys_can_be_bound_again_by_the_id_of_their_action(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running(), keys={"run.pause": "ctrl+y"}) as driver:
        await driver.press("p")
        assert driver.session.fake.wishes == []
        await driver.press("ctrl+y")
        await driver.until(lambda: driver.session.fake.kinds() == ["pause"])


async def test_what_cannot_be_done_says_why(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        driver.screen.plan_tree.select("1")
        await driver.press("k", "j", "r")
        assert any(
            "only a failed, cancelled or undone step can be retried" in text for text in driver.notices()
        )
        info = {i.id: i for i in describe(driver.screen.view)}
        assert not info["retry"].enabled
        assert "step 1 is succeeded" in info["retry"].reason
        assert info["pause"].enabled


async def test_a_shown_run_takes_no_wishes_and_says_so(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running(), read_only=True) as driver:
        await driver.press("p")
        assert any("only shown here" in text for text in driver.notices())
        driver.line("only shown here")


async def test_the_palette_lists_every_action_by_name(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        await driver.press("colon")
        await driver.until(lambda: driver.on_top == "CommandPalette")
        await driver.press(*"mark")
        await driver.until(lambda: "Mark the step done by hand" in driver.text())
        await driver.press("escape")


async def test_help_lists_the_keys(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        await driver.press("question_mark")
        await driver.until(lambda: driver.on_top == "HelpScreen")


# ── the run ──────────────────────────────────────────────────────────────────────────────────────


async def test_approve_opens_the_screen_that_shows_the_plan_and_wishes_nothing_itself(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        await driver.press("a")
        await driver.until(lambda: driver.on_top == "ApprovalScreen")
        await driver.press("escape")
        await driver.until(lambda: driver.on_top == "RunScreen")
        assert driver.session.fake.wishes == []


async def test_what_the_approval_screen_answers_goes_to_the_run(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        await driver.press("a")
        await driver.until(lambda: driver.on_top == "ApprovalScreen")
        driver.app.screen.dismiss(wishes.Approve(request="q1", hash="h1"))
        await driver.until(lambda: driver.session.fake.kinds() == ["approve"])


async def test_a_click_on_the_footer_never_approves(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        await driver.pilot.click("#footer", offset=(2, 0))
        await driver.until(lambda: driver.on_top == "ApprovalScreen")
        assert driver.session.fake.wishes == []


async def test_a_gate_asks_its_question(tmp_path: Path) -> None:
    story = (
        *fakes.running(),
        ev.ApprovalRequested(request="g", scope="gate", hash="x", step="4", question="Go on?"),
    )
    async with driving(tmp_path, *story) as driver:
        driver.line("answer the gate 4")
        await driver.press("a")
        await driver.until(lambda: driver.on_top == "QuestionScreen")


async def test_p_pauses_and_p_goes_on(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        await driver.press("p")
        await driver.until(lambda: driver.session.fake.kinds() == ["pause"])
        await driver.tell(ev.RunPaused(by="ada"))
        driver.line("PAUSED")
        await driver.press("p")
        await driver.until(lambda: driver.session.fake.kinds() == ["pause", "continue"])


@pytest.mark.parametrize(("key", "wish"), [("r", wishes.Retry(step="6")), ("s", wishes.Skip(step="6"))])
async def test_a_key_means_the_failed_step_where_the_selected_one_is_not_meant(
    tmp_path: Path, key: str, wish: Wish
) -> None:
    async with driving(tmp_path, *fakes.failed()) as driver:
        assert driver.screen.view.step == "1"
        driver.line("retry 6", "skip 6")
        await driver.press(key)
        await driver.until(lambda: bool(driver.session.fake.wishes))
        said = driver.session.fake.wishes[0]
        assert (said.kind, getattr(said, "step", "")) == (wish.kind, "6")


async def test_x_cancels_the_running_step(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        await driver.press("j", "x")
        await driver.until(lambda: driver.session.fake.wishes == [wishes.Cancel(step="3")])


async def test_x_rejects_a_revision_that_waits(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.proposed()) as driver:
        await driver.press("x")
        await driver.until(lambda: driver.on_top == "AskText")
        driver.app.screen.dismiss("not now")
        await driver.until(
            lambda: driver.session.fake.wishes == [wishes.Deny(request="q2", reason="not now")]
        )


async def test_space_holds_and_releases(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        await driver.press("space")
        await driver.until(lambda: driver.session.fake.kinds() == ["hold"])
        await driver.tell(ev.StepHeld(step="1", by="ada", reason="wait for the window"))
        driver.line("◌ 1", "held: wait for the window")
        await driver.press("space")
        await driver.until(lambda: driver.session.fake.kinds() == ["hold", "release"])


async def test_a_key_right_after_a_move_is_about_the_step_that_was_moved_to(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        tree = driver.screen.plan_tree
        tree.move(1)
        assert tree.step == "3"
        driver.screen.action_do("hold")
        await driver.until(lambda: driver.session.fake.wishes != [])
        assert driver.session.fake.wishes == [wishes.Hold(step="3", reason="by the operator")]


async def test_m_takes_a_result_by_hand(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.failed()) as driver:
        await driver.press("m")
        await driver.until(lambda: driver.on_top == "AskText")
        driver.app.screen.dismiss("done on the console of web-1")
        await driver.until(lambda: driver.session.fake.kinds() == ["mark_done"])


async def test_rollback_is_previewed_before_it_is_wished(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.failed()) as driver:
        driver.session.fake.answers["preview_rollback"] = {
            "rollback": fakes.rollback_plan().model_dump(mode="json"),
            "hash": "r1",
        }
        await driver.press("R")
        await driver.until(lambda: driver.on_top == "RollbackScreen")
        assert driver.session.fake.kinds() == ["preview_rollback"]
        driver.app.screen.dismiss(wishes.RollBack(hash="r1"))
        await driver.until(lambda: driver.session.fake.kinds() == ["preview_rollback", "roll_back"])


async def test_a_rollback_that_is_asked_for_is_shown_and_can_be_declined(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.failed()) as driver:
        asked = ev.RollbackRequested(by="mcp: an agent", reason="[b]wrong[/b] host", back_to="2")
        driver.session.tell(asked)
        await driver.until(lambda: any("asks for a rollback: [b]wrong" in text for text in driver.notices()))
        driver.session.fake.answers["preview_rollback"] = {
            "rollback": fakes.rollback_plan().model_dump(mode="json"),
            "hash": "r1",
        }
        await driver.press("R")
        await driver.until(lambda: driver.on_top == "RollbackScreen")
        assert "by mcp: an agent back to step 2: [b]wrong[/b] host" in driver.text()
        await driver.press("escape")
        driver.screen.action_do("decline_rollback")
        await driver.until(lambda: driver.on_top == "AskText")
        await driver.press(*"no", "enter")
        await driver.until(lambda: driver.session.fake.kinds() == ["preview_rollback", "decline_rollback"])
        assert why_not(BY_ID["decline_rollback"], driver.screen.view) == ""
        driver.session.tell(ev.RollbackDeclined(by="ada", reason="no"))
        said = "nobody has asked for a rollback"
        await driver.until(lambda: why_not(BY_ID["decline_rollback"], driver.screen.view) == said)


async def test_a_refused_wish_is_told_with_its_reason(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        driver.session.fake.refuse["pause"] = "another console holds the control"
        await driver.press("p")
        await driver.until(lambda: any("another console" in text for text in driver.notices()))


async def test_a_refused_wish_stays_on_the_screen_until_a_key_after_its_time(tmp_path: Path) -> None:
    def told() -> bool:
        return any("another console" in text for text in driver.notices())

    async with driving(tmp_path, *fakes.running()) as driver:
        driver.session.fake.refuse["pause"] = "another console holds the control"
        await driver.press("p")
        await driver.until(told)
        await driver.press("j")
        assert told(), "a key that was on its way takes nothing away"
        driver.session.tell(ev.Warned(message="an hour later"), at=driver.session.state.at + 3600)
        await driver.caught_up()
        assert told()
        await driver.press("k")
        assert not told()


async def test_stopping_asks_first_with_the_cursor_on_no(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        await driver.press("i")
        await driver.until(lambda: driver.on_top == "ConfirmScreen")
        await driver.press("enter")
        await driver.until(lambda: driver.on_top == "RunScreen")
        assert driver.session.fake.wishes == []


async def test_changes_are_requested_in_words(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        await driver.press("c")
        await driver.until(lambda: driver.on_top == "RequestChanges")
        driver.app.screen.dismiss("deploy at night")
        await driver.until(lambda: driver.session.fake.wishes == [wishes.Replan(words="deploy at night")])


async def test_q_leaves_the_run_alone(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        await driver.press("q")
        await driver.until(lambda: driver.app.return_code is not None)
        assert driver.app.return_code == DETACHED
        assert driver.session.fake.wishes == []


async def test_leaving_an_ended_run_gives_its_exit_code(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.rolled_back()) as driver:
        await driver.press("q")
        await driver.until(lambda: driver.app.return_code == 5)


class Reopening:
    """Takes a run up again: the story so far in a session with control, and `more` after it."""

    def __init__(self, folder: Path, *story: ev.Event) -> None:
        self.session = fakes.FakeSession(folder, *story)
        self.asked: list[str] = []

    async def __call__(self, run: str) -> fakes.FakeSession:
        self.asked.append(run)
        return self.session


async def test_p_takes_up_a_run_that_lost_its_process(tmp_path: Path) -> None:
    lost = fakes.FakeSession(tmp_path, *fakes.running(), read_only=True)
    reopen = Reopening(tmp_path, *fakes.running(), ev.Warned(message="taken up again"))
    async with driving_session(lost, reopen=reopen) as driver:
        await driver.press("p")
        assert reopen.asked == [], "its process is still there"
        lost.end()
        await driver.until(lambda: driver.screen.view.reopenable)
        driver.line("the engine of this run is gone; p takes it up again")
        driver.line("p take it up again")
        await driver.press("p")
        await driver.until(lambda: driver.screen.session is reopen.session)
        assert reopen.asked == ["4f1c"]
        await driver.until(lambda: driver.screen.view.ready)
        await driver.press("p")
        await driver.until(lambda: reopen.session.fake.kinds() == ["pause"])


async def test_an_ended_run_is_taken_up_again_to_be_rolled_back(tmp_path: Path) -> None:
    story = (*fakes.failed(), ev.RunFinished(outcome="failed", exit_code=1))
    ended = fakes.FakeSession(tmp_path, *story, read_only=True)
    reopen = Reopening(tmp_path, *story, ev.RunReopened(by="ada"))
    async with driving_session(ended, reopen=reopen) as driver:
        ended.end()
        await driver.until(lambda: driver.screen.view.reopenable)
        await driver.press("R")
        await driver.until(lambda: driver.on_top == "RollbackScreen")
        assert reopen.asked == [], "a preview starts nothing"
        shown = driver.app.screen
        assert isinstance(shown, RollbackScreen)
        slow = reopen.session.fake.wait = asyncio.Event()
        shown.dismiss(wishes.RollBack(hash=shown.hash))
        await driver.until(lambda: reopen.session.fake.asked == ["roll_back"])
        await driver.pilot.pause()
        slow.set()
        await driver.until(lambda: driver.screen.session is reopen.session)
        assert reopen.session.fake.kinds() == ["roll_back"], "showing the run anew does not lose the wish"
        assert reopen.asked == ["4f1c"]


async def test_a_rollback_that_is_refused_after_all_still_shows_the_run_taken_up(tmp_path: Path) -> None:
    story = (*fakes.failed(), ev.RunFinished(outcome="failed", exit_code=1))
    ended = fakes.FakeSession(tmp_path, *story, read_only=True)
    reopen = Reopening(tmp_path, *story, ev.RunReopened(by="ada"))
    reopen.session.fake.refuse["roll_back"] = "the rollback is another one now"
    async with driving_session(ended, reopen=reopen) as driver:
        ended.end()
        await driver.until(lambda: driver.screen.view.reopenable)
        await driver.press("R")
        await driver.until(lambda: driver.on_top == "RollbackScreen")
        driver.app.screen.dismiss(wishes.RollBack(hash="0"))
        await driver.until(lambda: driver.screen.session is reopen.session)
        await driver.until(lambda: any("another one now" in text for text in driver.notices()))


async def test_a_run_that_is_taken_up_keeps_the_selected_step(tmp_path: Path) -> None:
    lost = fakes.FakeSession(tmp_path, *fakes.running(), read_only=True)
    reopen = Reopening(tmp_path, *fakes.running(), ev.Warned(message="taken up again"))
    async with driving_session(lost, reopen=reopen) as driver:
        lost.end()
        await driver.until(lambda: driver.screen.view.reopenable)
        await driver.press("G")
        await driver.until(lambda: driver.screen.view.step == "8")
        await driver.press("p")
        await driver.until(lambda: driver.screen.session is reopen.session and driver.screen.view.ready)
        assert driver.screen.view.step == "8"
        assert driver.screen.plan_tree.step == "8"


async def test_a_run_that_succeeded_is_not_taken_up(tmp_path: Path) -> None:
    story = (*fakes.approved(), *fakes.done(*"13245678"), ev.RunFinished(outcome="succeeded", exit_code=0))
    session = fakes.FakeSession(tmp_path, *story, read_only=True)
    reopen = Reopening(tmp_path, *story)
    async with driving_session(session, reopen=reopen) as driver:
        session.end()
        await driver.until(lambda: driver.screen.view.reopenable)
        await driver.press("p")
        assert reopen.asked == []
        assert any("nothing to go on with" in text for text in driver.notices())


async def test_keys_that_come_before_the_records_do_nothing(tmp_path: Path) -> None:
    session = fakes.FakeSession(tmp_path)
    options = Options(by="ada", now=lambda: fakes.T0)
    app = ConsoleApp(session, options)
    async with app.run_test(size=NARROW) as pilot:
        driver = Driver(pilot, session, wait_for_findings=False)
        await driver.until(lambda: any(isinstance(s, RunScreen) for s in app.screen_stack))
        await driver.until(lambda: driver.screen.is_mounted)
        driver.line("connecting …")
        await driver.press("a", *"oduction", "p", "R", "i", "slash", "colon", "5")
        assert driver.on_top == "RunScreen"
        assert driver.notices() == []
        assert driver.screen.view.pane == "plan"
        await driver.press("question_mark")
        await driver.until(lambda: driver.on_top == "HelpScreen")
        await driver.press("escape")
        await driver.tell(*fakes.awaiting_approval())
        assert "connecting" not in driver.text()
        await driver.press("a")
        await driver.until(lambda: driver.on_top == "ApprovalScreen")


async def test_a_run_that_is_still_coming_can_be_left(tmp_path: Path) -> None:
    coming = asyncio.Event()

    async def begin() -> fakes.FakeSession:
        await coming.wait()
        return fakes.FakeSession(tmp_path)

    app = ConsoleApp(begin, Options(by="ada"))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("a", "ctrl+p", "colon")
        assert type(app.screen).__name__ == "StartScreen"
        await pilot.press("q")
        await pilot.pause()
        assert app.return_code == DETACHED


# ── the plan ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_deleted_step_comes_back_with_u_and_goes_again_with_ctrl_r(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        before = plan_of(driver)
        await driver.press("G", "d")
        await driver.until(lambda: "8" not in {s.id for s in plan_of(driver).leaves()})
        await driver.until(lambda: driver.screen.view.step == "7")
        await driver.press("u")
        await driver.until(lambda: plan_of(driver) == before)
        await driver.press("ctrl+r")
        await driver.until(lambda: "8" not in {s.id for s in plan_of(driver).leaves()})


async def test_deleting_what_others_depend_on_offers_to_re_wire(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        driver.screen.plan_tree.select("2")
        driver.screen.view.step = "2"
        await driver.press("d")
        await driver.until(lambda: driver.on_top == "ConfirmScreen")
        driver.app.screen.dismiss(True)
        await driver.until(lambda: "2" not in {s.id for s in plan_of(driver).leaves()})
        assert plan_of(driver).step("4").depends_on == ("1",)


async def test_a_step_that_was_not_deleted_is_not_said_to_be(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        driver.screen.plan_tree.select("2")
        await driver.press("d")
        await driver.until(lambda: driver.on_top == "ConfirmScreen")
        await driver.press("escape")
        await driver.until(lambda: not driver.screen._busy)
        assert driver.notices() == []


async def test_a_plan_can_be_written_by_hand_where_none_came_out(tmp_path: Path) -> None:
    story = (*fakes.created(), ev.PlanningFailed(planner="offline", error="nothing provides it"))
    async with driving(tmp_path, *story) as driver:
        driver.line("Ctrl+g writes a plan by hand")
        driver.line("NO PLAN")
        driver.line("Ctrl+g write in $EDITOR", "i stop here")
        assert why_not(BY_ID["edit_plan"], driver.screen.view) == ""


async def test_moving_keeps_the_cursor_on_the_step(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        await driver.press("J")
        await driver.until(lambda: [s.id for s in plan_of(driver).leaves()][:2] == ["3", "1"])
        await driver.until(lambda: driver.screen.plan_tree.index_of("1") == 2)
        assert driver.screen.plan_tree.step == "1"


async def test_a_move_against_a_dependency_says_why_and_changes_nothing_on_no(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        before = plan_of(driver)
        driver.screen.plan_tree.select("4")
        driver.screen.view.step = "4"
        await driver.press("K")
        await driver.until(lambda: driver.on_top == "ConfirmScreen")
        driver.line("depends on")
        await driver.press("enter")
        await driver.until(lambda: driver.on_top == "RunScreen")
        assert plan_of(driver) == before


async def test_copy_and_paste_makes_a_step_with_a_new_id(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        await driver.press("y", "p")
        await driver.until(lambda: "9" in {s.id for s in plan_of(driver).leaves()})
        assert plan_of(driver).step("9").action == "run_tests"
        await driver.until(lambda: driver.screen.view.step == "9")


async def test_s_before_the_run_leaves_a_step_out_and_takes_it_in_again(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        await driver.press("s")
        await driver.until(lambda: not plan_of(driver).step("1").enabled)
        await driver.until(lambda: "left out" in driver.text())
        await driver.press("s")
        await driver.until(lambda: plan_of(driver).step("1").enabled)


async def test_a_step_moves_out_of_its_phase_and_back_in(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        driver.screen.plan_tree.select("3")
        driver.screen.view.step = "3"
        await driver.press("less_than_sign")
        await driver.until(lambda: [s.id for s in plan_of(driver).steps][1] == "3")
        await driver.until(lambda: driver.screen.bridge.state.revision == 2)
        await driver.press("greater_than_sign")
        await driver.until(lambda: [s.id for s in plan_of(driver).step("prepare").steps] == ["1", "3"])


async def test_a_refused_edit_leaves_nothing_to_undo(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        driver.session.fake.refuse["change_plan"] = "revision 2 is newer"
        await driver.press("s")
        await driver.until(lambda: any("revision 2 is newer" in text for text in driver.notices()))
        assert not driver.screen.editing.changes.can_undo
        await driver.press("u")
        assert any("no edit to undo" in text for text in driver.notices())


async def test_a_started_step_cannot_be_edited(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        await driver.press("d")
        assert any("step 1 has started" in text for text in driver.notices())


async def test_a_new_step_stands_below_the_selected_one(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        takes_plans(driver)
        await driver.press("o")
        await driver.until(lambda: driver.on_top == "StepEditor")
        driver.app.screen.dismiss(plan_of(driver).step("1").model_copy(update={"id": "12"}))
        await driver.until(lambda: [s.id for s in plan_of(driver).leaves()][:3] == ["1", "12", "3"])


# ── panes ────────────────────────────────────────────────────────────────────────────────────────


async def test_digits_go_to_panes_and_escape_comes_back(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.failed(), size=NARROW) as driver:
        for key, shown in (
            ("5", "00:00"),
            ("6", "approval requested"),
            ("3", "health check failed"),
            ("4", "no revision"),
        ):
            await driver.press(key)
            driver.line(shown)
        await driver.press("escape")
        driver.line("1 Plan")


async def test_enter_opens_the_step_with_what_it_is(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval(), size=NARROW) as driver:
        await driver.press("enter")
        driver.line("Step 1 run_tests")
        driver.line("step 1 has not run yet")


async def test_zoom_gives_the_pane_the_whole_screen(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        await driver.press("plus")
        await driver.until(lambda: "2 Output" not in driver.text())
        driver.line("zoomed (_)")
        await driver.press("2")
        await driver.until(lambda: "2 Output" in driver.text())
        assert "1 Plan" not in driver.text(), "the pane that is gone to has the whole screen"
        await driver.press("underscore")
        await driver.until(lambda: "1 Plan" in driver.text())
        assert "zoomed" not in driver.text()


async def test_a_filter_is_visible_and_no_key_touches_a_hidden_row(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        await driver.press("slash", *"smoke", "enter")
        driver.line("filter /smoke", "2 of 8")
        assert driver.screen.view.step in ("5", "7")
        await driver.press("g", "k", "k", "G", "j")
        assert driver.screen.view.selected is not None
        assert driver.screen.plan_tree.index_of("1") == -1
        await driver.press("escape")
        await driver.until(lambda: "run_tests" in driver.text())


async def test_going_to_another_pane_ends_the_typing_of_a_search(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        await driver.press("slash", *"smoke", "tab", "tab")
        assert driver.screen.view.pane == "failures"
        assert not driver.screen.is_searching
        await driver.press("1", "j")
        assert driver.screen.plan_tree.needle == "smoke", "what was typed still filters the plan"
        await driver.press("6", "slash")
        await driver.pilot.click("#plan", offset=(12, 1))
        await driver.press("5")
        assert driver.bold() == ["5 Timeline"], "a key, and no letter of the search"


async def test_keys_of_the_screen_are_only_letters_while_a_search_is_typed(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        await driver.press("slash", "q", "p", "x")
        assert driver.session.fake.wishes == []
        assert driver.app.return_code is None
        assert driver.screen.query_one("#search", Input).value == "qpx"


# ── several consoles on one run ──────────────────────────────────────────────────────────────────


class SharedSession(fakes.FakeSession):
    """A session whose control another console holds."""

    holder = "bob"
    has_control = False
    asker = ""
    kept = ""
    others: tuple[str, ...] = ("bob",)

    def __init__(self, folder: Path, *events: ev.Event) -> None:
        self.answers: list[bool] = []
        self.on_control: Callable[[], None] = lambda: None
        super().__init__(folder, *events)

    async def take_control(self) -> None:
        self.has_control, self.holder = True, "ada"
        self.on_control()

    async def ask_control(self) -> None:
        self.asker = "ada"
        self.on_control()

    async def answer_control(self, *, yes: bool) -> None:
        self.answers.append(yes)
        self.asker = ""
        if yes:
            self.has_control, self.holder = False, "bob"
        self.on_control()


async def test_a_second_console_looks_on_until_it_takes_the_control(tmp_path: Path) -> None:
    session = SharedSession(tmp_path, *fakes.running())
    async with driving_session(session) as driver:
        driver.line("bob holds the control")
        await driver.press("p")
        assert session.fake.wishes == []
        await driver.press("T")
        await driver.until(lambda: "bob holds the control" not in driver.text())
        await driver.press("p")
        await driver.until(lambda: session.fake.kinds() == ["pause"])


async def test_a_second_console_asks_for_the_control_and_is_told_the_answer(tmp_path: Path) -> None:
    session = SharedSession(tmp_path, *fakes.running())
    async with driving_session(session) as driver:
        await driver.press("L")
        await driver.until(lambda: session.asker == "ada")
        session.asker, session.kept = "", "bob keeps it"
        session.on_control()
        await driver.until(lambda: "the control was not given: bob keeps it" in driver.notices())
        await driver.press("p")
        assert session.fake.wishes == []
        await session.take_control()
        await driver.until(lambda: "you hold the control of this run now" in driver.notices())


@pytest.mark.parametrize(("key", "given"), [("y", True), ("n", False), ("enter", False)])
async def test_who_holds_the_control_is_asked_for_it_and_answers(
    tmp_path: Path, key: str, given: bool
) -> None:
    session = SharedSession(tmp_path, *fakes.running())
    session.has_control, session.holder = True, "ada"
    async with driving_session(session) as driver:
        driver.line("+1 watching")
        session.asker = "bob"
        session.on_control()
        await driver.until(lambda: "bob asks for the control (L answers)" in driver.text())
        await driver.press("L")
        await driver.until(lambda: "You will look on." in driver.text())
        await driver.press(key)
        await driver.until(lambda: session.answers == [given])
        await driver.until(lambda: ("bob holds the control" in driver.text()) is given)


def by_two() -> tuple[ev.Event, ...]:
    """A plan that two persons must approve, and that Ada has approved."""
    *before, asks = fakes.awaiting_approval()
    assert isinstance(asks, ev.ApprovalRequested)
    return (
        *before,
        asks.model_copy(update={"persons": 2}),
        ev.Countersigned(request="q1", scope="plan", hash="h1", by="ada (pts/1)", person="ada", how="key"),
    )


async def test_who_looks_on_is_shown_the_plan_and_countersigns_it(tmp_path: Path) -> None:
    session = SharedSession(tmp_path, *by_two())
    async with driving_session(session) as driver:
        driver.line("ada has approved the plan; another person must (a)")
        driver.line("a approve it too")
        await driver.press("a")
        await driver.until(lambda: driver.on_top == "ApprovalScreen")
        assert "ada has approved; yours is the second" in driver.text()
        driver.app.screen.dismiss(wishes.Approve(request="q1", hash="h1", steps={"6": "h6"}))
        await driver.until(lambda: session.fake.kinds() == ["countersign"])
        assert session.fake.wishes == [wishes.Countersign(request="q1", hash="h1", steps={"6": "h6"})]


async def test_who_looks_on_approves_nothing_alone(tmp_path: Path) -> None:
    *story, _ = by_two()
    session = SharedSession(tmp_path, *story)
    async with driving_session(session) as driver:
        await driver.press("a")
        assert driver.on_top == "RunScreen"
        assert any("bob holds the control" in said for said in driver.notices())
