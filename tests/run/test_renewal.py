"""Only what changed asks for approval again: the rule, and a run that keeps to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from console.catalog.spec import Contract, Risk
from console.errors import ControlRefused, StaleRevision
from console.plan.model import Compensation, Gate, Plan, Retry, Step, Undo
from console.run import control as c
from console.run import events as ev
from console.run.engine import Engine
from console.run.life import RunStatus, StepStatus
from console.run.policy import Policy
from console.run.renewal import NEW, asks_again, renamed
from console.testing import ScriptedPlanner
from tests.run.harness import Play, World, answer, catalog, contract, plan, run, say, step, tool, until

TOOLS = catalog(
    tool("backup", contract=contract(provides="backup db")),
    tool("drop", Risk.DESTRUCTIVE, contract=contract(requires="backup db", writes="db main")),
)
CHAIN = plan(
    step("1", "look"),
    step("2", "backup", "1"),
    step("3", "drop", "2"),
    step("4", "work", "3", params={"a": 1}),
)


def asking(new: Plan, old: Plan = CHAIN) -> dict[str, str]:
    return asks_again(old, new, TOOLS)


def with_step(new: Step, old: Plan = CHAIN) -> Plan:
    return old.model_copy(update={"steps": tuple(new if s.id == new.id else s for s in old.steps)})


def changed(step_id: str, **fields: object) -> Plan:
    return with_step(CHAIN.step(step_id).model_copy(update=fields))


def test_a_plan_that_is_the_same_asks_for_nothing() -> None:
    assert asking(CHAIN) == {}


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (changed("4", params={"a": 2}), "changed: a"),
        (changed("4", params={"a": True}), "changed: a"),
        (changed("4", params={}), "changed: a"),
        (changed("4", action="wipe"), "it was work"),
        (changed("4", on="db-1"), "another host"),
        (changed("4", undo=Undo(action="work")), "its undo"),
        (changed("4", timeout=9.0), "time limit"),
        (changed("4", retry=Retry(attempts=3)), "tried differently"),
        (changed("4", on_failure="continue"), "leads to something else"),
    ],
)
def test_another_parameter_a_wider_reach_or_more_risk_asks(new: Plan, reason: str) -> None:
    found = asking(new)
    assert list(found) == ["4"]
    assert reason in found["4"]


def test_a_new_step_asks_and_nothing_that_depends_on_it() -> None:
    new = plan(
        *CHAIN.steps[:3], step("5", "work", "3"), CHAIN.step("4").model_copy(update={"depends_on": ("5",)})
    )
    assert asking(new) == {"5": "it is new"}


def test_dropping_describing_and_gating_ask_for_nothing() -> None:
    assert asking(plan(*CHAIN.steps[:3])) == {}
    assert asking(changed("4", enabled=False)) == {}
    assert asking(changed("4", description="other words", explain={"3": "because"})) == {}
    assert asking(changed("4", gate=Gate(question="sure?"))) == {}


def test_a_gate_that_goes_and_a_step_that_is_taken_in_ask() -> None:
    gated = changed("4", gate=Gate())
    assert "gate" in asking(CHAIN, gated)["4"]
    assert asking(CHAIN, changed("4", enabled=False)) == {"4": "it was left out"}
    phase = Step(id="p", steps=CHAIN.steps[3:], enabled=False)
    assert asking(CHAIN, plan(*CHAIN.steps[:3], phase)) == {"4": "it was left out"}


def test_a_renamed_step_asks_for_nothing_and_what_uses_its_result_neither() -> None:
    old = plan(step("1", "look"), step("2", "work", "1", params={"a": "{step_1_result}"}))
    new = plan(step("9", "look"), step("2", "work", "9", params={"a": "{step_9_result}"}))
    assert asking(new, old) == {}
    other = plan(step("9", "work"), step("2", "work", "9", params={"a": "{step_9_result}"}))
    assert set(asking(other, old)) == {"9", "2"}


def numbered(ids: Mapping[str, str]) -> Plan:
    """A plan whose steps use each other's results, named so."""
    look, made, use, drop = ids["look"], ids["made"], ids["use"], ids["drop"]
    return plan(
        step(look, "look"),
        step(
            made,
            "work",
            look,
            params={"of": f"{{step_{look}_result.name}}"},
            undo=Undo(action="work", params={"gone": f"{{step_{made}_result}}"}),
        ),
        step(use, "work", made, params={"a": f"{{step_{made}_result}} and {{step_{look}_result}}"}),
        step(drop, "drop", use),
    ).model_copy(
        update={
            "rollback": (Compensation(action="work", params={"b": f"{{step_{use}_result}}"}, undoes=(use,)),)
        }
    )


