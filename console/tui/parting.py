"""The line that stays on the terminal when the screen is left: the run, how it stands, what to do next."""

from __future__ import annotations

from console.run.life import RunStatus
from console.text import clean
from console.tui.reasons import can_roll_back, words
from console.tui.view import View

_UNFINISHED = (RunStatus.FAILED, RunStatus.STOPPED)
"""Ends after which the run can be taken up again, or what it did undone."""


def parting_line(view: View, run: str) -> str:
    """One line, "" where there is nothing to say. Commands are named only where they can be given."""
    if view.replay is not None:
        return ""
    run, status = clean(run), words(view.status).upper()
    if view.read_only and view.engine_gone and not view.reopenable:
        return f"run {run}: {status}"
    if view.status.is_final:
        return " · ".join([f"run {run}: {status}", *_after(view, run)])
    if view.engine_gone:
        return f"run {run}: {status}, its process is gone · go on: plandeck resume {run}"
    waits = "it waits for an answer: " if view.state.requests else ""
    return f"run {run} goes on: {waits}plandeck attach {run}"


def _after(view: View, run: str) -> list[str]:
    """What can be done about a run that has ended."""
    if view.status is RunStatus.ROLLBACK_INCOMPLETE:
        return [f"try again: plandeck resume {run}"]
    if view.status not in _UNFINISHED:
        return [f"plandeck show {run}"]
    undo = [] if can_roll_back(view) else [f"undo: plandeck rollback {run}"]
    return [f"go on: plandeck resume {run}", *undo]
