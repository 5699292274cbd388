"""Agent profiles in tool files: what they say, and what they must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.catalog import agents
from console.catalog.command import command
from console.catalog.fit import faults as misfits
from console.catalog.load import load
from console.catalog.spec import Catalog, Risk
from console.errors import InvalidCatalog
from console.plan.model import Compensation, Plan, Step, Undo

TOOLS = """
tools:
  - {name: look, risk: observe, script: {shell: ls}}
  - {name: make, risk: reversible, undo: unmake, script: {shell: touch it}}
  - {name: unmake, risk: reversible, recovery: true, script: {shell: rm -f it}}
  - {name: wipe, risk: destructive, script: {shell: rm -rf it}}
"""


def read(tmp_path: Path, text: str) -> Catalog:
    file = tmp_path / "tools.yaml"
    file.write_text(text + TOOLS)
    return load([file])


def faults(tmp_path: Path, text: str) -> str:
    with pytest.raises(InvalidCatalog) as told:
        read(tmp_path, text)
    return "\n".join(map(str, told.value.faults))


def test_a_profile_is_a_tool_with_a_task(tmp_path: Path) -> None:
    text = """
agents:
  scout:
    description: Looks around
    prompt: You look.
    model: some/model
    tools: [look, make]
    risk: reversible
    limits: {steps: 3, tokens: 500, time: 2m, cost_usd: 0.5}
"""
    scout = read(tmp_path, text).tools["scout"]
    assert scout.agent is not None
    assert scout.agent.tools == ("look", "make")
    assert (scout.agent.steps, scout.agent.tokens, scout.timeout, scout.agent.cost_usd) == (
        3,
        500,
        120.0,
        0.5,
    )
    assert (scout.risk, scout.risk_known) == (Risk.REVERSIBLE, True)
    assert scout.schema_of_parameters["required"] == ["task"]


def test_a_model_in_a_file_is_looked_for_beside_the_tool_file(tmp_path: Path) -> None:
    catalog = read(
        tmp_path, "agents:\n  scout: {description: Looks, model: 'gguf:small.gguf', tools: [look]}\n"
    )
    tool = catalog.get("scout")
    assert tool is not None
    assert tool.agent is not None
    assert tool.agent.model == f"gguf:{tmp_path}/small.gguf"


def test_what_is_not_said_is_mild(tmp_path: Path) -> None:
    scout = read(tmp_path, "agents: [{name: scout, tools: [look]}]\n").tools["scout"]
    assert scout.agent is not None
    assert (scout.agent.steps, scout.agent.risk, scout.risk) == (8, Risk.OBSERVE, Risk.OBSERVE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("agents: [{name: scout}]", "the agent scout has no tools"),
        ("agents: [{name: scout, tools: [loook]}]", "names loook, and no file has such a tool"),
        ("agents: [{name: a, tools: [look]}, {name: b, tools: [a]}]", "names a, which is an agent itself"),
        ("agents: [{name: scout, tools: [look], risk: destructive}]", "observe or reversible calls only"),
        ("agents: [{name: scout, tools: [look], limits: {steps: 0}}]", "steps of the agent scout"),
        ("agents: [{tools: [look]}]", "agent 1 has no name"),
        ("agents: [{name: look, tools: [look]}]", "a second tool is called look"),
    ],
)
def test_a_profile_that_cannot_be_used_is_a_fault(tmp_path: Path, text: str, why: str) -> None:
    assert why in faults(tmp_path, f"{text}\n")


def test_an_unknown_key_is_a_warning_with_the_nearest(tmp_path: Path) -> None:
    catalog = read(tmp_path, "agents: [{name: scout, tools: [look], promt: x, limits: {step: 3}}]\n")
    assert [("promt" in w, "step" in w) for w in catalog.warnings] == [(True, False), (False, True)]


def test_what_undoes_is_never_an_agent(tmp_path: Path) -> None:
    catalog = read(tmp_path, "agents: [{name: scout, tools: [look]}]\n")
    undo = Undo(action="scout", params={"task": "undo it"})
    item = Compensation(action="scout", params={"task": "undo it"})
    plan = Plan(steps=(Step(id="1", action="make", undo=undo),), rollback=(item,))
    told = [str(fault) for fault in misfits(plan, catalog)]
    assert len(told) == 2
    assert all("what undoes must be known beforehand" in line for line in told)


def test_the_agent_that_is_always_there_has_the_mild_tools(tmp_path: Path) -> None:
    catalog = agents.with_default(read(tmp_path, ""))
    agent = catalog.tools["agent"].agent
    assert agent is not None
    assert agent.tools == ("look", "make")
    again = agents.with_default(
        catalog.model_copy(update={"tools": {k: v for k, v in catalog.tools.items() if k != "make"}})
    )
    assert again.tools["agent"].agent is not None
    assert again.tools["agent"].agent.tools == ("look",)


def test_a_files_own_agent_is_left_alone(tmp_path: Path) -> None:
    catalog = read(tmp_path, "agents: [{name: agent, tools: [look]}]\n")
    assert agents.with_default(catalog) is catalog


def test_what_is_approved_says_what_the_agent_may_do(tmp_path: Path) -> None:
    text = "agents: [{name: scout, tools: [look, wipe], prompt: 'You look.', limits: {cost_usd: 1}}]\n"
    tool = read(tmp_path, text).tools["scout"]
    shown = command(tool, {"task": "find it"}, workspace="/srv", caller={})
    assert shown.call == {"kind": "agent", "params": {"task": "find it"}}
    assert shown.shown.splitlines() == [
        'scout {"task": "find it"}',
        "model: the executor model of the run",
        "tools: look, wipe",
        "without asking: calls up to observe; each call above asks",
        "limits: 8 calls, 100000 tokens, 600 s, $1",
        "prompt: You look.",
    ]
