"""The two tables: nothing happens that they do not hold."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from console.errors import IllegalEvent
from console.plan.model import Plan, Step
from console.run import events as ev
from console.run.life import FINAL, RUN_LIFE, STEP_LIFE, RunStatus, StepStatus
from console.run.state import RunState
from console.run.stepping import NOTES

EXAMPLES: dict[str, dict[str, Any]] = {
    "step_held": {},
    "step_released": {},
    "step_intended": {"attempt": 1, "key": "r/1/1"},
    "step_started": {"attempt": 1},
    "step_succeeded": {"attempt": 1},
    "step_failed": {"attempt": 1, "error": "e"},
    "step_retry_scheduled": {"attempt": 2, "at": 1.0},
    "step_cancelled": {"attempt": 1},
    "step_skipped": {},
    "step_in_doubt": {"attempt": 1, "reason": "r"},
    "step_marked_done": {"by": "ops"},
    "step_marked_failed": {"by": "ops"},
}
PATHS: dict[StepStatus, list[str]] = {
    StepStatus.PENDING: [],
    StepStatus.HELD: ["step_held"],
    StepStatus.RUNNING: ["step_intended"],
    StepStatus.SUCCEEDED: ["step_intended", "step_succeeded"],
    StepStatus.FAILED: ["step_intended", "step_failed"],
    StepStatus.CANCELLED: ["step_intended", "step_cancelled"],
    StepStatus.IN_DOUBT: ["step_intended", "step_in_doubt"],
    StepStatus.SKIPPED: ["step_skipped"],
}


def record(event: ev.Event, seq: int = 1) -> ev.Record:
    return ev.Record(seq=seq, at=1.0, event=event)


def running() -> RunState:
    state = RunState()
    plan = Plan(steps=(Step(id="1", action="a"),))
    state.apply(record(ev.PlanDrafted(revision=1, plan=plan, plan_hash="h", planner="given")))
    state.apply(record(ev.RunStarted()))
    return state


def step_event(kind: str) -> ev.Event:
    return ev.Event.kinds[kind].model_validate({"step": "1", **EXAMPLES[kind]})


@pytest.mark.parametrize("status", PATHS)
@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_step_moves_as_its_table_says_and_no_other_way(status: StepStatus, kind: str) -> None:
    state = running()
    for before in PATHS[status]:
        state.apply(record(step_event(before)))
    assert state.steps["1"].status is status
    after = STEP_LIFE.get((status, kind))
    if after is None:
        with pytest.raises(IllegalEvent, match="step 1"):
            state.apply(record(step_event(kind)))
        assert state.steps["1"].status is status
    else:
        state.apply(record(step_event(kind)))
        assert state.steps["1"].status is after


def test_every_status_of_a_step_can_be_reached() -> None:
    reached = {StepStatus.PENDING, *STEP_LIFE.values()}
    assert set(StepStatus) - reached == {StepStatus.READY}


def test_every_status_of_a_run_can_be_reached() -> None:
    outcomes = {RunStatus(outcome) for outcome in get_args(ev.Outcome)}
    assert set(RunStatus) == {RunStatus.DRAFTING, *RUN_LIFE.values(), *outcomes}
    assert set(FINAL) == outcomes


def test_an_illegal_event_of_the_run_changes_nothing() -> None:
    state = running()
    with pytest.raises(IllegalEvent):
        state.apply(record(ev.PlanningStarted(planner="offline")))
    assert state.status is RunStatus.RUNNING
    assert state.planner == "given"


def test_nothing_happens_to_steps_after_the_end() -> None:
    state = running()
    state.apply(record(ev.RunFinished(outcome="stopped", exit_code=4)))
    with pytest.raises(IllegalEvent):
        state.apply(record(step_event("step_intended")))


def test_every_event_survives_its_json() -> None:
    for kind, fields in EXAMPLES.items():
        event = step_event(kind)
        assert ev.decode(kind, event.model_dump_json(by_alias=True, exclude_defaults=True)) == event
        assert fields.items() <= event.model_dump().items()


def test_the_fold_knows_every_event_of_a_step() -> None:
    told = {kind for kind, event in ev.Event.kinds.items() if issubclass(event, ev.StepEvent)}
    assert told == {*NOTES, ev.StepEvent.kind}
