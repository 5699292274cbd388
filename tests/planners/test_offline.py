"""The offline planner: the well-known examples, goals in words, and what cannot be done."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import anyio
import pytest

from console.catalog.contract import parse_fact
from console.catalog.spec import Catalog
from console.errors import NoPlanExists, NoPlanner, PlannerError
from console.plan.model import Plan, Undo
from console.planners.base import Goal, PlanDraft, Want
from console.planners.offline import OfflinePlanner
from tests.planners.seed_catalogs import DEPLOY, DEPLOY_FACTS, MIGRATE
from tests.planners.seed_loader import catalog_of


async def silent(line: str, /, **_: object) -> None:
    assert line


def planned(goal: Goal, catalog: Catalog) -> PlanDraft:
    return anyio.run(partial(OfflinePlanner().plan, goal, catalog, silent))


def want(fact: str, /, *, after: Iterable[str] = (), **params: object) -> Want:
    return Want(parse_fact(fact), tuple(map(parse_fact, after)), dict(params))


def goal_of(*wants: Want | str, facts: Iterable[str] = (), text: str = "", **inputs: object) -> Goal:
    full = tuple(w if isinstance(w, Want) else want(w) for w in wants)
    return Goal(text, frozenset(map(parse_fact, facts)), full, inputs=inputs)


def outline(plan: Plan) -> list[tuple[str, str, dict[str, object], list[str]]]:
    return [(s.id, s.action, dict(s.params), list(s.depends_on)) for s in plan.steps]


DEPLOYED = "smoke_ok production v2.3.1"
RELEASE = goal_of(
    DEPLOYED,
    want("notified team", after=[DEPLOYED], message="v2.3.1 deployed"),
    facts=DEPLOY_FACTS,
    text="Deploy v2.3.1 to production safely",
)


def test_the_deployment_comes_out_as_the_eight_step_plan() -> None:
    plan = planned(RELEASE, catalog_of(DEPLOY)).plan
    assert outline(plan) == [
        ("1", "run_tests", {}, []),
        ("2", "build_docker", {"tag": "v2.3.1"}, ["1"]),
        ("3", "backup_database", {}, []),
        ("4", "deploy_staging", {"tag": "v2.3.1"}, ["2"]),
        ("5", "run_smoke_tests", {"env": "staging"}, ["4"]),
        ("6", "deploy_production", {"tag": "v2.3.1"}, ["3", "5"]),
        ("7", "run_smoke_tests", {"env": "production"}, ["6"]),
        ("8", "notify_team", {"message": "v2.3.1 deployed"}, ["7"]),
    ]
    assert [s.description for s in plan.steps][4:7] == [
        "Verify staging works",
        "Deploy to production",
        "Verify production works",
    ]


def test_every_edge_says_why() -> None:
    plan = planned(RELEASE, catalog_of(DEPLOY)).plan
    assert plan.step("6").explain == {"3": "needs backup production", "5": "needs smoke_ok staging v2.3.1"}
    assert plan.step("8").explain == {"7": f"after {DEPLOYED}"}
    assert all(set(s.explain) == set(s.depends_on) for s in plan.steps)


def test_undo_comes_from_the_tool_and_the_goal_is_what_the_plan_expects() -> None:
    plan = planned(RELEASE, catalog_of(DEPLOY)).plan
    assert plan.step("6").undo == Undo(action="rollback_production", params={"to": "previous"})
    assert plan.expected == (DEPLOYED, "notified team")


def test_the_database_migration_comes_out_as_the_seven_step_plan() -> None:
    draft = planned(Goal("Migrate our maindb database to the new schema v2"), catalog_of(MIGRATE))
    assert [s.description for s in draft.plan.steps] == [
        "Analyze current schema",
        "Create backup",
        "Write migration script",
        "Test migration on copy",
        "Run on production",
        "Verify data integrity",
        "Update application config",
    ]
    assert [s.depends_on for s in draft.plan.steps] == [(), (), ("1",), ("2", "3"), ("4",), ("5",), ("6",)]


def test_a_task_that_one_call_answers_is_one_step() -> None:
    draft = planned(Goal("Please run the tests"), catalog_of(DEPLOY))
    assert outline(draft.plan) == [("1", "run_tests", {}, [])]


@pytest.mark.parametrize("text", ["do not deploy v2 to production", "deploy", "dance", ""])
def test_a_goal_that_is_not_understood_is_refused_with_what_is_known(text: str) -> None:
    with pytest.raises(NoPlanner, match=r"known are: deploy \$tag to production"):
        planned(Goal(text), catalog_of(DEPLOY))


def test_a_missing_provider_is_named() -> None:
    tools = {n: t for n, t in catalog_of(DEPLOY).tools.items() if n != "backup_database"}
    with pytest.raises(
        NoPlanExists, match=r"backup production cannot be reached.*no tool provides it"
    ) as caught:
        planned(RELEASE, Catalog(tools=tools))
    assert caught.value.unreachable == ("backup production",)


def test_the_search_ends_when_its_time_is_up() -> None:
    with pytest.raises(PlannerError, match="no plan was found within 0 seconds"):
        anyio.run(partial(OfflinePlanner(seconds=0).plan, RELEASE, catalog_of(DEPLOY), silent))


# ── what contracts say ────────────────────────────────────────────────────────────────────────────

SERVICE = """
tools:
  - name: edit_config
    parameters: [{name: service, required: true}, {name: line, required: true}]
    risk: reversible
    provides: [configured $service]
    duration: 1
  - name: reload
    description: Reload {{service}}
    parameters: [{name: service, required: true}, {name: grace, type: integer, default: 10}]
    vars: [old]
    risk: disruptive
    requires: [configured $service, live $service $old]
    removes: [live $service *]
    provides: [live $service new]
    undo: {action: switch_back, params: {service: $service, to: $old, grace: $grace}}
    verify: ask
    duration: 1
  - {name: ask, risk: observe, parameters: [{name: service, required: true}], duration: 1}
  - {name: tell, risk: reversible, provides: [told $team], duration: 1,
     parameters: [{name: team, default: ops}, {name: text, required: true}]}
  - name: slow_reload
    parameters: [{name: service, required: true}]
    provides: [live $service new]
    duration: 9000
  - name: wipe
    parameters: [{name: service, required: true}]
    risk: disruptive
    removes: [live $service *]
    provides: [wiped $service]
    writes: [disk $service]
  - {name: format, risk: disruptive, provides: [formatted $service], writes: [disk $service],
     parameters: [{name: service, required: true}]}
  - name: restore_disk
    parameters: [{name: service, required: true}]
    recovery: true
    removes: [wiped $service]
    writes: [disk $service]
