"""A task that goes straight to an agent, and when it does not."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import pytest

from console.catalog.agents import with_default
from console.catalog.spec import Catalog, Risk, Script, ToolSpec
from console.errors import NoPlanner
from console.plan.model import Plan, Step
from console.planners.base import Goal, PlanDraft
from console.planners.exploratory import ExploratoryPlanner
from console.testing import ScriptedPlanner

LOOK = ToolSpec(name="look", script=Script(shell="true"), risk=Risk.OBSERVE, risk_known=True)
TOOLS = with_default(Catalog(tools={"look": LOOK}))
GOAL = Goal("find out why it is slow", inputs={"site": "shop"})


async def quiet(message: str, /, **_: Any) -> None: ...


def planned(goal: Goal, catalog: Catalog = TOOLS) -> PlanDraft:
    other = ScriptedPlanner(Plan(steps=(Step(id="1", action="look"),)))
    return anyio.run(partial(ExploratoryPlanner("agent", other).plan, goal, catalog, quiet))


def test_the_whole_task_is_one_step_of_an_agent_and_the_plan_says_why() -> None:
    draft = planned(GOAL)
    (step,) = draft.plan.steps
    assert (step.action, step.params) == ("agent", {"task": GOAL.text, "context": '{"site": "shop"}'})
    assert "the task is marked exploratory" in draft.reason


@pytest.mark.parametrize("change", [{"words": "plan it instead"}, {"is_phase": True}])
def test_the_operators_words_and_phases_are_planned(change: dict[str, Any]) -> None:
    assert [step.action for step in planned(replace(GOAL, **change)).plan.steps] == ["look"]


def test_without_such_an_agent_there_is_no_plan() -> None:
    with pytest.raises(NoPlanner, match="there is no agent 'agent'"):
        planned(GOAL, Catalog(tools={"look": LOOK}))
