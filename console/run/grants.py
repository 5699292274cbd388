"""What a wish comes to: the events that grant it, or the reason why not. Pure.

The engine asks here, writes the events down, and then does what a `Grant` names besides (ending an
attempt, asking the planner, looking with a probe).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from console.catalog.fit import faults as misfits
from console.catalog.mcp import with_definition
from console.catalog.spec import Catalog
from console.errors import ControlRefused, Fault, StaleRevision
from console.plan.codec import faults_of
from console.plan.model import Plan, Step, StepId
from console.run import control as c
from console.run import events as ev
from console.run.agent import open_call, profile_of
from console.run.approval import Hasher, confirmable
from console.run.countersign import first_of_two, persons_for
from console.run.life import RunStatus, StepStatus
from console.run.policy import Policy
from console.run.renewal import asking_in
from console.run.rollback import plan_rollback, requested, rollback_hash
from console.run.standing import Proposal, Request
from console.run.state import RunState

_S, _R = StepStatus, RunStatus
LIVE = (_R.RUNNING, _R.PAUSED, _R.AWAITING_DECISION, _R.REPLANNING)
DECISIONS = ("retry", "skip", "mark_done", "replan", "roll_back", "stop")


@dataclass(frozen=True, slots=True)
class Grant:
    """Events to write down, and what to do after: `cancel` these attempts, ask the planner with these
    words (`replan`) or for the steps of a phase (`expand`), `call_off` what it is at, for this person, run a
    `probe`, `retry` a step, have an agent `think` or `conclude`, go into `closing` ("stop" or "rollback")."""

    events: tuple[ev.Event, ...] = ()
    cancel: tuple[str, ...] = ()
    replan: str | None = None
    call_off: str = ""
    expand: StepId = ""
    think: StepId = ""
    conclude: StepId = ""
    probe: StepId = ""
    retry: StepId = ""
    closing: str = ""
    answer: Any = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What a wish is judged by."""

    state: RunState
    catalog: Catalog
    hasher: Hasher
    policy: Policy
    by: str
    person: str = ""


def grant(wish: c.Wish, desk: Desk) -> Grant:
    """What granting `wish` comes to. Raises `ControlRefused` with the reason."""
    return _GRANTS[type(wish)](wish, desk)


def _refuse(what: str, *, step: StepId = "", todo: str = "") -> ControlRefused:
    return ControlRefused(what, where=f"step {step}" if step else "", kept="nothing was changed", todo=todo)


def _live(desk: Desk) -> None:
    if desk.state.status not in LIVE:
        raise _refuse(f"the run is {desk.state.status.replace('_', ' ')}")


def _step_in(desk: Desk, step: StepId, *allowed: StepStatus) -> StepStatus:
    try:
        status = desk.state.step(step).status
    except KeyError:
        raise _refuse("there is no such step", step=step) from None
    if status not in allowed:
        raise _refuse(f"it is {status.replace('_', ' ')}", step=step)
    return status


# ── answers ──────────────────────────────────────────────────────────────────────────────────────


def _request(desk: Desk, request: str) -> Request:
    found = desk.state.requests.get(request)
    if found is None:
        raise _refuse("this question is not open any more", todo="Look at what waits now")
    return found


def _approve(wish: c.Approve, desk: Desk) -> Grant:
    request = _request(desk, wish.request)
    if wish.hash != request.hash:
        raise StaleRevision(
            "it changed after it was shown", kept="nothing was approved", todo="Look at it again"
        )
    if request.options and wish.answer not in request.options:
        raise _refuse(f"the answer is one of {', '.join(request.options)}", step=request.step)
    if request.scope in ("plan", "revision"):
        plan = (
            desk.state.proposal.plan
            if request.scope == "revision" and desk.state.proposal
            else desk.state.plan
        )
        _confirmed(wish, plan, desk)
    approved = ev.Approved(
        request=request.id,
        scope=request.scope,
        hash=wish.hash,
        by=desk.by,
        how=wish.how,
        step=request.step,
        steps=wish.steps,
        answer=wish.answer,
    )
    persons = 1
    if wish.answer in ("", "trust"):
        asked = persons_for(request.scope, request.step, desk.state, desk.catalog, desk.policy)
        persons = max(request.persons, asked)
    if first := first_of_two(request, approved, persons, desk.person):
        return Grant((first,))
    if request.signed and persons > 1:
        approved = approved.model_copy(update={"persons": (request.signed.person, desk.person)})
    return _after_approval(request, approved, desk)


