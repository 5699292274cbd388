"""Good plans with their catalogs, and ways to spoil them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from console.catalog.contract import parse_fact
from console.catalog.fit import bind
from console.catalog.spec import Catalog, Fact, Risk, Script, ToolSpec
from console.errors import NoPlanExists
from console.plan.codec import faults_of, load
from console.plan.edit import DeleteStep, apply
from console.plan.model import Plan, Step, Undo
from console.planners.base import Goal, Want
from console.planners.offline import first_plan
from tests.planners.seed_catalogs import DEPLOY, DEPLOY_FACTS, MIGRATE
from tests.planners.seed_loader import catalog_of
from tests.planners.worlds import World, fault_of, linearisations, world

BACK = ToolSpec(name="put_back", script=Script(shell="true"), risk=Risk.DISRUPTIVE, recovery=True)


@dataclass(frozen=True)
class Case:
    """`broken` says by brute force whether the plan can go wrong; `None` where there is no world to try
    it in. Without `facts` the checker is not told what holds before."""

    name: str
    plan: Plan
    catalog: Catalog
    facts: frozenset[Fact] = frozenset()
    want: tuple[Fact, ...] = ()
    world: World | None = None

    @property
    def can_go_wrong(self) -> bool:
        assert self.world is not None
        return any(fault_of(self.world, steps) for steps in linearisations(self.plan, 500))


# ── good plans ────────────────────────────────────────────────────────────────────────────────────


def seeds() -> Iterator[Case]:
    facts = frozenset(map(parse_fact, DEPLOY_FACTS))
    live = parse_fact("smoke_ok production v2.3.1")
    told = Want(parse_fact("notified team"), after=(live,), params={"message": "v2.3.1 deployed"})
    yield planned("deploy", Goal("", facts, (Want(live), told)), catalog_of(DEPLOY))
    start = frozenset({parse_fact("integrity_ok maindb v1")})
    migrated = Want(parse_fact("config_updated maindb v2"))
    yield planned("migrate", Goal("", start, (migrated,)), catalog_of(MIGRATE))


def planned(name: str, goal: Goal, catalog: Catalog) -> Case:
    plan = first_plan(goal, catalog, lambda: None).plan
    return Case(name, plan, catalog, goal.facts, tuple(w.fact for w in goal.want))


def unexplained(case: Case) -> Case:
    """The same plan as a person or a model would write it, and nobody says what holds before."""
    steps = tuple(s.model_copy(update={"explain": {}}) for s in case.plan.steps)
    plan = case.plan.model_copy(update={"steps": steps})
    return replace(case, name=f"{case.name}, bare", plan=plan, facts=frozenset(), want=())


def from_worlds(count: int) -> Iterator[Case]:
    """Planner outputs over random worlds whose risky tools have a way back."""
    for seed in range(count):
        here = world(seed)
        tools = {n: _reversible(t) for n, t in here.catalog.tools.items()} | {BACK.name: BACK}
        catalog = Catalog(tools=tools)
        try:
            case = planned(f"world {seed}", here.goal, catalog)
        except NoPlanExists:
            continue
        if case.plan.steps:
            yield replace(case, world=World(catalog, here.goal))


def _reversible(tool: ToolSpec) -> ToolSpec:
    risky = tool.risk.rank >= Risk.DISRUPTIVE.rank
    return tool.model_copy(update={"undo": Undo(action=BACK.name) if risky else None, "risk_known": True})


PLAIN_TOOLS = """
tools:
  - {name: search_web, risk: observe, parameters: [&query {name: query, required: true}]}
  - {name: summarize, risk: observe, parameters: [&text {name: text, required: true}]}
  - {name: write_file, risk: reversible, parameters: [&path {name: path, required: true}, *text]}
  - {name: backup_config, risk: observe, parameters: [*path]}
  - {name: edit_config, risk: disruptive, parameters: [*path, {name: line, required: true}]}
  - {name: restore_config, risk: disruptive, recovery: true, parameters: [*path]}
  - {name: check_config, risk: observe, idempotent: true}
  - {name: reload_server, risk: disruptive}
  - {name: check_server, risk: observe}
  - {name: create_release, risk: reversible, parameters: [&release {name: release, required: true}]}
  - {name: fetch_code, risk: reversible, parameters: [{name: tag, required: true}, *release]}
  - {name: switch_symlink, risk: destructive, parameters: [*release]}
  - {name: health_check, risk: observe, parameters: [{name: version, required: true}]}
  - {name: mystery}
