"""What an event makes of one step or rollback item: its attempts, its reason, its retry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from console.run import events as ev
from console.run.standing import Attempt, StepState, Turn


def note(step: StepState, event: ev.StepEvent, record: ev.Record) -> None:
    """Take in `event`, which may follow what `step` was, of the record `record`."""
    NOTES[event.kind](step, event, record)


def _held(step: StepState, event: ev.StepHeld, _: ev.Record) -> None:
    step.reason, step.held_by = event.reason, event.by


def _released(step: StepState, *_: object) -> None:
    step.reason, step.retry_at = "", 0.0


def _skipped(step: StepState, event: ev.StepSkipped, _: ev.Record) -> None:
    step.reason, step.gone_round = event.reason, event.gone_round


def _marked_done(step: StepState, event: ev.StepMarkedDone, record: ev.Record) -> None:
    step.marked_by, step.marked_result = event.by, event.result
    step.reason = "marked done by hand"
    step.start_seq = step.start_seq or record.seq


def _marked_failed(step: StepState, event: ev.StepMarkedFailed, _: ev.Record) -> None:
    step.reason = event.reason or "marked failed by hand"


def _probed(step: StepState, event: ev.StepProbed, _: ev.Record) -> None:
    step.probe = event.verdict


def _retry_scheduled(step: StepState, event: ev.StepRetryScheduled, _: ev.Record) -> None:
    step.retry_at = event.at


# ── its attempts ─────────────────────────────────────────────────────────────────────────────────


def _intended(step: StepState, event: ev.StepIntended, record: ev.Record) -> None:
    step.attempts.append(
        Attempt(event.attempt, event.key, event.command, event.params, record.at, host=event.host)
    )
    step.reason, step.retry_at, step.probe = "", 0.0, ""
    step.start_seq = record.seq


def _thought(step: StepState, event: ev.AgentThought, _: ev.Record) -> None:
    call = event.call.id if event.call else ""
    step.turns.append(
        Turn(
            event.attempt,
            event.thought,
            call,
            event.finish,
            event.error,
            event.tokens,
            event.cost,
            event.seconds,
        )
    )


def _started(step: StepState, event: ev.StepStarted, record: ev.Record) -> None:
    attempt = _newest(step)
    attempt.started = event.started or record.at
    attempt.pid, attempt.host = event.pid, event.host or attempt.host


def _succeeded(step: StepState, event: ev.StepSucceeded, record: ev.Record) -> None:
    attempt = _newest(step)
    attempt.exit_code, attempt.size, attempt.preview = event.exit_code, event.size, event.preview
    attempt.ended, attempt.outcome = record.at, "succeeded"
    step.marked_by = ""


def _failed(step: StepState, event: ev.StepFailed, record: ev.Record) -> None:
    attempt = _newest(step)
    attempt.exit_code, attempt.error, attempt.tail = event.exit_code, event.error, event.tail
    attempt.timed_out, attempt.never_started = event.timed_out, event.never_started
    attempt.ended, attempt.outcome, attempt.changed = record.at, "failed", event.changed
    step.reason = event.error


def _cancelled(step: StepState, event: ev.StepCancelled, record: ev.Record) -> None:
    attempt = _newest(step)
    attempt.ended, attempt.outcome = record.at, "cancelled"
    step.reason = event.reason or "cancelled"


def _in_doubt(step: StepState, event: ev.StepInDoubt, record: ev.Record) -> None:
    attempt = _newest(step)
    attempt.ended, attempt.outcome = record.at, "in_doubt"
    step.reason = event.reason


def _newest(step: StepState) -> Attempt:
    assert step.attempts, "the table lets these follow an intent only"
    return step.attempts[-1]


NOTES: Mapping[str, Callable[[StepState, Any, ev.Record], None]] = {
    ev.StepHeld.kind: _held,
    ev.StepReleased.kind: _released,
    ev.StepSkipped.kind: _skipped,
    ev.StepMarkedDone.kind: _marked_done,
    ev.StepMarkedFailed.kind: _marked_failed,
    ev.StepProbed.kind: _probed,
    ev.StepRetryScheduled.kind: _retry_scheduled,
    ev.StepIntended.kind: _intended,
    ev.AgentThought.kind: _thought,
    ev.StepStarted.kind: _started,
    ev.StepSucceeded.kind: _succeeded,
    ev.StepFailed.kind: _failed,
    ev.StepCancelled.kind: _cancelled,
    ev.StepInDoubt.kind: _in_doubt,
}
"""By the event's kind: a long record is tens of thousands of them, and asking one of ten classes after the
other whether it is theirs would take longer than reading it."""
