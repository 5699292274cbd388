"""What is true of a run: the fold over its events.

A live run, a resumed one and a replay all go through `RunState.apply`. What may follow what is in the
two tables of run/life.py; an event they do not allow raises `IllegalEvent` and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from console.catalog.spec import Catalog
from console.errors import Fault, IllegalEvent
from console.plan.model import Plan, Step, StepId
from console.run import events as ev
from console.run.life import (
    BEFORE_START,
    COURSE,
    FINAL,
    RUN_LIFE,
    STEP_LIFE,
    UNSETTLED,
    RunStatus,
    StepStatus,
)
from console.run.standing import (
    Approval,
    Proposal,
    Request,
    Rollback,
    Signature,
    Spent,
    StepState,
)
from console.run.stepping import note

_R = RunStatus
THINKING = (_R.DRAFTING, _R.REPLANNING)
"""Where a planner may be at work."""


class RunState:
    """Everything that is true of a run after the records applied so far.

    `seq` is the last record's number. While the run is `paused` nothing starts by itself, whatever its
    status is besides: the planner may be at work, or a question wait. `tokens` and `cost` (US dollars) are
    what all planning has taken, `asking` what the planning under way has so far. `draft` and `faults` are
    what is left of a planning that failed, to be mended by hand; `error` says why it failed and `replan_of`
    which failed step it was about: both go when that step is settled, or any where it was about none. `base`
    is the plan as it was planned, accepted or approved last: what edits since are held against.
    `approved_plan` is the plan as it was last approved as a whole, and `approved_at` the revision since which
    each step of it is what it is; `voided` are the steps that an edit changed since. Reading is free for
    everybody; only `apply` writes.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.head = ""
        self.at = 0.0
        self.run = ""
        self.goal = ""
        self.task: dict[str, Any] = {}
        self.workspace = ""
        self.facts: tuple[str, ...] = ()
        self.limits: dict[str, float] = {}
        self.status = RunStatus.DRAFTING
        self.paused = False
        self.catalog = Catalog()
        self.plan: Plan | None = None
        self.plan_hash = ""
        self.revision = 0
        self.planner = ""
        self.model = ""
        self.repairs: tuple[str, ...] = ()
        self.because = ""
        self.prompt = ""
        self.planning = ""
        self.planning_at = 0.0
        self.asking = Spent()
        self.error = ""
        self.replan_of: StepId = ""
        self.draft = ""
        self.faults: tuple[Fault, ...] = ()
        self.tokens = 0
        self.cost = 0.0
        self.steps: dict[StepId, StepState] = {}
        self.leaves: dict[StepId, Step] = {}
        self.retired: dict[StepId, Step] = {}
        self.calls: dict[StepId, Step] = {}
        self.requests: dict[str, Request] = {}
        self.approvals: list[Approval] = []
        self.base: Plan | None = None
        self.approved_plan: Plan | None = None
        self.approved_at: dict[StepId, int] = {}
        self.voided: frozenset[StepId] = frozenset()
        self.proposal: Proposal | None = None
        self.replans = 0
        self.fell_back = False
        self.failed_plans: list[str] = []
        self.rollback: Rollback | None = None
        self.rollbacks = 0
        self.end: ev.EndChosen | None = None
        self.finished: ev.RunFinished | None = None
        self.created_at = 0.0
        self.started_at = 0.0
        self.ended_at = 0.0
        self.engine: ev.EngineStarted | None = None
        self.policy: ev.PolicyLoaded | None = None
        self.engine_at = 0.0
        self.warnings: list[ev.Warned] = []
        self.rollback_requests: list[ev.RollbackRequested] = []
        self._counted: tuple[int, dict[StepStatus, int]] = (0, {})

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def step(self, step_id: StepId) -> StepState:
        """The state of a step, or of an item of the current rollback. `KeyError` when there is none."""
        if step_id in self.steps:
            return self.steps[step_id]
        if self.rollback and step_id in self.rollback.steps:
            return self.rollback.steps[step_id]
        raise KeyError(step_id)

    def is_item(self, step_id: StepId) -> bool:
        """Whether this id is an item of the current rollback."""
        return step_id not in self.steps and self.rollback is not None and step_id in self.rollback.steps

    def find(self, step_id: StepId) -> Step:
        """A step of the plan, a retired one, an agent's call, or an item of the current rollback, as it is
        written. `KeyError` when there is none."""
        if self.rollback and self.is_item(step_id):
            return next(item.step for item in self.rollback.plan.items if item.step.id == step_id)
        for known in (self.leaves, self.calls):
            if step_id in known:
                return known[step_id]
        return self.retired[step_id]

    def calls_of(self, step_id: StepId) -> list[Step]:
        """The calls that an agent's step has made, in their order."""
        return [self.calls[turn.call] for turn in self.steps[step_id].turns if turn.call]

    def waits_for_a_person(self, step_id: StepId) -> bool:
        """Whether a running agent has made a call that is held."""
        turns = self.steps[step_id].turns
        return bool(turns and turns[-1].call and self.steps[turns[-1].call].status is StepStatus.HELD)

    def everything(self) -> Plan | None:
        """The plan with what only a rollback still looks at: the retired steps, and the calls of agents
        as steps before theirs."""
        if self.plan is None or not (self.retired or self.calls):
            return self.plan
        ids = {step.id for step, _ in self.plan.walk()} | set(self.retired)
        retired = tuple(
            step.model_copy(update={"depends_on": tuple(d for d in step.depends_on if d in ids)})
            for step in self.retired.values()
        )
        return self.plan.model_copy(update={"steps": self._with_calls((*retired, *self.plan.steps))})

    def _with_calls(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        whole: list[Step] = []
        for step in steps:
            before = step.depends_on
            for call in self.calls_of(step.id) if step.id in self.steps else ():
                whole.append(call.model_copy(update={"depends_on": before}))
                before = (call.id,)
            changed: dict[str, object] = {"depends_on": tuple(dict.fromkeys((*step.depends_on, *before)))}
            if step.steps:
                changed["steps"] = self._with_calls(step.steps)
            whole.append(step.model_copy(update=changed))
        return tuple(whole)

    def counts(self) -> dict[StepStatus, int]:
        """How many leaf steps are in each status."""
        if self._counted[0] != self.seq:
            totals: dict[StepStatus, int] = {}
            for step_id in self.leaves:
                status = self.steps[step_id].status
                totals[status] = totals.get(status, 0) + 1
            self._counted = (self.seq, totals)
        return self._counted[1]

    @classmethod
    def of(cls, records: Iterable[ev.Record]) -> RunState:
        """The fold over `records`."""
        state = cls()
        for record in records:
            state.apply(record)
        return state

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def apply(self, record: ev.Record) -> None:
        """Take in one record. Raises `IllegalEvent`, with nothing changed, when it cannot follow."""
        event = record.event
        if isinstance(event, ev.StepEvent):
            self._apply_step(event, record)
        else:
            status = self._course(event)
            if handler := _HANDLERS.get(event.kind):
                handler(self, event, record.at)
            self.status = status
        if self.planning and self.status not in THINKING:
            self._end_planning()
        self.seq, self.at, self.head = record.seq, record.at, record.hash

    def _course(self, event: ev.Event) -> RunStatus:
        if isinstance(event, ev.RunFinished):
            if (self.status, "run_finished") not in RUN_LIFE:
                raise IllegalEvent(f"run_finished while the run is {self.status}")
            return RunStatus(event.outcome)
        trigger = event.kind
        if isinstance(event, ev.ApprovalRequested) and event.scope in ("decision", "in_doubt", "tool"):
            trigger = "decision_awaited"
            if (self.status, trigger) not in RUN_LIFE:
                return self.status
        if (
            not self.started_at
            and trigger in BEFORE_START
            and self.status in (_R.REPLANNING, _R.AWAITING_APPROVAL)
        ):
            return BEFORE_START[trigger]
        if trigger not in COURSE:
            return self.status
        try:
            after = RUN_LIFE[self.status, trigger]
        except KeyError:
            raise IllegalEvent(f"{event.kind} while the run is {self.status}") from None
        return _R.PAUSED if self.paused and trigger == "revision_accepted" else after

    # ── steps ────────────────────────────────────────────────────────────────────────────────────

    def _apply_step(self, event: ev.StepEvent, record: ev.Record) -> None:
        if self.status in FINAL:
            raise IllegalEvent(f"{event.kind} after the run had {self.status}", where=f"step {event.step}")
        try:
            step = self.step(event.step)
        except KeyError:
            raise IllegalEvent(
                f"{event.kind} for a step that is not there", where=f"step {event.step}"
            ) from None
        kind = event.kind
        if kind != "step_probed":
            self._go_on(step, event, kind)
        note(step, event, record)
        if handler := _HANDLERS.get(kind):
            handler(self, event, record.at)

    def _go_on(self, step: StepState, event: ev.StepEvent, kind: str) -> None:
        """Where the step is in its life after `event`."""
        try:
            after = STEP_LIFE[step.status, kind]
        except KeyError:
            raise IllegalEvent(
                f"{kind} while the step is {step.status}", where=f"step {event.step}"
            ) from None
        if self.rollback is not None and self.is_item(event.step):
            self._apply_undo(event.step, kind, after)
        if step.status in UNSETTLED and after not in UNSETTLED and self.replan_of in ("", event.step):
            self._forget_error()
        step.status = after

    def _on_step_intended(self, event: ev.StepIntended, at: float) -> None:
        for approval in self.approvals:
            if approval.step == event.step and approval.scope in ("step", "compensation"):
                approval.used = True

    def _on_agent_thought(self, event: ev.AgentThought, at: float) -> None:
        if event.call is not None:
            self.calls[event.call.id] = event.call
            self.steps[event.call.id] = StepState(parent=event.step)
        self.tokens += event.tokens
        self.cost += event.cost

    def _apply_undo(self, item: StepId, kind: str, item_after: StepStatus) -> None:
        """Carry what happens to a rollback item over to the steps it undoes."""
        trigger = {
            "step_intended": "undo_intended",
            "step_succeeded": "undo_succeeded",
            "step_marked_done": "undo_succeeded",
            "step_failed": "undo_failed",
            "step_cancelled": "undo_failed",
            "step_in_doubt": "undo_failed",
        }.get(kind)
        rollback = self.rollback
        if trigger is None or rollback is None:
            return
        for subject in rollback.items_undoing(item):
            state = self.steps.get(subject)
            if state is None:
                continue
            after = STEP_LIFE.get((state.status, trigger), state.status)
            if after is StepStatus.UNDONE:
                others = [
                    rollback.steps[entry.step.id].status
                    for entry in rollback.plan.items
                    if subject in entry.undoes and entry.step.id != item and entry.fate == "planned"
                ]
                if any(s in (StepStatus.FAILED, StepStatus.CANCELLED, StepStatus.IN_DOUBT) for s in others):
                    after = StepStatus.UNDO_FAILED
                elif any(s is not StepStatus.SUCCEEDED and s is not StepStatus.SKIPPED for s in others):
                    after = StepStatus.UNDOING
            state.status = after

    # ── the run and its plan ─────────────────────────────────────────────────────────────────────

    def _on_run_created(self, event: ev.RunCreated, at: float) -> None:
        self.run, self.goal, self.task = event.run, event.goal, event.task
        self.workspace, self.facts, self.limits = event.workspace, event.facts, event.limits
        self.created_at = at

    def _on_catalog_loaded(self, event: ev.CatalogLoaded, at: float) -> None:
        self.catalog = event.catalog

    def _on_engine_started(self, event: ev.EngineStarted, at: float) -> None:
        self.engine, self.engine_at = event, at

    def _on_engine_stopped(self, event: ev.EngineStopped, at: float) -> None:
        self.engine = None

    def _on_run_started(self, event: ev.RunStarted, at: float) -> None:
        self.started_at = self.started_at or at

    def _on_run_paused(self, event: ev.RunPaused, at: float) -> None:
        self.paused = True

    def _on_run_continued(self, event: ev.RunContinued, at: float) -> None:
        self.paused = False

    def _on_run_finished(self, event: ev.RunFinished, at: float) -> None:
        self.finished, self.ended_at, self.paused, self.end = event, at, False, None
        self.requests.clear()

    def _on_end_chosen(self, event: ev.EndChosen, at: float) -> None:
        self.end = event

    def _on_run_reopened(self, event: ev.RunReopened, at: float) -> None:
        self.finished, self.ended_at = None, 0.0

    def _on_warned(self, event: ev.Warned, at: float) -> None:
        self.warnings.append(event)

    def _on_planning_started(self, event: ev.PlanningStarted, at: float) -> None:
        self._begin_planning("planning", event.model, event.prompt, at)
        self.planner = event.planner

    def _on_planning_progressed(self, event: ev.PlanningProgressed, at: float) -> None:
        self.planning = event.message
        self.asking = Spent(event.tokens, event.cost)

    def _on_planning_failed(self, event: ev.PlanningFailed, at: float) -> None:
        self._end_planning(event.tokens, event.cost)
        self.error, self.draft, self.faults = event.error, event.draft, event.faults

    def _on_plan_drafted(self, event: ev.PlanDrafted, at: float) -> None:
        self._take_plan(event.plan, event.plan_hash, event.revision)
        self.base = event.plan
        self.planner, self.model, self.repairs = event.planner, event.model, event.repairs
        self.prompt, self.because = event.prompt, event.reason
        self._end_planning(event.tokens, event.cost)
        self.error = ""

    def _on_plan_edited(self, event: ev.PlanEdited, at: float) -> None:
        self._take_plan(event.plan, event.plan_hash, event.revision)
        self._forget_error()
        self.proposal = None
        self._void(event.voided)

    def _take_plan(self, plan: Plan, plan_hash: str, revision: int) -> None:
        """Make `plan` the plan. Steps that stay keep their state, new ones are pending, and started
        ones that it drops are retired: what they did may still have to be undone."""
        known = self.retired | self.leaves
        before, self.steps = self.steps, {}
        self.leaves = {leaf.id: leaf for leaf in plan.leaves()}
        for step_id in self.leaves:
            self.steps[step_id] = before.get(step_id) or StepState()
        for step_id, state in before.items():
            if step_id not in self.steps and (state.attempts or state.marked_by or state.parent):
                self.steps[step_id] = state
        self.retired = {
            step_id: known[step_id]
            for step_id in self.steps
            if step_id not in self.leaves and step_id not in self.calls
        }
        self.plan, self.plan_hash, self.revision = plan, plan_hash, revision

    def _void(self, voided: tuple[StepId, ...]) -> None:
        gone = self.voided = frozenset(voided)
        for approval in self.approvals:
            if approval.scope in ("step", "gate") and approval.step in gone:
                approval.used = True
            approval.steps = {k: v for k, v in approval.steps.items() if k not in gone}

    def _begin_planning(self, what: str, model: str, prompt: str, at: float) -> None:
        self._end_planning()  # one that was cut off has cost what it had told
        self.planning, self.planning_at = what, at
        self.model, self.prompt = model or self.model, prompt or self.prompt
        self._forget_error()

    def _forget_error(self) -> None:
        self.error, self.draft, self.faults, self.replan_of = "", "", (), ""

    def _end_planning(self, tokens: int = 0, cost: float = 0.0) -> None:
        """Count what a planning has taken: what it says at its end, and no less than it told before."""
        self.tokens += max(tokens, self.asking.tokens)
        self.cost += max(cost, self.asking.cost)
        self.asking, self.planning = Spent(), ""

    # ── asking ───────────────────────────────────────────────────────────────────────────────────

    def _on_approval_requested(self, event: ev.ApprovalRequested, at: float) -> None:
        self.requests[event.request] = Request(
            event.request,
            event.scope,
            event.hash,
            event.step,
            event.question,
            event.options,
            at,
            event.persons,
        )

    def _on_countersigned(self, event: ev.Countersigned, at: float) -> None:
        request = self.requests.get(event.request)
        if request is not None:
            request.signed, request.persons = Signature(event.by, event.person), event.persons

    def _on_policy_loaded(self, event: ev.PolicyLoaded, at: float) -> None:
        self.policy, self.approved_plan = event, None
        for approval in self.approvals:
            approval.used = True
        for request in self.requests.values():
            request.signed = None

    def _on_approved(self, event: ev.Approved, at: float) -> None:
        self.requests.pop(event.request, None)
        self.approvals.append(
            Approval(event.scope, event.hash, event.by, event.how, at, event.step, dict(event.steps))
        )
        if event.scope == "plan" and self.plan is not None:
            self._approve(self.plan)

    def _approve(self, plan: Plan) -> None:
        """`plan` is approved as a whole; what did not have to be asked about stays what it was."""
        known = self.approved_at
        self.approved_at = {
            leaf.id: self.revision if leaf.id in self.voided else known.get(leaf.id, self.revision)
            for leaf in plan.leaves()
        }
        self.approved_plan, self.voided, self.base = plan, frozenset(), plan

    def _on_denied(self, event: ev.Denied, at: float) -> None:
        self.requests.pop(event.request, None)

    def _on_request_withdrawn(self, event: ev.RequestWithdrawn, at: float) -> None:
        self.requests.pop(event.request, None)

    # ── replanning and rolling back ──────────────────────────────────────────────────────────────

    def _on_replan_started(self, event: ev.ReplanStarted, at: float) -> None:
        self.replans, self.proposal = event.number, None
        self._begin_planning("replanning", event.model, event.prompt, at)
        self.replan_of = event.step

    def _on_revision_proposed(self, event: ev.RevisionProposed, at: float) -> None:
        self.proposal = Proposal(
            event.plan,
            event.hash,
            event.reason,
            event.planner,
            event.model,
            event.repairs,
            event.falls_back,
            event.changed_by,
        )
        self._end_planning(event.tokens, event.cost)

    def _on_revision_accepted(self, event: ev.RevisionAccepted, at: float) -> None:
        self._take_plan(event.plan, event.plan_hash, event.revision)
        self._void(event.voided)
        self.base = event.plan
        if self.started_at:
            self._approve(event.plan)
        self.fell_back = event.falls_back
        self.proposal = None

    def _on_revision_rejected(self, event: ev.RevisionRejected, at: float) -> None:
        if self.proposal:
            self.failed_plans.append(self.proposal.hash)
        self.proposal = None

    def _on_replan_failed(self, event: ev.ReplanFailed, at: float) -> None:
        self._end_planning(event.tokens, event.cost)
        self.error, self.draft, self.faults = event.error, event.draft, event.faults

    def _on_rollback_requested(self, event: ev.RollbackRequested, at: float) -> None:
        self.rollback_requests.append(event)

    def _on_rollback_declined(self, event: ev.RollbackDeclined, at: float) -> None:
        self.rollback_requests.clear()

    def _on_rollback_started(self, event: ev.RollbackStarted, at: float) -> None:
        self.rollback_requests.clear()
        self.end = None
        steps = {item.step.id: StepState() for item in event.rollback.items if item.fate == "planned"}
        self.rollback = Rollback(event.rollback, event.hash, steps)
        self.rollbacks += 1
        self.requests.clear()
        self.proposal, self.paused = None, False

    def _on_rollback_finished(self, event: ev.RollbackFinished, at: float) -> None:
        if self.rollback:
            self.rollback.finished = event


_HANDLERS: Mapping[str, Callable[[RunState, Any, float], None]] = {
    name.removeprefix("_on_"): handler for name, handler in vars(RunState).items() if name.startswith("_on_")
}
"""What the run makes of an event, by its kind; nothing where there is none."""
