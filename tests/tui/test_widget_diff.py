"""The diff of a proposed revision, and what it comes to that only some of its parts are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.plan.check import Finding
from console.plan.diff import diff
from console.plan.hunks import Hunk
from console.plan.model import Compensation, Gate, Plan, Step, Undo
from console.run import events as ev
from console.run.state import RunState
from console.tui.ink import Row
from console.tui.taking import Taking, taking
from console.tui.widgets.diff_pane import diff_rows, shown_parts, value_text
from tests.tui import fakes
from tests.tui.driving import driving


def state_with(revision: Plan | None = None) -> RunState:
    """The run in which 6 failed, and a revision waits."""
    story = fakes.proposed()
    if revision is not None:
        proposed = ev.RevisionProposed(plan=revision, hash="h2", reason="r", planner="offline")
        story = (*story[:-2], proposed, story[-1])
    return fakes.FakeSession(Path("nowhere"), *story).state


def rows_of(
    state: RunState,
    width: int,
    left: frozenset[Hunk] = frozenset(),
    known: Taking | None = None,
    *,
    beside: bool = False,
) -> list[Row]:
    assert state.plan is not None
    assert state.proposal is not None
    new, change = state.proposal.plan, diff(state.plan, state.proposal.plan)
    found = shown_parts(state.plan, new, change, state.catalog)
    known = known or taking(state, state.plan, new, left)()
    return diff_rows(state.proposal, change, found, width, left, known, beside=beside)


def text_of(state: RunState, width: int, left: frozenset[Hunk] = frozenset()) -> str:
    return "\n".join(shown.text for shown in rows_of(state, width, left))


def with_steps(*steps: Step) -> Plan:
    """The plan with 6 and what comes after it replaced."""
    prepare, staging, production = fakes.plan().steps
    return fakes.plan().model_copy(
        update={"steps": (prepare, staging, production.model_copy(update={"steps": steps}))}
    )


def test_it_stands_side_by_side_where_there_is_room() -> None:
    rows = rows_of(state_with(), 100, beside=True)
    changed = next(shown.text for shown in rows if "v2.3.0" in shown.text)
    before, after = changed.split("│")
    assert "params.tag  v2.3.1" in before
    assert "params.tag  v2.3.0" in after
    assert all(shown.width <= 100 for shown in rows)


def test_it_says_what_asks_for_approval_and_what_was_left_out() -> None:
    text = text_of(state_with(), 60)
    assert "[x] + 9 smoke_test  asks: it is new" in text
    assert "[x] ~ 6 deploy_production ‼  asks: changed: tag" in text
    left = text_of(state_with(), 60, frozenset({Hunk("added", "9")}))
    assert "[ ] + 9 smoke_test  left out" in left
    assert "2 of 3 parts are taken, 1 left out" in left


def test_it_names_every_change_field_by_field() -> None:
    text = text_of(state_with(), 60)
    for wanted in ("fails its health check", "+ 9", "- 8", "~ 6", "params.tag  v2.3.1 → v2.3.0", "= kept"):
        assert wanted in text


def test_its_parts_stand_in_the_order_of_the_plan() -> None:
    heads = [shown.step for shown in rows_of(state_with(), 60) if shown.step]
    assert heads == ["9", "6", "8"]


def test_all_that_is_given_of_a_new_step_is_told() -> None:
    six, seven, eight = fakes.plan().steps[2].steps
    nine = Step(
        id="9",
        action="deploy_production",
        params={"tag": "v9"},
        on="web-2",
        undo=Undo(action="rollback_production", params={"to": "previous"}),
        gate=Gate(question="now?"),
        timeout=9,
        depends_on=("5",),
    )
    text = text_of(state_with(with_steps(six, seven, eight, nine)), 60)
    assert "+ 9 deploy_production ‼" in text
    for wanted in ("tag=v9", "on web-2", "undo rollback_production to=previous", "gate now?", "timeout 9"):
        assert wanted in text


def test_a_long_change_is_wrapped_and_not_cut() -> None:
    six, *rest = fakes.plan().steps[2].steps
    state = state_with(with_steps(six.model_copy(update={"params": {"tag": "x" * 300}}), *rest))
    assert text_of(state, 60).count("x") >= 300


def test_values_are_told_apart_by_type() -> None:
    assert value_text(1) != value_text("one")
    assert value_text(True) == "true"
    assert value_text("") == "(empty)"
    assert value_text(Gate()) == "stops and asks"
    items = (Compensation(action="restore", params={"db": "main"}, undoes=("3",)),)
    assert value_text(items) == "restore db=main undoes 3"


def test_what_the_checker_finds_is_of_what_is_taken() -> None:
    state = state_with()
    found = Taking((), (Finding("unverified-effect", "warning", "9", "nothing proves its effect"),))
    text = "\n".join(shown.text for shown in rows_of(state, 100, known=found))
    assert "the checker, of the new plan" in text
    assert "! step 9 nothing proves its effect" in text
    assert "finds nothing in the new plan" in "\n".join(r.text for r in rows_of(state, 100, known=Taking()))


def test_parts_that_make_no_plan_say_why_at_once() -> None:
    six, seven, eight = fakes.plan().steps[2].steps
    nine = Step(id="9", action="run_tests", depends_on=("5",))
    eight = eight.model_copy(update={"params": {"message": "{step_9_result}"}, "depends_on": ("7", "9")})
    state = state_with(with_steps(nine, six, seven, eight))
    assert "no plan" not in text_of(state, 100)
    left = text_of(state, 100, frozenset({Hunk("added", "9")}))
    assert "✗ no plan: step 8: {step_9_result} refers to step 9" in left
    assert "the checker" not in left


@pytest.mark.anyio
async def test_what_is_left_out_is_looked_at_anew(tmp_path: Path) -> None:
    six, seven, eight = fakes.plan().steps[2].steps
    nine = Step(id="9", action="run_tests", depends_on=("5",))
    eight = eight.model_copy(update={"params": {"message": "{step_9_result}"}, "depends_on": ("7", "9")})
    story = fakes.proposed()
    proposed = ev.RevisionProposed(
        plan=with_steps(nine, six, seven, eight), hash="h2", reason="r", planner="offline"
    )
    async with driving(tmp_path, *story[:-2], proposed, story[-1]) as driver:
        await driver.press("4")
        driver.screen.pane_named("diff").select("9")
        await driver.press("space")
        await driver.until(lambda: "no plan: step 8" in driver.text())
        await driver.press("space")
        await driver.until(lambda: "asks: it is new" in driver.text())
        assert "no plan" not in driver.text()


@pytest.mark.anyio
async def test_the_end_of_the_diff_and_the_whole_of_a_part_come_into_view(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.proposed(), size=(80, 16)) as driver:
        await driver.press("4", "g")
        assert "= kept" not in driver.text()
        await driver.press("j")
        assert "v2.3.0" in driver.text()  # what changes of the part, not its head alone
        await driver.press("G")
        assert "= kept" in driver.text()


@pytest.mark.anyio
async def test_a_step_that_is_only_proposed_is_shown_beside_the_diff(tmp_path: Path) -> None:
    async with driving(tmp_path, *fakes.proposed()) as driver:
        await driver.press("4", "g")
        assert driver.screen.view.step == "9"
        driver.line("Step 9 smoke_test · proposed")
        assert "no step is selected" not in driver.text()
        assert "no such tool" not in driver.text()


@pytest.mark.anyio
@pytest.mark.parametrize(("columns", "beside"), [(80, False), (100, True), (140, True)])
async def test_it_is_inline_on_a_narrow_screen(tmp_path: Path, columns: int, beside: bool) -> None:
    async with driving(tmp_path, *fakes.proposed(), size=(columns, 30)) as driver:
        await driver.press("4")
        assert ("the plan now" in driver.text()) is beside
        assert ("v2.3.1 → v2.3.0" in driver.text()) is not beside
