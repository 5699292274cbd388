"""The planner at work, or why no plan came out: what stands where the plan will be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.errors import Fault
from console.run.life import RunStatus
from console.run.state import RunState
from console.tui.ink import Row, row, wrap
from console.tui.view import View
from console.tui.when import clock_time

MAX_FLAWS = 40
"""Faults of a draft that are shown; all of them stand in the text that is mended."""


def planning_rows(view: View, width: int, now: float) -> list[Row]:
    """What the planner does, or why there is no plan and what can be done."""
    state = view.state
    if not view.ready:
        return []
    if state.error:
        again = "c asks the planner again; " if state.status is RunStatus.DRAFTING else ""
        way_out = "Ctrl+g mends the draft by hand" if state.draft else "Ctrl+g writes a plan by hand"
        return [
            row(("no plan came out", "bad strong")),
            *wrap(state.error, width),
            Row(),
            *_flaws(state.faults, width),
            *wrap(f"{way_out}; {again}i stops the run", width, "quiet"),
        ]
    who = " ".join(part for part in (state.planner, state.model, state.prompt) if part)
    rows = [row(("planning", "busy strong"), (f"  {who}" if who else "", "quiet"))]
    if state.planning and state.planning != "planning":
        rows += wrap(state.planning, width)
    if state.model and state.planning:
        rows.append(row((asking_words(state, now), "quiet")))
    return rows


def asking_words(state: RunState, now: float) -> str:
    """How long the planner is at work, and what the run's planning has taken with it."""
    tokens, cost = state.tokens + state.asking.tokens, state.cost + state.asking.cost
    return f"{clock_time(now - state.planning_at)} · {tokens:,} tokens · ${cost:.4f}"


def _flaws(faults: Sequence[Fault], width: int) -> Iterator[Row]:
    """What is wrong with the draft, at its steps."""
    for fault in faults[:MAX_FLAWS]:
        head = f"step {fault.step} " if fault.step else ""
        hint = f" ({fault.hint})" if fault.hint else ""
        yield from wrap(f"{fault.message}{hint}", width, first=[("✗ ", "bad"), (head, "strong")], indent=2)
    if len(faults) > MAX_FLAWS:
        yield row((f"and {len(faults) - MAX_FLAWS} more", "quiet"))
    if faults:
        yield Row()
