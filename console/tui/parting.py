"""The line that stays on the terminal when the screen is left: the run, how it stands, what to do next."""

from __future__ import annotations

from console.run.life import RunStatus
from console.text import clean
from console.tui.reasons import can_roll_back, words
from console.tui.view import View
from console.tui.widgets.failures import troubled

_UNFINISHED = (RunStatus.FAILED, RunStatus.STOPPED)
"""Ends after which the run can be taken up again, or what it did undone."""


def parting_line(view: View, run: str) -> str:
    """One line, "" where there is nothing to say. Commands are named only where they can be given."""
    run, status = clean(run), words(view.status).upper()
    if view.read_only and view.engine_gone and not view.reopenable:
        return f"run {run}: {status}"
    if view.status.is_final:
        return " · ".join([f"run {run}: {status}", *_after(view, run)])
    if view.engine_gone:
        return f"run {run}: {status}, but its process is gone · plandeck resume {run} takes it up again"
    waits = "it waits for an answer: " if view.state.requests else ""
    return f"run {run} goes on: {waits}plandeck attach {run}"


def _after(view: View, run: str) -> list[str]:
    """What can be done about a run that has ended."""
    if view.status is RunStatus.ROLLBACK_INCOMPLETE:
        finished = view.state.rollback.finished if view.state.rollback else None
        left = ", ".join(finished.not_undone) if finished else ""
        first = f"not undone: {clean(left)}" if left else ""
        return [
            part for part in (first, f"plandeck resume {run} tries again", f"plandeck show {run}") if part
        ]
    if view.status not in _UNFINISHED:
        return [f"plandeck show {run}"]
    steps = troubled(view.state)
    trouble = [f"step {clean(steps[0])} {words(view.state.step(steps[0]).status)}"] if steps else []
    undo = [] if can_roll_back(view) else [f"plandeck rollback {run} undoes it"]
    return [*trouble, f"plandeck resume {run} goes on with it", *undo]