"""


def test_undo_verification_and_defaults_come_from_the_tool() -> None:
    goal = goal_of("live web new", facts=["live web v1"], line="workers 4")
    plan = planned(goal, catalog_of(SERVICE)).plan
    assert outline(plan) == [
        ("1", "edit_config", {"service": "web", "line": "workers 4"}, []),
        ("2", "reload", {"service": "web"}, ["1"]),
        ("3", "ask", {"service": "web"}, ["2"]),
    ]
    assert plan.step("2").undo == Undo(
        action="switch_back", params={"service": "web", "to": "v1", "grace": 10}
    )
    assert plan.step("2").description == "Reload web"
    assert plan.step("3").explain == {"2": "verifies reload"}


def test_a_parameter_that_nothing_gives_is_told_or_another_way_taken() -> None:
    plan = planned(goal_of("live web new", facts=["live web v1"]), catalog_of(SERVICE)).plan
    assert [s.action for s in plan.steps] == ["slow_reload"]
    with pytest.raises(NoPlanExists, match="tell provides it, but nothing gives its parameter text"):
        planned(goal_of("told ops"), catalog_of(SERVICE))


def test_the_same_fact_wanted_with_two_texts_is_two_steps_in_their_order() -> None:
    first = want("told ops", text="begins")
    last = want("told ops", after=["wiped web"], text="over")
    plan = planned(goal_of("wiped web", first, last), catalog_of(SERVICE)).plan
    told = [s for s in plan.steps if s.action == "tell"]
    assert sorted(s.params["text"] for s in told) == ["begins", "over"]
    over = next(s for s in told if s.params["text"] == "over")
    assert over.explain == {next(s.id for s in plan.steps if s.action == "wipe"): "after wiped web"}


def test_two_writers_of_one_resource_are_ordered_and_others_are_not() -> None:
    plan = planned(goal_of("wiped web", "formatted web", "formatted db"), catalog_of(SERVICE)).plan
    by_call = {(s.action, s.params["service"]): s for s in plan.steps}
    pair = by_call["wipe", "web"], by_call["format", "web"]
    assert [s.explain for s in pair if s.depends_on] == [
        {next(s.id for s in pair if not s.depends_on): "both write disk web"}
    ]
    assert by_call["format", "db"].depends_on == ()


def test_a_step_without_undo_is_tied_to_the_recovery_tool_that_takes_it_back() -> None:
    plan = planned(goal_of("wiped web"), catalog_of(SERVICE)).plan
    assert [(r.action, r.params, r.undoes) for r in plan.rollback] == [
        ("restore_disk", {"service": "web"}, ("1",))
    ]


def test_what_holds_already_needs_no_step() -> None:
    draft = planned(goal_of("live web new", facts=["live web new"]), catalog_of(SERVICE))
    assert draft.plan.steps == ()
    assert draft.reason == "nothing to do: it already holds"


def test_facts_that_cannot_hold_together_are_told() -> None:
    clash = """
