"""Every sample is planned from its goal and its contracts, into exactly the graph it is there to show."""

from __future__ import annotations

import pytest

from console import sandbox, task
from console.catalog import fit
from console.plan import codec
from console.plan.check import check
from tests.samples.playing import catalog_of, plan_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


Graph = dict[str, tuple[str, dict[str, str], tuple[str, ...]]]

GRAPHS: dict[str, Graph] = {
    "deploy": {
        "1": ("run_tests", {}, ()),
        "2": ("build_image", {"tag": "v2.3.1"}, ("1",)),
        "3": ("backup_database", {}, ()),
        "4": ("deploy_staging", {"tag": "v2.3.1"}, ("2",)),
        "5": ("run_smoke_tests", {"env": "staging"}, ("4",)),
        "6": ("deploy_production", {"tag": "v2.3.1"}, ("3", "5")),
        "7": ("run_smoke_tests", {"env": "production"}, ("6",)),
        "8": ("notify_team", {"message": "v2.3.1 deployed"}, ("7",)),
    },
    "migrate-database": {
        "1": ("analyze_schema", {"db": "shop"}, ()),
        "2": ("create_backup", {"db": "shop"}, ()),
        "3": ("write_migration", {"db": "shop", "version": "v2"}, ("1",)),
        "4": ("test_migration", {"db": "shop", "version": "v2"}, ("2", "3")),
        "5": ("run_migration", {"db": "shop", "version": "v2"}, ("4",)),
        "6": ("verify_integrity", {"db": "shop"}, ("5",)),
        "7": ("update_config", {"db": "shop", "version": "v2"}, ("6",)),
    },
    "parallel-backup": {
        "1": ("backup_database", {"db": "shop"}, ()),
        "2": ("backup_files", {}, ()),
        "3": ("notify_team", {"message": "shop is about to be migrated to v2"}, ()),
        "4": ("run_migration", {"db": "shop", "version": "v2"}, ("1", "2", "3")),
    },
    "support-audit": {
        "1": ("collect_logs", {"service": "checkout"}, ()),
        "2": ("find_failing_step", {"service": "checkout"}, ("1",)),
        "3": ("find_root_cause", {"service": "checkout"}, ("2",)),
        "4": ("draft_fix", {"service": "checkout"}, ("3",)),
    },
    "what-time": {"1": ("tell_time", {}, ())},
}
GRAPHS["migrate-postgresql"] = {
    step: (f"pg_{action}", params, after)
    for step, (action, params, after) in GRAPHS["migrate-database"].items()
}


@pytest.mark.parametrize("name", GRAPHS)
async def test_the_offline_planner_finds_exactly_the_graph(name: str) -> None:
    one = task.load(name)
    plan = await plan_of(one, catalog_of(one))
    assert {s.id: (s.action, s.params, s.depends_on) for s in plan.steps} == GRAPHS[name]


async def test_going_live_is_undone_by_switching_back() -> None:
    one = task.load("deploy")
    plan = await plan_of(one, catalog_of(one))
    undo = plan.step("6").undo
    assert undo is not None
    assert (undo.action, undo.params) == ("rollback_production", {"to": "previous"})


async def test_a_ready_plan_takes_results_by_reference() -> None:
    one = task.load("research-report")
    plan = await plan_of(one, catalog_of(one))
    assert plan.step("2").params == {"text": "{step_1_result}"}
    assert plan.step("6").depends_on == ("2", "4", "5")


@pytest.mark.parametrize("name", sorted(task.samples()))
async def test_every_sample_holds_together(name: str) -> None:
    one = task.load(name)
    catalog = catalog_of(one)
    plan = await plan_of(one, catalog)
    assert not catalog.warnings
    assert codec.load(codec.dump_json(plan)) == codec.load(codec.dump_yaml(plan)) == plan
    assert not fit.faults(plan, catalog)
    assert check(plan, catalog, facts=one.facts, want=[w.fact for w in one.want]) == ()
    box = sandbox.parse(one.sandbox or {}, file=name)
    assert box.prove.done
    assert box.prove.undone
    assert all(injection.description for injection in box.inject.values())


def test_the_samples_are_there() -> None:
    assert {*GRAPHS, "research-report"} <= task.samples().keys()
