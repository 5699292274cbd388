"""A replan: what has started stays, what failed is not tried again, and the rest reaches the goal."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import anyio
import pytest

from console.catalog.contract import ground
from console.catalog.spec import Catalog
from console.errors import NoPlanExists, NoPlanner
from console.plan.codec import faults_of
from console.plan.edit import AddStep, Place, ReplaceStep, apply
from console.plan.graph import Graph
from console.plan.model import Compensation, Gate, Plan, Step
from console.planners.base import Done, Goal, History, PlanDraft
from console.planners.offline import OfflinePlanner, first_plan
from console.planners.revise import revise
from console.planners.situation import situation
from console.run.approval import plan_hash
from tests.planners.seed_catalogs import DEPLOY, MIGRATE
from tests.planners.seed_loader import catalog_of
from tests.planners.test_offline import RELEASE, goal_of, outline, planned, want
from tests.planners.worlds import World, applied, fault_of, linearisations, world

BACK = replace(RELEASE, fallback=(want("smoke_ok production v2.3.0"),))
CATALOG = catalog_of(DEPLOY)

ANOTHER_BUILD = """
tools:
  - name: build_remotely
    parameters: [{name: tag, required: true}]
    risk: reversible
    requires: [tests_ok]
    provides: [image $tag]
    duration: 900
