"""What the engine does when more than one thing goes wrong at once, on a virtual clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from console.catalog.spec import Parameter, Risk
from console.errors import ControlRefused
from console.plan.model import Compensation, Expect, Gate, Retry, Step, Undo
from console.run import control as c
from console.run import events as ev
from console.run import outcome
from console.run.engine import Engine
from console.run.life import RunStatus, StepStatus
from console.run.policy import Policy, Rule
from console.testing import ScriptedPlanner, virtual_wall
from tests.run.harness import (
    YES,
    Play,
    World,
    answer,
    catalog,
    contract,
    plan,
    run,
    say,
    step,
    tool,
    until,
)


class SlowPlanner(ScriptedPlanner):
    """Takes a minute for everything."""

    async def replan(self, goal, catalog, plan, history, progress):  # type: ignore[no-untyped-def]
        import anyio

        await anyio.sleep(60)
        return await super().replan(goal, catalog, plan, history, progress)


def asked(scope: str):  # type: ignore[no-untyped-def]
    return lambda s: any(r.scope == scope for r in s.requests.values())


# ── retries ──────────────────────────────────────────────────────────────────────────────────────


def test_a_step_that_may_fail_is_tried_as_often_as_it_says_first(tmp_path: Path) -> None:
    flaky = step("1", on_failure="continue", retry=Retry(attempts=3, backoff=10))
    world = World(tmp_path, plan(flaky, step("2", "work", "1")))
    world.plays = {"1/1": Play(exit_code=1), "1/2": Play(exit_code=1)}
    assert run(world).status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/1/1", "r/1/2", "r/1/3", "r/2/1"]


def test_a_retry_waits_for_the_resource_that_another_step_writes(tmp_path: Path) -> None:
    writer = tool("writer", contract=contract(writes="db main"))
    steps = plan(step("1", "writer", retry=Retry(attempts=2, backoff=5)), step("2", "writer"))
    world = World(tmp_path, steps, catalog(writer))
    world.plays = {"1/1": Play(exit_code=1), "2": Play(seconds=60)}
    assert run(world).status is RunStatus.SUCCEEDED
    assert world.backend.most == 1


def test_a_retry_keeps_to_the_limit_of_steps_at_once(tmp_path: Path) -> None:
    steps = plan(step("1", retry=Retry(attempts=2, backoff=5)), step("2"), step("3"))
    world = World(tmp_path, steps, limits={"parallel": 2})
    world.plays = {"1/1": Play(exit_code=1), "2": Play(seconds=60), "3": Play(seconds=60)}
    assert run(world).status is RunStatus.SUCCEEDED
    assert world.backend.most == 2


def test_a_retry_comes_although_the_clock_was_set_back(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", retry=Retry(attempts=2, backoff=5))))
    world.plays = {"1/1": Play(exit_code=1)}
    clock = virtual_wall()
    world.wall = lambda: clock() - (86_400 if anyio.current_time() > 2 else 0)
    assert run(world).status is RunStatus.SUCCEEDED


def test_the_first_try_again_after_a_doubt_is_not_the_first_of_endlessly_many(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", "again")), catalog(tool("again", idempotent=True)))
    world.plays = {"1": Play(lost=True)}
    assert run(world).status is RunStatus.FAILED
    assert len(world.backend.started) < 6


def test_nothing_starts_beside_what_still_runs_once_a_failure_has_ended_the_run(tmp_path: Path) -> None:
    steps = plan(step("1", on_failure="stop"), step("2"), step("3"))
    world = World(tmp_path, steps, limits={"parallel": 2})
    world.plays = {"1": Play(exit_code=1), "2": Play(seconds=60)}
    assert run(world).status is RunStatus.FAILED
    assert sorted(world.backend.started) == ["r/1/1", "r/2/1"]


# ── outputs ──────────────────────────────────────────────────────────────────────────────────────


def test_a_schema_that_takes_for_ever_is_an_expectation_that_is_not_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome, "PATIENCE", 0.1)
    doubled: dict[str, Any] = {
        f"d{level}": {"anyOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 2} for level in range(40)
    }
    schema = {"$ref": "#/$defs/d0", "$defs": doubled | {"d40": {"type": "string"}}}
    steps = plan(step("1", on_failure="stop", expect=Expect(json_schema=schema)))
    world = World(tmp_path, steps)
    world.plays = {"1": Play(out="1")}
    state = run(world)
    assert state.status is RunStatus.FAILED
    assert "it takes longer than" in state.steps["1"].reason


def test_a_note_that_cannot_be_written_fails_its_step(tmp_path: Path) -> None:
    (tmp_path / "steps").write_text("in the way")
    state = run(World(tmp_path, plan(step("1", "none", on_failure="stop"))))
    assert state.status is RunStatus.FAILED
    assert "cannot be written" in state.steps["1"].reason


@pytest.mark.parametrize("action", ["none", "say"])
def test_half_a_character_in_a_result_fails_who_is_given_it(tmp_path: Path, action: str) -> None:
    says = tool("say", parameters=(Parameter(name="text"),))
    half = step("2", action, "1", params={"text": "{step_1_result.name}"}, on_failure="stop")
    world = World(tmp_path, plan(step("1"), half), catalog(says))
    world.plays = {"1": Play(out='{"name": "\\ud800"}')}
    state = run(world)
    assert state.status is RunStatus.FAILED
    assert state.steps["2"].status is StepStatus.FAILED


def test_output_that_cannot_be_read_fails_who_needs_it(tmp_path: Path) -> None:
    says = tool("say", parameters=(Parameter(name="text"),))
    steps = plan(step("1"), step("2", "say", "1", params={"text": "{step_1_result}"}, on_failure="stop"))
    (tmp_path / "steps" / "1.1" / "out").mkdir(parents=True)
    state = run(World(tmp_path, steps, catalog(says)))
    assert state.status is RunStatus.FAILED
    assert "cannot be read" in state.steps["2"].reason
    assert state.steps["1"].attempts[0].preview == "(its output cannot be read: Is a directory)"


# ── pausing ──────────────────────────────────────────────────────────────────────────────────────


def test_a_paused_run_stays_paused_while_its_plan_is_revised(tmp_path: Path) -> None:
    first = plan(step("1"), step("2", "work", "1"), step("3", "work", "1"))
    world = World(
        tmp_path, first, policy=Policy(), planner=SlowPlanner(plan(step("1"), step("2", "work", "1")))
    )
    world.plays = {"1": Play(seconds=10)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["1"].status is StepStatus.RUNNING)
        await say(engine, c.Pause())
        await say(engine, c.Replan(words="without 3"))
        await answer(engine, "revision")
        assert engine.state.status is RunStatus.PAUSED
        assert world.backend.started == ["r/1/1"]
        await say(engine, c.Continue())

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/1/1", "r/2/1"]


@pytest.mark.parametrize("go_on", [True, False])
@pytest.mark.parametrize("accept", [True, False])
def test_a_revision_is_answered_while_the_run_is_paused(tmp_path: Path, accept: bool, go_on: bool) -> None:
    world = World(tmp_path, plan(step("1")), policy=Policy(), planner=ScriptedPlanner(plan(step("2"))))
    world.plays = {"1": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, asked("revision"))
        await say(engine, c.Pause())
        if go_on:
            await say(engine, c.Continue())
        if accept:
            await answer(engine, "revision")
        else:
            request = next(iter(engine.state.requests))
            await say(engine, c.Deny(request=request))
        if not go_on:
            assert engine.state.status is RunStatus.PAUSED
            await say(engine, c.Continue())
        if not accept:
            await answer(engine, "decision", choose="skip")

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert world.backend.started == (["r/1/1", "r/2/1"] if accept else ["r/1/1"])


def test_time_that_is_used_up_while_the_planner_works_pauses_the_run(tmp_path: Path) -> None:
    world = World(
        tmp_path,
        plan(step("1"), step("2")),
        policy=Policy(),
        planner=SlowPlanner(plan(step("2"), step("3"))),
        limits={"time": 30},
    )
    world.plays = {"1": Play(exit_code=1), "2": Play(seconds=80)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.paused)
        assert "used up its time" in world.events(ev.RunPaused)[0].reason
        await answer(engine, "revision")
        assert engine.state.status is RunStatus.PAUSED
        await say(engine, c.Continue())
        await until(engine, lambda s: s.steps["3"].status is StepStatus.SUCCEEDED)

    assert run(world, operator).status is RunStatus.SUCCEEDED


# ── revisions ────────────────────────────────────────────────────────────────────────────────────


def test_a_step_that_a_revision_keeps_and_that_cannot_start_fails_once_more_only(tmp_path: Path) -> None:
    locked = tool("locked", secrets=("KEY_NOBODY_HAS",))
    first = plan(step("1", "locked"), step("2", "work", "1"))
    second = plan(step("1", "locked"), step("3", "look", "1"))
    world = World(tmp_path, first, catalog(locked), policy=Policy(), planner=ScriptedPlanner(second))

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "revision")
        await answer(engine, "decision", choose="stop")

    state = run(world, operator)
    assert state.status is RunStatus.STOPPED
    assert len(state.steps["1"].attempts) == 2


def test_an_engine_that_comes_back_does_not_apply_an_old_revision_again(tmp_path: Path) -> None:
    first = plan(step("1"), step("2", "work", "1"))
    second = plan(step("3"), step("4", "work", "3"))
    world = World(tmp_path, first, policy=Policy(), planner=ScriptedPlanner(second), limits={"replans": 1})
    world.plays = {"1": Play(exit_code=1), "3": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "revision")
        await until(engine, asked("decision"))
        engine._over = True  # as a crash would: nothing more is written
        engine._wake.set()

    run(world, operator)
    assert world.backend.started == ["r/1/1", "r/3/1"]

    async def back(engine: Engine) -> None:
        await until(engine, asked("decision"))
        assert world.backend.started == ["r/1/1", "r/3/1"]
        await say(engine, c.Stop())

    assert run(world, back).status is RunStatus.STOPPED


def test_a_proposal_goes_when_the_planner_is_asked_again(tmp_path: Path) -> None:
    world = World(
        tmp_path,
        plan(step("1"), step("2", "work", "1")),
        policy=Policy(),
        planner=ScriptedPlanner(plan(step("3"))),
    )
    world.plays = {"1": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, asked("revision"))
        await say(engine, c.Replan(words="another"))
        await answer(engine, "decision", choose="stop")
        assert engine.state.proposal is None

    assert run(world, operator).status is RunStatus.STOPPED


def test_what_a_waiting_revision_would_drop_does_not_start(tmp_path: Path) -> None:
    first = plan(step("1"), step("2", "work", "1"), step("3", "work", "1"))
    world = World(
        tmp_path, first, policy=Policy(), planner=ScriptedPlanner(plan(step("1"), step("3", "work", "1")))
    )
    world.plays = {"1": Play(seconds=20)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["1"].status is StepStatus.RUNNING)
        await say(engine, c.Replan(words="without 2"))
        await until(engine, lambda s: s.steps["3"].status is StepStatus.SUCCEEDED)
        assert world.backend.started == ["r/1/1", "r/3/1"]
        await answer(engine, "revision")

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/1/1", "r/3/1"]


def test_a_question_about_a_step_goes_with_the_step(tmp_path: Path) -> None:
    first = plan(step("1"), step("2", "work", "1", gate=Gate(question="sure?")), step("3", on_failure="ask"))
    world = World(tmp_path, first, policy=Policy(), planner=ScriptedPlanner(plan(step("1"), step("4"))))
    world.plays = {"3": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, asked("gate"))
        await until(engine, asked("decision"))
        decision, gate = (
            next(r for r in engine.state.requests.values() if r.scope == scope)
            for scope in ("decision", "gate")
        )
        await say(engine, c.Replan(words="another way"))
        await answer(engine, "revision")
        for request, choice in ((decision, "retry"), (gate, "")):
            with pytest.raises(ControlRefused):
                await say(engine, c.Approve(request=request.id, hash=request.hash, answer=choice))

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert sorted(world.backend.started) == ["r/1/1", "r/3/1", "r/4/1"]


def test_an_approval_never_stands_for_a_plan_that_came_after_the_question(tmp_path: Path) -> None:
    first = plan(step("1"), step("2", "work", "1"))
    world = World(
        tmp_path, first, policy=Policy(), planner=SlowPlanner(plan(step("1"), step("9", "wipe", "1")))
    )
    world.plays = {"1": Play(seconds=10)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["1"].status is StepStatus.RUNNING)
        edited = plan(step("1"), step("2", "look", "1"))
        await say(engine, c.ChangePlan(plan=edited, revision=engine.state.revision, summary="look"))
        await say(engine, c.Replan(words="wipe"))
        await until(engine, asked("plan"))
        question = next(r for r in engine.state.requests.values() if r.scope == "plan")
        await answer(engine, "revision")
        with pytest.raises(ControlRefused):
            await say(engine, c.Approve(request=question.id, hash=question.hash))

    assert run(world, operator).status is RunStatus.SUCCEEDED


# ── rolling back ─────────────────────────────────────────────────────────────────────────────────

ROLLBACK = Policy(consent=YES, on_failure="rollback", unattended=True)
UNDO = Undo(action="undo_work")


def test_a_rollback_with_an_open_question_can_be_stopped(tmp_path: Path) -> None:
    steps = plan(
        step("1", "wipe"), step("2", "look", "1", on_failure="ask"), rollback=[Compensation(action="burn")]
    )
    world = World(tmp_path, steps, catalog(tool("burn", Risk.DESTRUCTIVE)), policy=Policy())
    world.plays = {"2": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "decision", choose="roll_back")
        await until(engine, asked("compensation"))
        await say(engine, c.Stop())

    assert run(world, operator).status is RunStatus.ROLLBACK_INCOMPLETE


def test_a_compensation_that_needs_two_persons_is_not_waited_for_by_nobody(tmp_path: Path) -> None:
    steps = plan(step("1", "wipe"), step("2", "look", "1"), rollback=[Compensation(action="burn")])
    policy = Policy(consent=YES, on_failure="rollback", unattended=True, rules=(Rule(2, actions=("burn",)),))
    world = World(tmp_path, steps, catalog(tool("burn", Risk.DESTRUCTIVE)), policy=policy)
    world.plays = {"2": Play(exit_code=1)}
    state = run(world)
    assert state.status is RunStatus.ROLLBACK_INCOMPLETE
    assert not any("rollback-1" in key for key in world.backend.started)


def test_there_is_no_way_back_to_a_step_that_has_not_started(tmp_path: Path) -> None:
    steps = plan(step("1", undo=UNDO), step("2", "look", "1", on_failure="ask"), step("3", "work", "2"))
    world = World(tmp_path, steps, policy=Policy())
    world.plays = {"2": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, asked("decision"))
        with pytest.raises(ControlRefused, match="has not started"):
            await say(engine, c.PreviewRollback(back_to="3"))
        await say(engine, c.Stop())

    run(world, operator)


def test_what_was_done_by_hand_is_undone_in_its_turn(tmp_path: Path) -> None:
    steps = plan(step("1", undo=UNDO), step("2", "work", "1", undo=UNDO), step("3", "look", "2"))
    world = World(tmp_path, steps, policy=Policy(on_failure="ask"))
    world.plays = {"3": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await until(engine, lambda s: bool(s.requests))
        await say(engine, c.Hold(step="2"))
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["1"].status is StepStatus.SUCCEEDED)
        await say(engine, c.MarkDone(step="2"))
        await until(engine, asked("decision"))
        back = await say(engine, c.PreviewRollback(back_to="1"))
        assert [item.step.id for item in back["rollback"].items] == ["undo-2"]
        await answer(engine, "decision", choose="roll_back")

    assert run(world, operator).status is RunStatus.ROLLED_BACK
    assert world.backend.started[-2:] == ["r/undo-2/1", "r/undo-1/1"]


def test_rolling_back_from_a_doubt_ends_what_runs(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1"), step("2", undo=UNDO)), policy=Policy())
    world.plays = {"1": Play(lost=True), "2": Play(hangs=True)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "in_doubt", choose="roll_back")

    state = run(world, operator)
    assert state.steps["2"].attempts[0].outcome == "cancelled"


def test_a_restore_that_is_refused_is_no_loss_where_it_had_nothing_to_undo(tmp_path: Path) -> None:
    tools = catalog(tool("backup_db", Risk.OBSERVE), tool("restore_db"), tool("drop_db", Risk.DESTRUCTIVE))
    steps = plan(
        step("1", "backup_db"), step("2", "drop_db", "1"), rollback=[Compensation(action="restore_db")]
    )
    world = World(tmp_path, steps, tools, policy=ROLLBACK)
    world.plays = {"1": Play(exit_code=1)}
    state = run(world)
    assert world.events(ev.RollbackStarted)[0].rollback.items[0].fate == "refused"
    assert state.status is RunStatus.ROLLED_BACK
    assert world.backend.started == ["r/1/1"]


# ── another policy ───────────────────────────────────────────────────────────────────────────────


def test_a_retry_asks_again_under_another_policy(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", "wipe", on_failure="ask")), policy=Policy())
    world.plays = {"1/1": Play(exit_code=1)}

    async def begin(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "decision", choose="stop")

    run(world, begin)
    world.policy = Policy(rules=(Rule(2, risk=Risk.DESTRUCTIVE),))
    world.loaded = ev.PolicyLoaded(hash="two", files=("policy.yaml",), rules=1)
    world.reopen = "ada"

    async def go_on(engine: Engine) -> None:
        await until(engine, lambda s: s.status is RunStatus.PAUSED)
        await say(engine, c.Retry(step="1"))
        await say(engine, c.Continue())
        await until(engine, asked("plan"))
        assert next(iter(engine.state.requests.values())).persons == 2
        assert world.backend.started == ["r/1/1"]
        await say(engine, c.Stop())

    assert run(world, go_on).status is RunStatus.STOPPED


def test_a_destructive_step_that_is_tried_again_in_another_form_asks_for_it(tmp_path: Path) -> None:
    wipe = tool("wipe", Risk.DESTRUCTIVE, parameters=(Parameter(name="disk"),))
    steps = plan(
        step("1", undo=UNDO), step("2", "wipe", "1", undo=UNDO, params={"disk": "{step_1_result}"}),
        step("3", "look", "2", on_failure="ask"),
    )  # fmt: skip
    world = World(tmp_path, steps, catalog(wipe), policy=Policy())
    world.plays = {"1/1": Play(out="sda"), "1/2": Play(out="sdb"), "3": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "step")
        await until(engine, asked("decision"))
        shown = await say(engine, c.PreviewRollback(back_to="0"))
        await say(engine, c.RollBack(hash=shown["hash"], back_to="0"))
        await until(engine, lambda s: s.status is RunStatus.PAUSED)
        await say(engine, c.Retry(step="1"))
        await until(engine, lambda s: s.steps["1"].status is StepStatus.SUCCEEDED)
        await say(engine, c.Retry(step="2"))
        await say(engine, c.Continue())
        await until(engine, asked("step"))
        assert "r/2/2" not in world.backend.started
        await answer(engine, "step")
        await until(engine, lambda s: s.steps["2"].status is StepStatus.SUCCEEDED)
        await say(engine, c.Stop())

    steps = steps.model_copy(update={"steps": (step("0"), *steps.steps)})
    world.plan = steps.model_copy(
        update={
            "steps": tuple(
                s.model_copy(update={"depends_on": ("0",)}) if s.id == "1" else s for s in steps.steps
            )
        }
    )
    run(world, operator)
    assert [e.params for e in world.events(ev.StepIntended) if e.step == "2"] == [
        {"disk": "sda"},
        {"disk": "sdb"},
    ]


def test_nobody_waits_for_an_answer_that_nobody_can_give(tmp_path: Path) -> None:
    steps = plan(step("1"), step("2", "work", "1", gate=Gate(question="sure?")))
    world = World(tmp_path, steps, policy=Policy())

    async def begin(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, asked("gate"))
        await say(engine, c.Stop())

    run(world, begin)
    world.policy, world.reopen = Policy(unattended=True), "ada"
    state = run(world)
    assert state.status is RunStatus.STOPPED
    assert state.finished is not None
    assert "step 2" in state.finished.reason
    assert world.backend.started == ["r/1/1"]


def test_a_question_that_fell_away_with_the_end_of_the_run_is_put_again(tmp_path: Path) -> None:
    steps = plan(step("1"), step("2", "work", "1", gate=Gate(question="sure?")), step("3", "work", "1"))
    world = World(tmp_path, steps, policy=Policy())

    async def begin(engine: Engine) -> None:
        await until(engine, asked("plan"))
        await say(engine, c.Hold(step="3"))
        await answer(engine, "plan")
        await until(engine, asked("gate"))
        await say(engine, c.Stop())

    run(world, begin)
    world.reopen = "ada"

    async def go_on(engine: Engine) -> None:
        await until(engine, lambda s: s.status is RunStatus.PAUSED)
        await say(engine, c.Continue())
        await answer(engine, "gate")
        await until(engine, lambda s: s.steps["2"].status is StepStatus.SUCCEEDED)
        assert engine.state.steps["3"].status is StepStatus.HELD
        await say(engine, c.Release(step="3"))

    assert run(world, go_on).status is RunStatus.SUCCEEDED


def test_nobody_waits_for_a_phase_that_nobody_plans(tmp_path: Path) -> None:
    steps = plan(Step(id="p", expand=True, description="the rest"), step("2", "work", "p"))
    state = run(World(tmp_path, steps))
    assert state.status is RunStatus.FAILED
    assert state.finished is not None
    assert "phase p is not planned" in state.finished.reason


def test_the_steps_of_a_phase_that_is_left_out_are_left_out(tmp_path: Path) -> None:
    phase = Step(id="p", enabled=False, steps=(step("1"), step("2", "wipe", "1")))
    world = World(tmp_path, plan(phase, step("3", "work", "p")))
    assert run(world).status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/3/1"]


def test_going_back_to_a_step_while_others_run_keeps_that_step(tmp_path: Path) -> None:
    steps = plan(step("1", undo=UNDO), step("2", "work", "1", undo=UNDO), step("3", "work", "2", undo=UNDO))
    world = World(tmp_path, steps, policy=Policy())
    world.plays = {"3": Play(hangs=True)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["3"].status is StepStatus.RUNNING)
        shown = await say(engine, c.PreviewRollback(back_to="1"))
        await say(engine, c.RollBack(hash=shown["hash"], back_to="1"))
        await until(engine, lambda s: s.status in (RunStatus.PAUSED, RunStatus.ROLLED_BACK))
        assert engine.state.steps["1"].status is StepStatus.SUCCEEDED
        assert world.backend.started[3:] == ["r/undo-3/1", "r/undo-2/1"]
        await say(engine, c.Stop())

    run(world, operator)


def test_ties_that_the_operator_made_hold_for_a_rollback_that_waits_for_what_runs(tmp_path: Path) -> None:
    burn = tool("burn", Risk.DESTRUCTIVE)
    steps = plan(step("1", "wipe"), step("2", "work", "1"), rollback=[Compensation(action="burn")])
    world = World(tmp_path, steps, catalog(burn), policy=Policy())
    world.plays = {"2": Play(hangs=True)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["2"].status is StepStatus.RUNNING)
        shown = await say(engine, c.PreviewRollback())
        await say(engine, c.RollBack(hash=shown["hash"], ties={"rollback-1": ("1", "2")}))

    assert run(world, operator).status is RunStatus.ROLLED_BACK


def test_a_step_that_the_plan_leaves_out_is_skipped_when_it_is_released(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1"), step("2", "work", "1", enabled=False)), policy=Policy())

    async def operator(engine: Engine) -> None:
        await until(engine, lambda s: bool(s.requests))
        await say(engine, c.Hold(step="2"))
        await answer(engine, "plan")

    state = run(world, operator)
    assert state.steps["2"].status is StepStatus.SKIPPED
    assert world.backend.started == ["r/1/1"]


def test_a_question_about_a_step_goes_when_the_plan_leaves_the_step_out(tmp_path: Path) -> None:
    gated = step("1", gate=Gate(question="now?"))
    world = World(tmp_path, plan(Step(id="p", steps=(gated,)), step("2", "look")), policy=Policy())

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: any(r.scope == "gate" for r in s.requests.values()))
        new = plan(Step(id="p", steps=(gated,), enabled=False), step("2", "look"))
        await say(engine, c.ChangePlan(plan=new, revision=1, summary="leave p out"))

    state = run(world, operator)
    assert state.status is RunStatus.SUCCEEDED
    assert state.steps["1"].status is StepStatus.SKIPPED
    assert not state.requests


def test_nothing_of_the_plan_is_run_again_while_it_is_rolled_back(tmp_path: Path) -> None:
    tools = catalog(tool("made", undo=Undo(action="undo_work")))
    world = World(tmp_path, plan(step("1", "made"), step("2", "look", "1")), tools, policy=Policy())
    world.plays = {"2": Play(lost=True), "undo-1": Play(seconds=60)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["2"].status is StepStatus.IN_DOUBT)
        preview = await say(engine, c.PreviewRollback())
        await say(engine, c.RollBack(hash=preview["hash"]))
        await until(engine, lambda s: s.status is RunStatus.ROLLING_BACK)
        with pytest.raises(ControlRefused, match="rolling back"):
            await say(engine, c.Rule(step="2", verdict="run_again"))

    assert run(world, operator).status is RunStatus.ROLLED_BACK
    assert "r/2/2" not in world.backend.started


def test_a_step_that_somebody_tries_again_waits_for_what_writes_the_same(tmp_path: Path) -> None:
    tools = catalog(tool("writer", contract=contract(writes="db main")))
    steps = plan(step("1", "writer", on_failure="ask"), step("2", "writer"))
    world = World(tmp_path, steps, tools, policy=Policy())
    world.plays = {"1/1": Play(exit_code=1), "2": Play(seconds=60)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["2"].status is StepStatus.RUNNING)
        await say(engine, c.Retry(step="1"))

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/1/1", "r/2/1", "r/1/2"]
    assert world.backend.most == 1


def test_a_step_that_is_tried_again_waits_for_what_it_was_made_to_wait_for(tmp_path: Path) -> None:
    first, second = step("1"), step("2", retry=Retry(attempts=2, backoff=5))
    world = World(tmp_path, plan(first, second), policy=Policy())
    world.plays = {"1": Play(seconds=60), "2/1": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["2"].status is StepStatus.FAILED)
        new = plan(first, second.model_copy(update={"depends_on": ("1",)}))
        await say(engine, c.ChangePlan(plan=new, revision=1, summary="2 after 1"))

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert world.told.index("step_succeeded 1") < len(world.told) - 1 - world.told[::-1].index(
        "step_intended 2"
    )


def test_what_has_not_begun_waits_for_a_step_that_is_tried_again(tmp_path: Path) -> None:
    steps = plan(step("1", on_failure="continue"), step("2"), step("3", "work", "1", "2"))
    world = World(tmp_path, steps, policy=Policy())
    world.plays = {"1/1": Play(exit_code=1), "1/2": Play(seconds=60), "2": Play(seconds=10)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["1"].status is StepStatus.FAILED)
        await say(engine, c.Retry(step="1"))

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert world.told.index("step_succeeded 1") < world.told.index("step_intended 3")


def test_a_step_that_is_done_by_hand_is_not_skipped_for_being_left_out(tmp_path: Path) -> None:
    late = step("2", "look", "1")
    world = World(tmp_path, plan(step("1"), late), policy=Policy(), limits={"time": 60})
    world.plays = {"1": Play(seconds=100)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.paused)
        new = plan(step("1"), late.model_copy(update={"enabled": False}))
        await say(engine, c.ChangePlan(plan=new, revision=1, summary="leave 2 out"))
        await say(engine, c.MarkDone(step="2"))
        await say(engine, c.Continue())

    state = run(world, operator)
    assert state.status is RunStatus.SUCCEEDED
    assert state.steps["2"].status is StepStatus.SUCCEEDED