@pytest.mark.parametrize("moved", ["look", "made", "use", "drop", "look made", "look made use drop"])
def test_steps_that_are_renamed_together_ask_for_nothing(moved: str) -> None:
    names = {"look": "1", "made": "2", "use": "3", "drop": "4"}
    old, new = numbered(names), numbered({n: f"9{i}" if n in moved.split() else i for n, i in names.items()})
    assert asking(new, old) == {}
    assert renamed(old, new) == {f"9{names[name]}": names[name] for name in moved.split()}


def test_two_steps_that_are_the_same_are_renamed_each() -> None:
    old = plan(step("1", "work"), step("2", "work"))
    assert asking(plan(step("8", "work"), step("9", "work")), old) == {}
    assert asking(plan(step("7", "work"), step("8", "work"), step("9", "work")), old) == {"9": NEW}


def test_a_step_that_the_plans_rollback_does_not_undo_any_more_asks() -> None:
    item = Compensation(action="work", params={"what": "main"}, undoes=("4",))
    other = Compensation(action="look", undoes=("1",))
    old = CHAIN.model_copy(update={"rollback": (item, other)})
    turned = old.model_copy(update={"rollback": (other, item)})
    assert asking(turned, old) == {}
    more = old.model_copy(update={"rollback": (item, other, item)})
    assert asking(more, old) == {}
    for changed_one in (
        (other,),
        (other, item.model_copy(update={"params": {"what": "other"}})),
        (other, item.model_copy(update={"undoes": ("3",)})),
    ):
        found = asking(old.model_copy(update={"rollback": changed_one}), old)
        assert found == {"4": "the plan's rollback of it is another"}


def test_a_step_that_lacked_something_asks_when_it_lacks_more() -> None:
    tools = catalog(
        tool("drop", Risk.DESTRUCTIVE, contract=Contract(requires=(("backup", "db"), ("quiet", "db")))),
        tool("backup", contract=contract(provides="backup db")),
        tool("calm", contract=contract(provides="quiet db")),
    )
    old = plan(step("1", "calm"), step("2", "drop", "1"))
    assert list(asks_again(old, plan(step("2", "drop")), tools)) == ["2"]


def test_a_reordered_step_asks_for_nothing() -> None:
    side_by_side = plan(step("1", "look"), step("2", "work", "1"), step("3", "work", "1"))
    turned = plan(step("3", "work"), step("2", "work", "3"), step("1", "look", "2"))
    assert asking(turned, side_by_side) == {}
    into = plan(step("1", "look"), Step(id="p", description="phase", steps=side_by_side.steps[1:]))
    assert asking(into, side_by_side) == {}


def test_an_order_that_made_a_step_safe_asks_when_it_is_lost() -> None:
    free = asking(changed("3", depends_on=("1",)))
    assert list(free) == ["3"]
    assert "backup" in free["3"]
    without = plan(
        CHAIN.step("1"), CHAIN.step("3").model_copy(update={"depends_on": ("1",)}), CHAIN.step("4")
    )
    assert list(asking(without)) == ["3"]
    assert list(asking(changed("2", enabled=False))) == ["3"]


# ── in a run ─────────────────────────────────────────────────────────────────────────────────────


