"""What the operator does to single steps of a run: what each wish comes to. Pure."""

from __future__ import annotations

from console.plan.model import StepId
from console.run import control as c
from console.run import events as ev
from console.run.agent import open_call, profile_of
from console.run.asking import withdrawn
from console.run.desk import Desk, Grant, refuse, step_in
from console.run.life import LIVE, RunStatus, StepStatus

_S = StepStatus
_UNDONE = (_S.UNDONE, _S.UNDO_FAILED)


def hold(wish: c.Hold, desk: Desk) -> Grant:
    """Keep a step back."""
    step_in(desk, wish.step, _S.PENDING)
    return Grant((ev.StepHeld(step=wish.step, by=desk.by, reason=wish.reason or "held by the operator"),))


def release(wish: c.Release, desk: Desk) -> Grant:
    """Let a step that is held go on."""
    step_in(desk, wish.step, _S.HELD)
    if any(r.step == wish.step for r in desk.state.requests.values()):
        raise refuse("it waits for an answer", step=wish.step, todo="Answer the question instead")
    return Grant((ev.StepReleased(step=wish.step, by=desk.by),))


def cancel(wish: c.Cancel, desk: Desk) -> Grant:
    """End a running step, or the open call of an agent."""
    step_in(desk, wish.step, _S.RUNNING)
    call = open_call(desk.state, wish.step) if wish.step in desk.state.steps else ""
    attempts = [desk.state.step(step).attempt for step in (wish.step, call) if step]
    return Grant(cancel=tuple(attempt.key for attempt in attempts if attempt))


def retry(wish: c.Retry, desk: Desk) -> Grant:
    """Try a step again that failed, was cancelled or undone."""
    _may_run(wish.step, desk)
    step_in(desk, wish.step, _S.FAILED, _S.CANCELLED, _S.UNDONE)
    _not_over(wish.step, desk)
    return Grant(_settled(wish.step, desk), retry=wish.step)


def skip(wish: c.Skip, desk: Desk) -> Grant:
    """Leave a step out."""
    step_in(desk, wish.step, _S.PENDING, _S.HELD, _S.FAILED, _S.CANCELLED, _S.IN_DOUBT, *_UNDONE)
    _not_over(wish.step, desk)
    reason = wish.reason or "skipped by the operator"
    skipped = ev.StepSkipped(step=wish.step, by=desk.by, reason=reason)
    return Grant((*_settled(wish.step, desk), skipped))


def mark_done(wish: c.MarkDone, desk: Desk) -> Grant:
    """Take a step as done by hand."""
    step_in(desk, wish.step, _S.PENDING, _S.HELD, _S.FAILED, _S.CANCELLED, _S.IN_DOUBT)
    _not_over(wish.step, desk)
    done = ev.StepMarkedDone(step=wish.step, by=desk.by, result=wish.result)
    return Grant((*_settled(wish.step, desk), done))


def rule(wish: c.Rule, desk: Desk) -> Grant:
    """Say what became of a step in doubt."""
    step_in(desk, wish.step, _S.IN_DOUBT)
    settled = _settled(wish.step, desk)
    match wish.verdict:
        case "done":
            return Grant((*settled, ev.StepMarkedDone(step=wish.step, by=desk.by, result=wish.result)))
        case "failed":
            return Grant((*settled, ev.StepMarkedFailed(step=wish.step, by=desk.by)))
        case "run_again":
            _may_run(wish.step, desk)
            _not_over(wish.step, desk)
            return Grant(settled, retry=wish.step)


def probe(wish: c.Probe, desk: Desk) -> Grant:
    """Look with the probe of its tool what became of a step."""
    step = (desk.state.leaves | desk.state.calls).get(wish.step)
    tool = desk.catalog.get(step.action) if step else None
    if tool is None or not tool.probe:
        raise refuse("its tool has no probe", step=wish.step)
    return Grant(probe=wish.step)


def abandon(wish: c.Abandon, desk: Desk) -> Grant:
    """Give up the host of a running step: what it did is not known."""
    step_in(desk, wish.step, _S.RUNNING)
    attempt = desk.state.step(wish.step).attempt
    assert attempt is not None
    step = desk.state.leaves.get(wish.step)
    if step is not None and profile_of(step, desk.catalog):
        raise refuse("an agent has no host; its calls have", step=wish.step, todo="Cancel it instead")
    reason = f"{desk.by} gave its host up"
    return Grant((ev.StepInDoubt(step=wish.step, attempt=attempt.number, reason=reason),))


def _settled(step: StepId, desk: Desk) -> tuple[ev.Event, ...]:
    return withdrawn(step, desk.state, "settled by the operator")


def _may_run(step: StepId, desk: Desk) -> None:
    """While things are undone, no step of the plan is begun; nor is an item of a rollback at other times."""
    allowed = LIVE if not desk.state.is_item(step) else (RunStatus.ROLLING_BACK,)
    if desk.state.status not in allowed:
        raise refuse(f"the run is {desk.state.status.replace('_', ' ')}", step=step)


def _not_over(step: StepId, desk: Desk) -> None:
    """An agent decides itself what it does after a call; only an open one is for the operator."""
    agent = desk.state.step(step).parent
    if agent and step != open_call(desk.state, agent):
        todo = f"Retry step {agent}, or add a step of your own"
        raise refuse(f"it is a call of the agent of step {agent}, and over", step=step, todo=todo)
