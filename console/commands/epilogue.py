"""The last lines of a command that followed a run without a screen: what can be done next, and the head
of the journal, by which a record that was cut off later is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from console.commands.common import say
from console.errors import PlandeckError
from console.run.journal import read
from console.run.life import RunStatus, StepStatus
from console.run.rollback import plan_rollback
from console.run.state import RunState
from console.service.holder import holder_of
from console.text import clean

HEAD = "journal head"

INTERRUPTED = "interrupted (no process executes it)"

_NOT_DONE = (StepStatus.FAILED, StepStatus.CANCELLED, StepStatus.IN_DOUBT)
_ENDED_WELL = (RunStatus.SUCCEEDED, RunStatus.ROLLED_BACK)


def tell_rest(directory: Path, *, whole: bool = False) -> None:
    """Print what remains to be said of a run that this command does not follow any more; the `whole` of how
    it ended to whoever steered it."""
    state = RunState.of(read(directory))
    if whole:
        for line in summary_lines(state):
            say(line)
    for line in lines_of(state, directory):
        say(line)


def summary_lines(state: RunState) -> Iterator[str]:
    """What the screen's summary says, without what the lines after it say anyway."""
    if state.finished is None:
        return
    from console.tui.widgets.summary import summary_facts

    for fact in summary_facts(state, None):
        if fact.label != HEAD:
            yield f"{fact.label}: {clean(fact.text)}".replace("\n", " ")


def lines_of(state: RunState, directory: Path) -> list[str]:
    """The next steps, and the journal's head. Nothing for a run of which nothing was written."""
    if not state.seq:
        return []
    lines = [] if state.status.is_final else [f"run {state.run} is {INTERRUPTED}"]
    # A process that has said that it stops may hold the run for a moment longer.
    if lines and state.engine and holder_of(directory):
        lines = [f"run {state.run} goes on", f"to look on: plandeck attach {state.run}"]
    elif state.status not in _ENDED_WELL:
        lines += [*faults_of(state), *nexts(state), f"to look at it: plandeck show {state.run}"]
    return [*lines, f"journal of run {state.run}: {state.seq} records, head {state.head}"]


def faults_of(state: RunState) -> list[str]:
    """What is wrong with the draft of a plan that did not come out, each fault at its step."""
    return [clean(str(replace(fault, line=0))).replace("\n", " ") for fault in state.faults]


def nexts(state: RunState) -> list[str]:
    """What can be done with a run that no process executes."""
    lines = []
    if not state.status.is_final or state.status in (RunStatus.STOPPED, RunStatus.FAILED):
        how = ", on a terminal" if must_be_decided(state) else ""
        lines.append(f"to go on{how}: plandeck resume {state.run}")
    if state.status is not RunStatus.ROLLED_BACK and can_be_undone(state):
        lines.append(f"to undo what was done: plandeck rollback {state.run}")
    return lines


def must_be_decided(state: RunState) -> bool:
    """Whether the run has ended with a step of which somebody must say what becomes of it."""
    if state.status is RunStatus.STOPPED:
        steps = [step for step in state.steps.values() if not step.parent]
        return any(step.status in _NOT_DONE and not step.gone_round for step in steps)
    return state.status in (RunStatus.FAILED, RunStatus.ROLLBACK_INCOMPLETE)


def can_be_undone(state: RunState) -> bool:
    """Whether a rollback of the run would do anything."""
    plan = state.everything()
    try:
        rollback = plan_rollback(plan, state.catalog, state) if plan else None
    except PlandeckError:
        return False
    return rollback is not None and any(item.fate == "planned" for item in rollback.items)
