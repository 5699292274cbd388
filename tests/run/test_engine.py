"""The engine as its users see it: what runs when, on a virtual clock, by the transcript."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from console.catalog.spec import Catalog
from console.errors import ControlRefused
from console.plan.model import Compensation, Expect, Gate, Retry, Step
from console.planners.base import Goal, PlanDraft, Progress
from console.run import control as c
from console.run import events as ev
from console.run.engine import Engine
from console.run.life import RunStatus, StepStatus
from console.run.policy import Policy
from console.runners.backend import Spec, Status
from console.testing import FakeBackend, ScriptedPlanner
from tests.run.harness import YES, Play, Undo, World, answer, catalog, plan, run, say, step, tool, until


def test_a_chain_runs_in_order(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1"), step("2", "work", "1"), step("3", "work", "2")))
    state = run(world)
    assert state.status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/1/1", "r/2/1", "r/3/1"]


def test_independent_steps_run_side_by_side_within_the_limit(tmp_path: Path) -> None:
    world = World(tmp_path, plan(*(step(str(n)) for n in range(8))), limits={"parallel": 3})
    world.plays = {str(n): Play(seconds=10) for n in range(8)}
    assert run(world).status is RunStatus.SUCCEEDED
    assert world.backend.most == 3


def test_the_longest_remaining_path_goes_first(tmp_path: Path) -> None:
    steps = plan(step("short"), step("long"), step("long2", "work", "long"), step("long3", "work", "long2"))
    world = World(tmp_path, steps, limits={"parallel": 1})
    run(world)
    assert world.backend.started[0] == "r/long/1"


def test_two_unordered_writers_of_one_resource_take_turns(tmp_path: Path) -> None:
    from tests.run.harness import contract

    writer = tool("writer", contract=contract(writes="db main"))
    world = World(tmp_path, plan(step("1", "writer"), step("2", "writer")), catalog(writer))
    world.plays = {"1": Play(seconds=5), "2": Play(seconds=5)}
    run(world)
    assert world.backend.most == 1


def test_the_intent_is_on_record_before_the_step_starts(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1")))
    run(world)
    told = world.told
    assert told.index("step_intended 1") < told.index("step_succeeded 1")
    assert told[-1] == "run_finished"


def test_results_flow_into_later_steps(tmp_path: Path) -> None:
    work = tool("say", parameters=({"name": "text", "type": "string"},))
    world = World(
        tmp_path,
        plan(step("1"), step("2", "say", "1", params={"text": "got {step_1_result}"})),
        catalog(work),
    )
    world.plays = {"1": Play(out="forty-two\n")}
    run(world)
    assert world.events(ev.StepIntended)[1].params == {"text": "got forty-two"}


def test_a_failed_step_blocks_its_dependents_only(tmp_path: Path) -> None:
    steps = plan(step("1"), step("2", "work", "1"), step("3"))
    world = World(tmp_path, steps, policy=Policy(consent=YES, on_failure="ask", unattended=True))
    world.plays = {"1": Play(exit_code=3), "3": Play(seconds=5)}
    state = run(world)
    assert state.status is RunStatus.FAILED
    assert state.finished is not None
    assert state.finished.exit_code == 1
    assert {s: st.status for s, st in state.steps.items()} == {
        "1": StepStatus.FAILED,
        "2": StepStatus.PENDING,
        "3": StepStatus.SUCCEEDED,
    }


def test_retries_wait_longer_each_time(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", retry=Retry(attempts=3, backoff=10))))
    world.plays = {"1/1": Play(exit_code=1), "1/2": Play(exit_code=1)}
    state = run(world)
    assert state.status is RunStatus.SUCCEEDED
    at = [r.at for r in world.journal.records if r.event.kind == "step_intended"]
    assert [round(b - a) for a, b in pairwise(at)] == [10, 20]


def test_an_unmet_expectation_is_a_failure(tmp_path: Path) -> None:
    world = World(
        tmp_path,
        plan(step("1", expect=Expect(matches="healthy"))),
        policy=Policy(consent=YES, on_failure="stop", unattended=True),
    )
    world.plays = {"1": Play(out="Database error: locked")}
    state = run(world)
    assert state.status is RunStatus.FAILED
    assert "healthy" in state.steps["1"].reason


def test_nothing_runs_without_an_approval(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1")), policy=Policy(unattended=True))
    state = run(world)
    assert state.status is RunStatus.REJECTED
    assert state.finished is not None
    assert state.finished.exit_code == 3
    assert world.backend.started == []


def test_the_operator_approves_and_it_runs(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1"), step("2", "wipe", "1")), policy=Policy())

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")

    assert run(world, operator).status is RunStatus.SUCCEEDED


def test_a_destructive_step_must_be_confirmed_by_its_own_hash(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", "wipe")), policy=Policy())

    async def operator(engine: Engine) -> None:
        with pytest.raises(ControlRefused, match="step 1"):
            await answer(engine, "plan", confirm=False)
        await say(engine, c.Stop())

    assert run(world, operator).status is RunStatus.STOPPED
    assert world.backend.started == []


def test_an_approval_of_what_was_shown_before_an_edit_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1")), policy=Policy())

    async def operator(engine: Engine) -> None:
        await until(engine, lambda s: bool(s.requests))
        old = next(iter(engine.state.requests.values()))
        await say(engine, c.ChangePlan(plan=plan(step("1", "wipe")), revision=1, summary="worse"))
        with pytest.raises(ControlRefused):
            await say(engine, c.Approve(request=old.id, hash=old.hash))
        await say(engine, c.Stop())

    run(world, operator)
    assert world.backend.started == []


def test_a_stale_edit_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1")), policy=Policy())

    async def operator(engine: Engine) -> None:
        await until(engine, lambda s: bool(s.requests))
        await say(engine, c.ChangePlan(plan=plan(step("1"), step("2")), revision=1, summary="add"))
        with pytest.raises(ControlRefused, match="revision 2"):
            await say(engine, c.ChangePlan(plan=plan(step("1")), revision=1, summary="late"))
        await answer(engine, "plan")

    assert set(run(world, operator).steps) == {"1", "2"}


def test_an_edit_during_the_run_asks_again_for_what_changed(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1"), step("2", "work", "1")), policy=Policy())
    world.plays = {"1": Play(seconds=100)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["1"].status is StepStatus.RUNNING)
        changed = plan(step("1"), step("2", "look", "1"))
        await say(engine, c.ChangePlan(plan=changed, revision=1, summary="look instead"))
        await until(engine, lambda s: s.steps["1"].status is StepStatus.SUCCEEDED)
        assert world.backend.started == ["r/1/1"]
        await answer(engine, "plan")

    assert run(world, operator).status is RunStatus.SUCCEEDED


def test_a_started_step_cannot_be_edited(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1")), policy=Policy())
    world.plays = {"1": Play(seconds=100)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["1"].status is StepStatus.RUNNING)
        with pytest.raises(ControlRefused, match="has started"):
            await say(engine, c.ChangePlan(plan=plan(step("1", "wipe")), revision=1, summary="x"))

    assert run(world, operator).status is RunStatus.SUCCEEDED


def test_a_gate_stops_before_its_step_and_asks(tmp_path: Path) -> None:
    world = World(
        tmp_path, plan(step("1"), step("2", "work", "1", gate=Gate(question="sure?"))), policy=Policy()
    )

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: any(r.scope == "gate" for r in s.requests.values()))
        assert world.backend.started == ["r/1/1"]
        assert next(iter(engine.state.requests.values())).question == "sure?"
        await answer(engine, "gate")

    assert run(world, operator).status is RunStatus.SUCCEEDED


def test_pause_stops_new_starts_and_continue_goes_on(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1"), step("2", "work", "1")), policy=Policy())
    world.plays = {"1": Play(seconds=10)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["1"].status is StepStatus.RUNNING)
        await say(engine, c.Pause())
        await until(engine, lambda s: s.steps["1"].status is StepStatus.SUCCEEDED)
        assert world.backend.started == ["r/1/1"]
        await say(engine, c.Continue())

    assert run(world, operator).status is RunStatus.SUCCEEDED


def test_a_held_step_waits_and_a_skipped_one_lets_its_dependents_go(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1"), step("2", "work", "1"), step("3", "work", "2")), policy=Policy())

    async def operator(engine: Engine) -> None:
        await until(engine, lambda s: bool(s.requests))
        await say(engine, c.Hold(step="2"))
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["1"].status is StepStatus.SUCCEEDED)
        await say(engine, c.Skip(step="2"))

    state = run(world, operator)
    assert state.status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/1/1", "r/3/1"]


def test_mark_done_gives_the_result_that_references_get(tmp_path: Path) -> None:
    say_ = tool("say", parameters=({"name": "text", "type": "string"},))
    steps = plan(step("1"), step("2", "say", params={"text": "{step_1_result}"}))
    world = World(tmp_path, steps, catalog(say_), policy=Policy())

    async def operator(engine: Engine) -> None:
        await until(engine, lambda s: bool(s.requests))
        await say(engine, c.MarkDone(step="1", result="by hand"))
        await answer(engine, "plan")

    run(world, operator)
    assert world.backend.started == ["r/2/1"]
    assert world.events(ev.StepIntended)[0].params == {"text": "by hand"}


def test_a_decision_can_retry_a_failed_step(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", on_failure="ask")), policy=Policy())
    world.plays = {"1/1": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "decision", choose="retry")

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/1/1", "r/1/2"]


def test_on_failure_continue_lets_dependents_go(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", on_failure="continue"), step("2", "work", "1")))
    world.plays = {"1": Play(exit_code=1)}
    assert run(world).status is RunStatus.SUCCEEDED


def test_cancel_ends_a_running_step(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", on_failure="ask")), policy=Policy())
    world.plays = {"1": Play(hangs=True)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["1"].status is StepStatus.RUNNING)
        await say(engine, c.Cancel(step="1"))
        await answer(engine, "decision", choose="skip")

    state = run(world, operator)
    assert state.steps["1"].status is StepStatus.SKIPPED


def test_stop_ends_what_runs_and_undoes_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1"), step("2", "work", "1")), policy=Policy())
    world.plays = {"1": Play(hangs=True)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["1"].status is StepStatus.RUNNING)
        await say(engine, c.Stop())

    state = run(world, operator)
    assert state.status is RunStatus.STOPPED
    assert state.steps["1"].status is StepStatus.CANCELLED
    assert state.finished is not None
    assert state.finished.exit_code == 4


# ── replanning ───────────────────────────────────────────────────────────────────────────────────


def test_a_failure_leads_to_a_revision_that_the_operator_accepts(tmp_path: Path) -> None:
    first = plan(step("1"), step("2", "work", "1"))
    second = plan(step("1"), step("3", "look", "1"))
    world = World(tmp_path, first, policy=Policy(), planner=ScriptedPlanner(second))
    world.plays = {"2": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "revision")

    state = run(world, operator)
    assert state.status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/1/1", "r/2/1", "r/3/1"]
    assert [d.step for d in world.planner.histories[0].steps if d.banned] == ["2"]
    assert "2" in state.retired


def test_a_planner_cannot_change_what_has_started(tmp_path: Path) -> None:
    first = plan(step("1"), step("2", "work", "1"))
    sly = plan(step("1", "wipe"), step("3", "look", "1"))
    world = World(tmp_path, first, policy=Policy(), planner=ScriptedPlanner(sly))
    world.plays = {"2": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "revision")

    state = run(world, operator)
    assert state.plan is not None
    assert state.plan.step("1").action == "work"


def test_the_same_plan_twice_is_a_failure_of_the_planner(tmp_path: Path) -> None:
    first = plan(step("1"))
    world = World(tmp_path, first, policy=Policy(), planner=ScriptedPlanner(first))
    world.plays = {"1/1": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "decision", choose="stop")

    state = run(world, operator)
    assert "the same plan again" in state.error
    assert state.status is RunStatus.STOPPED


def test_going_back_to_the_fallback_is_no_success(tmp_path: Path) -> None:
    class Falling(ScriptedPlanner):
        def _next(self) -> PlanDraft:
            return replace(super()._next(), falls_back=True)

    world = World(tmp_path, plan(step("1")), policy=Policy(), planner=Falling(plan(step("2", "look"))))
    world.plays = {"1": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "revision")

    state = run(world, operator)
    assert state.status is RunStatus.FAILED
    assert state.finished is not None
    assert "fallback" in state.finished.reason


def test_replans_are_limited(tmp_path: Path) -> None:
    plans = [plan(step(str(n), params={})) for n in range(2, 9)]
    world = World(
        tmp_path, plan(step("1")), policy=Policy(), planner=ScriptedPlanner(*plans), limits={"replans": 2}
    )
    world.plays = {str(n): Play(exit_code=1) for n in range(9)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "revision")
        await answer(engine, "revision")
        await answer(engine, "decision", choose="stop")

    state = run(world, operator)
    assert state.replans == 2
    assert world.backend.started == ["r/1/1", "r/2/1", "r/3/1"]


def test_a_revision_never_runs_unasked(tmp_path: Path) -> None:
    world = World(
        tmp_path,
        plan(step("1")),
        policy=Policy(consent=YES, unattended=True),
        planner=ScriptedPlanner(plan(step("2", "wipe"))),
    )
    world.plays = {"1": Play(exit_code=1)}
    state = run(world)
    assert world.backend.started == ["r/1/1"]
    assert state.status is RunStatus.FAILED


# ── rolling back ─────────────────────────────────────────────────────────────────────────────────

ROLLBACK = Policy(consent=YES, on_failure="rollback", unattended=True)


def test_compensations_run_in_reverse_order(tmp_path: Path) -> None:
    undo = Undo(action="undo_work")
    steps = plan(step("1", undo=undo), step("2", "work", "1", undo=undo), step("3", "look", "2"))
    world = World(tmp_path, steps, policy=ROLLBACK)
    world.plays = {"3": Play(exit_code=1)}
    state = run(world)
    assert world.backend.started[3:] == ["r/undo-2/1", "r/undo-1/1"]
    assert state.status is RunStatus.ROLLED_BACK
    assert state.finished is not None
    assert state.finished.exit_code == 6
    assert state.steps["1"].status is StepStatus.UNDONE


def test_a_failed_compensation_is_listed_and_stops_its_branch(tmp_path: Path) -> None:
    undo = Undo(action="undo_work")
    steps = plan(step("1", undo=undo), step("2", "work", "1", undo=undo), step("3", "look", "2"))
    world = World(tmp_path, steps, policy=ROLLBACK)
    world.plays = {"3": Play(exit_code=1), "undo-2": Play(exit_code=9)}
    state = run(world)
    assert state.status is RunStatus.ROLLBACK_INCOMPLETE
    assert state.finished is not None
    assert state.finished.exit_code == 5
    finished = world.events(ev.RollbackFinished)[0]
    assert set(finished.not_undone) == {"1", "2"}
    assert state.steps["2"].status is StepStatus.UNDO_FAILED


def test_a_restore_is_refused_when_its_backup_did_not_succeed(tmp_path: Path) -> None:
    tools = catalog(
        tool("backup_db"), tool("restore_db", tool("x").risk), tool("drop_db", catalog().tools["wipe"].risk)
    )
    steps = plan(
        step("1", "backup_db", on_failure="continue"),
        step("2", "drop_db", "1"),
        rollback=[Compensation(action="restore_db")],
    )
    world = World(tmp_path, steps, tools, policy=ROLLBACK)
    world.plays = {"1": Play(exit_code=1), "2": Play(exit_code=1)}
    state = run(world)
    assert not any("rollback-1" in key for key in world.backend.started)
    assert state.status is RunStatus.ROLLBACK_INCOMPLETE
    item = world.events(ev.RollbackStarted)[0].rollback.items[0]
    assert item.fate == "refused"


def test_what_never_started_is_not_undone(tmp_path: Path) -> None:
    steps = plan(step("1"), step("2", "wipe", "1"), rollback=[Compensation(action="wipe", undoes=("2",))])
    world = World(tmp_path, steps, policy=ROLLBACK)
    world.plays = {"1": Play(exit_code=1)}
    run(world)
    assert world.backend.started == ["r/1/1"]


def test_an_irreversible_effect_is_named(tmp_path: Path) -> None:
    steps = plan(step("1", "wipe"), step("2", "look", "1"))
    world = World(tmp_path, steps, policy=ROLLBACK)
    world.plays = {"2": Play(exit_code=1)}
    state = run(world)
    assert state.status is RunStatus.ROLLBACK_INCOMPLETE
    assert world.events(ev.RollbackFinished)[0].irreversible == ("1",)


def test_rolling_back_to_a_step_keeps_it_and_what_started_before(tmp_path: Path) -> None:
    undo = Undo(action="undo_work")
    steps = plan(
        step("1", undo=undo),
        step("2", "work", "1", undo=undo),
        step("3", "work", "2", undo=undo),
        step("4", "look", "3", on_failure="ask"),
    )
    world = World(tmp_path, steps, policy=Policy())
    world.plays = {"4": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: any(r.scope == "decision" for r in s.requests.values()))
        shown = await say(engine, c.PreviewRollback(back_to="1"))
        await say(engine, c.RollBack(hash=shown["hash"], back_to="1"))
        await until(engine, lambda s: s.status is RunStatus.PAUSED)
        assert engine.state.steps["1"].status is StepStatus.SUCCEEDED
        assert engine.state.steps["2"].status is StepStatus.UNDONE
        await say(engine, c.Stop())

    run(world, operator)
    assert world.backend.started[4:] == ["r/undo-3/1", "r/undo-2/1"]


def test_a_finished_run_can_be_rolled_back_later(tmp_path: Path) -> None:
    steps = plan(step("1", undo=Undo(action="undo_work")))
    world = World(tmp_path, steps)
    assert run(world).status is RunStatus.SUCCEEDED
    again = World(tmp_path, None, journal=world.journal, backend=world.backend, reopen="ops", roll_back=True)
    assert run(again).status is RunStatus.ROLLED_BACK


def test_replay_is_the_live_path(tmp_path: Path) -> None:
    from console.run.state import RunState

    steps = plan(step("1", undo=Undo(action="undo_work")), step("2", "look", "1"))
    world = World(tmp_path, steps, policy=ROLLBACK)
    world.plays = {"2": Play(exit_code=1)}
    live = run(world)
    again = RunState.of(world.journal.records)
    assert {k: vars_of(v) for k, v in live.steps.items()} == {k: vars_of(v) for k, v in again.steps.items()}
    assert (live.status, live.head, live.seq) == (again.status, again.head, again.seq)


def vars_of(value: object) -> str:
    return repr(value)


# ── doubt and time ───────────────────────────────────────────────────────────────────────────────


def test_a_step_in_doubt_is_never_silently_run_again(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1")), policy=Policy())
    world.plays = {"1/1": Play(lost=True)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: any(r.scope == "in_doubt" for r in s.requests.values()))
        assert world.backend.started == ["r/1/1"]
        await answer(engine, "in_doubt", choose="run_again")

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/1/1", "r/1/2"]


@pytest.mark.parametrize(
    ("verdict", "status"), [("done", StepStatus.SUCCEEDED), ("failed", StepStatus.FAILED)]
)
def test_the_operator_rules_on_a_step_in_doubt(tmp_path: Path, verdict: str, status: StepStatus) -> None:
    world = World(tmp_path, plan(step("1", on_failure="ask")), policy=Policy())
    world.plays = {"1": Play(lost=True)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "in_doubt", choose=verdict)
        if verdict == "failed":
            await answer(engine, "decision", choose="stop")

    assert run(world, operator).steps["1"].status is status
    assert world.backend.started == ["r/1/1"]


@pytest.mark.parametrize(
    ("code", "status"), [(0, RunStatus.SUCCEEDED), (1, RunStatus.FAILED), (7, RunStatus.FAILED)]
)
def test_a_probe_settles_a_step_in_doubt(tmp_path: Path, code: int, status: RunStatus) -> None:
    probed = tool("probed", probe="test -e done")
    stop = Policy(consent=YES, on_failure="stop", unattended=True)
    world = World(tmp_path, plan(step("1", "probed")), catalog(probed), policy=stop)

    def script(spec: Spec) -> Play:
        return Play(exit_code=code) if "probe" in spec.key else Play(lost=True)

    world.backend.script = script
    assert run(world).status is status
    assert len(world.backend.started) == 2


def test_an_idempotent_step_in_doubt_is_run_again(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", "again")), catalog(tool("again", idempotent=True)))
    world.plays = {"1/1": Play(lost=True)}
    assert run(world).status is RunStatus.SUCCEEDED


def test_a_run_that_has_used_up_its_time_ends_what_runs(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1"), step("2", "work", "1")), limits={"time": 60})
    world.plays = {"1": Play(seconds=100)}
    state = run(world)
    assert state.status is RunStatus.FAILED
    assert state.steps["1"].status is StepStatus.CANCELLED
    assert world.backend.started == ["r/1/1"]


def test_a_run_without_an_operator_that_fails_says_what_failed(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1")), policy=Policy(consent=YES, on_failure="stop", unattended=True))
    world.plays = {"1": Play(exit_code=3)}
    state = run(world)
    assert state.finished is not None
    assert state.finished.reason == "step 1: exit code 3"


def test_a_missing_secret_fails_the_step_before_it_starts(tmp_path: Path) -> None:
    secret = tool("secret", secrets=("TOKEN",))
    world = World(tmp_path, plan(step("1", "secret", on_failure="stop")), catalog(secret))
    state = run(world)
    assert world.backend.started == []
    assert "TOKEN" in state.steps["1"].reason
    assert not state.steps["1"].has_started


def test_the_steps_of_a_phase_that_is_left_out_are_skipped(tmp_path: Path) -> None:
    inner = Step(id="q", steps=(step("b"),))
    phase = Step(id="p", enabled=False, steps=(step("a"), inner))
    world = World(tmp_path, plan(phase, step("2", "work", "p")))
    state = run(world)
    assert state.status is RunStatus.SUCCEEDED
    assert {s: life.status for s, life in state.steps.items()} == {
        "a": StepStatus.SKIPPED,
        "b": StepStatus.SKIPPED,
        "2": StepStatus.SUCCEEDED,
    }
    assert world.backend.started == ["r/2/1"]


def test_a_disabled_step_is_skipped(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", enabled=False), step("2", "work", "1")))
    assert run(world).steps["1"].status is StepStatus.SKIPPED
    assert world.backend.started == ["r/2/1"]


def test_what_is_ordered_through_a_disabled_step_stays_ordered(tmp_path: Path) -> None:
    steps = plan(step("1"), step("2", "work", "1", enabled=False), step("3", "work", "2"))
    world = World(tmp_path, steps)
    assert run(world).status is RunStatus.SUCCEEDED
    assert order(world) == ["1 begins", "1 ends", "3 begins", "3 ends"]


def test_a_step_that_is_skipped_before_its_turn_lets_nothing_go_early(tmp_path: Path) -> None:
    steps = plan(step("1"), step("2", "work", "1"), step("3", "work", "2"))
    world = World(tmp_path, steps, policy=Policy())

    async def operator(engine: Engine) -> None:
        await until(engine, lambda s: bool(s.requests))
        await say(engine, c.Skip(step="2"))
        await answer(engine, "plan")

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert order(world) == ["1 begins", "1 ends", "3 begins", "3 ends"]


def order(world: World) -> list[str]:
    """What began and what ended, one after the other."""
    told = []
    for event in (record.event for record in world.journal.records):
        if isinstance(event, ev.StepIntended):
            told.append(f"{event.step} begins")
        elif isinstance(event, ev.StepSucceeded):
            told.append(f"{event.step} ends")
    return told


def test_a_note_gives_its_text(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", "none", params={"text": "remember"})))
    assert run(world).steps["1"].status is StepStatus.SUCCEEDED
    assert world.events(ev.StepSucceeded)[0].preview == "remember"


def test_no_plan_when_the_planner_breaks(tmp_path: Path) -> None:
    class Broken(ScriptedPlanner):
        async def plan(self, goal: Goal, catalog: Catalog, progress: Progress) -> PlanDraft:
            raise ZeroDivisionError("inside")

    world = World(tmp_path, None, planner=Broken())
    state = run(world)
    assert state.status is RunStatus.FAILED
    assert state.finished is not None
    assert state.finished.exit_code == 3
    assert "ZeroDivisionError" in state.finished.reason


def test_a_phase_is_planned_when_its_turn_comes(tmp_path: Path) -> None:
    first = plan(step("1"), Step(id="2", expand=True, depends_on=("1",)), step("3", "work", "2"))
    world = World(tmp_path, first, policy=Policy(), planner=ScriptedPlanner(plan(step("1", "look"))))

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "revision")

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/1/1", "r/2-1/1", "r/3/1"]
    (proposed,) = world.events(ev.RevisionProposed)
    assert [s.id for s in proposed.plan.steps] == ["1", "2", "3"]
    assert proposed.plan.step("2").steps == (step("2-1", "look"),)


def test_a_phase_that_nobody_plans_is_no_success(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1"), Step(id="2", expand=True, depends_on=("1",))))
    state = run(world)
    assert state.status is RunStatus.FAILED
    assert state.finished is not None
    assert "phase 2 is not planned" in state.finished.reason


def test_a_doubt_can_end_the_run(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1"), step("2")), policy=Policy())
    world.plays = {"1": Play(lost=True), "2": Play(hangs=True)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "in_doubt", choose="stop")

    state = run(world, operator)
    assert state.status is RunStatus.STOPPED
    assert state.steps["2"].status is StepStatus.CANCELLED


def test_the_planner_hears_of_a_failure_that_an_earlier_revision_went_round(tmp_path: Path) -> None:
    first = plan(step("1"))
    second = plan(step("1"), step("2", "look"))
    third = plan(step("1"), step("2", "look"), step("3", "look"))
    world = World(tmp_path, first, policy=Policy(), planner=ScriptedPlanner(second, third))
    world.plays = {"1": Play(exit_code=1), "2": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "revision")
        await answer(engine, "revision")

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert [(d.step, d.status) for d in world.planner.histories[1].steps] == [
        ("1", "failed"),
        ("2", "failed"),
    ]


def test_changes_asked_for_before_the_approval_leave_the_run_unstarted(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1")), policy=Policy(), planner=ScriptedPlanner(plan(step("2"))))

    async def operator(engine: Engine) -> None:
        await until(engine, lambda s: bool(s.requests))
        await say(engine, c.Replan(words="look first"))
        await answer(engine, "revision")
        await until(engine, lambda s: any(r.scope == "plan" for r in s.requests.values()))
        assert engine.state.status is RunStatus.AWAITING_APPROVAL
        await say(engine, c.Replan(words="and more"))
        await until(engine, lambda s: bool(s.error))
        assert engine.state.status is RunStatus.AWAITING_APPROVAL
        assert world.backend.started == []
        await answer(engine, "plan")

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/2/1"]


def test_every_attempt_has_its_start_on_record(tmp_path: Path) -> None:
    class Timed(FakeBackend):
        async def status(self, key: str, wait: float | None = 0) -> Status:
            return replace(await super().status(key, wait), started=5.0, ended=7.0, pid=42, host="here")

    world = World(tmp_path, plan(step("1")), backend=Timed())
    state = run(world)
    attempt = state.steps["1"].attempt
    assert attempt is not None
    assert (attempt.started, attempt.pid, attempt.host) == (5.0, 42, "here")
    assert world.told.count("step_started 1") == 1
    assert world.events(ev.StepSucceeded)[0].duration == 2.0


def test_a_rollback_that_is_stopped_says_what_it_did_not_reach(tmp_path: Path) -> None:
    undo = Undo(action="undo_work")
    steps = plan(step("1", undo=undo), step("2", "work", "1", undo=undo), step("3", "look", "2"))
    world = World(tmp_path, steps, policy=Policy(consent=YES, on_failure="rollback"))
    world.plays = {"3": Play(exit_code=1), "undo-2": Play(hangs=True)}

    async def operator(engine: Engine) -> None:
        await until(
            engine, lambda s: s.rollback is not None and s.step("undo-2").status is StepStatus.RUNNING
        )
        await say(engine, c.Stop())

    state = run(world, operator)
    assert state.status is RunStatus.ROLLBACK_INCOMPLETE
    assert set(world.events(ev.RollbackFinished)[0].not_undone) == {"1", "2"}
    assert "r/undo-1/1" not in world.backend.started


def test_a_step_that_the_operator_cancelled_is_asked_about(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1")), policy=Policy(), planner=ScriptedPlanner(plan(step("2"))))
    world.plays = {"1/1": Play(hangs=True)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["1"].status is StepStatus.RUNNING)
        await say(engine, c.Cancel(step="1"))
        await answer(engine, "decision", choose="retry")

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/1/1", "r/1/2"]
