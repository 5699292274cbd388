"""Phases that are planned when they are reached, or when somebody asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from console.catalog.spec import Goal as Pattern
from console.catalog.spec import Risk
from console.errors import ControlRefused
from console.plan.model import Compensation, Step, Undo
from console.planners.base import Goal, PlanDraft
from console.planners.offline import first_plan
from console.run import control as c
from console.run import events as ev
from console.run.engine import Engine
from console.run.expansion import put_in
from console.run.life import RunStatus
from console.run.policy import Consent, Policy
from console.testing import Play, ScriptedPlanner
from tests.run.harness import World, answer, catalog, contract, plan, run, say, step, tool, until

AGREED = Policy(consent=Consent(Risk.DESTRUCTIVE, revisions=True, by="o"), unattended=True)


class Asked(ScriptedPlanner):
    """Keeps what it was asked."""

    def __init__(self, *plans: Any) -> None:
        super().__init__(*plans)
        self.goals: list[Goal] = []

    async def plan(self, goal: Goal, catalog: Any, progress: Any) -> PlanDraft:
        self.goals.append(goal)
        return await super().plan(goal, catalog, progress)


class Offline(ScriptedPlanner):
    """The offline planner, in this thread: a virtual clock waits for no other."""

    async def plan(self, goal: Goal, catalog: Any, progress: Any) -> PlanDraft:
        return first_plan(goal, catalog, lambda: None)


def phase(step_id: str, *after: str, **more: Any) -> Step:
    return Step(id=step_id, expand=True, depends_on=after, **more)


def test_a_phase_knows_what_came_out_before_it(tmp_path: Path) -> None:
    maker = tool("maker", contract=contract(provides="found it"))
    planner = Asked(plan(step("1")))
    steps = plan(step("1", "maker"), phase("p", "1", description="Mend it"))
    world = World(tmp_path, steps, catalog(maker), planner=planner)
    world.plays = {"1": Play(out="the disk is full\n")}
    world.policy = AGREED
    assert run(world).status is RunStatus.SUCCEEDED
    (goal,) = planner.goals
    assert goal.text == "Mend it"
    assert ("found", "it") in goal.facts
    assert "the disk is full" in goal.inputs["result of step 1"]
    assert world.backend.started == ["r/1/1", "r/p-1/1"]
    assert world.events(ev.ReplanStarted)[0].phase == "p"


def test_expanding_uses_up_no_replan(tmp_path: Path) -> None:
    planner = ScriptedPlanner(plan(step("1")), plan(step("1")), plan(step("p-1"), step("q-1"), step("x")))
    steps = plan(phase("p"), phase("q", "p"), step("x", "work", "q"))
    world = World(tmp_path, steps, planner=planner, limits={"replans": 1}, policy=Policy())
    world.plays = {"x/1": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await answer(engine, "revision")
        await answer(engine, "revision")
        await until(engine, lambda s: s.replans == 1 and bool(s.requests))
        await say(engine, c.Stop())

    assert run(world, operator).status is RunStatus.STOPPED
    assert [e.number for e in world.events(ev.ReplanStarted)] == [0, 0, 1]


def test_a_phase_can_be_planned_before_the_plan_is_approved(tmp_path: Path) -> None:
    world = World(tmp_path, plan(phase("p")), planner=ScriptedPlanner(plan(step("1"))), policy=Policy())

    async def operator(engine: Engine) -> None:
        await until(engine, lambda s: bool(s.requests))
        with pytest.raises(ControlRefused, match="no phase"):
            await say(engine, c.ExpandPhase(phase="other"))
        await say(engine, c.ExpandPhase(phase="p"))
        await answer(engine, "revision")
        assert world.backend.started == []
        await answer(engine, "plan")

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/p-1/1"]


def test_a_rejected_expansion_runs_nothing_and_can_be_asked_for_again(tmp_path: Path) -> None:
    planner = ScriptedPlanner(plan(step("1", "wipe")), plan(step("1")))
    world = World(tmp_path, plan(phase("p")), planner=planner, policy=Policy())

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: bool(s.proposal and s.requests))
        (request,) = engine.state.requests
        await say(engine, c.Deny(request=request))
        await say(engine, c.ExpandPhase(phase="p"))
        await answer(engine, "revision")

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/p-1/1"]


def test_a_phase_that_is_left_out_is_not_planned_and_holds_up_nothing(tmp_path: Path) -> None:
    planner = Asked(plan(step("1")))
    steps = plan(phase("p", enabled=False), step("2", "work", "p"))
    world = World(tmp_path, steps, planner=planner, policy=AGREED)
    assert run(world).status is RunStatus.SUCCEEDED
    assert planner.goals == []
    assert world.backend.started == ["r/2/1"]


def test_the_offline_planner_plans_a_phase_from_its_description(tmp_path: Path) -> None:
    base = tool("prepare", contract=contract(provides="ready"))
    build = tool("build", contract=contract(requires="ready", provides="built"))
    tools = catalog(base, build).model_copy(
        update={"goals": (Pattern(pattern="build the thing", want=(("built",),)),)}
    )
    steps = plan(step("1", "prepare"), phase("p", "1", description="build the thing"))
    world = World(tmp_path, steps, tools)
    world.planner = Offline()
    world.policy = AGREED
    assert run(world).status is RunStatus.SUCCEEDED
    assert [key.split("/")[1] for key in world.backend.started] == ["1", "p-1"]
    assert world.backend.specs["r/p-1/1"].tool == "build"


def test_the_steps_of_a_phase_keep_to_themselves() -> None:
    made = plan(
        step("1", undo=Undo(action="undo_work", params={"x": "{step_1_result}"})),
        step("2", "work", "1", params={"x": "{step_1_result}"}, explain={"1": "its result"}),
        rollback=[Compensation(action="undo_work", undoes=("2",), params={"y": "{step_2_result}"})],
    )
    whole = put_in(plan(step("1"), phase("p", "1"), step("p-1")), "p", made, set())
    first, second = whole.step("p").steps
    assert (first.id, second.id) == ("p-1x", "p-2")
    assert first.undo == Undo(action="undo_work", params={"x": "{step_p-1x_result}"})
    assert second.params == {"x": "{step_p-1x_result}"}
    assert second.depends_on == ("p-1x",)
    assert second.explain == {"p-1x": "its result"}
    assert whole.rollback[0].undoes == ("p-2",)
    assert whole.rollback[0].params == {"y": "{step_p-2_result}"}
    assert not whole.step("p").expand


def test_a_run_whose_phase_nobody_planned_pauses_and_says_why(tmp_path: Path) -> None:
    planner = ScriptedPlanner()
    world = World(tmp_path, plan(phase("p"), step("2", "work", "p")), planner=planner, policy=Policy())

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.paused)
        (paused,) = world.events(ev.RunPaused)
        assert paused.reason.startswith("phase p is not planned: the script has no further plan")
        planner._plans.append(plan(step("1")))
        await say(engine, c.Continue())
        await answer(engine, "revision")

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/p-1/1", "r/2/1"]
