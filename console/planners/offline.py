"""The planner that needs no model and no network: it plans from the tools' contracts.

The goal becomes goal facts (goals.py), the tools become the few actions that matter (ground.py), a
cheapest sequence is searched (search.py), verified effects are put in (solve.py), only the orders that
are needed are kept (order.py), and steps are written from it (draft.py). A replan starts from what
the record says holds now (revise.py). Everything is deterministic: the same task gives the same plan.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import anyio.to_thread

from console.catalog.spec import Catalog
from console.errors import PlannerError
from console.plan.model import Plan, Step
from console.planners.base import Goal, History, PlanDraft, Progress
from console.planners.draft import expected, origin_of, reading_order, rollback_of, step_of
from console.planners.goals import understood, wants_text
from console.planners.order import numbered
from console.planners.revise import revise
from console.planners.solve import Ask, solve

_T = TypeVar("_T")


class OfflinePlanner:
    """Plans and replans by search over tool contracts. `seconds` caps one call."""

    name = "offline"
    model = prompt = ""

    def __init__(self, *, seconds: float = 5.0) -> None:
        self._seconds = seconds

    async def plan(self, goal: Goal, catalog: Catalog, progress: Progress) -> PlanDraft:
        """A complete plan. Raises `NoPlanner` when the goal is not understood, `NoPlanExists` when it
        cannot be reached, `PlannerError` when the time is up."""
        await progress(f"searching {len(catalog.tools)} tools for a plan")
        draft = await self._apart(lambda tick: first_plan(goal, catalog, tick))
        await progress(f"found a plan of {len(draft.plan.steps)} steps")
        return draft

    async def replan(
        self, goal: Goal, catalog: Catalog, plan: Plan, history: History, progress: Progress
    ) -> PlanDraft:
        """The rest of `plan` revised. Raises like `plan`."""
        await progress(f"searching {len(catalog.tools)} tools for another way")
        draft = await self._apart(lambda tick: revise(goal, catalog, plan, history, tick))
        await progress(draft.reason)
        return draft

    async def _apart(self, work: Callable[[Callable[[], None]], _T]) -> _T:
        """Search in a thread, so that the engine goes on; a cancelled search ends by itself."""
        stop = threading.Event()
        end = time.monotonic() + self._seconds

        def tick() -> None:
            if stop.is_set() or time.monotonic() > end:
                raise PlannerError(
                    f"no plan was found within {self._seconds:g} seconds",
                    kept="nothing was started",
                    todo="ask for less at once, or give the planner fewer tools",
                )

        try:
            return await anyio.to_thread.run_sync(work, tick, abandon_on_cancel=True)
        finally:
            stop.set()


def first_plan(goal: Goal, catalog: Catalog, tick: Callable[[], None]) -> PlanDraft:
    """The plan for `goal` from nothing."""
    tools, wants = understood(goal, catalog)
    solution = solve(Ask(tools, goal.facts, wants, goal.inputs, tick=tick))
    places = numbered(solution.order, reading_order(solution.sequence, tools))
    names = {place: str(number) for number, place in enumerate(places, 1)}
    steps: list[Step] = []
    for place in places:
        edges = {names[e]: why for e, why in solution.order[place].items()}
        by_number = dict(sorted(edges.items(), key=lambda item: int(item[0])))
        steps.append(step_of(solution.sequence[place], names[place], by_number))
    ids = {solution.sequence[place]: names[place] for place in places}
    plan = Plan(
        goal=goal.text,
        steps=tuple(steps),
        rollback=rollback_of(tools, solution, ids),
        expected=expected(wants),
    )
    what = "nothing to do: it already holds" if not steps else f"the cheapest way to have {wants_text(wants)}"
    if goal.want == () and wants and not expected(wants):
        what = "one tool answers this"
    return PlanDraft(
        plan=plan,
        planner="offline",
        reason=what,
        origin={ids[a]: origin_of(a, solution, wants) for a in solution.sequence},
    )