"""

PLAIN_PLANS = {
    "research": """
        steps:
          - {id: 1, tool: search_web, input: solar trends 2026}
          - {id: 2, tool: search_web, input: storage trends 2026}
          - {id: 3, tool: summarize, input: "{step_1_result} and {step_2_result}", depends_on: [1, 2]}
          - {id: 4, action: write_file, params: {path: report.md, text: "{step_3_result}"}, depends_on: [3]}
        """,
    "one call": "steps: [{id: 1, tool: search_web, input: what time is it}]",
    "config": """
        steps:
          - {id: 1, action: backup_config, params: {path: nginx.conf}}
          - {id: 2, action: edit_config, params: {path: nginx.conf, line: workers 4}, depends_on: [1]}
          - {id: 3, action: check_config, depends_on: [2]}
          - {id: 4, action: reload_server, depends_on: [3], undo: {action: reload_server}}
          - {id: 5, action: check_server, depends_on: [4]}
        rollback: [{action: restore_config, params: {path: nginx.conf}}, {action: reload_server}]
        """,
    "release": """
        steps:
          - {id: 1, action: create_release, params: {release: "20240401000000"}}
          - {id: 2, action: fetch_code, params: {tag: v2, release: "20240401000000"}, depends_on: [1]}
          - {id: 3, action: switch_symlink, params: {release: "20240401000000"}, depends_on: [2]}
          - {id: 4, action: health_check, params: {version: v2}, depends_on: [3]}
        rollback: [{action: switch_symlink, params: {release: "20240301000000"}}]
        """,
    "unknown": """
        steps:
          - {id: 1, action: mystery}
          - {id: 2, action: mystery, depends_on: [1]}
          - {id: 3, action: none, params: {text: done}, depends_on: [2]}
        """,
}


def plain() -> Iterator[Case]:
    """Hand-written plans over tools without contracts."""
    catalog = catalog_of(PLAIN_TOOLS)
    for name, text in PLAIN_PLANS.items():
        yield Case(name, bind(load(text), catalog), catalog)


# ── spoiling ──────────────────────────────────────────────────────────────────────────────────────


def spoilt(case: Case, rng: Random) -> Iterator[Case]:
    """The case with one defect, for each kind of defect that it can have."""
    for kind in (
        backup_dropped, order_swapped, dependency_cut, way_back_dropped, tool_unknown, writers_unordered,
        proof_removed, reference_dangling, secret_written, goal_missed,
    ):  # fmt: skip
        for bad in kind(case, rng):
            if bad.world is None or kind not in _JUDGED or bad.can_go_wrong:
                yield replace(bad, name=f"{kind.__name__}: {bad.name}")


def with_steps(case: Case, steps: tuple[Step, ...]) -> Case:
    return replace(case, plan=case.plan.model_copy(update={"steps": steps}))


def changed(case: Case, step: str, **fields: object) -> Case:
    steps = tuple(s.model_copy(update=fields) if s.id == step else s for s in case.plan.steps)
    return with_steps(case, steps)


def without(case: Case, step: str) -> Case:
    return replace(case, plan=apply(case.plan, DeleteStep(step, rewire=True)))


def backup_dropped(case: Case, rng: Random) -> Iterator[Case]:
    for step in case.plan.steps:
        if "backup" in step.action and "restore" not in step.action:
            yield without(case, step.id)


def _needed(case: Case) -> list[tuple[str, str]]:
    """Edges with a reason in a contract."""
    return [(d, s.id) for s in case.plan.steps for d, why in s.explain.items() if why.startswith("needs ")]


def order_swapped(case: Case, rng: Random) -> Iterator[Case]:
    for first, second in rng.sample(edges := _needed(case), min(2, len(edges))):
        one, two = case.plan.step(first), case.plan.step(second)
        others = tuple(d for d in two.depends_on if d != first)
        bad = changed(case, second, depends_on=(*others, *one.depends_on), explain={})
        bad = changed(bad, first, depends_on=(*one.depends_on, second), explain={})
        if not faults_of(bad.plan):
            yield bad


def dependency_cut(case: Case, rng: Random) -> Iterator[Case]:
    for first, second in rng.sample(edges := _needed(case), min(2, len(edges))):
        one, two = case.plan.step(first), case.plan.step(second)
        others = tuple(d for d in two.depends_on if d != first)
        yield changed(case, second, depends_on=(*others, *one.depends_on), explain={})


def way_back_dropped(case: Case, rng: Random) -> Iterator[Case]:
    risky = [s for s in case.plan.steps if (t := case.catalog.get(s.action)) and t.risk is Risk.DESTRUCTIVE]
    for step in risky:
        tool = case.catalog.tools[step.action].model_copy(update={"undo": None})
        bad = changed(case, step.id, undo=None)
        tools = case.catalog.tools | {tool.name: tool}
        plan = bad.plan.model_copy(update={"rollback": ()})
        yield replace(bad, plan=plan, catalog=case.catalog.model_copy(update={"tools": tools}))


def tool_unknown(case: Case, rng: Random) -> Iterator[Case]:
    yield changed(case, rng.choice(case.plan.steps).id, action="no_such_tool")


def writers_unordered(case: Case, rng: Random) -> Iterator[Case]:
    """A second step that writes what another writes, tied to nothing."""
    for step in case.plan.steps:
        tool = case.catalog.get(step.action)
        if tool and tool.contract.writes and not tool.contract.requires:
            double = step.model_copy(update={"id": "twin", "depends_on": (), "explain": {}})
            yield with_steps(case, (*case.plan.steps, double))
            return


def proof_removed(case: Case, rng: Random) -> Iterator[Case]:
    for step in case.plan.steps:
        for dependency in step.depends_on:
            tool = case.catalog.get(case.plan.step(dependency).action)
            if tool and tool.verify and step.action in ("run_smoke_tests", "verify_integrity"):
                yield without(case, step.id)


def reference_dangling(case: Case, rng: Random) -> Iterator[Case]:
    step = rng.choice(case.plan.steps)
    yield changed(case, step.id, params=step.params | {"extra": "{step_99_result}"})


SECRETS = (
    "AKIAIOSFODNN7EXAMPLE",
    "password=hunter22",
    "ghp_" + "a1B2c3D4e5" * 4,
    "sk-proj-abcdefGHIJKL12345678",
)


def secret_written(case: Case, rng: Random) -> Iterator[Case]:
    step = rng.choice(case.plan.steps)
    yield changed(case, step.id, params=step.params | {"note": f"use {rng.choice(SECRETS)} here"})


def goal_missed(case: Case, rng: Random) -> Iterator[Case]:
    """The step that gives what is wanted is gone."""
    for step in case.plan.steps[-1:] if case.want else ():
        yield without(case, step.id)


_JUDGED = (order_swapped, dependency_cut, goal_missed)
"""What in a random world is not always a defect, and is judged by trying every order."""
