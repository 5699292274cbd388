"""What an event makes of one step or rollback item: its attempts, its reason, its retry."""

from __future__ import annotations

from console.run import events as ev
from console.run.standing import Attempt, StepState


def note(step: StepState, event: ev.StepEvent, record: ev.Record) -> None:
    """Take in `event`, which may follow what `step` was, of the record `record`."""
    match event:
        case ev.StepIntended():
            step.attempts.append(
                Attempt(event.attempt, event.key, event.command, event.params, record.at, host=event.host)
            )
            step.reason, step.retry_at, step.probe = "", 0.0, ""
            step.start_seq = record.seq
            return
        case ev.StepSkipped():
            step.reason, step.gone_round = event.reason, event.gone_round
            return
        case ev.StepHeld():
            step.reason, step.held_by = event.reason, event.by
            return
        case ev.StepReleased():
            step.reason, step.retry_at = "", 0.0
            return
        case ev.StepMarkedDone():
            step.marked_by, step.marked_result = event.by, event.result
            step.reason = "marked done by hand"
            step.start_seq = step.start_seq or record.seq
            return
        case ev.StepMarkedFailed():
            step.reason = event.reason or "marked failed by hand"
            return
        case ev.StepRetryScheduled():
            step.retry_at = event.at
            return
    attempt = step.attempt
    assert attempt is not None, "the table lets these follow an intent only"
    match event:
        case ev.StepStarted():
            attempt.started = event.started or record.at
            attempt.pid, attempt.host = event.pid, event.host or attempt.host
        case ev.StepSucceeded():
            attempt.exit_code, attempt.size, attempt.preview = event.exit_code, event.size, event.preview
            attempt.ended, attempt.outcome = record.at, "succeeded"
            step.marked_by = ""
        case ev.StepFailed():
            attempt.exit_code, attempt.error, attempt.tail = event.exit_code, event.error, event.tail
            attempt.timed_out, attempt.never_started = event.timed_out, event.never_started
            attempt.ended, attempt.outcome, attempt.changed = record.at, "failed", event.changed
            step.reason = event.error
        case ev.StepCancelled():
            attempt.ended, attempt.outcome = record.at, "cancelled"
            step.reason = event.reason or "cancelled"
        case ev.StepInDoubt():
            attempt.ended, attempt.outcome = record.at, "in_doubt"
            step.reason = event.reason