def _countersign(wish: c.Countersign, desk: Desk) -> Grant:
    if _request(desk, wish.request).signed is None:
        todo = "Whoever holds the control approves it first"
        raise _refuse("nobody has approved this yet", todo=todo)
    return _approve(wish, desk)


def _confirmed(wish: c.Approve, plan: Plan | None, desk: Desk) -> None:
    """Every destructive step that this approval is asked for must be confirmed by its own hash."""
    if plan is None:
        raise _refuse("there is no plan")
    asking = asking_in(desk.state, plan)
    for step in confirmable(plan, desk.catalog):
        if step.id not in asking:
            continue
        if step.enabled and wish.steps.get(step.id) != desk.hasher.step(step):
            raise _refuse("it is destructive and was not confirmed", step=step.id)


def _after_approval(request: Request, approved: ev.Approved, desk: Desk) -> Grant:
    match request.scope:
        case "gate" | "step" | "compensation":
            return Grant((approved, ev.StepReleased(step=request.step, by=desk.by)))
        case "revision" if desk.state.proposal:
            return Grant((approved, accepted(desk, desk.state.proposal, approved.how)))
        case "decision":
            return _decided(request, approved, desk)
        case "in_doubt":
            return _doubt_settled(request, approved, desk)
        case "tool":
            return _tool_settled(request, approved, desk)
        case _:
            return Grant((approved,))


def _doubt_settled(request: Request, approved: ev.Approved, desk: Desk) -> Grant:
    """What the operator knows, or wants done, about a step in doubt."""
    match approved.answer:
        case "probe":
            return Grant((approved,), probe=request.step)
        case "roll_back":
            return Grant((approved,), closing="rollback")
        case "done" | "failed" | "run_again" as verdict:
            ruled = _rule(c.Rule(step=request.step, verdict=verdict), desk)
            return Grant((approved, *ruled.events), retry=ruled.retry)
        case _:
            return Grant((approved,), cancel=running_keys(desk.state), closing="stop")


def _tool_settled(request: Request, approved: ev.Approved, desk: Desk) -> Grant:
    """What the operator says to a tool that is not defined as it was approved: the catalog takes it up, or
    the step is dealt with like any that failed."""
    if approved.answer != "trust":
        return _decided(request, approved, desk)
    attempt = desk.state.step(request.step).attempt
    action = desk.state.find(request.step).action
    assert attempt is not None
    assert attempt.changed is not None
    try:
        catalog = with_definition(desk.catalog, action, attempt.changed)
    except ValueError as error:
        raise _refuse(f"{action} cannot be called as it is defined now: {error}", step=request.step) from None
    return Grant((approved, ev.CatalogLoaded(catalog=catalog)), retry=request.step)


def accepted(desk: Desk, proposal: Proposal, how: str) -> ev.RevisionAccepted:
    """The event that makes a proposal the plan."""
    plan = proposal.plan
    return ev.RevisionAccepted(
        revision=desk.state.revision + 1,
        plan=plan,
        plan_hash=desk.hasher.plan(plan),
        by=desk.by,
        how=how,
        voided=_voided(desk, plan),
        falls_back=proposal.falls_back,
    )


def _decided(request: Request, approved: ev.Approved, desk: Desk) -> Grant:
    """What the operator chose to do about a failed step."""
    step = request.step
    match approved.answer:
        case "retry":
            return Grant((approved,), retry=step)
        case "skip":
            return Grant((approved, ev.StepSkipped(step=step, by=desk.by, reason="skipped after it failed")))
        case "mark_done":
            return Grant((approved, ev.StepMarkedDone(step=step, by=desk.by)))
        case "replan":
            return Grant((approved,), replan="")
        case "roll_back":
            return Grant((approved,), cancel=running_keys(desk.state), closing="rollback")
        case _:
            return Grant((approved,), cancel=running_keys(desk.state), closing="stop")