def test_an_edit_that_changes_nothing_approved_goes_on_without_asking(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1"), step("2", "work", "1"), step("3", "wipe", "2")), policy=Policy())
    world.plays = {"1": Play(seconds=100)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["1"].status is StepStatus.RUNNING)
        new = plan(step("1"), step("3", "wipe", "1", description="in other words"))
        await say(engine, c.ChangePlan(plan=new, revision=1, summary="drop 2"))

    state = run(world, operator)
    assert state.status is RunStatus.SUCCEEDED
    assert len(world.events(ev.ApprovalRequested)) == 1
    assert world.backend.started == ["r/1/1", "r/3/1"]
    assert state.approved_at == {"1": 1, "2": 1, "3": 1}


def test_only_the_changed_destructive_step_must_be_confirmed_again(tmp_path: Path) -> None:
    old = plan(step("1"), step("2", "wipe", "1"), step("3", "wipe", "1"))
    world = World(tmp_path, old, policy=Policy())
    world.plays = {"1": Play(seconds=100)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["1"].status is StepStatus.RUNNING)
        new = plan(step("1"), step("2", "wipe", "1", timeout=5), step("3", "wipe", "1"))
        await say(engine, c.ChangePlan(plan=new, revision=1, summary="limit 2"))
        assert engine.state.voided == {"2"}
        await until(engine, lambda s: bool(s.requests))
        (request,) = engine.state.requests.values()
        with pytest.raises(ControlRefused, match="destructive"):
            await say(engine, c.Approve(request=request.id, hash=request.hash))
        hash_ = engine._course.hasher.step(new.step("2"))
        await say(engine, c.Approve(request=request.id, hash=request.hash, steps={"2": hash_}))

    state = run(world, operator)
    assert state.status is RunStatus.SUCCEEDED
    assert state.approved_at == {"1": 1, "2": 2, "3": 1}


def test_an_edit_that_is_taken_back_needs_no_approval(tmp_path: Path) -> None:
    old = plan(step("1"), step("2", "work", "1"))
    world = World(tmp_path, old, policy=Policy())
    world.plays = {"1": Play(seconds=100)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: s.steps["1"].status is StepStatus.RUNNING)
        await say(engine, c.ChangePlan(plan=plan(step("1"), step("2", "look", "1")), revision=1, summary="x"))
        await say(engine, c.ChangePlan(plan=old, revision=2, summary="undo"))

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert len(world.events(ev.ApprovalRequested)) == 1


def test_a_part_of_a_revision_is_proposed_anew_with_its_own_hash(tmp_path: Path) -> None:
    first = plan(step("1"), step("2", "work", "1"))
    second = plan(step("1"), step("3", "look", "1"), step("4", "wipe", "1"))
    world = World(tmp_path, first, policy=Policy(), planner=ScriptedPlanner(second))
    world.plays = {"2": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: any(r.scope == "revision" for r in s.requests.values()))
        proposal = engine.state.proposal
        assert proposal is not None
        part = plan(step("1"), step("3", "look", "1"))
        with pytest.raises(StaleRevision):
            await say(engine, c.Propose(plan=part, instead="another"))
        with pytest.raises(ControlRefused, match="nothing is left"):
            await say(engine, c.Propose(plan=first, instead=proposal.hash))
        await say(engine, c.Propose(plan=part, instead=proposal.hash))
        (request,) = engine.state.requests.values()
        assert engine.state.proposal is not None
        assert request.hash == engine.state.proposal.hash != proposal.hash
        assert engine.state.proposal.changed_by == "ops"
        await answer(engine, "revision")

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert world.backend.started == ["r/1/1", "r/2/1", "r/3/1"]


def test_a_plan_that_is_edited_beside_a_revision_does_away_with_it(tmp_path: Path) -> None:
    first = plan(step("1"), step("2", "work", "1"))
    world = World(
        tmp_path, first, policy=Policy(), planner=ScriptedPlanner(plan(step("1"), step("3", "look")))
    )
    world.plays = {"2": Play(exit_code=1)}

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: any(r.scope == "revision" for r in s.requests.values()))
        await say(
            engine,
            c.ChangePlan(
                plan=plan(step("1"), step("2", "work", "1"), step("5", "look")), revision=1, summary="x"
            ),
        )
        assert engine.state.proposal is None
        await answer(engine, "decision", choose="skip")
        await answer(engine, "plan")

    assert run(world, operator).status is RunStatus.SUCCEEDED
    assert "r/5/1" in world.backend.started


def test_a_gate_that_an_edit_changed_is_asked_anew(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1", gate=Gate(question="now?"))), policy=Policy())

    async def operator(engine: Engine) -> None:
        await answer(engine, "plan")
        await until(engine, lambda s: any(r.scope == "gate" for r in s.requests.values()))
        new = plan(step("1", gate=Gate(question="really now?")))
        await say(engine, c.ChangePlan(plan=new, revision=1, summary="ask better"))
        await until(engine, lambda s: any(r.scope == "gate" for r in s.requests.values()))
        (request,) = engine.state.requests.values()
        assert request.question == "really now?"
        await answer(engine, "gate")

    assert run(world, operator).status is RunStatus.SUCCEEDED
