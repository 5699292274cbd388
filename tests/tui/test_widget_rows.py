"""What the panes show, as rows: no screen needed."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

from console.catalog.command import command
from console.catalog.spec import Catalog, Contract, Parameter, Risk, Script, ToolSpec
from console.plan.check import Known
from console.plan.edit import DeleteSteps, apply
from console.plan.model import Plan, Step, Undo
from console.run import events as ev
from console.run.history import Estimates
from console.run.life import StepStatus
from console.run.so_far import SoFar, check_rest, findings_of
from console.run.standing import StepState
from console.run.state import RunState
from console.tui.actions import footer
from console.tui.guard import AsciiOnly, ControlGuard
from console.tui.holding import Absence, Prospects, absence, absence_line
from console.tui.ink import CUT, Row, fit, pad, row, wrap
from console.tui.insight import Question, look_at
from console.tui.marks import ASCII, MARKS
from console.tui.parting import parting_line
from console.tui.screens.card import told as told_command
from console.tui.view import View
from console.tui.when import clock_time, short_time
from console.tui.widgets import timeline
from console.tui.widgets.blast_line import blast_rows, first_of, laid_out, shortened, told
from console.tui.widgets.failures import failure_rows
from console.tui.widgets.footer_line import footer_row
from console.tui.widgets.header_line import header_row
from console.tui.widgets.output import nothing_yet, output_row
from console.tui.widgets.plan_tree import matches, tree_places
from console.tui.widgets.rollback_pane import rollback_rows
from console.tui.widgets.step_detail import command_text, detail_rows
from console.tui.widgets.summary import summary_rows
from console.tui.widgets.timeline import Lineup, _axis, chart_of
from tests.tui import fakes
from tests.tui.builders import CATALOG, DEPLOY, drafted, running

NASTY = "\x1b]0;owned\x07[@click=app.quit]x[/nope]\u202egnp"


def state_after(*events: ev.Event) -> RunState:
    return fakes.FakeSession(Path("nowhere"), *events).state


def text_of(rows: list[Row]) -> str:
    return "\n".join(shown.text for shown in rows)


# ── ink ──────────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.text(max_size=30), max_size=5), st.integers(1, 40))
def test_a_fitted_row_is_never_wider_and_shows_when_it_was_cut(parts: list[str], width: int) -> None:
    whole = row(*parts)
    fitted = Row(fit(whole.spans, width))
    assert fitted.width <= width
    assert fitted.text == whole.text or CUT in fitted.text


@given(st.text(max_size=200), st.integers(12, 60))
def test_wrapping_loses_nothing_but_blanks(text: str, width: int) -> None:
    rows = wrap(text, width)
    assert all(shown.width <= width + 1 for shown in rows)
    assert "".join(text_of(rows).split()) == "".join(text_of(wrap(text, 10_000)).split())


@given(st.text())
def test_no_row_holds_what_a_terminal_obeys(text: str) -> None:
    shown = row(text).text
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in shown)


@given(st.text(max_size=40), st.integers(1, 20))
def test_padding_gives_exactly_the_width(text: str, width: int) -> None:
    assert cell_len(pad(text, width)) == width


@given(st.text())
def test_the_guard_lets_no_control_character_pass(text: str) -> None:
    painted = ControlGuard().apply([Segment(text)], Color(0, 0, 0))
    shown = "".join(segment.text for segment in painted)
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0x202A <= ord(c) <= 0x202E for c in shown)


@given(st.text(alphabet=st.characters(exclude_categories=("C", "M"))))
def test_ascii_mode_keeps_the_width(text: str) -> None:
    painted = AsciiOnly().apply([Segment(text)], Color(0, 0, 0))
    shown = "".join(segment.text for segment in painted)
    assert shown.isascii()
    assert len(shown) == cell_len(text)


def test_every_state_has_a_mark_of_its_own_also_in_ascii() -> None:
    assert set(MARKS) == set(StepStatus)
    marks = [mark for mark, _ in MARKS.values()]
    assert len(set(marks)) == len(marks)
    plain = [mark.translate(ASCII) for mark in marks]
    assert len(set(plain)) == len(plain)
    assert all(mark.isascii() for mark in plain)


# ── the tree ─────────────────────────────────────────────────────────────────────────────────────


def test_the_tree_holds_phases_and_their_steps_in_order() -> None:
    places = tree_places(fakes.plan())
    assert [place.id for place in places] == [
        "prepare",
        "1",
        "3",
        "staging",
        "2",
        "4",
        "5",
        "production",
        "6",
        "7",
        "8",
    ]
    assert [place.depth for place in places[:3]] == [0, 1, 1]


def test_a_folded_phase_hides_its_steps() -> None:
    places = tree_places(fakes.plan(), folded=frozenset({"staging"}))
    assert "4" not in [place.id for place in places]


def test_a_filter_opens_folded_phases_and_drops_empty_ones() -> None:
    places = tree_places(fakes.plan(), folded=frozenset({"staging"}), keep=matches("SMOKE"))
    assert [place.id for place in places] == ["staging", "5", "production", "7"]


def test_the_point_of_no_return_stands_before_its_step() -> None:
    places = tree_places(fakes.plan(), no_return="8")
    assert [place.kind for place in places[-2:]] == ["no_return", "step"]


def test_by_level_steps_that_may_run_side_by_side_stand_together() -> None:
    insight = look_at(Question(fakes.plan(), fakes.catalog()))
    places = tree_places(fakes.plan(), levels=insight.levels)
    assert places[0].title == "level 1 · 2 side by side"
    assert [place.id for place in places[1:3]] == ["1", "3"]


# ── insight ──────────────────────────────────────────────────────────────────────────────────────


def test_the_blast_line_counts_what_the_plan_may_do() -> None:
    insight = look_at(Question(fakes.plan(), fakes.catalog()))
    assert insight.blast.startswith("8 steps · 1 destructive · touches production · rollback covers 3/5")
    assert insight.no_return == "8"
    assert insight.estimate == pytest.approx(60 + 45 + 20 + 15 + 60 + 15 + 1)


def test_a_plan_that_goes_round_in_a_circle_is_still_looked_at() -> None:
    steps = (Step(id="1", action="x", depends_on=("2",)), Step(id="2", action="x", depends_on=("1",)))
    assert look_at(Question(Plan(steps=steps), fakes.catalog())).levels == ()


def test_who_looks_on_sees_what_the_plan_may_do_as_well() -> None:
    blast = look_at(Question(fakes.plan(), fakes.catalog())).blast
    first = first_of(View(state_after(*fakes.running()), read_only="ada holds the control"), "")
    assert [r.text for r in blast_rows(blast, "", first, 200)] == [f" ada holds the control · {blast}"]
    narrow = blast_rows(blast, "", first, 80)
    assert narrow[0].text == " ada holds the control"
    assert "finding" in narrow[1].text
    assert all(r.width <= 80 for r in narrow)


def test_a_narrow_blast_line_keeps_the_findings() -> None:
    blast = look_at(Question(fakes.plan(), fakes.catalog())).blast
    assert len(shortened(blast, 80)) < 80
    assert "finding" in shortened(blast, 80)


def test_holding_a_step_tells_what_waits_for_it_and_what_is_left() -> None:
    line = absence_line(fakes.plan(), fakes.plan(), fakes.catalog(), Absence(held=("4",)))
    assert line == (
        "held 4: blocks 5 6 7 8 · rollback covers 1/2 (was 3/5) · no point of no return (was 8)"
        " · critical path 1 2 · ~1m45 (was ~3m36)"
    )


def test_deleting_a_step_tells_what_goes_on_without_it_against_the_plan_before() -> None:
    before = fakes.plan()
    after = apply(before, DeleteSteps(("3", "8"), rewire=True))
    state = state_after(*fakes.awaiting_approval())
    away = absence(state, after)
    assert away == Absence(gone=("3", "8"))
    assert absence_line(before, after, fakes.catalog(), away) == (
        "deleted 3 8: 6 goes on without · rollback covers 3/3 (was 3/5) · no point of no return (was 8)"
        " · critical path 1 2 4 5 6 7 · ~3m35 (was ~3m36)"
    )


def test_the_what_if_takes_the_rows_it_needs_and_breaks_no_piece() -> None:
    pieces = [
        "held 4: blocks 5 6 7 8",
        "rollback covers 1/2 (was 3/5)",
        "no point of no return (was 8)",
        "x" * 90,
    ]
    rows = laid_out(pieces, 60)
    assert [shown.text for shown in rows] == [
        " held 4: blocks 5 6 7 8 · rollback covers 1/2 (was 3/5)",
        " no point of no return (was 8)",
        " " + "x" * 90,
    ]


def test_leaving_a_step_out_tells_what_goes_on_without_it() -> None:
    before = Plan(
        steps=(
            Step(id="1", action="save"),
            Step(id="2", action="drop", depends_on=("1",)),
        )
    )
    save = ToolSpec(
        name="save", script=Script(command="save"), contract=Contract(provides=(("backup", "main"),))
    )
    drop = ToolSpec(
        name="drop",
        script=Script(command="drop"),
        risk=Risk.DESTRUCTIVE,
        contract=Contract(writes=(("db", "main"),)),
    )
    tools = Catalog(tools={"save": save, "drop": drop})
    line = absence_line(before, before, tools, Absence(out=("1",)))
    assert line == (
        "left out 1: 2 goes on without · rollback covers 0/1 (was 0/2) · 2 lacks what came before"
        " · point of no return 2 (was 1)"
    )


@given(st.sets(st.sampled_from("12345678")), st.sets(st.sampled_from("12345678")))
def test_any_steps_can_be_held_and_left_out_at_once(held: set[str], out: set[str]) -> None:
    away = Absence(tuple(sorted(held)), tuple(sorted(out - held)))
    line = absence_line(fakes.plan(), fakes.plan(), fakes.catalog(), away)
    assert bool(line) == bool(held | out)
    assert ("blocks" in line) == bool(held)


@given(st.lists(st.sets(st.sampled_from("12345678")), max_size=3))
def test_what_is_kept_from_one_absence_to_the_next_changes_nothing(absences: list[set[str]]) -> None:
    plan, catalog, prospects = fakes.plan(), fakes.catalog(), Prospects()
    known = Known(catalog)
    for steps in absences:
        away = Absence(held=tuple(sorted(steps)[:2]), out=tuple(sorted(steps)[2:]))
        assert prospects.line(plan, plan, known, away) == absence_line(plan, plan, catalog, away)


def test_a_step_that_only_waits_at_its_gate_is_not_held_by_anybody() -> None:
    story = (*fakes.running(), ev.StepHeld(step="4"), ev.StepHeld(step="8", by="ada"))
    gate = ev.ApprovalRequested(request="g", scope="gate", hash="x", step="4")
    skip = ev.StepSkipped(step="7", by="ada")
    state = state_after(*story, gate, skip)
    assert absence(state, state.plan) == Absence(held=("8",), out=("7",))


def test_the_what_if_stands_before_the_findings() -> None:
    assert told("8 steps · touches x · 2 findings (w)", "held 4: blocks 5") == (
        "held 4: blocks 5 · 2 findings (w)"
    )


def release_plan(*more: Step) -> tuple[Plan, Catalog]:
    """Put a new release on, look at it; `more` after that."""
    put = ToolSpec(
        name="put",
        parameters=(Parameter(name="tag", required=True),),
        script=Script(shell="put {{tag}}"),
        contract=Contract(
            provides=(("on", "$tag"),), removes=(("on", "*"), ("good", "*")), writes=(("release",),)
        ),
    )
    look = ToolSpec(
        name="look",
        parameters=(Parameter(name="tag", required=True),),
        script=Script(shell="look {{tag}}"),
        risk=Risk.OBSERVE,
        contract=Contract(requires=(("on", "$tag"),), provides=(("good", "$tag"),)),
    )
    steps = (
        Step(id="1", action="put", params={"tag": "v2"}),
        Step(id="2", action="look", params={"tag": "v2"}, depends_on=("1",)),
        *more,
    )
    plan = Plan(steps=steps, expected=("good v1",) if more else ())
    return plan, Catalog(tools={"put": put, "look": look})


def test_what_has_run_is_not_found_fault_with_and_counts_as_before_what_is_to_come() -> None:
    back = Step(id="3", action="put", params={"tag": "v1"})
    plan, tools = release_plan(back, Step(id="4", action="look", params={"tag": "v1"}, depends_on=("3",)))
    codes = {f.code for f in check_rest(plan, tools, SoFar())}
    assert {"fact-at-risk", "unordered-writers"} <= codes
    rest = check_rest(plan, tools, SoFar(done=frozenset("1"), gone=frozenset("2")))
    assert [f for f in rest if f.severity != "note"] == []


def test_a_fault_of_what_is_still_to_come_is_found_in_the_middle_of_a_run_too() -> None:
    plan, tools = release_plan(Step(id="3", action="look", params={"tag": "v9"}))
    rest = check_rest(plan, tools, SoFar(done=frozenset("12")), [("nothing",)])
    assert ("unmet-requirement", "3") in {(f.code, f.step) for f in rest}


def test_a_failed_step_that_is_tried_again_is_still_to_come() -> None:
    state = state_after(*fakes.failed())
    assert SoFar.of(state) == SoFar(frozenset("13245"), frozenset("6"))
    assert SoFar.of(state, again=iter("678")) == SoFar(frozenset("13245"))


@pytest.mark.parametrize("waits", [False, True])
def test_a_failed_step_that_a_revision_keeps_counts_only_where_something_waits_for_it(waits: bool) -> None:
    back = Step(id="3", action="put", params={"tag": "v1"}, depends_on=("2",) if waits else ())
    plan, tools = release_plan(back, Step(id="4", action="look", params={"tag": "v1"}, depends_on=("3",)))
    state = RunState()
    state.catalog, state.facts = tools, ("nothing",)
    state.steps = {"1": StepState(StepStatus.FAILED), "2": StepState(StepStatus.FAILED)}
    found = findings_of(plan, state)
    assert ("2" in {finding.step for finding in found}) is waits


# ── leaving ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("story", "said"),
    [
        (fakes.running, "run 4f1c goes on: plandeck attach 4f1c"),
        (fakes.failed, "run 4f1c goes on: it waits for an answer: plandeck attach 4f1c"),
        (
            fakes.rolled_back,
            "run 4f1c: ROLLBACK INCOMPLETE · try again: plandeck resume 4f1c",
        ),
        (
            lambda: (*fakes.failed(), ev.RunFinished(outcome="failed", exit_code=1)),
            "run 4f1c: FAILED · go on: plandeck resume 4f1c · undo: plandeck rollback 4f1c",
        ),
        (
            lambda: (
                *fakes.approved(),
                *fakes.done(*"13245678"),
                ev.RunFinished(outcome="succeeded", exit_code=0),
            ),
            "run 4f1c: SUCCEEDED · plandeck show 4f1c",
        ),
    ],
)
def test_the_last_line_says_how_the_run_stands_and_what_to_do_next(
    story: Callable[[], tuple[ev.Event, ...]], said: str
) -> None:
    assert parting_line(View(state_after(*story())), "4f1c") == said


def test_the_last_line_tells_of_a_lost_process_and_names_no_command_for_a_replay() -> None:
    state = state_after(*fakes.running())
    lost = View(state, engine_gone=True, reopenable=True, read_only="this run is only shown here")
    assert "its process is gone · go on: plandeck resume 4f1c" in parting_line(lost, "4f1c")
    replay = View(state, engine_gone=True, read_only="this run is only shown here")
    assert parting_line(replay, "4f1c") == "run 4f1c: RUNNING"


# ── lines of the screen ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("width", [40, 80, 110, 200])
@pytest.mark.parametrize(
    "story", [fakes.awaiting_approval, fakes.running, fakes.failed, fakes.proposed, fakes.rolled_back]
)
def test_header_and_footer_fit_and_the_footer_ends_with_help(width: int, story: object) -> None:
    assert callable(story)
    view = View(state_after(*story()), step="1")
    assert header_row(view, fakes.T0 + 100, 120.0, max(width, 80)).width <= max(width, 80)
    line, places = footer_row(view, width, {})
    assert line.text.rstrip().endswith("? help")
    assert line.width <= max(width, 24) + 2
    assert [action for _, action in places][-1] == "help"


def test_the_footer_offers_only_what_can_be_done() -> None:
    view = View(state_after(*fakes.awaiting_approval()), read_only="only shown")
    assert [action for action, _, _ in footer(view)] == ["detach", "help"]


# ── panes ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "asked",
    [ev.ReplanStarted(planner="offline", step="6"), ev.ReplanStarted(planner="offline", words="mend it")],
)
@pytest.mark.parametrize(
    "settled",
    [ev.StepMarkedDone(step="6", by="ada"), ev.StepSkipped(step="6", by="ada"), fakes.started("6", 2)[0]],
)
def test_what_the_planner_could_not_mend_is_told_until_the_step_is_settled(
    asked: ev.Event, settled: ev.Event
) -> None:
    gave_up = (asked, ev.ReplanFailed(error="nothing else leads there"))
    assert "nothing else leads there" in text_of(failure_rows(state_after(*fakes.broken(), *gave_up), 80))
    after = state_after(*fakes.broken(), *gave_up, settled)
    assert "the planner" not in text_of(failure_rows(after, 80))


def test_a_failure_says_what_where_and_what_can_be_done() -> None:
    text = text_of(failure_rows(state_after(*fakes.failed()), 80))
    for wanted in (
        "6 deploy_production",
        "exit code 1",
        "health check failed",
        "blocks 7 smoke_test, 8",
        "r retry",
        "R roll",
    ):
        assert wanted in text


def test_where_nothing_can_be_done_a_failure_offers_what_can_be_looked_at() -> None:
    text = text_of(failure_rows(state_after(*fakes.failed()), 80, can_act=False))
    assert "2 output" in text
    assert "retry" not in text


def test_the_keys_of_a_failure_are_never_cut() -> None:
    rows = failure_rows(state_after(*fakes.failed()), 40)
    assert "R roll back" in text_of(rows)
    assert all(len(row.text.rstrip()) <= 40 for row in rows)


def test_a_doubt_is_told_with_the_keys_that_settle_it_now() -> None:
    doubt = (*fakes.approved(), *fakes.done(*"13245"), *fakes.started("6"))
    doubt = (*doubt, ev.StepInDoubt(step="6", attempt=1, reason="its supervisor is gone"))
    asks = ev.ApprovalRequested(request="q", scope="in_doubt", hash="x", step="6")
    asked = text_of(failure_rows(state_after(*doubt, asks), 120))
    assert "a say what became of it" in asked
    assert "resume" not in asked
    paused = text_of(failure_rows(state_after(*doubt, ev.RunPaused(by="ada")), 120))
    assert "a say" not in paused
    assert "v verify with its probe   p resume: then it is asked about   m mark done by hand" in paused


def test_a_failure_that_the_plan_goes_on_without_blocks_nothing() -> None:
    goes_on = fakes.plan().steps[0].steps[0].model_copy(update={"on_failure": "continue"})
    prepare, *rest = fakes.plan().steps
    plan = fakes.plan().model_copy(
        update={"steps": (prepare.model_copy(update={"steps": (goes_on, *prepare.steps[1:])}), *rest)}
    )
    failed = ev.StepFailed(step="1", attempt=1, error="exit code 1", exit_code=1)
    text = text_of(failure_rows(state_after(*fakes.approved(plan), *fakes.started("1"), failed), 80))
    assert "goes on without it" in text
    assert "blocks" not in text
    assert text.count("1 run_tests") == text.count("exit code 1") == 1
    assert "exit 1" not in text


def test_hostile_text_in_a_failure_is_shown_not_obeyed() -> None:
    failed = ev.StepFailed(step="1", attempt=1, error=NASTY, exit_code=1, tail=NASTY)
    text = text_of(failure_rows(state_after(*fakes.approved(), *fakes.started("1"), failed), 200))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[@click=app.quit]" in text


def test_the_rollback_says_what_undoes_what_and_what_stays() -> None:
    preview = text_of(rollback_rows(state_after(*fakes.failed()), fakes.rollback_plan(), 80))
    assert "what would happen" in preview
    assert "undoes 6 · its own undo" in preview
    assert "left out: nothing it undoes was started" in preview
    assert "3 backup_database: nothing compensates it" in preview
    refused = fakes.rollback_plan().items[2].model_copy(update={"fate": "refused", "why": "no backup"})
    harmful = ev.RollbackPlan(items=(refused,), uncovered=("2", "3"))
    told = text_of(rollback_rows(state_after(*fakes.failed()), harmful, 80))
    assert "2 build_image: what compensates it is refused" in told
    assert "3 backup_database: nothing compensates it" in told
    nothing = text_of(rollback_rows(state_after(*fakes.failed()), ev.RollbackPlan(items=()), 80))
    assert "nothing that has run so far could be undone" in nothing
    after = text_of(rollback_rows(state_after(*fakes.rolled_back()), None, 80))
    assert "✗ rollback_staging" in after
    assert "4 deploy_staging: rollback_staging failed" in after


def test_the_summary_says_what_was_not_undone_and_where_the_record_is() -> None:
    state = state_after(*fakes.rolled_back())
    text = text_of(summary_rows(state, Path("runs") / "4f1c", 100))
    for wanted in (
        "ROLLBACK INCOMPLETE",
        "exit code 5",
        "NOT UNDONE",
        "4 deploy_staging",
        state.head,
        "runs/4f1c",
    ):
        assert wanted in text


def test_the_summary_calls_a_failure_that_a_revision_went_round_a_failure() -> None:
    story = (*fakes.failed(), ev.StepSkipped(step="6", reason="goes on without it", gone_round=True))
    state = state_after(*story, ev.RunFinished(outcome="failed", exit_code=1))
    text = text_of(summary_rows(state, Path("runs") / "4f1c", 100))
    assert "✗ failed        6 deploy_production" in text
    assert "skipped" not in text


def test_on_a_narrow_screen_the_goal_stays_readable_and_what_waits_is_said() -> None:
    shown = header_row(View(state_after(*fakes.proposed())), fakes.T0, 200.0, 80).text
    assert "Deploy v2.3.1" in shown
    assert "revision waits" in shown


def test_the_first_line_says_how_long_it_may_take_and_then_how_much_is_left() -> None:
    waits, runs = View(state_after(*fakes.awaiting_approval())), View(state_after(*fakes.running()))
    assert "~3m20 " in header_row(waits, fakes.T0, 200.0, 140).text
    assert "~3m20 left" in header_row(runs, fakes.T0, 200.0, 140).text
    assert "~" not in header_row(runs, fakes.T0, None, 140).text
    over = View(state_after(*fakes.rolled_back()))
    assert "left" not in header_row(over, fakes.T0, 200.0, 140).text


def test_the_timeline_draws_a_bar_a_step_that_ran() -> None:
    state = state_after(*fakes.failed())
    assert state.plan is not None
    rows = list(Lineup(chart_of(state, look_at(Question(state.plan, state.catalog)), state.at), 100))
    bars = [shown for shown in rows if shown.step]
    assert sum("█" in shown.text for shown in bars) == 6
    assert sum("░" in shown.text for shown in bars) == 2
    assert "◆ 6 deploy_production" in text_of(rows)
    assert all(shown.width <= 100 for shown in rows)


def test_what_is_late_has_another_colour_and_says_by_how_much() -> None:
    state = state_after(*fakes.running())
    assert state.plan is not None
    known = Estimates({step.action: 10.0 for step in state.plan.leaves()})
    insight = look_at(Question(state.plan, state.catalog, estimates=lambda: known))

    def bars(seconds: float) -> dict[str, list[tuple[str, str]]]:
        rows = Lineup(chart_of(state, insight, state.at + seconds), 100)
        return {shown.step: [(s.text, s.ink) for s in shown.spans] for shown in rows if shown.step}

    running = next(name for name, life in state.steps.items() if life.status is StepStatus.RUNNING)
    assert not any(ink == "warn" for _, ink in bars(0)[running])
    late = bars(60)[running]
    assert any("█" in text and ink == "warn" for text, ink in late)
    assert any(text.startswith(" +5") and ink == "warn" for text, ink in late)


def test_of_a_long_timeline_only_the_rows_that_are_seen_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = tuple(
        Step(id=f"s{n}", action="run_tests", depends_on=(f"s{n - 1}",) if n else ()) for n in range(2000)
    )
    state = state_after(*fakes.approved(Plan(goal="Test", steps=steps)))
    assert state.plan is not None
    insight = look_at(Question(state.plan, state.catalog))
    made: list[str] = []
    draw = timeline._later_row

    def drawn(chart: timeline.Chart, step: Step, room: int) -> Row:
        made.append(step.id)
        return draw(chart, step, room)

    monkeypatch.setattr(timeline, "_later_row", drawn)
    lineup = Lineup(chart_of(state, insight, state.at), 100)
    first = lineup.index_of("s0")
    assert not made
    assert first < 10, "the critical path leaves room for the steps"
    assert "1,980 more" in text_of(list(lineup[:first]))
    assert [shown.step for shown in lineup[first : first + 3]] == ["s0", "s1", "s2"] == made
    assert lineup.step_at(len(lineup) - 1) == "s1999"
    assert lineup.index_of("s1999") == len(lineup) - 1
    assert (lineup.step_at(0), lineup.step_at(len(lineup)), lineup.index_of("s2000")) == ("", "", -1)


def test_the_times_of_a_timeline_have_room() -> None:
    assert _axis(600, 40).text.split() == ["00:00", "05:00", "10:00"]
    assert _axis(0.9, 40).text.split() == ["0.0s", "0.5s", "0.9s"]
    assert _axis(600, 12).text.split() == ["00:00", "10:00"]


def test_the_step_shows_the_command_the_approval_shows_before_it_runs() -> None:
    state = drafted(DEPLOY)
    text = text_of(detail_rows(View(state, step="2"), 80, fakes.T0))
    assert "$ pg_dump maindb > backup.sql" in text
    shown = told_command("backup_database", DEPLOY.step("2").params, CATALOG, "/srv/app").text
    assert command_text(View(state, step="2"), DEPLOY.step("2")) == shown


def test_the_step_shows_its_undo_with_the_values_in_place() -> None:
    undo = Undo(action="rollback_release", params={"env": "$env"})
    deploy = CATALOG.tools["deploy"].model_copy(update={"undo": undo})
    plan = Plan(steps=(Step(id="1", action="deploy", params={"env": "staging", "tag": "v1"}),))
    state = drafted(plan, Catalog(tools={**CATALOG.tools, "deploy": deploy}))
    assert "rollback_release env=staging" in text_of(detail_rows(View(state, step="1"), 80, fakes.T0))


def test_a_long_command_does_not_push_the_rest_out_of_sight() -> None:
    script = Script(shell="\n".join(f"echo {n}" for n in range(20)))
    tools = Catalog(tools={"long": ToolSpec(name="long", script=script, risk=Risk.DESTRUCTIVE)})
    rows = detail_rows(View(drafted(Plan(steps=(Step(id="1", action="long"),)), tools), step="1"), 80, 0.0)
    assert rows[0].text.startswith("destructive")
    assert rows[-1].text == "  echo 19"


def test_the_step_shows_no_wrapper_of_a_shell_once_it_runs() -> None:
    params = {"db": "maindb"}
    argv = command(CATALOG.tools["backup_database"], params, workspace="/srv/app", caller={}).argv
    assert argv[:2] == ("sh", "-c")
    intended = ev.StepIntended(step="2", attempt=1, key="4f1c/2/1", command=argv, params=params)
    state = running(DEPLOY, intended)
    assert command_text(View(state, step="2"), DEPLOY.step("2")) == "pg_dump maindb > backup.sql"


def test_the_step_shows_the_whole_command_as_it_ran() -> None:
    command = "./deploy.sh production " + " " * 200 + "; rm -rf /srv"
    state = state_after(*fakes.approved(), *fakes.started("1", command=command))
    text = text_of(detail_rows(View(state, step="1"), 40, fakes.T0))
    assert "rm -rf /srv" in text


def test_the_step_names_risk_undo_and_what_it_waits_for() -> None:
    text = text_of(detail_rows(View(state_after(*fakes.awaiting_approval()), step="6"), 80, fakes.T0))
    for wanted in ("destructive", "rollback_production to=previous", "3, 5"):
        assert wanted in text


def test_output_keeps_colour_and_nothing_else() -> None:
    shown = output_row(True, b"\x1b[31mred\x1b[0m \x1b]52;c;eA==\x07 plain")
    assert shown.text.startswith("▎red ")
    assert any(span.style == "red" and span.text == "red" for span in shown.spans)
    assert "\x1b" not in shown.text


def test_without_output_the_pane_says_what_the_step_waits_for() -> None:
    text = text_of(nothing_yet(View(state_after(*fakes.running()), step="6")))
    assert "has not run yet" in text
    assert "waits for 3, 5" in text


def test_what_waits_for_a_step_that_was_left_out_waits_for_what_that_waited_for() -> None:
    steps = [
        Step(id=n, action="long", depends_on=tuple(before))
        for n, before in (("1", ""), ("2", "1"), ("3", "2"))
    ]
    state = drafted(Plan(steps=tuple(steps)), CATALOG, ev.StepSkipped(step="2", reason="by ada"))
    assert "it waits for 1" in text_of(nothing_yet(View(state, step="3")))


# ── time ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "0.0s"), (9.96, "10s"), (59.6, "1m00"), (185, "3m05"), (7620, "2h07"), (-1, "0.0s")],
)
def test_short_times(seconds: float, shown: str) -> None:
    assert short_time(seconds) == shown


def test_clock_times() -> None:
    assert (clock_time(271), clock_time(3765)) == ("04:31", "1:02:45")
