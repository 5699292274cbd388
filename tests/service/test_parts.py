"""What an order is made of: environment, facts, plan against tools."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.catalog.spec import Catalog, Script, ToolSpec
from console.errors import InvalidPlan, NoPlanner, UsageError
from console.plan.model import Plan, Step
from console.service import parts
from console.settings import Settings
from console.task import Planning, ProbedFact, Task

CALLER = {
    "PATH": "/bin",
    "HOME": "/h",
    "LC_ALL": "C",
    "SBX": "s",
    "OPS": "o",
    "TOKEN": "t",
    "LD_PRELOAD": "x",
    "Z": "z",
}


def tool(shell: str, **more: object) -> ToolSpec:
    return ToolSpec(name="a", script=Script(shell=shell), **more)


def catalog(*tools: ToolSpec) -> Catalog:
    return Catalog(tools={one.name: one for one in tools})


def test_steps_see_the_usual_variables_named_ones_and_nothing_else() -> None:
    seen = parts.environment(catalog(tool('cd "$SBX" && ${OPS}/x ${Q:-none} $1')), ("Z",), CALLER)
    assert seen == {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "SBX": "s", "OPS": "o", "Z": "z"}


def test_a_secret_is_not_part_of_the_environment_of_all() -> None:
    tools = catalog(tool('echo "$TOKEN"', secrets=("TOKEN",)))
    assert "TOKEN" not in parts.environment(tools, (), CALLER)
    assert parts.secrets_of(tools, CALLER) == {"TOKEN": "t"}


@given(st.text())
def test_no_script_brings_in_what_it_does_not_name(shell: str) -> None:
    seen = parts.environment(catalog(tool(shell)), (), {"PATH": "p", "UNNAMED_BY_ANYBODY": "x"})
    assert seen == {"PATH": "p"}


@pytest.mark.anyio
async def test_facts_are_looked_up_in_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("v2 beta\nmore\n")
    task = Task(
        goal="g",
        inputs={"env": "prod; touch harm"},
        facts=(("a",),),
        probes=(
            ProbedFact(fact=("deployed", "$output"), probe="cat VERSION"),
            ProbedFact(fact=("never",), probe="exit 1"),
            ProbedFact(fact=("named", "$output"), probe='echo "$env"'),
        ),
    )
    facts = await parts.facts_of(task, tmp_path, {"PATH": "/usr/bin:/bin"})
    assert facts == {("a",), ("deployed", "v2 beta"), ("named", "prod; touch harm")}
    assert not (tmp_path / "harm").exists()


@pytest.mark.anyio
async def test_a_probe_that_does_not_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PROBE_SECONDS", 0.05)
    task = Task(goal="g", probes=(ProbedFact(fact=("slow", "one"), probe="sleep 60"),))
    with pytest.raises(UsageError, match="slow one: the probe of a fact did not end"):
        await parts.facts_of(task, tmp_path, {"PATH": "/usr/bin:/bin"})


def test_a_plan_that_does_not_fit_its_tools_is_refused_with_every_fault() -> None:
    plan = Plan(steps=(Step(id="1", action="b"), Step(id="2", action="c")))
    with pytest.raises(InvalidPlan) as caught:
        parts.fitted(Task(goal="g", plan=plan), catalog(tool("true")))
    assert [fault.step for fault in caught.value.faults] == ["1", "2"]


def test_a_planner_that_is_not_there_is_told() -> None:
    with pytest.raises(NoPlanner, match="needs a recording"):
        parts.planner_of(Task(goal="g", planner=Planning(use="recorded")), Settings(), {})
