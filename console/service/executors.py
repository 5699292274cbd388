"""Who thinks for the agents of a run: a model, stored turns, or nobody."""

from __future__ import annotations

from collections.abc import Mapping

from console.catalog import agents
from console.catalog.spec import Catalog
from console.errors import NoExecutor
from console.plan.model import Plan
from console.planners.executor import Executor
from console.service.order import Order
from console.settings import Settings
from console.task import Task


def executor_model_of(order: Order, settings: Settings) -> str:
    """The model that steps ask which are agents; "" when none is named."""
    return order.executor_model or executor_model_for(order.task, settings)


def executor_model_for(task: Task, settings: Settings) -> str:
    """The model for a task's agents where no order names one: the planner's, if nothing else."""
    return settings.executor_model or task.planner.model or settings.model


def equipped(task: Task, catalog: Catalog, model: str) -> Catalog:
    """`catalog` with the agent that is there wherever somebody can think for it."""
    return agents.with_default(catalog) if model or recorded_turns(task) else catalog


def executor_of(
    order: Order, catalog: Catalog, settings: Settings, environ: Mapping[str, str]
) -> Executor | None:
    """The executor of an order's agents: the model that it names, else the turns of the task's recording,
    where it holds some, else the model that is configured, for all agents or by one's profile. The turns of
    a model are kept where the order wants a recording."""
    if not order.executor_model and (recorded := recorded_turns(order.task)):
        return recorded
    model = executor_model_of(order, settings)
    if not model and not any(tool.agent and tool.agent.model for tool in catalog.tools.values()):
        return None
    from console.planners.llm_executor import LlmExecutor
    from console.planners.llm_settings import from_settings

    executor = LlmExecutor(model, catalog, from_settings(settings), environ=environ)
    if order.record is None:
        return executor
    from console.planners.recorder import TurnRecorder

    return TurnRecorder(executor, order.record)


def require_executor(task: Task, plan: Plan | None, catalog: Catalog, model: str) -> None:
    """Raise `NoExecutor` when a step of `plan`, or the whole exploratory task, is an agent's for which
    nobody can think."""
    if model or recorded_turns(task):
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


def recorded_turns(task: Task) -> Executor | None:
    """The turns of a task's recording, where it holds some."""
    if task.planner.recording is None:
        return None
    from console.planners.recorded_executor import RecordedExecutor

    recorded = RecordedExecutor(task.planner.recording)
    return recorded if recorded else None