def _deny(wish: c.Deny, desk: Desk) -> Grant:
    request = _request(desk, wish.request)
    denied = ev.Denied(
        request=request.id, scope=request.scope, by=desk.by, step=request.step, reason=wish.reason
    )
    match request.scope:
        case "plan" if desk.state.status is _R.AWAITING_APPROVAL:
            end = ev.RunFinished(
                outcome="rejected", exit_code=3, reason=wish.reason or "the plan was rejected"
            )
            return Grant((denied, end))
        case "revision":
            return Grant((denied, ev.RevisionRejected(by=desk.by, reason=wish.reason)))
        case "gate" | "step":
            return Grant((denied, *_leave_out(request.step, desk, wish.reason or "refused by the operator")))
        case "compensation":
            return Grant(
                (denied, ev.StepSkipped(step=request.step, by=desk.by, reason="refused by the operator"))
            )
        case _:
            return Grant((denied,), cancel=running_keys(desk.state), closing="stop")


def _leave_out(step: StepId, desk: Desk, reason: str) -> tuple[ev.Event, ...]:
    return (ev.StepSkipped(step=step, by=desk.by, reason=reason),)


# ── the plan ─────────────────────────────────────────────────────────────────────────────────────


def _change_plan(wish: c.ChangePlan, desk: Desk) -> Grant:
    state = desk.state
    if wish.revision != state.revision:
        raise StaleRevision(
            f"the plan is at revision {state.revision}, the edit was made on {wish.revision}",
            kept="the edit was not applied",
            todo="Look at the newer revision and edit again",
        )
    if state.status not in (_R.DRAFTING, _R.AWAITING_APPROVAL, *LIVE):
        raise _refuse(f"the run is {state.status.replace('_', ' ')}")
    if problems := [*faults_of(wish.plan), *misfits(wish.plan, desk.catalog), *taken(wish.plan, state)]:
        raise _refuse(_summary(problems), todo="Mend it and try again")
    _started_untouched(wish.plan, desk)
    gone = _voided(desk, wish.plan)
    outdated = _outdated(wish.plan, desk)
    withdrawn = tuple(
        ev.RequestWithdrawn(request=r.id, reason="the plan was changed")
        for r in state.requests.values()
        if r.scope in ("plan", "revision") or r.step in outdated
    )
    asked_anew = tuple(ev.StepReleased(step=step) for step in outdated if state.steps[step].status is _S.HELD)
    edited = ev.PlanEdited(
        revision=state.revision + 1,
        plan=wish.plan,
        plan_hash=desk.hasher.plan(wish.plan),
        summary=wish.summary,
        by=desk.by,
        voided=gone,
    )
    return Grant((*withdrawn, *asked_anew, edited))


def _propose(wish: c.Propose, desk: Desk) -> Grant:
    """The operator's own form of a revision takes the place of the one that waits."""
    state, proposal = desk.state, desk.state.proposal
    if proposal is None or proposal.hash != wish.instead:
        raise StaleRevision(
            "the revision that was changed does not wait any more",
            kept="nothing was changed",
            todo="Look at what waits now",
        )
    if problems := [*faults_of(wish.plan), *misfits(wish.plan, desk.catalog)]:
        raise _refuse(_summary(problems), todo="Mend it and try again")
    _started_untouched(wish.plan, desk, may_go=(_S.FAILED, _S.CANCELLED))
    hash_ = desk.hasher.plan(wish.plan)
    if hash_ == state.plan_hash:
        raise _refuse("nothing is left of the revision", todo="Reject it instead")
    withdrawn = tuple(
        ev.RequestWithdrawn(request=r.id, reason="the revision was changed")
        for r in state.requests.values()
        if r.scope == "revision"
    )
    proposed = ev.RevisionProposed(
        plan=wish.plan,
        hash=hash_,
        reason=proposal.reason,
        planner=proposal.planner,
        model=proposal.model,
        repairs=proposal.repairs,
        falls_back=proposal.falls_back,
        changed_by=desk.by,
    )
    number = state.seq + len(withdrawn) + 2
    asked = ev.ApprovalRequested(request=f"q{number}", scope="revision", hash=hash_, question=proposal.reason)
    return Grant((*withdrawn, proposed, asked))


