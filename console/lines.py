"""Every fact of a run as one plain line: what a terminal without a screen, a log or a screen reader gets.

    00:02 ▶ step 3 backup_database: $ sh deploy/backup.sh production
    00:03 ✓ step 3 backup_database succeeded in 1.2 s: 14 tables

Texts of planners, tools and files go through the sanitiser here and come out as one row.
"""

from __future__ import annotations

import shlex
from pathlib import PurePath

from console.catalog.command import command, display
from console.errors import NeverStarted
from console.plan.model import Step, StepId
from console.run import events as ev
from console.run.state import RunState
from console.text import ELLIPSIS, clean, one_line

WIDTH = 400
"""Columns that a foreign text may take in a line."""

SHORT = 100
"""Columns of what is only to remind: a command, the first line of a result."""

_SILENT = ("engine_started", "step_started")


def line_of(record: ev.Record, state: RunState, then: ev.Record | None = None) -> str:
    """The line for `record`; `state` is the fold up to and including it, `then` the record that came
    with it, where one did. Empty for what is only kept for the record."""
    event = record.event
    if event.kind in _SILENT or _answered(event, then):
        return ""
    text = _step_line(event, state) if isinstance(event, ev.StepEvent) else _run_line(event, state)
    return f"{_clock(record.at - state.created_at)} {text}" if text else ""


def _clock(seconds: float) -> str:
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes:02}:{whole % 60:02}"


def _answered(event: ev.Event, then: ev.Record | None) -> bool:
    """Whether this is a question whose answer was given beforehand: nobody waits for anything."""
    return (
        isinstance(event, ev.ApprovalRequested)
        and then is not None
        and isinstance(then.event, ev.Approved)
        and then.event.request == event.request
    )


def _safe(text: str) -> str:
    return one_line(text, WIDTH)


def short(text: str) -> str:
    """The first line of a text, with a sign where it goes on."""
    first, _, rest = clean(text).strip().partition("\n")
    if rest and not first.endswith(ELLIPSIS):
        first += f" {ELLIPSIS}"
    return one_line(first, SHORT)


def _after(text: str, lead: str = ": ") -> str:
    return f"{lead}{_safe(text)}" if text else ""


def name_of(step_id: StepId, state: RunState) -> str:
    """`step 3 backup_database`, or the rollback's item, `undo-3 restore_backup`."""
    step = _step(step_id, state)
    kind = "" if state.is_item(step_id) else "step "
    return f"{kind}{step_id} {_safe(step.action if step else '')}".rstrip()


def _step(step_id: StepId, state: RunState) -> Step | None:
    items = state.rollback.plan.items if state.rollback else ()
    known = {item.step.id: item.step for item in items} | state.retired | state.leaves | state.calls
    return known.get(step_id)


def _command(event: ev.StepIntended, state: RunState) -> str:
    """What is carried out, as a person would type it."""
    step = _step(event.step, state)
    tool = state.catalog.get(step.action) if step else None
    if tool is None or not event.command:
        return ""
    try:
        shown = display(command(tool, event.params, workspace=state.workspace, caller={}))
    except NeverStarted:
        shown = shlex.join(event.command)
    return f": $ {short(shown)}"


def _step_line(event: ev.StepEvent, state: RunState) -> str:
    name = name_of(event.step, state)
    match event:
        case ev.StepIntended():
            number = f" (attempt {event.attempt})" if event.attempt > 1 else ""
            return f"▶ {name}{number}{_command(event, state)}"
        case ev.AgentThought():
            return _turn(name, event)
        case ev.StepSucceeded():
            result = f": {short(event.preview)}" if event.preview.strip() else ""
            return f"✓ {name} succeeded in {event.duration:.1f} s{result}"
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
        case ev.StepHeld() if not event.reason.startswith("waits for an answer"):
            return f"◌ {name} held{_by(event.by)}{_after(event.reason)}"
        case ev.StepReleased() if event.by:
            return f"○ {name} released{_by(event.by)}"
    return ""


def _turn(name: str, event: ev.AgentThought) -> str:
    """What an agent thinks; its call, if it makes one, has lines of its own."""
    if event.error:
        return f"… {name} is told: {_safe(event.error)}"
    said = short(event.thought) if event.thought.strip() else "gives its result" if event.finish else ""
    return f"… {name}: {said}" if said else ""


def _by(name: str) -> str:
    return f" by {_safe(name)}" if name else ""


def _run_line(event: ev.Event, state: RunState) -> str:
    match event:
        case ev.RunCreated():
            return f"run {event.run}: {_safe(event.goal)}"
        case ev.CatalogLoaded():
            files = ", ".join(PurePath(file).stem for file in event.catalog.files)
            return f"{_count(len(event.catalog.tools), 'tool')}{_after(files, ' of ')}"
        case ev.EngineStopped():
            return f"the run's process stopped: {_safe(event.reason)}"
        case ev.PolicyLoaded():
            files = ", ".join(map(_safe, event.files)) or "no files any more"
            return f"held to the policy of {files} ({_count(event.rules, 'rule')})"
        case ev.RunStarted():
            return "execution began"
        case ev.RunPaused():
            return f"paused{_by(event.by)}{_after(event.reason)}"
        case ev.RunContinued():
            return f"continued{_by(event.by)}"
        case ev.EndChosen():
            back = f" to step {event.back_to}" if event.back_to else ""
            return f"{event.end}{back} chosen{_by(event.by)}{_after(event.reason)}"
        case ev.RunReopened():
            return f"reopened{_by(event.by)}"
        case ev.RunFinished():
            return _finish(event, state)
        case ev.Warned():
            where = f"step {event.step}: " if event.step else ""
            return f"! {where}{_safe(event.message)}"
    return _planning(event, state) or _asking(event, state) or _rollback(event)


