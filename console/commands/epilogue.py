"""The last lines of a command that followed a run without a screen: what can be done next, and the head
of the journal, by which a record that was cut off later is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from console.commands.common import say
from console.errors import PlandeckError
from console.run.journal import read
from console.run.life import RunStatus
from console.run.rollback import plan_rollback
from console.run.state import RunState

INTERRUPTED = "interrupted (no process executes it)"

_ENDED_WELL = (RunStatus.SUCCEEDED, RunStatus.ROLLED_BACK)


def tell_rest(directory: Path) -> None:
    """Print what remains to be said of a run that this command does not follow any more."""
    for line in lines_of(RunState.of(read(directory)), directory):
        say(line)


def lines_of(state: RunState, directory: Path) -> list[str]:
    """The next steps, and the journal's head. Nothing for a run of which nothing was written."""
    if not state.seq:
        return []
    run = directory.name
    lines = [f"to {text}: plandeck {command} {run}" for text, command in _nexts(state)]
    if not state.status.is_final:
        lines.insert(0, f"run {run} is {INTERRUPTED}")
    return [*lines, f"journal of run {run}: {state.seq} records, head {state.head}"]


def _nexts(state: RunState) -> Iterator[tuple[str, str]]:
    if state.status in _ENDED_WELL:
        return
    if not state.status.is_final or state.status is RunStatus.STOPPED:
        yield "go on", "resume"
    elif state.status is RunStatus.FAILED:
        yield "go on, on a terminal", "resume"
    if can_be_undone(state):
        yield "undo what was done", "rollback"
    yield "look at it", "show"


def can_be_undone(state: RunState) -> bool:
    """Whether a rollback of the run would do anything."""
    plan = state.everything()
    try:
        rollback = plan_rollback(plan, state.catalog, state) if plan else None
    except PlandeckError:
        return False
    return rollback is not None and any(item.fate == "planned" for item in rollback.items)
