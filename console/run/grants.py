"""What a wish comes to: the events that grant it, or the reason why not. Pure.

The engine asks here, writes the events down, and then does what a `Grant` names besides (ending an
attempt, asking the planner, looking with a probe). Wishes about the run as a whole are judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from console.errors import StaleRevision
from console.plan.model import StepId
from console.run import answers, interventions, revising
from console.run import control as c
from console.run import events as ev
from console.run.desk import Desk, Grant, ends, live, refuse, running_keys
from console.run.life import RunStatus
from console.run.rollback import plan_rollback, requested, rollback_hash

_R = RunStatus


def grant(wish: c.Wish, desk: Desk) -> Grant:
    """What granting `wish` comes to. Raises `ControlRefused` with the reason."""
    return _GRANTS[type(wish)](wish, desk)


def _pause(_: c.Pause, desk: Desk) -> Grant:
    live(desk)
    if not desk.state.started_at:
        raise refuse("nothing runs yet")
    if desk.state.paused:
        raise refuse("the run is paused already")
    return Grant((ev.RunPaused(by=desk.by),))


def _continue(_: c.Continue, desk: Desk) -> Grant:
    if not desk.state.paused:
        raise refuse(f"the run is {desk.state.status.replace('_', ' ')}")
    return Grant((ev.RunContinued(by=desk.by),))


def _stop(wish: c.Stop, desk: Desk) -> Grant:
    if desk.state.status.is_final:
        raise refuse(f"the run is {desk.state.status.replace('_', ' ')}")
    return ends(desk, "stop", reason=wish.reason)


def _replan(wish: c.Replan, desk: Desk) -> Grant:
    if desk.state.status is _R.DRAFTING and desk.state.error and not desk.state.planning:
        return Grant(replan=wish.words)
    if desk.state.status not in (_R.AWAITING_APPROVAL, _R.RUNNING, _R.PAUSED, _R.AWAITING_DECISION):
        raise refuse(f"the run is {desk.state.status.replace('_', ' ')}")
    withdrawn = tuple(
        ev.RequestWithdrawn(request=r.id, reason="the planner was asked to revise the plan")
        for r in desk.state.requests.values()
        if r.scope in ("plan", "decision", "revision")
    )
    return Grant(withdrawn, replan=wish.words)


def _call_off(_: c.CallOff, desk: Desk) -> Grant:
    if not desk.state.planning:
        raise refuse("the planner is not at work")
    return Grant(call_off=desk.by)


def _expand(wish: c.ExpandPhase, desk: Desk) -> Grant:
    plan = desk.state.plan
    if plan is None or not any(step.id == wish.phase and step.expand for step, _ in plan.walk()):
        raise refuse("there is no phase to expand", step=wish.phase)
    asked = _replan(c.Replan(), desk)
    return Grant(asked.events, expand=wish.phase)


# ── rolling back ─────────────────────────────────────────────────────────────────────────────────


def preview(
    desk: Desk, back_to: StepId | None = None, ties: Mapping[StepId, tuple[StepId, ...]] | None = None
) -> ev.RollbackPlan:
    """The rollback as it would be now. Raises `ControlRefused` when there is nothing to undo."""
    plan = desk.state.everything()
    if plan is None:
        raise refuse("there is no plan")
    if back_to and back_to not in desk.state.steps:
        raise refuse("there is no such step", step=back_to)
    if back_to and not desk.state.steps[back_to].start_seq:
        raise refuse("it has not started: there is no way back to it", step=back_to)
    return plan_rollback(plan, desk.catalog, desk.state, back_to=back_to, ties=ties)


def _preview_rollback(wish: c.PreviewRollback, desk: Desk) -> Grant:
    rollback = preview(desk, wish.back_to)
    return Grant(answer={"rollback": rollback, "hash": rollback_hash(rollback)})


def _roll_back(wish: c.RollBack, desk: Desk) -> Grant:
    live(desk)
    shown = preview(desk, wish.back_to)
    if rollback_hash(shown) != wish.hash:
        raise StaleRevision("the run went on after the rollback was shown", todo="Look at the rollback again")
    if running_keys(desk.state):
        return ends(desk, "rollback", back_to=wish.back_to, ties=wish.ties)
    rollback = preview(desk, wish.back_to, wish.ties) if wish.ties else shown
    started = ev.RollbackStarted(rollback=rollback, hash=rollback_hash(rollback), by=desk.by)
    return Grant((started,))


def _request_rollback(wish: c.RequestRollback, desk: Desk) -> Grant:
    return Grant((requested(desk.state, by=desk.by, reason=wish.reason, back_to=wish.back_to),))


def _decline_rollback(wish: c.DeclineRollback, desk: Desk) -> Grant:
    if not desk.state.rollback_requests:
        raise refuse("nobody has asked for a rollback")
    return Grant((ev.RollbackDeclined(by=desk.by, reason=wish.reason),))


_GRANTS: dict[type[c.Wish], Callable[[Any, Desk], Grant]] = {
    c.Approve: answers.approve,
    c.Countersign: answers.countersign,
    c.Deny: answers.deny,
    c.ChangePlan: revising.change_plan,
    c.Propose: revising.propose,
    c.Pause: _pause,
    c.Continue: _continue,
    c.Stop: _stop,
    c.Hold: interventions.hold,
    c.Release: interventions.release,
    c.Cancel: interventions.cancel,
    c.Retry: interventions.retry,
    c.Skip: interventions.skip,
    c.MarkDone: interventions.mark_done,
    c.Rule: interventions.rule,
    c.Probe: interventions.probe,
    c.Replan: _replan,
    c.CallOff: _call_off,
    c.ExpandPhase: _expand,
    c.PreviewRollback: _preview_rollback,
    c.RollBack: _roll_back,
    c.Abandon: interventions.abandon,
    c.RequestRollback: _request_rollback,
    c.DeclineRollback: _decline_rollback,
}
