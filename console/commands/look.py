"""Commands that look at runs and change nothing."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.common import Json, Output, Run, emit, must_be_writable, say, table
from console.errors import JournalError, PlandeckError, UsageError

if TYPE_CHECKING:
    from console.redact import Redactor
    from console.run.standing import Attempt, Request, Rollback, StepState
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
    from console.run.journal import verify
    from console.settings import find_run

    directory = find_run(run)
    state = state_of(directory, sound=False)
    if problem := verify(directory).problem:
        print(f"plandeck: THE RECORD IS BROKEN, do not trust it: {problem}", file=sys.stderr)  # noqa: T201
    if as_json:
        emit(document_of(state, directory))
    else:
        _print(state, directory)
    return 0


def document_of(state: RunState, directory: Path) -> dict[str, Any]:
    """A run as one JSON object (documented in docs/)."""
    plan = state.plan
    return {
        "run": state.run,
        "state": state.status.value,
        "exit_code": state.finished.exit_code if state.finished else None,
        "reason": state.finished.reason if state.finished else "",
        "unmet": list(state.finished.unmet) if state.finished else [],
        "executed": _is_executed(directory),
        "goal": state.goal,
        "workspace": state.workspace,
        "revision": state.revision,
        "plan_hash": state.plan_hash,
        "planner": state.planner,
        "model": state.model,
        "tokens": state.tokens,
        "cost_usd": state.cost,
        "replans": state.replans,
        "created_at": state.created_at,
        "started_at": state.started_at or None,
        "ended_at": state.ended_at or None,
        "records": state.seq,
        "head": state.head,
        "waits_for": [
            {
                "request": r.id,
                "scope": r.scope,
                "step": r.step,
                "question": r.question,
                "options": list(r.options),
                "persons": r.persons,
                "approved_by": r.signed.person if r.signed else None,
            }
            for r in state.requests.values()
        ],
        "steps": [
            {"id": leaf.id, "action": leaf.action, "params": leaf.params, "depends_on": list(leaf.depends_on)}
            | _step(state.steps[leaf.id], state, directory, leaf.id)
            | _agent(state, directory, leaf.id)
            for leaf in (plan.leaves() if plan else ())
        ],
        "rollback": _rollback(state.rollback) if state.rollback else None,
        "rollback_requests": [
            {"by": asked.by, "reason": asked.reason, "back_to": asked.back_to}
            for asked in state.rollback_requests
        ],
        "warnings": [warning.message for warning in state.warnings],
    }


def _step(step: StepState, state: RunState, directory: Path, step_id: str) -> dict[str, Any]:
    from console.errors import ReferenceFailed
    from console.run.results import result_of

    try:
        result = result_of(state, directory, step_id)
    except ReferenceFailed:
        result = None
    return {
        "state": step.status.value,
        "reason": step.reason,
        "marked_by": step.marked_by,
        "result": result,
        "attempts": [_attempt(attempt) for attempt in step.attempts],
    }


def _agent(state: RunState, directory: Path, step_id: str) -> dict[str, Any]:
    """The turns of an agent's step and the calls it made; nothing for any other."""
    turns = state.steps[step_id].turns
    if not turns:
        return {}
    return {
        "turns": [
            {"attempt": t.attempt, "thought": t.thought, "call": t.call, "finish": t.finish, "error": t.error}
            | {"tokens": t.tokens, "cost_usd": t.cost, "seconds": t.seconds}
            for t in turns
        ],
        "calls": [
            {"id": call.id, "action": call.action, "params": call.params}
            | _step(state.steps[call.id], state, directory, call.id)
            for call in state.calls_of(step_id)
        ],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt": attempt.number,
        "outcome": attempt.outcome or "running",
        "exit_code": attempt.exit_code,
        "command": list(attempt.command),
        "host": attempt.host,
        "started_at": attempt.started or None,
        "ended_at": attempt.ended or None,
        "timed_out": attempt.timed_out,
        "never_started": attempt.never_started,
        "error": attempt.error,
        "stderr_tail": attempt.tail,
    }


def _rollback(rollback: Rollback) -> dict[str, Any]:
    finished = rollback.finished
    return {
        "complete": finished.complete if finished else None,
        "undone": list(finished.undone) if finished else [],
        "not_undone": dict(finished.not_undone) if finished else {},
        "irreversible": list(finished.irreversible if finished else rollback.plan.irreversible),
        "items": [
            {
                "id": item.step.id,
                "action": item.step.action,
                "params": item.step.params,
                "undoes": list(item.undoes),
                "tie": item.tie,
                "fate": item.fate,
                "why": item.why,
                "state": rollback.steps[item.step.id].status.value
                if item.step.id in rollback.steps
                else item.fate,
            }
            for item in rollback.plan.items
        ],
    }


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


# ── the record ───────────────────────────────────────────────────────────────────────────────────


def verify(run: Run, as_json: Json = False) -> int:
    """Check that the record of a run was not changed: the chain of its hashes.

    Compare the head with the one that was printed at the end of the run: records that were cut off
    at the end cannot be noticed otherwise. Exit code 4 when the chain is broken.

    Example: plandeck verify 4f1c
    """
    from console.run import journal
    from console.settings import find_run

    directory = find_run(run)
    verdict = journal.verify(directory)
    if as_json:
        emit(
            {
                "run": directory.name,
                "ok": verdict.ok,
                "records": verdict.records,
                "head": verdict.head,
                "problem": verdict.problem,
            }
        )
    elif verdict.ok:
        say(f"run {directory.name}: {verdict.records} records, the chain holds, head {verdict.head}")
    else:
        say(f"run {directory.name}: THE RECORD IS BROKEN: {verdict.problem}")
        say(f"the first {verdict.records} records hold")
    return 0 if verdict.ok else JournalError.exit_code


def export(
    run: Run,
    output: Output = None,
    otlp: Annotated[
        bool, typer.Option("--otlp", help="Send it as spans to the collector of OTEL_EXPORTER_OTLP_ENDPOINT.")
    ] = False,
    without_output: Annotated[
        bool, typer.Option("--without-output", help="Leave out what the steps printed.")
    ] = False,
) -> int:
    """Write the record of a run as JSON lines: audit log, replay and test recording in one.

    What the steps printed comes along, of a long output the beginning and the end. Values of secrets that
    are set in this environment are taken out.

    Example: plandeck export 4f1c -o run.jsonl
    """
    from console.service.exported import lines_of
    from console.settings import find_run, write_private
    from console.text import json_shown

    if otlp and (output is not None or without_output):
        raise UsageError("--otlp sends the record, and writes no file", todo="Leave the other options out")
    if otlp:
        from console.tracing.resending import send

        say(f"{send(find_run(run))} spans were sent")
        return 0
    directory = find_run(run)
    lines = map(json_shown, lines_of(directory, _secrets_of(directory), output=not without_output))
    if output is None:
        for line in lines:
            say(line)
        return 0
    must_be_writable(output)
    write_private(output.absolute(), "".join(f"{line}\n" for line in lines))
    return 0


def _secrets_of(directory: Path) -> Redactor:
    """What takes out the secrets that the run's tools are given and that are set here."""
    import os

    from console.redact import Redactor
    from console.run import events as ev
    from console.run import journal
    from console.service.parts import secrets_of

    secrets: dict[str, str] = {}
    for record in journal.read(directory):
        if isinstance(record.event, ev.CatalogLoaded):
            secrets |= secrets_of(record.event.catalog, os.environ)
    return Redactor({name: value for name, value in secrets.items() if value})
