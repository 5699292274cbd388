"""What a plan comes to, in lines: its reach, and what becomes of it without the steps that are held, left
out or deleted. Worked out beside: the run's facts go on meanwhile."""

from __future__ import annotations

from collections.abc import Iterable

from anyio import to_thread

from console.commands.common import say
from console.commands.words.word import Desk
from console.run.history import estimates
from console.run.so_far import SoFar
from console.run.state import RunState
from console.tui.holding import absence, absence_line
from console.tui.insight import Insight, Question, look_at


async def insight_of(state: RunState) -> Insight | None:
    """What can be told of the plan before it runs; `None` where there is none."""
    if state.plan is None:
        return None
    question = Question(state.plan, state.catalog, state.facts, _parallel(state), SoFar.of(state), estimates)
    return await to_thread.run_sync(look_at, question)


async def tell_what_if(desk: Desk) -> None:
    """Say what must wait, what goes on without, and what a rollback covers now."""
    for line in await to_thread.run_sync(what_if_lines, desk.state):
        say(f"  {line}")


def what_if_lines(state: RunState) -> Iterable[str]:
    """Nothing where every step runs as it was planned."""
    plan = state.plan
    if plan is None:
        return ()
    out = frozenset(step.id for step in plan.leaves() if not step.enabled)
    away = absence(state, plan, out)
    try:
        line = absence_line(state.base or plan, plan, state.catalog, away, _parallel(state), estimates())
    except ValueError:
        return ("its steps go round in a circle",)
    return line.split(" · ") if line else ()


def _parallel(state: RunState) -> int | None:
    return int(state.limits.get("parallel", 0)) or None