"""


def history(failed: str = "", **states: str) -> History:
    steps = tuple(Done(name[1:], status) for name, status in states.items())
    return History(steps, failed=failed)


def upto(last: int, failed: str = "", **more: str) -> History:
    return history(failed, **{f"s{n}": "succeeded" for n in range(1, last + 1)} | more)


def revised(goal: Goal, catalog: Catalog, plan: Plan, past: History) -> PlanDraft:
    async def quiet(line: str, /, **_: object) -> None:
        assert line

    return anyio.run(partial(OfflinePlanner().replan, goal, catalog, plan, past, quiet))


RELEASE_PLAN = planned(BACK, CATALOG).plan


def test_a_failed_verification_goes_back_to_the_last_good_state() -> None:
    draft = revised(BACK, CATALOG, RELEASE_PLAN, upto(6, "7", s7="failed"))
    assert draft.plan.steps[:7] == RELEASE_PLAN.steps[:7]
    assert outline(draft.plan)[7:] == [
        ("9", "rollback_production", {"to": "v2.3.0"}, []),
        ("10", "run_smoke_tests", {"env": "production"}, ["9"]),
    ]
    assert draft.reason == (
        "run_smoke_tests production failed; going back to smoke_ok production v2.3.0: "
        "rollback_production, run_smoke_tests"
    )
    assert draft.origin["1"] == "finished"
    assert draft.plan.expected == ("smoke_ok production v2.3.0",)


def test_a_way_back_that_holds_already_leaves_only_what_has_started() -> None:
    draft = revised(BACK, CATALOG, RELEASE_PLAN, upto(4, "5", s5="failed"))
    assert draft.plan.steps == RELEASE_PLAN.steps[:5]
    assert draft.reason.endswith("going back to smoke_ok production v2.3.0, which holds already")


def with_phase(*after: str, **more: Any) -> Plan:
    phase = Step(id="p", depends_on=after, **more)
    note = Step(id="n", action="none", depends_on=("p",))
    return RELEASE_PLAN.model_copy(update={"steps": (*RELEASE_PLAN.steps, phase, note)})


def test_a_phase_does_not_wait_for_a_step_that_goes() -> None:
    inside = Step(id="p1", action="none")
    listed = with_phase("1", "8", steps=(inside,))
    draft = revised(BACK, CATALOG, listed, upto(6, "7", s7="failed"))
    assert faults_of(draft.plan) == ()
    assert draft.plan.step("p").depends_on == ("1",)


def test_a_phase_that_waited_for_what_goes_is_not_planned_on_the_way_back() -> None:
    draft = revised(BACK, CATALOG, with_phase("1", "8", expand=True), upto(6, "7", s7="failed"))
    assert faults_of(draft.plan) == ()
    assert {"8", "p", "n"}.isdisjoint(step.id for step, _ in draft.plan.walk())


def test_a_phase_that_waited_for_what_another_way_replaces_waits_for_that() -> None:
    catalog = catalog_of(DEPLOY, ANOTHER_BUILD)
    needless = Step(id="x", action="build_docker", params={"tag": "v9"}, depends_on=("1",))
    listed = with_phase("x", expand=True)
    listed = listed.model_copy(update={"steps": (*listed.steps, needless)})
    draft = revised(BACK, catalog, listed, history("2", s1="succeeded", s2="failed", s3="running"))
    assert "x" not in {step.id for step, _ in draft.plan.walk()}
    assert faults_of(draft.plan) == ()
    assert draft.plan.step("p").depends_on == ("8",)
    assert draft.plan.step("n").depends_on == ("p",)


def test_a_step_of_a_phase_that_is_left_out_counts_like_one_that_is_left_out_itself() -> None:
    def without_tests(left_out: Step) -> Plan:
        return RELEASE_PLAN.model_copy(update={"steps": (left_out, *RELEASE_PLAN.steps[1:])})

    tests = RELEASE_PLAN.steps[0]
    plain = without_tests(tests.model_copy(update={"enabled": False}))
    phase = without_tests(Step(id="p", enabled=False, steps=(tests,)))
    one, other = (situation(BACK, CATALOG, plan, history("2", s2="failed"), ()) for plan in (plain, phase))
    assert ("tests_ok",) in one.facts
    assert other.facts == one.facts
    assert [step.id for step in other.waiting] == [step.id for step in one.waiting]


def test_what_undoes_a_step_that_goes_is_not_said_to_undo_it_any_more() -> None:
    both = Compensation(action="rollback_production", params={"to": "v2.3.0"}, undoes=("6", "8"))
    listed = RELEASE_PLAN.model_copy(update={"rollback": (both,)})
    draft = revised(BACK, CATALOG, listed, upto(6, "7", s7="failed"))
    assert both.model_copy(update={"undoes": ("6",)}) in draft.plan.rollback
    assert faults_of(draft.plan) == ()


def test_a_recovery_tool_never_leads_to_the_goal_past_the_tests() -> None:
    with pytest.raises(NoPlanExists, match=r"its provider run_tests failed.*retry, skip or mark"):
        revised(RELEASE, CATALOG, RELEASE_PLAN, history("1", s1="failed"))


def test_a_failed_closing_step_is_no_reason_to_go_back() -> None:
    with pytest.raises(
        NoPlanExists, match="notified team cannot be reached: its provider notify_team failed"
    ):
        revised(BACK, CATALOG, RELEASE_PLAN, upto(7, "8", s8="failed"))


def test_steps_that_still_serve_the_goal_are_kept_as_they_are() -> None:
    draft = revised(BACK, CATALOG, RELEASE_PLAN, history("", s1="succeeded", s2="running", s3="running"))
    assert draft.plan.steps == RELEASE_PLAN.steps
    assert draft.origin["4"] == "kept"


def test_another_provider_takes_the_place_of_a_failed_one() -> None:
    catalog = catalog_of(DEPLOY, ANOTHER_BUILD)
    plan = planned(BACK, catalog).plan
    assert plan == RELEASE_PLAN
    draft = revised(BACK, catalog, plan, history("2", s1="succeeded", s2="failed", s3="running"))
    assert ("9", "build_remotely", {"tag": "v2.3.1"}, ["1"]) in outline(draft.plan)
    assert draft.plan.step("4").depends_on == ("9",)
    assert [s.id for s in draft.plan.steps] == ["1", "2", "3", "9", "4", "5", "6", "7", "8"]
    assert draft.plan.steps[5:] == RELEASE_PLAN.steps[4:]
    assert "build_remotely" in draft.reason


def test_a_failed_migration_is_not_run_over_a_half_migrated_database() -> None:
    goal = goal_of("config_updated maindb v2")
    catalog = catalog_of(MIGRATE)
    plan = planned(goal, catalog).plan
    with pytest.raises(NoPlanExists, match="its provider run_migration failed"):
        revised(goal, catalog, plan, upto(4, "5", s5="failed"))
    back = replace(goal, fallback=(want("restored maindb"),))
    draft = revised(back, catalog, plan, upto(4, "5", s5="failed"))
    assert outline(draft.plan)[5:] == [("8", "restore_backup", {"db": "maindb"}, ["2"])]


def test_what_the_operator_skipped_counts_as_done() -> None:
    draft = revised(BACK, CATALOG, RELEASE_PLAN, history("", s1="skipped", s3="succeeded"))
    assert draft.plan.steps == RELEASE_PLAN.steps


def test_the_operators_own_steps_edges_and_gates_are_kept() -> None:
    plan = apply(
        RELEASE_PLAN, AddStep(Step(id="look", action="none", params={"text": "look"}), Place(after="5"))
    )
    plan = apply(plan, ReplaceStep("look", plan.step("look").model_copy(update={"depends_on": ("5",)})))
    gated = plan.step("6").model_copy(
        update={"depends_on": ("3", "5", "look"), "gate": Gate(question="now?")}
    )
    plan = apply(plan, ReplaceStep("6", gated))
    draft = revised(BACK, CATALOG, plan, history("", s1="succeeded", s3="running"))
    assert draft.plan.step("look") == plan.step("look")
    assert draft.plan.step("6") == gated
    assert faults_of(draft.plan) == ()


def test_a_refused_revision_is_not_proposed_again() -> None:
    past = upto(6, "7", s7="failed")
    first = revised(BACK, CATALOG, RELEASE_PLAN, past)
    with pytest.raises(NoPlanExists, match="refused before"):
        revised(BACK, CATALOG, RELEASE_PLAN, replace(past, refused=(plan_hash(first.plan, CATALOG),)))


def test_words_that_name_another_goal_are_followed_and_others_refused() -> None:
    past = replace(upto(5), words="deploy v2.3.1 to production")
    draft = revised(BACK, CATALOG, RELEASE_PLAN, past)
    assert [s.id for s in draft.plan.steps] == ["1", "2", "3", "4", "5", "6", "7"]
    with pytest.raises(NoPlanner, match="reads goals only, not free words"):
        revised(BACK, CATALOG, RELEASE_PLAN, replace(upto(5), words="make it nicer"))


# ── random worlds ─────────────────────────────────────────────────────────────────────────────────


def broken_off(here: World, plan: Plan, rng: Random) -> tuple[World, History]:
    """The world after some steps of the plan, with one failed and perhaps one running."""
    order = rng.choice(list(linearisations(plan, 20)))
    cut = rng.randrange(len(order))
    state, done = here.goal.facts, []
    for step in order[:cut]:
        then = applied(here.catalog.tools[step.action], step.params, state)
        assert then is not None
        state = then
        done.append(Done(step.id, "succeeded"))
    failed = order[cut]
    contract = ground(here.catalog.tools[failed.action], failed.params, state)
    state = (state - set(contract.fails_removing)) | set(contract.fails_adding)
    done.append(Done(failed.id, "failed", banned=True))
    return World(here.catalog, replace(here.goal, facts=state)), History(tuple(done), failed=failed.id)


@pytest.mark.parametrize("chunk", range(3))
def test_every_linearisation_of_a_random_revision_reaches_the_goal(chunk: int) -> None:
    rng = Random(chunk)
    made = 0
    for seed in range(chunk * 700, (chunk + 1) * 700):
        here = world(seed)
        if any(w.after for w in here.goal.want):
            continue
        try:
            plan = first_plan(here.goal, here.catalog, lambda: None).plan
        except NoPlanExists:
            continue
        if not plan.steps:
            continue
        now, past = broken_off(here, plan, rng)
        try:
            new = revise(here.goal, here.catalog, plan, past, lambda: None).plan
        except NoPlanExists:
            continue
        made += 1
        started = {d.step for d in past.steps}
        assert [s for s in new.steps if s.id in started] == [s for s in plan.steps if s.id in started]
        assert faults_of(new) == ()
        assert not Graph.of(new).descendants(past.failed) - started
        old = {s.id: (s.action, s.params) for s in plan.steps}
        banned = next((s.action, s.params) for s in plan.steps if s.id == past.failed)
        rest = tuple(
            s.model_copy(update={"depends_on": tuple(d for d in s.depends_on if d not in started)})
            for s in new.steps
            if s.id not in started
        )
        assert all(old.get(s.id, (s.action, s.params)) == (s.action, s.params) for s in rest)
        assert banned not in [(s.action, s.params) for s in rest]
        for steps in linearisations(Plan(steps=rest), 200):
            assert fault_of(now, steps) == "", f"world {seed}"
    assert made > 40
