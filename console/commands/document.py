"""A run as one JSON object: what `plandeck show --json` prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from console.run.standing import Attempt, Rollback, StepState
    from console.run.state import RunState


def document_of(state: RunState, directory: Path) -> dict[str, Any]:
    """A run as one JSON object (documented in docs/)."""
    from console.service.holder import holder_of

    plan = state.plan
    return {
        "run": state.run,
        "state": state.status.value,
        "exit_code": state.finished.exit_code if state.finished else None,
        "reason": state.finished.reason if state.finished else "",
        "unmet": list(state.finished.unmet) if state.finished else [],
        "executed": holder_of(directory) > 0,
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