def _finish(event: ev.RunFinished, state: RunState) -> str:
    undo = state.rollback.finished if state.rollback and event.outcome == "rolled_back" else None
    reason = event.reason if undo is None or undo.undone else "there was nothing to undo"
    unmet = f"; not met: {', '.join(map(_safe, event.unmet))}" if event.unmet else ""
    outcome = event.outcome.replace("_", " ")
    return f"the run ended: {outcome}, exit code {event.exit_code}{_after(reason)}{unmet}"


def _planning(event: ev.Event, state: RunState) -> str:
    match event:
        case ev.PlanningStarted():
            return f"planning ({_safe(event.planner)}{_after(event.model, ', ')}{_after(event.prompt, ', ')})"
        case ev.PlanningProgressed():
            # A planner without a model is done before anybody could read what it does.
            return f"… {_safe(event.message)}" if state.model and not event.passing else ""
        case ev.PlanDrafted():
            size = _count(len(event.plan.leaves()), "step")
            mended = f", {_count(len(event.repairs), 'repair')}" if event.repairs else ""
            because = "" if event.planner == "given" else _after(event.reason, ", ")
            return f"plan {event.plan_hash[:12]}: {size}{mended}{because}{_asked(event)}"
        case ev.PlanningFailed() | ev.ReplanFailed():
            return f"! no plan came out: {_safe(event.error)}{_asked(event)}"
        case ev.PlanEdited():
            return f"plan edited{_by(event.by)}, revision {event.revision}{_after(event.summary)}"
        case ev.ReplanStarted():
            if event.phase:
                return f"planning phase {event.phase}"
            about = f" after step {event.step}" if event.step else ""
            return f"revising the plan{about}{_after(event.words)}"
        case ev.RevisionProposed():
            return f"a revision is proposed: {_safe(event.reason)}{_asked(event)}"
        case ev.RevisionAccepted():
            return f"revision {event.revision} accepted{_by(event.by)}"
        case ev.RevisionRejected():
            return f"the revision was rejected{_by(event.by)}{_after(event.reason)}"
    return ""


def _asked(event: ev.PlanDrafted | ev.PlanningFailed | ev.RevisionProposed | ev.ReplanFailed) -> str:
    if not event.model or not event.tokens:
        return ""
    return f" ({asked_line(event.model, event.prompt, event.seconds, event.tokens, event.cost)})"


def asked_line(model: str, prompt: str, seconds: float, tokens: int, cost: float) -> str:
    """What asking a model took: `gpt-4o-mini, plan-v1 (1), 3.2 s, 812 tokens, $0.0040`."""
    by = f"{_safe(model)}{_after(prompt, ', ')}"
    return f"{by}, {seconds:.1f} s, {_count(tokens, 'token')}, ${cost:.4f}"


def _count(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"


def _asking(event: ev.Event, state: RunState) -> str:
    match event:
        case ev.ApprovalRequested():
            about = f" {name_of(event.step, state)}" if event.step else ""
            two = ", two persons must approve" if event.persons > 1 else ""
            scope = event.scope.replace("_", " ")
            return f"◌ waits for an answer ({scope}{about}{two}){_after(event.question)}"
        case ev.Countersigned():
            about = f" {name_of(event.step, state)}" if event.step else ""
            who = f" as {_safe(event.person)}" if event.person not in event.by else ""
            return (
                f"approved by one of two ({event.scope.replace('_', ' ')}{about}){_by(event.by)}{who}; "
                "another person must approve it too"
            )
        case ev.Approved():
            about = f" {name_of(event.step, state)}" if event.step else ""
            answer = f" {event.answer}" if event.answer else ""
            scope = event.scope.replace("_", " ")
            both = f", persons: {' and '.join(map(_safe, event.persons))}" if event.persons else ""
            return f"approved ({scope}{about}){answer}{_by(event.by)}{_after(event.how, ', ')}{both}"
        case ev.Denied():
            return f"denied ({event.scope.replace('_', ' ')}){_by(event.by)}{_after(event.reason)}"
        case ev.RequestWithdrawn():
            return f"a question fell away{_after(event.reason)}"
    return ""


def _rollback(event: ev.Event) -> str:
    match event:
        case ev.RollbackRequested():
            kept = f" back to step {event.back_to}" if event.back_to else ""
            return f"! {_safe(event.by)} asks for a rollback{kept}{_after(event.reason)}"
        case ev.RollbackDeclined():
            return f"the rollback that was asked for was declined{_by(event.by)}{_after(event.reason)}"
        case ev.RollbackStarted():
            planned = sum(item.fate == "planned" for item in event.rollback.items)
            refused = [i.step.id for i in event.rollback.items if i.fate == "refused"]
            more = f", refused: {', '.join(refused)}" if refused else ""
            todo = f"{planned} to do" if planned else "there was nothing to undo"
            return f"↶ rolling back{_by(event.by)}: {todo}{more}"
        case ev.RollbackFinished() if event.complete and not event.undone:
            return "↺ rollback complete: there was nothing to undo"
        case ev.RollbackFinished():
            parts = [f"undone: {', '.join(event.undone) or 'nothing'}"]
            if event.not_undone:
                told = (f"{step} ({_safe(why)})" for step, why in event.not_undone.items())
                parts.append("NOT UNDONE: " + ", ".join(told))
            if event.irreversible:
                parts.append("irreversible: " + ", ".join(event.irreversible))
            return f"↺ rollback {'complete' if event.complete else 'INCOMPLETE'}: {'; '.join(parts)}"
    return ""
