"""A LangGraph graph as a planner: what its nodes are given, what becomes of their answers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

if "PLANDECK_INTEROP" not in os.environ:  # there they must be
    pytest.importorskip("langgraph")

from langgraph.graph import START, StateGraph

from console.catalog.load import load
from console.catalog.spec import Catalog
from console.errors import BadReply, NoPlanner
from console.interop.langgraph import GraphPlanner
from console.planners.base import Done, Goal, History

pytestmark = pytest.mark.anyio

TOOLS = """
tools:
  - {name: a, description: A, parameters: [{name: n, type: integer}], script: {shell: "echo {{n}}"}}
  - {name: b, description: B, recovery: true, script: {shell: "true"}}
"""


async def quiet(message: str, /, **_: Any) -> None:
    """Nobody watches."""


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    (tmp_path / "t.yaml").write_text(TOOLS)
    return load([tmp_path / "t.yaml"])


def planner(first: Any, then: Any = None, **words: Any) -> tuple[GraphPlanner, list[dict[str, Any]]]:
    """A planner of a graph whose nodes give these answers; and the states they were given."""
    given: list[dict[str, Any]] = []

    def node(answer: Any) -> Any:
        def answering(state: dict[str, Any]) -> Any:
            given.append(state)
            return answer

        return answering

    graph = StateGraph(dict)
    graph.add_node("planner", node(first))
    graph.add_node("replan", node(then))
    graph.add_edge(START, "planner")
    return GraphPlanner("g", graph.compile(), **words), given


async def test_steps_follow_each_other_unless_they_say_otherwise(catalog: Catalog) -> None:
    steps = [{"tool": "a", "args": {"n": 1}}, {"action": "a", "params": {"n": 2}},
             {"action": "a", "params": {"n": 3}, "depends_on": [1]}]  # fmt: skip
    made, given = planner({"plan": steps})
    draft = await made.plan(Goal("do it"), catalog, quiet)
    assert [(step.id, step.params["n"], step.depends_on) for step in draft.plan.leaves()] == [
        ("1", 1, ()), ("2", 2, ("1",)), ("3", 3, ("1",)),
    ]  # fmt: skip
    assert given[0]["input"] == "do it"
    assert [tool["name"] for tool in given[0]["tools"]] == ["a"]


async def test_a_revision_keeps_what_has_run_and_the_ids_of_what_stays(catalog: Catalog) -> None:
    first = [{"tool": "a", "args": {"n": n}} for n in (1, 2, 3)]
    then = [{"tool": "a", "args": {"n": "{step_1_result}"}}, {"tool": "a", "args": {"n": 3}}]
    made, given = planner({"plan": first}, {"plan": then})
    plan = (await made.plan(Goal("do it"), catalog, quiet)).plan
    history = History((Done("1", "succeeded", "one"), Done("2", "failed", "two", "exit code 1", True)))
    revised = (await made.replan(Goal("do it"), catalog, plan, history, quiet)).plan
    assert [(step.id, step.params["n"], step.depends_on) for step in revised.leaves()] == [
        ("1", 1, ()), ("4", "{step_1_result}", ("1",)), ("3", 3, ("4",)),
    ]  # fmt: skip
    assert given[1]["past_steps"] == [('a {"n": 1}', "one"), ('a {"n": 2}', "failed: exit code 1\ntwo")]
    assert [entry["id"] for entry in given[1]["plan"]] == ["3"]


async def test_a_reference_follows_the_step_that_it_names_to_its_new_id(catalog: Catalog) -> None:
    then = [{"id": 1, "tool": "a", "args": {"n": 7}},
            {"id": 2, "tool": "a", "args": {"n": "{step_1_result}"}, "depends_on": "1"}]  # fmt: skip
    made, _ = planner({"plan": [{"tool": "a", "args": {"n": 1}}]}, {"plan": then})
    plan = (await made.plan(Goal("do it"), catalog, quiet)).plan
    history = History((Done("1", "succeeded", "one"),))
    revised = (await made.replan(Goal("do it"), catalog, plan, history, quiet)).plan
    assert [(step.id, step.params["n"], step.depends_on) for step in revised.leaves()] == [
        ("1", 1, ()), ("2", 7, ("1",)), ("3", "{step_2_result}", ("2",)),
    ]  # fmt: skip


async def test_nothing_may_be_left_to_do(catalog: Catalog) -> None:
    made, _ = planner({"plan": [{"tool": "a"}]}, {"response": "it is done"})
    plan = (await made.plan(Goal("do it"), catalog, quiet)).plan
    history = History((Done("1", "succeeded", "one"),))
    draft = await made.replan(Goal("do it"), catalog, plan, history, quiet)
    assert ([step.id for step in draft.plan.leaves()], draft.reason) == (["1"], "it is done")


async def test_steps_in_words_need_somebody_who_makes_calls_of_them(catalog: Catalog) -> None:
    made, _ = planner({"plan": ["count to 3"]})
    with pytest.raises(BadReply, match=r"a step of the graph is str, not a call: 'count to 3'.*to_step"):
        await made.plan(Goal("do it"), catalog, quiet)
    made, _ = planner(
        {"plan": ["count to 3"]},
        to_step=lambda text, _: {"action": "a", "params": {"n": int(text[-1])}, "description": text},
    )
    step = (await made.plan(Goal("do it"), catalog, quiet)).plan.leaves()[0]
    assert (step.action, step.params, step.description) == ("a", {"n": 3}, "count to 3")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"plan": []}, "the graph's answer holds no plan"),
        ({"steps": 1}, "the graph's answer holds no plan"),
        ("a text", "the node planner gave str, not the state's keys"),
        ({"plan": [{"tool": "a", "depends_on": ["x"]}]}, "x"),
        ({"plan": [{"tool": "a", "depends_on": 7}]}, "7"),
    ],
)
async def test_an_answer_that_is_no_plan_is_told(catalog: Catalog, answer: Any, why: str) -> None:
    made, _ = planner(answer)
    with pytest.raises(BadReply, match=why):
        await made.plan(Goal("do it"), catalog, quiet)


def test_a_graph_without_the_node_is_told_with_those_it_has() -> None:
    with pytest.raises(NoPlanner, match=r"the graph has no node 'plan'\. Its nodes are: planner, replan"):
        planner({}, planner="plan")