tools:
  - {name: up, provides: [light], removes: [dark]}
  - {name: down, provides: [dark], removes: [light]}
"""
    with pytest.raises(NoPlanExists, match="light and dark cannot be made true together"):
        planned(goal_of("light", "dark"), catalog_of(clash))


MENDER = "tools: [{name: mend, provides: [mended $what], parameters: [{name: what}]}]\n"


def test_two_patterns_that_fit_alike_are_both_named() -> None:
    twice = f"""
goals:
  - {{pattern: fix $what, want: [mended $what]}}
  - {{pattern: fix $what, want: [replaced $what]}}
{MENDER}"""
    with pytest.raises(NoPlanner, match=r'the goal fits "fix \$what" and "fix \$what"'):
        planned(Goal('Please fix "the door"'), catalog_of(twice))


def test_a_long_goal_is_laid_over_a_pattern_or_refused_in_one_line() -> None:
    tools = "goals: [{pattern: could you please fix $what, want: [mended $what]}]\n" + MENDER
    asked = planned(Goal("please, could you " * 800 + "fix it.all"), catalog_of(tools))
    assert outline(asked.plan) == [("1", "mend", {"what": "it.all"}, [])]
    with pytest.raises(NoPlanner) as told:
        planned(Goal("please, could you\n" * 800 + "make coffee"), catalog_of(tools))
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 400


def test_two_hundred_tools_thirty_deep_are_planned_for() -> None:
    tools = []
    for n in range(198):
        chain, depth = n % 3, n // 3 % 30
        before = f"requires: [link {chain} {depth - 1}], " if depth else ""
        tools.append(f"  - {{name: t{n}, {before}provides: [link {chain} {depth}], duration: {n + 1}}}")
    plan = planned(
        goal_of("link 0 29", "link 1 29", "link 2 29"), catalog_of("tools:\n" + "\n".join(tools))
    ).plan
    assert len(plan.steps) == 90
    assert sum(not s.depends_on for s in plan.steps) == 3
    assert all(int(s.action[1:]) < 90 for s in plan.steps), "the cheaper of two providers each"
