"""Who thinks for the agents of a run: a model, stored turns, or nobody."""

from __future__ import annotations

from collections.abc import Mapping

from console.catalog import agents
from console.catalog.spec import Catalog
from console.errors import NoExecutor
from console.plan.model import Plan
from console.planners.executor import Executor
from console.task import Task


def equipped(task: Task, catalog: Catalog, model: str) -> Catalog:
    """`catalog` with the agent that is there wherever somebody can think for it."""
    return agents.with_default(catalog) if model or _recorded(task) else catalog


def executor_of(task: Task, catalog: Catalog, model: str, environ: Mapping[str, str]) -> Executor | None:
    """The executor of a task's agents: the turns of its recording, where it holds some, else the model that
    is named, for all agents or by one's profile."""
    if recorded := _recorded(task):
        return recorded
    if not model and not any(tool.agent and tool.agent.model for tool in catalog.tools.values()):
        return None
    from console.planners.llm_executor import LlmExecutor
    from console.planners.llm_settings import from_settings
    from console.settings import load_settings

    return LlmExecutor(model, catalog, from_settings(load_settings(environ)), environ=environ)


def require_executor(task: Task, plan: Plan | None, catalog: Catalog, model: str) -> None:
    """Raise `NoExecutor` when a step of `plan`, or the whole exploratory task, is an agent's for which
    nobody can think."""
    if model or _recorded(task):
        return
    todo = "Set PLANDECK_EXECUTOR_MODEL, or give --executor-model"
    for step in plan.leaves() if plan else ():
        tool = catalog.get(step.action)
        if tool and tool.agent and not tool.agent.model:
            what = f"it is for the agent {tool.name}, and no model is named that could think for it"
            raise NoExecutor(what, where=f"step {step.id}", kept="nothing was started", todo=todo)
    profile = catalog.get(task.exploratory)
    if task.exploratory and (profile is None or not (profile.agent and profile.agent.model)):
        raise NoExecutor(
            "the task is exploratory, and no model is named that could think for its agent",
            kept="nothing was started",
            todo=f"{todo}; or have it planned with --planner",
        )


def _recorded(task: Task) -> Executor | None:
    if task.planner.recording is None:
        return None
    from console.planners.recorded_executor import RecordedExecutor

    recorded = RecordedExecutor(task.planner.recording)
    return recorded if recorded else None
