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


async def silent(line: str) -> None:
    assert line


def planned(goal: Goal, catalog: Catalog) -> PlanDraft:
    return anyio.run(partial(OfflinePlanner().plan, goal, catalog, silent))


def want(text: str, *, after: Iterable[str] = (), **params: object) -> Want:
    return Want(parse_fact(text), tuple(map(parse_fact, after)), dict(params))


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