def _voided(desk: Desk, plan: Plan) -> tuple[StepId, ...]:
    """The steps of `plan` whose approval falls with it; while nothing was approved, none does."""
    return () if desk.state.approved_plan is None else tuple(asking_in(desk.state, plan))


def _outdated(plan: Plan, desk: Desk) -> tuple[StepId, ...]:
    """The steps with a question that would be about something else in `plan`."""
    new = {leaf.id: leaf for leaf in plan.leaves()}
    asked = [r.step for r in desk.state.requests.values() if r.scope in ("step", "gate")]
    old = desk.state.leaves
    return tuple(
        name
        for name in dict.fromkeys(asked)
        if name not in new or desk.hasher.step(old[name]) != desk.hasher.step(new[name])
    )


def taken(plan: Plan, state: RunState) -> list[Fault]:
    """Steps of a plan whose ids belong to calls of agents."""
    return [
        Fault(0, step.id, "its id is that of a call which an agent has made", "choose another")
        for step, _ in plan.walk()
        if step.id in state.calls
    ]


def _summary(problems: list[Fault]) -> str:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"the plan is not valid: {problems[0]}{more}"


def _started_untouched(plan: Plan, desk: Desk, *, may_go: tuple[StepStatus, ...] = ()) -> None:
    new = {leaf.id: leaf for leaf in plan.leaves()}
    for leaf in desk.state.leaves.values():
        state = desk.state.steps[leaf.id]
        if not state.attempts:
            continue
        if leaf.id not in new:
            if state.status in may_go:
                continue
            raise _refuse(
                "it has started and cannot be removed", step=leaf.id, todo="Skip it or roll it back"
            )
        if not _same(leaf, new[leaf.id]):
            raise _refuse(
                "it has started and cannot be edited", step=leaf.id, todo="Override it or roll it back"
            )


def _same(old: Step, new: Step) -> bool:
    told = {"description": "", "explain": {}, "depends_on": ()}
    return old.model_copy(update=told) == new.model_copy(update=told)


# ── the course of the run ────────────────────────────────────────────────────────────────────────


def _pause(_: c.Pause, desk: Desk) -> Grant:
    if desk.state.status not in (_R.RUNNING, _R.AWAITING_DECISION):
        raise _refuse(f"the run is {desk.state.status.replace('_', ' ')}")
    return Grant((ev.RunPaused(by=desk.by),))


def _continue(_: c.Continue, desk: Desk) -> Grant:
    if desk.state.status is not _R.PAUSED:
        raise _refuse(f"the run is {desk.state.status.replace('_', ' ')}")
    return Grant((ev.RunContinued(by=desk.by),))


def _stop(_: c.Stop, desk: Desk) -> Grant:
    if desk.state.status.is_final:
        raise _refuse(f"the run is {desk.state.status.replace('_', ' ')}")
    return Grant(cancel=running_keys(desk.state), closing="stop")


def running_keys(state: RunState) -> tuple[str, ...]:
    """The keys of all attempts that run."""
    steps = [*state.steps.values(), *(state.rollback.steps.values() if state.rollback else ())]
    return tuple(s.attempt.key for s in steps if s.status is _S.RUNNING and s.attempt)


def _replan(wish: c.Replan, desk: Desk) -> Grant:
    if desk.state.status is _R.DRAFTING and desk.state.error and not desk.state.planning:
        return Grant(replan=wish.words)
    if desk.state.status not in (_R.AWAITING_APPROVAL, _R.RUNNING, _R.PAUSED, _R.AWAITING_DECISION):
        raise _refuse(f"the run is {desk.state.status.replace('_', ' ')}")
    withdrawn = tuple(
        ev.RequestWithdrawn(request=r.id, reason="the planner was asked to revise the plan")
        for r in desk.state.requests.values()
        if r.scope in ("plan", "decision", "revision")
    )
    return Grant(withdrawn, replan=wish.words)


