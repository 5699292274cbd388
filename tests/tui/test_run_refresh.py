"""What a change of the run may do to the screen, and what it may not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.pilot import Pilot

from console.plan.model import Plan, Step
from console.run import events as ev
from console.tui.widgets.lines import Lines
from tests.tui import fakes
from tests.tui.driving import NARROW, WIDE, Driver, driving

pytestmark = pytest.mark.anyio


def long_plan(count: int = 60) -> Plan:
    steps = tuple(Step(id=str(n), action="run_tests", description=f"test {n}") for n in range(1, count + 1))
    return Plan(goal="Test everything", steps=steps)


def place(driver: Driver) -> tuple[str, float, float, object]:
    """Cursor, scroll and the pane that has the keys."""
    tree = driver.screen.plan_tree
    return tree.step, tree.scroll_y, tree.scroll_x, driver.screen.current


async def test_events_move_neither_cursor_nor_scroll_nor_keys(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.approved(long_plan())) as driver:
        await driver.press("G", "k", "k", "k")
        before = place(driver)
        assert before[1] > 0
        for number in range(1, 21):
            await driver.tell(*fakes.done(str(number)))
        await driver.tell(*fakes.started("50"), ev.StepFailed(step="50", attempt=1, error="no"))
        assert place(driver) == before
        assert "20/60" in driver.line("RUNNING")


async def test_a_new_plan_keeps_the_cursor_on_its_step(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval(long_plan())) as driver:
        await driver.press("G", "k", "k")
        plan = long_plan()
        shorter = plan.model_copy(update={"steps": plan.steps[30:]})
        await driver.tell(ev.PlanEdited(revision=2, plan=shorter, plan_hash="h2", summary="cut", by="bob"))
        assert driver.screen.plan_tree.step == "58"
        assert "58" in driver.line("test 58")


async def test_when_its_step_is_gone_the_cursor_goes_to_the_next(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval(long_plan())) as driver:
        await driver.press("j")
        plan = long_plan()
        without = plan.model_copy(update={"steps": (plan.steps[0], *plan.steps[2:])})
        await driver.tell(ev.PlanEdited(revision=2, plan=without, plan_hash="h2", summary="cut", by="bob"))
        assert driver.screen.view.step == "3"


async def test_a_failure_opens_its_pane_beside_the_plan(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running(), size=WIDE) as driver:
        keys_for = driver.screen.current
        await driver.tell(ev.StepFailed(step="2", attempt=1, error="no space left", exit_code=1))
        driver.line("✗ 2 build_image", "failed")
        driver.line("no space left")
        assert driver.screen.current is keys_for


async def test_on_a_narrow_screen_a_failure_takes_the_place_of_the_plan(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running(), size=NARROW) as driver:
        await driver.tell(ev.StepFailed(step="2", attempt=1, error="no space left", exit_code=1))
        await driver.until(lambda: driver.screen.view.pane == "failures")
        driver.line("no space left")
        assert driver.screen.view.step == "2"


async def test_a_failure_waits_until_typing_is_over(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running(), size=NARROW) as driver:
        await driver.press("slash", "d")
        await driver.tell(ev.StepFailed(step="2", attempt=1, error="no space left", exit_code=1))
        await driver.press("e")
        assert driver.screen.query_one("#search").has_focus
        await driver.press("enter")
        await driver.until(lambda: driver.screen.view.pane == "failures")


async def test_a_failure_waits_until_a_question_is_answered(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running(), size=NARROW) as driver:
        await driver.press("i")
        await driver.until(lambda: driver.on_top == "ConfirmScreen")
        driver.session.tell(ev.StepFailed(step="2", attempt=1, error="no space left", exit_code=1))
        await driver.until(lambda: driver.screen.bridge.state.seq == driver.session.state.seq)
        driver.screen.refresh_run()
        assert driver.on_top == "ConfirmScreen"
        await driver.press("escape")
        await driver.until(lambda: driver.screen.view.pane == "failures")


async def test_the_same_failure_opens_its_pane_once(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.failed(), size=NARROW) as driver:
        await driver.press("escape")
        await driver.tell(ev.Warned(message="something else"))
        assert driver.screen.view.pane == "plan"


async def test_what_waits_rings_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        rung: list[int] = []
        monkeypatch.setattr(driver.app, "bell", lambda: rung.append(1))
        await driver.tell(ev.ApprovalRequested(request="g", scope="gate", hash="x", step="4"))
        await driver.tell(ev.Warned(message="still waiting"))
        assert len(rung) == 1


async def test_a_revision_opens_the_diff_and_the_end_the_summary(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.broken()) as driver:
        story = fakes.proposed()
        await driver.tell(*story[len(fakes.broken()) :])
        driver.line("v2.3.1 fails its health check")
        await driver.tell(ev.RunFinished(outcome="stopped", exit_code=4, reason="by the operator"))
        driver.line("STOPPED", "exit code 4")


async def test_the_keys_go_to_the_pane_that_takes_the_place_of_theirs(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.failed()) as driver:
        await driver.press("3")
        driver.screen.attention.offer("rollback")
        assert driver.screen.view.pane == "rollback"  # at once: a key may come before the next frame
        await driver.tell(ev.RollbackStarted(rollback=fakes.rollback_plan(), hash="r1", by="ada"))
        assert driver.screen.view.step == "6", "nobody has chosen another one"
        assert driver.screen.current is driver.screen.pane_named("rollback")


async def test_a_planner_that_gives_up_is_told_and_shown(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        await driver.tell(ev.ReplanStarted(planner="offline", words="at night"))
        await driver.tell(ev.ReplanFailed(error="the offline planner reads goals only"))
        driver.line("the offline planner reads goals only")
        assert any("the planner gave up" in text for text in driver.notices())
        assert driver.screen.panes.right == "failures"


async def test_the_header_says_what_waits(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.proposed()) as driver:
        driver.line("rev 1", "revision waits")


async def test_the_header_says_that_the_run_is_being_stopped(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        await driver.tell(ev.EndChosen(end="rollback", by="ada"))
        driver.line("STOPPING TO ROLL BACK")
        await driver.tell(ev.EndChosen(end="stop", by="ada"))
        driver.line("STOPPING · rev 1")


async def test_a_held_step_tells_at_once_what_it_blocks(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        await driver.tell(ev.StepHeld(step="4", by="ada"))
        await driver.until(lambda: "held 4: blocks 5 6 7 8 · rollback covers 1/2" in driver.text())
        await driver.tell(ev.StepReleased(step="4", by="ada"))
        await driver.until(lambda: "8 steps · 1 destructive" in driver.text())


async def test_the_tab_of_the_pane_that_is_shown_stands_out_at_once(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.proposed()) as driver:
        assert driver.bold() == ["4 Diff"]
        await driver.press("5")
        assert driver.bold() == ["5 Timeline"]


async def test_a_gone_engine_is_told(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        driver.session.end()
        await driver.until(lambda: "ENGINE GONE" in driver.text())
        driver.line("plandeck resume 4f1c")


async def test_records_that_cannot_follow_are_told_and_nothing_is_shown_as_true(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        bad = ev.Record(seq=99, at=fakes.T0, event=fakes.succeeded("8"))
        driver.session._records.append(bad)
        driver.session._told.set()
        await driver.until(lambda: "cannot follow the ones before it" in driver.text())


async def test_planning_shows_what_the_planner_does_and_why_it_gave_up(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.created()) as driver:
        await driver.tell(ev.PlanningProgressed(message="asking the model, try 2"))
        driver.line("planning", "offline")
        driver.line("asking the model, try 2")
        await driver.tell(ev.PlanningFailed(planner="offline", error="nothing provides deployed production"))
        driver.line("nothing provides deployed production")


async def test_output_grows_and_stays_where_the_operator_looks(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        driver.session.write_output("3", out="".join(f"line {n}\n" for n in range(500)))
        await driver.press("j", "2")
        await driver.until(lambda: "line 499" in driver.text())
        await driver.press("k", "k")
        scroll = driver.screen.current.scroll_y
        driver.session.write_output("3", out="the newest line\n", err="\x1b]0;owned\x07oops\n")
        await driver.until(lambda: "502 lines" in driver.text())
        assert driver.screen.current.scroll_y == scroll
        await driver.press("z")
        await driver.until(lambda: "▎␛]0;owned" in driver.text())


async def test_output_is_searched_both_ways(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        lines = [f"line {n}" for n in range(500)]
        lines[50] = lines[400] = "needle"
        driver.session.write_output("3", out="\n".join(lines) + "\n")
        await driver.press("j", "2")
        await driver.until(lambda: "line 499" in driver.text())
        await driver.press("g", "slash", *"NEEDLE", "enter")
        await driver.until(lambda: "line 51" in driver.text())
        await driver.press("n")
        await driver.until(lambda: "line 401" in driver.text())
        await driver.press("N")
        await driver.until(lambda: "line 51" in driver.text())


async def test_markup_in_a_plan_is_text_and_clicks_on_it_do_nothing(tmp_path: Path) -> None:
    evil = "[@click=app.leave]free beer[/]"
    plan = Plan(goal=evil, steps=(Step(id="1", action="run_tests", description=evil),))
    async with driving(tmp_path, *fakes.awaiting_approval(plan)) as driver:
        assert evil in driver.text()
        await driver.pilot.click("#plan", offset=(30, 0))
        await driver.pilot.click("#header", offset=(30, 0))
        await driver.pilot.pause()
        assert driver.app.return_code is None


async def test_a_click_selects_and_a_second_one_opens(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running()) as driver:
        await driver.pilot.click("#plan", offset=(12, 5))
        await driver.until(lambda: driver.screen.view.step == "2")
        await driver.pilot.click("#plan", offset=(12, 5))
        await driver.until(lambda: driver.screen.view.pane == "output")


@pytest.mark.parametrize("keys", [(), ("6",)])
async def test_a_click_is_about_the_row_under_the_pointer(tmp_path: Path, keys: tuple[str, ...]) -> None:
    async with driving(tmp_path, *fakes.approved(long_plan())) as driver:
        await driver.press(*keys)
        driver.screen.plan_tree.scroll_to(y=20, animate=False, force=True)
        await driver.pilot.pause()
        assert driver.screen.view.step == "1", "which is out of sight"
        await driver.pilot.click("#plan", offset=(12, 5))
        await driver.until(lambda: driver.screen.view.step == "25")
        assert driver.screen.view.pane == "plan"


async def test_a_resize_goes_between_one_pane_and_two(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.running(), size=NARROW) as driver:
        assert "2 Output" not in driver.text()
        pilot: Pilot[int] = driver.pilot
        await pilot.resize_terminal(140, 40)
        await driver.until(lambda: "2 Output" in driver.text())
        await pilot.resize_terminal(20, 5)
        await pilot.resize_terminal(80, 24)
        await driver.until(lambda: "2 Output" not in driver.text())


async def test_ten_thousand_steps_are_shown_and_moved_through(tmp_path: Path) -> None:
    session_plan = long_plan(10_000)
    async with driving(tmp_path, *fakes.approved(session_plan), wait_for_findings=False) as driver:
        await driver.until(lambda: driver.screen.plan_tree.count() == 10_000)
        await driver.press("G")
        assert driver.screen.view.step == "10000"
        assert isinstance(driver.screen.current, Lines)


async def test_progress_never_goes_backwards(tmp_path: Path) -> None:
    def percent() -> int:
        return int(re.findall(r"(\d+) %", driver.text())[0])

    async with driving(tmp_path, *fakes.failed()) as driver:
        await driver.press("5")
        before = percent()
        assert before > 0
        await driver.tell(ev.StepIntended(step="6", attempt=2, key="4f1c/6/2"))
        assert percent() >= before
        plan = fakes.plan()
        more = tuple(Step(id=f"n{n}", action="run_tests", depends_on=("8",)) for n in range(20))
        longer = plan.model_copy(update={"steps": (*plan.steps, *more)})
        await driver.tell(
            ev.PlanEdited(revision=2, plan=longer, plan_hash="h", summary="more to do", by="ada")
        )
        await driver.until(lambda: "n19" in driver.text())
        assert percent() >= before
        await driver.tell(ev.RollbackStarted(rollback=fakes.rollback_plan(), hash="r1", by="ada"))
        await driver.press("5", "g")
        assert percent() >= before


async def test_keys_that_another_screen_has_are_not_offered_below_it(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.awaiting_approval()) as driver:
        driver.line("a approve the plan", "c request changes")
        await driver.press("c")
        await driver.until(lambda: driver.on_top == "RequestChanges")
        assert "a approve the plan" not in driver.text()
        await driver.press("escape")
        await driver.until(lambda: driver.on_top == "RunScreen")
        driver.line("a approve the plan", "c request changes")
