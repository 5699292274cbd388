"""A LangGraph plan-and-execute graph as a planner: its nodes think, plandeck does the rest.

    from console.interop.langgraph import GraphPlanner

    def planner(model, environ):
        return GraphPlanner("my-graph", graph.compile(), planner="planner", replanner="replan", model=model)

with the entry point `my-graph = "my_package.planning:planner"` in the group `plandeck.planners`. The graph
stays as it is; only two of its nodes are called, each by itself. What executes in the graph is left
alone: the plan is shown, approved, carried out by the catalog's tools, recorded and rolled back here.

A node is given the state that such graphs keep:

    input        the goal in words
    plan         a replan: the steps that are still to come, as the planner gave them
    past_steps   a replan: (step, result) of each step that has run; a failed one's result says so
    tools        name, description and parameters of each tool of the catalog
    facts        what holds now, as texts

and answers with `plan`, a list of steps; a replan may also answer with `response`: nothing is left to do. A
step is a mapping or a pydantic model with `action` (or `tool`) and `params` (or `args`); it depends on
the step before it unless it says `depends_on`. A graph whose steps are words needs `to_step`, which makes
such a mapping of them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from anyio import to_thread
from langgraph.graph.state import CompiledStateGraph

from console.catalog.contract import show
from console.catalog.spec import Catalog
from console.errors import BadReply, InvalidDocument, NoPlanner
from console.plan.codec import from_document, step_document
from console.plan.model import Plan, Step, StepId
from console.plan.references import renamed
from console.planners.base import Done, Goal, History, PlanDraft, Progress

ToStep = Callable[[Any, Catalog], Mapping[str, Any]]
"""One entry of the graph's plan, as a step of ours: `{action, params, description?, depends_on?}`."""

_STAYS = ("succeeded", "running", "in_doubt", "skipped")
_OUTPUT = 2_000