def _call_off(_: c.CallOff, desk: Desk) -> Grant:
    if not desk.state.planning:
        raise _refuse("the planner is not at work")
    return Grant(call_off=desk.by)


def _expand(wish: c.ExpandPhase, desk: Desk) -> Grant:
    plan = desk.state.plan
    if plan is None or not any(step.id == wish.phase and step.expand for step, _ in plan.walk()):
        raise _refuse("there is no phase to expand", step=wish.phase)
    asked = _replan(c.Replan(), desk)
    return Grant(asked.events, expand=wish.phase)


# ── steps ────────────────────────────────────────────────────────────────────────────────────────


def _hold(wish: c.Hold, desk: Desk) -> Grant:
    _step_in(desk, wish.step, _S.PENDING)
    return Grant((ev.StepHeld(step=wish.step, by=desk.by, reason=wish.reason or "held by the operator"),))


def _release(wish: c.Release, desk: Desk) -> Grant:
    _step_in(desk, wish.step, _S.HELD)
    if any(r.step == wish.step for r in desk.state.requests.values()):
        raise _refuse("it waits for an answer", step=wish.step, todo="Answer the question instead")
    return Grant((ev.StepReleased(step=wish.step, by=desk.by),))


def _cancel(wish: c.Cancel, desk: Desk) -> Grant:
    _step_in(desk, wish.step, _S.RUNNING)
    call = open_call(desk.state, wish.step) if wish.step in desk.state.steps else ""
    attempts = [desk.state.step(step).attempt for step in (wish.step, call) if step]
    return Grant(cancel=tuple(attempt.key for attempt in attempts if attempt))


def _retry(wish: c.Retry, desk: Desk) -> Grant:
    allowed = LIVE if not desk.state.is_item(wish.step) else (_R.ROLLING_BACK,)
    if desk.state.status not in allowed:
        raise _refuse(f"the run is {desk.state.status.replace('_', ' ')}", step=wish.step)
    _step_in(desk, wish.step, _S.FAILED, _S.CANCELLED, _S.UNDONE)
    _not_over(wish.step, desk)
    return Grant(_settled_questions(wish.step, desk), retry=wish.step)


def _not_over(step: StepId, desk: Desk) -> None:
    """An agent decides itself what it does after a call; only an open one is for the operator."""
    agent = desk.state.step(step).parent
    if agent and step != open_call(desk.state, agent):
        todo = f"Retry step {agent}, or add a step of your own"
        raise _refuse(f"it is a call of the agent of step {agent}, and over", step=step, todo=todo)


def _settled_questions(step: StepId, desk: Desk) -> tuple[ev.Event, ...]:
    return tuple(
        ev.RequestWithdrawn(request=r.id, reason="settled by the operator")
        for r in desk.state.requests.values()
        if r.step == step
    )


def _skip(wish: c.Skip, desk: Desk) -> Grant:
    _step_in(desk, wish.step, _S.PENDING, _S.HELD, _S.FAILED, _S.CANCELLED, _S.IN_DOUBT, _S.UNDONE)
    _not_over(wish.step, desk)
    reason = wish.reason or "skipped by the operator"
    return Grant(
        (*_settled_questions(wish.step, desk), ev.StepSkipped(step=wish.step, by=desk.by, reason=reason))
    )


def _mark_done(wish: c.MarkDone, desk: Desk) -> Grant:
    _step_in(desk, wish.step, _S.PENDING, _S.HELD, _S.FAILED, _S.CANCELLED, _S.IN_DOUBT)
    _not_over(wish.step, desk)
    done = ev.StepMarkedDone(step=wish.step, by=desk.by, result=wish.result)
    return Grant((*_settled_questions(wish.step, desk), done))


