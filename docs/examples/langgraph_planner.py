"""A plan-and-execute graph of LangGraph, and the planner that plandeck takes from it.

The graph is whole: invoked by itself it would plan, execute and replan. plandeck calls its planner and its
replanner; what runs is approved first, recorded, and can be rolled back. The model's replies are stored here,
where a graph of yours asks a model.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping
from typing import Annotated, Any, TypedDict

from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from console.interop.langgraph import GraphPlanner

FIRST = """{"steps": [
 {"tool": "look_up_motto", "args": {"of": "plandeck"}},
 {"tool": "count_words", "args": {"text": "{step_1_result}"}},
 {"tool": "write_note", "args": {"path": "motto.txt", "text": "{step_2_result}"}}]}"""
THEN = """{"steps": [{"tool": "write_note", "args": {"path": "motto-2.txt", "text": "{step_2_result}"}}]}"""


class Call(BaseModel):
    """One step of the plan."""

    tool: str
    args: dict[str, Any] = {}


class Calls(BaseModel):
    steps: list[Call]


class PlanExecute(TypedDict):
    input: str
    plan: list[Call]
    past_steps: Annotated[list[tuple[str, str]], operator.add]
    response: str
    tools: list[dict[str, Any]]


def build(first: str = FIRST, then: str = THEN) -> StateGraph[Any, Any, Any, Any]:
    """The graph, with what the model answers to a first plan and to a replan."""

    async def ask(replies: str, system: str, said: str) -> list[Call]:
        model = FakeListChatModel(responses=[replies])
        reply = await model.ainvoke([SystemMessage(system), HumanMessage(said)])
        return Calls.model_validate_json(str(reply.content)).steps

    async def plan(state: PlanExecute) -> dict[str, Any]:
        tools = ", ".join(tool["name"] for tool in state["tools"])
        return {"plan": await ask(first, f"Plan with these tools: {tools}", state["input"])}

    async def execute(state: PlanExecute) -> dict[str, Any]:
        raise RuntimeError("plandeck executes, not the graph")

    async def replan(state: PlanExecute) -> dict[str, Any]:
        told = json.dumps(state["past_steps"])
        return {"plan": await ask(then, "Plan what is left to do", f"{state['input']}\n{told}")}

    def goes_on(state: Mapping[str, Any]) -> str:
        return END if state.get("response") else "agent"

    graph = StateGraph(PlanExecute)
    graph.add_node("planner", plan)
    graph.add_node("agent", execute)
    graph.add_node("replan", replan)
    graph.add_edge(START, "planner")
    graph.add_edge("planner", "agent")
    graph.add_edge("agent", "replan")
    graph.add_conditional_edges("replan", goes_on, ["agent", END])
    return graph


def planner(model: str, environ: Mapping[str, str]) -> GraphPlanner:
    return GraphPlanner("example-graph", build().compile(), model=model)
