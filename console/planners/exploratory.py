"""The planner of a task that is marked exploratory: one step, an agent's, which finds its way by itself.

What it gives is a plan like any other, shown with its reason, approved, edited. Asked to revise it, in the
operator's words too, or for a phase of a plan, it hands over to the planner that would have planned the task
otherwise.
"""

from __future__ import annotations

import json

from console.catalog.spec import Catalog
from console.errors import NoPlanner
from console.plan.faults import nearest
from console.plan.model import Plan, Step
from console.planners.base import Goal, History, PlanDraft, Planner, Progress


class ExploratoryPlanner:
    """Gives the whole task to the agent `profile`; `planner` plans what is not left to it."""

    name = "exploratory"
    model = prompt = ""

    def __init__(self, profile: str, planner: Planner) -> None:
        self._profile, self._planner = profile, planner

    async def plan(self, goal: Goal, catalog: Catalog, progress: Progress) -> PlanDraft:
        """The plan of one step. Raises `NoPlanner` when there is no such agent."""
        if goal.words or goal.is_phase:
            return await self._planner.plan(goal, catalog, progress)
        tool = catalog.get(self._profile)
        if tool is None or tool.agent is None:
            agents = [name for name, one in catalog.tools.items() if one.agent]
            raise NoPlanner(
                f"the task is exploratory, and there is no agent {self._profile!r}",
                kept="nothing was started",
                todo=nearest(self._profile, agents) or "Declare one under agents in a tool file",
            )
        params = {"task": goal.text}
        if goal.inputs:
            params["context"] = json.dumps(dict(goal.inputs), ensure_ascii=False)
        step = Step(id="1", action=tool.name, params=params, description=goal.text)
        reason = (
            f"the task is marked exploratory: the agent {tool.name} finds its way by itself; "
            "ask for changes to have it planned instead"
        )
        return PlanDraft(plan=Plan(goal=goal.text, steps=(step,)), planner=self.name, reason=reason)

    async def replan(
        self, goal: Goal, catalog: Catalog, plan: Plan, history: History, progress: Progress
    ) -> PlanDraft:
        """A plan of the other planner."""
        return await self._planner.replan(goal, catalog, plan, history, progress)
