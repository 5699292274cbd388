"""Every fact of a run as one plain line: what a terminal without a screen, a log or a screen reader gets.

    00:03 ✓ step 3 backup_database succeeded in 1.2 s: 14 tables

Texts of planners, tools and files go through the sanitiser here and come out as one row.
"""

from __future__ import annotations

import shlex

from console.plan.model import StepId
from console.run import events as ev
from console.run.state import RunState
from console.text import one_line

WIDTH = 400
"""Columns that a foreign text may take in a line."""

_SILENT = ("catalog_loaded", "run_created", "engine_started", "planning_progressed", "step_intended")


def line_of(record: ev.Record, state: RunState) -> str:
    """The line for `record`; `state` is the fold up to and including it. Empty for what is only kept
    for the record."""
    event = record.event
    if event.kind in _SILENT and not isinstance(event, ev.RunCreated):
        return ""
    text = _step_line(event, state) if isinstance(event, ev.StepEvent) else _run_line(event, state)
    return f"{_clock(record.at - state.created_at)} {text}" if text else ""


def _clock(seconds: float) -> str:
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes:02}:{whole % 60:02}"


def _safe(text: str) -> str:
    return one_line(text, WIDTH)


def _after(text: str, lead: str = ": ") -> str:
    return f"{lead}{_safe(text)}" if text else ""


def name_of(step: StepId, state: RunState) -> str:
    """`step 3 backup_database`, or the rollback's item."""
    plans = [state.plan.leaves() if state.plan else ()]
    if state.rollback:
        plans.append(tuple(item.step for item in state.rollback.plan.items))
    action = next((s.action for leaves in plans for s in leaves if s.id == step), "")
    kind = "undo" if state.is_item(step) else "step"
    return f"{kind} {step} {_safe(action)}".rstrip()


def _step_line(event: ev.StepEvent, state: RunState) -> str:
    name = name_of(event.step, state)
    match event:
        case ev.StepStarted():
            attempt = state.step(event.step).attempt
            command = shlex.join(attempt.command) if attempt else ""
            number = f" (attempt {event.attempt})" if event.attempt > 1 else ""
            return f"▶ {name} started{number}{_after(command, ': $ ')}"
        case ev.StepSucceeded():
            return f"✓ {name} succeeded in {event.duration:.1f} s{_after(event.preview)}"
        case ev.StepFailed():
            return f"✗ {name} failed: {_safe(event.error)}{_after(event.tail, ' | ')}"
        case ev.StepRetryScheduled():
            return f"◌ {name} is tried again"
        case ev.StepCancelled():
            return f"✗ {name} was cancelled{_by(event.by)}{_after(event.reason)}"
        case ev.StepSkipped():
            return f"– {name} skipped{_by(event.by)}{_after(event.reason)}"
        case ev.StepInDoubt():
            return f"? {name} is in doubt{_after(event.reason)}"
        case ev.StepMarkedDone():
            return f"✓ {name} marked done{_by(event.by)}"
        case ev.StepMarkedFailed():
            return f"✗ {name} marked failed{_by(event.by)}{_after(event.reason)}"
        case ev.StepProbed():
            verdict = event.verdict.replace("_", " ")
            return f"? {name} probed: {verdict}{_after(event.detail, ', ')}"
        case ev.StepHeld():
            return f"◌ {name} held{_by(event.by)}{_after(event.reason)}"
        case ev.StepReleased():
            return f"○ {name} released{_by(event.by)}"
    return ""


def _by(name: str) -> str:
    return f" by {_safe(name)}" if name else ""


def _run_line(event: ev.Event, state: RunState) -> str:
    match event:
        case ev.RunCreated():
            return f"run {event.run}: {_safe(event.goal)}"
        case ev.EngineStopped():
            return f"the run's process stopped: {_safe(event.reason)}"
        case ev.RunStarted():
            return "execution began"
        case ev.RunPaused():
            return f"paused{_by(event.by)}{_after(event.reason)}"
        case ev.RunContinued():
            return f"continued{_by(event.by)}"
        case ev.RunReopened():
            return f"reopened{_by(event.by)}"
        case ev.RunFinished():
            return _finish(event)
        case ev.Warned():
            where = f"step {event.step}: " if event.step else ""
            return f"! {where}{_safe(event.message)}"
    return _planning(event) or _asking(event, state) or _rollback(event)


def _finish(event: ev.RunFinished) -> str:
    unmet = f"; not met: {', '.join(map(_safe, event.unmet))}" if event.unmet else ""
    outcome = event.outcome.replace("_", " ")
    return f"the run ended: {outcome}, exit code {event.exit_code}{_after(event.reason)}{unmet}"


def _planning(event: ev.Event) -> str:
    match event:
        case ev.PlanningStarted():
            return f"planning ({_safe(event.planner)}{_after(event.model, ', ')})"
        case ev.PlanDrafted():
            mended = f", {len(event.repairs)} repairs" if event.repairs else ""
            return f"plan {event.plan_hash[:12]}: {_steps(len(event.plan.leaves()))}{mended}"
        case ev.PlanningFailed() | ev.ReplanFailed():
            return f"! no plan came out: {_safe(event.error)}"
        case ev.PlanEdited():
            return f"plan edited{_by(event.by)}, revision {event.revision}{_after(event.summary)}"
        case ev.ReplanStarted():
            about = f" after step {event.step}" if event.step else ""
            return f"revising the plan{about}{_after(event.words)}"
        case ev.RevisionProposed():
            return f"a revision is proposed: {_safe(event.reason)}"
        case ev.RevisionAccepted():
            return f"revision {event.revision} accepted{_by(event.by)}"
        case ev.RevisionRejected():
            return f"the revision was rejected{_by(event.by)}{_after(event.reason)}"
    return ""


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _asking(event: ev.Event, state: RunState) -> str:
    match event:
        case ev.ApprovalRequested():
            about = f" {name_of(event.step, state)}" if event.step else ""
            return f"◌ waits for an answer ({event.scope.replace('_', ' ')}{about}){_after(event.question)}"
        case ev.Approved():
            about = f" {name_of(event.step, state)}" if event.step else ""
            answer = f" {event.answer}" if event.answer else ""
            scope = event.scope.replace("_", " ")
            return f"approved ({scope}{about}){answer}{_by(event.by)}{_after(event.how, ', ')}"
        case ev.Denied():
            return f"denied ({event.scope.replace('_', ' ')}){_by(event.by)}{_after(event.reason)}"
        case ev.RequestWithdrawn():
            return f"a question fell away{_after(event.reason)}"
    return ""


def _rollback(event: ev.Event) -> str:
    match event:
        case ev.RollbackStarted():
            planned = sum(item.fate == "planned" for item in event.rollback.items)
            refused = [i.step.id for i in event.rollback.items if i.fate == "refused"]
            more = f", refused: {', '.join(refused)}" if refused else ""
            return f"↶ rolling back{_by(event.by)}: {planned} to do{more}"
        case ev.RollbackFinished():
            parts = [f"undone: {', '.join(event.undone) or 'nothing'}"]
            if event.not_undone:
                told = (f"{step} ({_safe(why)})" for step, why in event.not_undone.items())
                parts.append("NOT UNDONE: " + ", ".join(told))
            if event.irreversible:
                parts.append("irreversible: " + ", ".join(event.irreversible))
            return f"↺ rollback {'complete' if event.complete else 'INCOMPLETE'}: {'; '.join(parts)}"
    return ""