def _rule(wish: c.Rule, desk: Desk) -> Grant:
    _step_in(desk, wish.step, _S.IN_DOUBT)
    settled = tuple(e for e in _settled_questions(wish.step, desk))
    match wish.verdict:
        case "done":
            return Grant((*settled, ev.StepMarkedDone(step=wish.step, by=desk.by, result=wish.result)))
        case "failed":
            return Grant((*settled, ev.StepMarkedFailed(step=wish.step, by=desk.by)))
        case "run_again":
            _not_over(wish.step, desk)
            return Grant(settled, retry=wish.step)


def _probe(wish: c.Probe, desk: Desk) -> Grant:
    step = (desk.state.leaves | desk.state.calls).get(wish.step)
    tool = desk.catalog.get(step.action) if step else None
    if tool is None or not tool.probe:
        raise _refuse("its tool has no probe", step=wish.step)
    return Grant(probe=wish.step)


def _abandon(wish: c.Abandon, desk: Desk) -> Grant:
    _step_in(desk, wish.step, _S.RUNNING)
    attempt = desk.state.step(wish.step).attempt
    assert attempt is not None
    step = desk.state.leaves.get(wish.step)
    if step is not None and profile_of(step, desk.catalog):
        raise _refuse("an agent has no host; its calls have", step=wish.step, todo="Cancel it instead")
    reason = f"{desk.by} gave its host up"
    return Grant((ev.StepInDoubt(step=wish.step, attempt=attempt.number, reason=reason),))


# ── rolling back ─────────────────────────────────────────────────────────────────────────────────


def preview(desk: Desk, back_to: StepId | None, ties: dict[StepId, tuple[StepId, ...]]) -> ev.RollbackPlan:
    """The rollback as it would be now. Raises `ControlRefused` when there is nothing to undo."""
    plan = desk.state.everything()
    if plan is None:
        raise _refuse("there is no plan")
    if back_to and back_to not in desk.state.steps:
        raise _refuse("there is no such step", step=back_to)
    return plan_rollback(plan, desk.catalog, desk.state, back_to=back_to, ties=ties)


def _preview_rollback(wish: c.PreviewRollback, desk: Desk) -> Grant:
    rollback = preview(desk, wish.back_to, {})
    return Grant(answer={"rollback": rollback, "hash": rollback_hash(rollback)})


def _roll_back(wish: c.RollBack, desk: Desk) -> Grant:
    _live(desk)
    shown = preview(desk, wish.back_to, {})
    if rollback_hash(shown) != wish.hash:
        raise StaleRevision("the run went on after the rollback was shown", todo="Look at the rollback again")
    if running := running_keys(desk.state):
        return Grant(cancel=running, closing="rollback")
    rollback = preview(desk, wish.back_to, wish.ties) if wish.ties else shown
    started = ev.RollbackStarted(rollback=rollback, hash=rollback_hash(rollback), by=desk.by)
    return Grant((started,))


def _request_rollback(wish: c.RequestRollback, desk: Desk) -> Grant:
    return Grant((requested(desk.state, by=desk.by, reason=wish.reason, back_to=wish.back_to),))


def _decline_rollback(wish: c.DeclineRollback, desk: Desk) -> Grant:
    if not desk.state.rollback_requests:
        raise _refuse("nobody has asked for a rollback")
    return Grant((ev.RollbackDeclined(by=desk.by, reason=wish.reason),))


_GRANTS: dict[type[c.Wish], Callable[[Any, Desk], Grant]] = {
    c.Approve: _approve,
    c.Countersign: _countersign,
    c.Deny: _deny,
    c.ChangePlan: _change_plan,
    c.Propose: _propose,
    c.Pause: _pause,
    c.Continue: _continue,
    c.Stop: _stop,
    c.Hold: _hold,
    c.Release: _release,
    c.Cancel: _cancel,
    c.Retry: _retry,
    c.Skip: _skip,
    c.MarkDone: _mark_done,
    c.Rule: _rule,
    c.Probe: _probe,
    c.Replan: _replan,
    c.CallOff: _call_off,
    c.ExpandPhase: _expand,
    c.PreviewRollback: _preview_rollback,
    c.RollBack: _roll_back,
    c.Abandon: _abandon,
    c.RequestRollback: _request_rollback,
    c.DeclineRollback: _decline_rollback,
}
