"""Answers to the questions of a run, approvals first: what each of them comes to. Pure."""

from __future__ import annotations

from console.catalog.mcp import with_definition
from console.errors import StaleRevision
from console.plan.model import Plan, StepId
from console.run import control as c
from console.run import events as ev
from console.run.approval import confirmable
from console.run.countersign import first_of_two, persons_for
from console.run.desk import Desk, Grant, ends, refuse
from console.run.interventions import rule
from console.run.life import RunStatus
from console.run.renewal import asking_in
from console.run.revising import accepted
from console.run.standing import Request

DECISIONS = ("retry", "skip", "mark_done", "replan", "roll_back", "stop")


def approve(wish: c.Approve, desk: Desk) -> Grant:
    """Approve what waits. Refused when it is not what was shown, or not whole."""
    request = _request(desk, wish.request)
    if wish.hash != request.hash or not _is_current(request, desk):
        raise StaleRevision(
            "it changed after it was shown", kept="nothing was approved", todo="Look at it again"
        )
    if request.options and wish.answer not in request.options:
        raise refuse(f"the answer is one of {', '.join(request.options)}", step=request.step)
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
        signature=wish.signature,
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


def countersign(wish: c.Countersign, desk: Desk) -> Grant:
    """Approve as the second of two persons; signed, also as the first."""
    if _request(desk, wish.request).signed is None and not wish.signature:
        todo = "Whoever holds the control approves it first"
        raise refuse("nobody has approved this yet", todo=todo)
    return approve(wish, desk)


def deny(wish: c.Deny, desk: Desk) -> Grant:
    """Say no to what waits."""
    request = _request(desk, wish.request)
    denied = ev.Denied(
        request=request.id, scope=request.scope, by=desk.by, step=request.step, reason=wish.reason
    )
    match request.scope:
        case "plan" if desk.state.status is RunStatus.AWAITING_APPROVAL:
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
            return ends(desk, "stop", denied)


def _request(desk: Desk, request: str) -> Request:
    found = desk.state.requests.get(request)
    if found is None:
        raise refuse("this question is not open any more", todo="Look at what waits now")
    return found


def _is_current(request: Request, desk: Desk) -> bool:
    """Whether what a question about a plan was put for is still that plan."""
    state = desk.state
    if request.scope == "plan":
        return request.hash == state.plan_hash
    if request.scope == "revision":
        return state.proposal is not None and request.hash == state.proposal.hash
    return True


def _confirmed(wish: c.Approve, plan: Plan | None, desk: Desk) -> None:
    """Every destructive step that this approval is asked for must be confirmed by its own hash."""
    if plan is None:
        raise refuse("there is no plan")
    asking = asking_in(desk.state, plan)
    for step in confirmable(plan, desk.catalog):
        if step.id in asking and wish.steps.get(step.id) != desk.hasher.step(step):
            raise refuse("it is destructive and was not confirmed", step=step.id)


def _after_approval(request: Request, approved: ev.Approved, desk: Desk) -> Grant:
    match request.scope:
        case "gate" | "step" | "compensation":
            return Grant((approved, ev.StepReleased(step=request.step, by=desk.by)))
        case "revision" if desk.state.proposal:
            return Grant((approved, *accepted(desk, desk.state.proposal, approved.how)))
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
            return ends(desk, "rollback", approved)
        case "done" | "failed" | "run_again" as verdict:
            ruled = rule(c.Rule(step=request.step, verdict=verdict), desk)
            return Grant((approved, *ruled.events), retry=ruled.retry)
        case _:
            return ends(desk, "stop", approved)


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
        raise refuse(f"{action} cannot be called as it is defined now: {error}", step=request.step) from None
    return Grant((approved, ev.CatalogLoaded(catalog=catalog)), retry=request.step)


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
            return ends(desk, "rollback", approved)
        case _:
            return ends(desk, "stop", approved)


def _leave_out(step: StepId, desk: Desk, reason: str) -> tuple[ev.Event, ...]:
    return (ev.StepSkipped(step=step, by=desk.by, reason=reason),)