class GraphPlanner:
    """Plans with the node `planner` of `graph` and revises with its node `replanner`, where it has one.

    Raises `NoPlanner` when the graph has no such nodes.
    """

    def __init__(
        self,
        name: str,
        graph: CompiledStateGraph[Any, Any, Any, Any],
        *,
        planner: str = "planner",
        replanner: str = "replan",
        to_step: ToStep | None = None,
        model: str = "",
    ) -> None:
        self.name = name
        self.model = model
        self.prompt = ""
        self._graph = graph
        self._planner = planner
        self._replanner = replanner if replanner in graph.nodes else planner
        self._to_step = to_step or _mapping
        if planner not in graph.nodes:
            known = ", ".join(one for one in graph.nodes if not one.startswith("__"))
            raise NoPlanner(f"the graph has no node {planner!r}", where=name, todo=f"Its nodes are: {known}")

    async def plan(self, goal: Goal, catalog: Catalog, progress: Progress) -> PlanDraft:
        """A plan of what the graph's planner answers. Raises `BadReply` for what is none."""
        answer = await self._ask(self._planner, _state(goal, catalog), progress)
        steps = _numbered(self._documents(answer, catalog), {}, first_after=())
        plan = Plan(goal=goal.text, steps=self._plan_of(goal, steps, answer, ()))
        return PlanDraft(plan, self.name, model=self.model, reply=_reply(answer))

    async def replan(
        self, goal: Goal, catalog: Catalog, plan: Plan, history: History, progress: Progress
    ) -> PlanDraft:
        """The plan with its rest as the graph's replanner answers. What has run stays."""
        run = {done.step: done for done in history.steps}
        kept = [step for step in plan.leaves() if step.id in run and run[step.id].status in _STAYS]
        rest = [step for step in plan.leaves() if step.id not in run]
        state = _state(goal, catalog) | {
            "plan": [_entry(step) for step in rest],
            "past_steps": [(_told(step), _result(run[step.id])) for step in plan.leaves() if step.id in run],
            "response": "",
        }
        if history.words:
            state["input"] = f"{goal.text}\n\nThe operator asks for: {history.words}"
        answer = await self._ask(self._replanner, state, progress)
        documents = (
            [] if answer.get("response") and not answer.get("plan") else self._documents(answer, catalog)
        )
        taken = {step.id: step for step, _ in plan.walk()}
        after = tuple(step.id for step in kept[-1:])
        steps = _numbered(documents, taken, first_after=after, reusable=rest)
        rest_of_it = self._plan_of(goal, steps, answer, kept) if steps or not kept else ()
        return PlanDraft(
            plan=plan.model_copy(update={"steps": (*kept, *rest_of_it)}),
            planner=self.name,
            reason=str(answer.get("response") or "") or history.words or f"after step {history.failed}",
            reply=_reply(answer),
        )

    async def _ask(self, node: str, state: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
        """What a node answers. The graph has a thread of its own: code of its that waits keeps nobody."""
        await progress(f"the node {node} of the graph is at work")
        bound = self._graph.nodes[node]

        def work() -> Any:
            return asyncio.run(bound.ainvoke(state))

        answer = await to_thread.run_sync(work, abandon_on_cancel=True)
        if not isinstance(answer, Mapping):
            raise BadReply(
                f"the node {node} gave {type(answer).__name__}, not the state's keys", reply=repr(answer)
            )
        return answer

    def _documents(self, answer: Mapping[str, Any], catalog: Catalog) -> list[dict[str, Any]]:
        plan = answer.get("plan")
        plan = getattr(plan, "steps", plan)  # the plan itself may be a model with steps
        if isinstance(plan, str) or not isinstance(plan, Sequence) or not plan:
            raise BadReply("the graph's answer holds no plan", reply=_reply(answer))
        return [dict(self._to_step(entry, catalog)) for entry in plan]

    def _plan_of(
        self, goal: Goal, steps: list[dict[str, Any]], answer: Mapping[str, Any], kept: Sequence[Step]
    ) -> tuple[Step, ...]:
        """The steps, read like every plan; they may depend on those that are `kept`, and refer to them."""
        ids = {step.id for step in kept}
        done = [
            step_document(
                step.model_copy(update={"depends_on": tuple(d for d in step.depends_on if d in ids)})
            )
            for step in kept
        ]
        try:
            plan = from_document({"goal": goal.text, "steps": [*done, *steps]}, file=self.name)
        except InvalidDocument as error:
            raise BadReply(str(error), reply=_reply(answer)) from None
        return plan.steps[len(done) :]


# ── to the graph ─────────────────────────────────────────────────────────────────────────────────


def _state(goal: Goal, catalog: Catalog) -> dict[str, Any]:
    tools = [
        {"name": tool.name, "description": tool.description, "parameters": tool.schema_of_parameters}
        for tool in catalog.tools.values()
        if not tool.recovery
    ]
    facts = sorted(show(fact) for fact in goal.facts)
    return {"input": goal.text, "plan": [], "past_steps": [], "tools": tools, "facts": facts}


def _entry(step: Step) -> dict[str, Any]:
    return {"id": step.id, "action": step.action, "params": step.params, "description": step.description}


def _told(step: Step) -> str:
    return step.description or f"{step.action} {json.dumps(step.params, ensure_ascii=False)}"


def _result(done: Done) -> str:
    if done.status in _STAYS:
        return done.output[-_OUTPUT:]
    return f"{done.status}: {done.error}\n{done.output[-_OUTPUT:]}".strip()


# ── from the graph ───────────────────────────────────────────────────────────────────────────────


def _mapping(entry: Any, _: Catalog) -> Mapping[str, Any]:
    if hasattr(entry, "model_dump"):
        entry = entry.model_dump(exclude_none=True)
    if not isinstance(entry, Mapping):
        text = f"a step of the graph is {type(entry).__name__}, not a call: {str(entry)[:80]!r}"
        raise BadReply(text, reply=str(entry), todo="Give GraphPlanner a to_step that makes calls of words")
    return entry


def _numbered(
    documents: list[dict[str, Any]],
    taken: Mapping[StepId, Step],
    *,
    first_after: tuple[StepId, ...],
    reusable: Iterable[Step] = (),
) -> list[dict[str, Any]]:
    """Steps with ids and dependencies. Ids of `taken` steps are not given again, but to the same call of a
    step in `reusable`; what refers to a step by the id that the graph gave it follows."""
    free = {_same(step.action, step.params): step.id for step in reusable}
    numbers = iter(range(1, len(taken) + len(documents) + 1))
    names: dict[str, StepId] = {}
    steps: list[dict[str, Any]] = []
    for document in documents:
        step = _call(document)
        said = str(document.get("id", ""))
        mine = free.pop(_same(step["action"], step.get("params")), "")
        used = {*taken, *names.values()}
        if not mine:
            mine = said if said and said not in used else next(str(n) for n in numbers if str(n) not in used)
        before: tuple[StepId, ...] = (steps[-1]["id"],) if steps else first_after
        wanted = document.get("depends_on")
        if wanted is not None:
            wanted = wanted if isinstance(wanted, list | tuple) else [wanted]
            before = tuple(names.get(str(one), str(one)) for one in wanted)
        step["depends_on"] = list(before)
        step |= {key: renamed(step[key], names) for key in ("params", "input") if key in step}
        step["id"] = names[said or mine] = mine
        steps.append(step)
    return steps


def _same(action: Any, params: Any) -> tuple[str, str]:
    """What two steps have in common that are the same call."""
    return str(action), json.dumps(params, sort_keys=True, default=str)


def _call(document: Mapping[str, Any]) -> dict[str, Any]:
    """A step's document under our names for what frameworks call differently."""
    step = {key: value for key, value in document.items() if key not in ("id", "tool", "args", "depends_on")}
    step.setdefault("action", document.get("tool", ""))
    if "input" not in step:
        step["params"] = document.get("params") or document.get("args") or {}
    return step


def _reply(answer: Mapping[str, Any]) -> str:
    return json.dumps(answer, ensure_ascii=False, default=_jsonable)


def _jsonable(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)
