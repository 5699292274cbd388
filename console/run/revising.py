"""Changes that the operator makes to a plan, or to a revision that waits: what each comes to. Pure."""

from __future__ import annotations

from console.errors import Fault, StaleRevision
from console.plan import tree
from console.plan.codec import faults_of
from console.plan.model import Plan, Step, StepId
from console.run import control as c
from console.run import events as ev
from console.run.desk import Desk, Grant, refuse
from console.run.life import LIVE, RunStatus, StepStatus
from console.run.renewal import asking_in
from console.run.standing import Proposal, Request
from console.run.state import RunState

_S, _R = StepStatus, RunStatus

_OVER = (_S.SUCCEEDED, _S.FAILED, _S.CANCELLED, _S.SKIPPED, _S.UNDONE, _S.UNDO_FAILED)
"""Where a step is that has run and of which nothing more comes."""


def change_plan(wish: c.ChangePlan, desk: Desk) -> Grant:
    """The operator's edit becomes the plan. Refused when it is not valid or made on an older revision."""
    state = desk.state
    if wish.revision != state.revision:
        raise StaleRevision(
            f"the plan is at revision {state.revision}, the edit was made on {wish.revision}",
            kept="the edit was not applied",
            todo="Look at the newer revision and edit again",
        )
    if state.status not in (_R.DRAFTING, _R.AWAITING_APPROVAL, *LIVE):
        raise refuse(f"the run is {state.status.replace('_', ' ')}")
    plan = tree.shared(wish.plan, state.plan) if state.plan else wish.plan
    if problems := [*faults_of(plan), *desk.misfits(plan), *taken(plan, state)]:
        raise refuse(_summary(problems), todo="Mend it and try again")
    _started_untouched(plan, desk)
    gone = voided(desk, plan)
    withdrawn = _fallen_away(plan, desk, "the plan was changed", ("plan", "revision"))
    edited = ev.PlanEdited(
        revision=state.revision + 1,
        plan=plan,
        plan_hash=desk.hasher.plan(plan),
        summary=wish.summary,
        by=desk.by,
        voided=gone,
    )
    return Grant((*withdrawn, edited))


def propose(wish: c.Propose, desk: Desk) -> Grant:
    """The operator's own form of a revision takes the place of the one that waits."""
    state, proposal = desk.state, desk.state.proposal
    if proposal is None or proposal.hash != wish.instead:
        raise StaleRevision(
            "the revision that was changed does not wait any more",
            kept="nothing was changed",
            todo="Look at what waits now",
        )
    if problems := [*faults_of(wish.plan), *desk.misfits(wish.plan)]:
        raise refuse(_summary(problems), todo="Mend it and try again")
    _started_untouched(wish.plan, desk, may_go=(_S.FAILED, _S.CANCELLED))
    hash_ = desk.hasher.plan(wish.plan)
    if hash_ == state.plan_hash:
        raise refuse("nothing is left of the revision", todo="Reject it instead")
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


def voided(desk: Desk, plan: Plan) -> tuple[StepId, ...]:
    """The steps of `plan` whose approval falls with it; while nothing was approved, none does."""
    return () if desk.state.approved_plan is None else tuple(asking_in(desk.state, plan))


def _fallen_away(
    plan: Plan, desk: Desk, why: str, over: tuple[ev.Scope, ...]
) -> tuple[ev.RequestWithdrawn, ...]:
    """The end of every question that means nothing once `plan` is the plan: those of the scopes `over`, and
    those about a step that is not in it or would be another. A step that waited for one is asked about anew
    in its turn."""
    state, hasher = desk.state, desk.hasher
    new = {leaf.id: leaf for leaf in plan.leaves()}

    def is_over(request: Request) -> bool:
        was, step = state.leaves.get(request.step), new.get(request.step)
        if request.scope in over or was is None:
            return request.scope in over
        return step is None or (request.scope in ("step", "gate") and hasher.step(was) != hasher.step(step))

    requests = state.requests.values()
    return tuple(ev.RequestWithdrawn(request=r.id, reason=why) for r in requests if is_over(r))


def accepted(desk: Desk, proposal: Proposal, how: str) -> tuple[ev.Event, ...]:
    """The events that make a proposal the plan. What was asked about failed steps falls away: the revision is
    the answer. Refused where a step runs by now that it drops."""
    plan, state = proposal.plan, desk.state
    _started_untouched(plan, desk, may_go=_OVER)
    over: tuple[ev.Scope, ...] = ("plan", "revision", "decision", "tool")
    revision = ev.RevisionAccepted(
        revision=state.revision + 1,
        plan=plan,
        plan_hash=desk.hasher.plan(plan),
        by=desk.by,
        how=how,
        voided=voided(desk, plan),
        falls_back=proposal.falls_back,
    )
    return (*_fallen_away(plan, desk, "the plan was revised", over), revision)


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
            raise refuse("it has started and cannot be removed", step=leaf.id, todo="Skip it or roll it back")
        if not _same(leaf, new[leaf.id]):
            raise refuse(
                "it has started and cannot be edited", step=leaf.id, todo="Override it or roll it back"
            )


def _same(old: Step, new: Step) -> bool:
    told = {"description": "", "explain": {}, "depends_on": ()}
    return old.model_copy(update=told) == new.model_copy(update=told)
