"""Commands that look at runs and change nothing."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.common import Json, Run, emit, say, table
from console.errors import JournalError, PlandeckError

if TYPE_CHECKING:
    from console.run.standing import Request
    from console.run.state import RunState

UNREADABLE = "unreadable"
"""The state of a run whose record cannot be read, in a list."""


def runs(
    as_json: Json = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many of the newest to list.")] = 20,
) -> int:
    """List the runs that are kept, newest first.

    Example: plandeck runs --json -n 5
    """
    from console.settings import run_ids, state_dir

    found = [summary_of(state_dir() / "runs" / run) for run in run_ids()[:limit]]
    if as_json:
        emit(found)
        return 0
    rows = [
        (
            "?" if one["executed"] and one["waits_for"] else "▶" if one["executed"] else " ",
            one["run"],
            _stand(one),
            _when(one["created_at"]),
            one["goal"],
        )
        for one in found
    ]
    table(rows)
    if any(_is_interrupted(one) for one in found):
        say("interrupted: no process executes it; to go on: plandeck resume RUN")
    return 0


def _is_interrupted(summary: dict[str, Any]) -> bool:
    return summary["exit_code"] is None and summary["state"] != UNREADABLE and not summary["executed"]


def _stand(summary: dict[str, Any]) -> str:
    words = str(summary["state"]).replace("_", " ")
    if summary["executed"] and summary["waits_for"]:
        words += f", waits for an answer: {', '.join(summary['waits_for'])}"
    return f"{words}, interrupted" if _is_interrupted(summary) else words


def summary_of(directory: Path) -> dict[str, Any]:
    """A run in a list; its state is `unreadable` when its record cannot be read."""
    from console.text import one_line

    try:
        state = state_of(directory, sound=False)
    except PlandeckError as error:
        return {
            "run": directory.name,
            "state": UNREADABLE,
            "goal": str(error),
            "created_at": 0.0,
            "ended_at": None,
            "exit_code": None,
            "executed": _is_executed(directory),
            "waits_for": [],
        }
    return {
        "run": directory.name,
        "state": state.status.value,
        "goal": one_line(state.goal, 200),
        "created_at": state.created_at,
        "ended_at": state.ended_at or None,
        "exit_code": state.finished.exit_code if state.finished else None,
        "executed": _is_executed(directory),
        "waits_for": [_asks(request) for request in state.requests.values()],
    }


def _asks(request: Request) -> str:
    """What a question is about: `plan`, `gate 4`, `plan (second person)`."""
    about = f"{request.scope.replace('_', ' ')} {request.step}".strip()
    return f"{about} (second person)" if request.signed else about


def state_of(directory: Path, *, sound: bool = True) -> RunState:
    """What is true of a run by its record. Raises `JournalError` when nothing is recorded yet, or when
    the record was changed and must be `sound`."""
    from console.run.journal import read
    from console.run.state import RunState
    from console.service.holder import holder_of
    from console.service.sound import refuse_changed

    if sound:
        refuse_changed(directory)
    state = RunState.of(read(directory))
    if state.seq:
        return state
    pid = holder_of(directory)
    what = (
        f"nothing is recorded yet: process {pid} prepares it"
        if pid
        else "nothing is recorded: its process ended before it began"
    )
    todo = "Look again in a moment" if pid else f"Start it with: plandeck resume {directory.name}"
    raise JournalError(what, where=f"run {directory.name}", todo=todo)


def tell_broken(directory: Path) -> None:
    """Warn whoever is about to be shown a run whose record was changed."""
    from console.run.journal import verify

    if problem := verify(directory).problem:
        print(f"plandeck: THE RECORD IS BROKEN, do not trust it: {problem}", file=sys.stderr)  # noqa: T201


def _is_executed(directory: Path) -> bool:
    """Whether a process executes the run now."""
    from console.service.holder import holder_of

    return holder_of(directory) > 0


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at)) if at else "-"


# ── one run ──────────────────────────────────────────────────────────────────────────────────────


def show(run: Run, as_json: Json = False) -> int:
    """Show one run: its state, every step with its attempts and result, what was undone and what not.

    Example: plandeck show 4f1c --json
    """
    from console.commands.document import document_of
    from console.settings import find_run

    directory = find_run(run)
    state = state_of(directory, sound=False)
    tell_broken(directory)
    if as_json:
        emit(document_of(state, directory))
    else:
        _print(state, directory)
    return 0


def _print(state: RunState, directory: Path) -> None:
    from console.commands.epilogue import INTERRUPTED, nexts
    from console.lines import short
    from console.text import one_line

    ended = f", exit code {state.finished.exit_code}" if state.finished else ""
    executed = _is_executed(directory)
    if not state.status.is_final and not executed:
        ended = f", {INTERRUPTED}"
    say(f"run {directory.name}: {state.status.replace('_', ' ')}{ended}")
    say(f"goal: {one_line(state.goal, 300)}")
    if state.finished and state.finished.reason:
        say(f"reason: {one_line(state.finished.reason, 300)}")
    rows = []
    planned = state.plan.leaves() if state.plan else ()
    for leaf in (one for step in planned for one in (step, *state.calls_of(step.id))):
        step = state.steps[leaf.id]
        code = step.attempt.exit_code if step.attempt else None
        told = step.reason or (step.attempt.preview if step.attempt else "")
        tries = f"{len(step.attempts)}×" if len(step.attempts) > 1 else ""
        exit_code = "" if code is None else f"exit {code}"
        rows.append(
            (
                f"  {'  ' if step.parent else ''}{leaf.id}",
                leaf.action,
                step.status.value,
                tries,
                exit_code,
                short(told),
            )
        )
    table(rows)
    if state.rollback and state.rollback.finished:
        _print_rollback(state)
    for request in state.requests.values():
        question = f": {one_line(request.question, 200)}" if request.question else ""
        say(f"waits for an answer ({request.scope.replace('_', ' ')}){question}")
    for asked in state.rollback_requests:
        say(f"asks for a rollback: {one_line(f'{asked.by}: {asked.reason}', 300)}")
    for line in () if executed else nexts(state):
        say(line)
    say(f"journal: {state.seq} records, head {state.head}")


def _print_rollback(state: RunState) -> None:
    from console.text import one_line

    assert state.rollback is not None
    finished = state.rollback.finished
    assert finished is not None
    nothing = "there was nothing to undo" if finished.complete else "undone: nothing"
    say(f"undone: {', '.join(finished.undone)}" if finished.undone else nothing)
    for step, why in finished.not_undone.items():
        say(f"NOT UNDONE: step {step}: {one_line(why, 200)}")
    if finished.irreversible:
        say(f"irreversible: {', '.join(finished.irreversible)}")
