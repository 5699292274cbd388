"""What happens next: from the state of a run to the next events, and to what must be done besides.

`Course.decide` is asked again and again until it has nothing more to say; each answer is applied
before the next question. It does no I/O and waits for nothing, so every decision of a run can be tested and
replayed. What it keeps beside the state (which steps are ready, which run, which failed) is derived
from it and rebuilt whenever the plan changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from console.catalog.spec import Catalog, Risk
from console.errors import PlandeckError
from console.plan.codec import digest
from console.plan.model import Plan, Step, StepId
from console.run import events as ev
from console.run.agents import Agents
from console.run.answers import DECISIONS
from console.run.approval import Hasher, is_template, resolved_hash
from console.run.asking import Asking
from console.run.attempts import Place, Prepared, prepare, resolved
from console.run.desk import Desk, Grant, running_keys
from console.run.endings import end_of_rollback, unmet_facts
from console.run.grants import preview
from console.run.lane import Lane
from console.run.life import RunStatus, StepStatus
from console.run.policy import Policy, risk_of, risk_of_plan
from console.run.rollback import rollback_hash
from console.run.standing import Proposal
from console.run.state import RunState

_S, _R = StepStatus, RunStatus
_STARTING = (_R.RUNNING, _R.AWAITING_DECISION, _R.REPLANNING)
TOOL_ANSWERS = ("trust", "skip", "replan", "roll_back", "stop")
REPEATS = 2
"""Attempts that a step in doubt gets unasked, where its tool is idempotent."""

LONGEST_WAIT = 3_600.0
"""Seconds between two attempts, at most."""

DOUBTS = ("done", "failed", "run_again", "probe", "roll_back", "stop")


class Course:
    """The decisions of one run. `intended` holds what the newest `step_intended` events stand for
    until the engine has taken it; `probing` are the steps that a probe is looking at. As long as `halted`
    says why, nothing starts."""

    def __init__(
        self,
        state: RunState,
        catalog: Catalog,
        policy: Policy,
        place: Place,
        *,
        limits: Mapping[str, float],
        now: Callable[[], float],
    ) -> None:
        self.state, self.catalog, self.policy, self.place = state, catalog, policy, place
        self.hasher = Hasher(catalog)
        self.asking = Asking(state, catalog, policy)
        self.agents = Agents(state, catalog, policy, self.asking)
        self.parallel, self.replans = int(limits.get("parallel", 4)), int(limits.get("replans", 3))
        self._seconds, self._now = limits.get("time"), now
        self.closing = ""
        self.halted = ""
        self.intended: dict[str, Prepared] = {}
        self.approved: dict[StepId, str] = {}
        self._lane: Lane | None = None
        self.probing: set[StepId] = set()
        self._given_up: set[StepId] = set()
        self._to_revise: list[StepId] = []
        self._proposed: tuple[Proposal | None, dict[StepId, Step]] = None, {}
        self._rung = 0.0
        self._more_time_at = 0.0

    # ── keeping up with the state ────────────────────────────────────────────────────────────────

    def recall(self, event: ev.Event) -> None:
        """Keep up with an event of the past: which approvals count."""
        match event:
            case ev.PolicyLoaded():
                self.approved = {}
            case ev.Approved(scope="plan") if self.state.plan:
                self._approve_all(self.state.plan)
            case ev.RevisionAccepted() if self.state.started_at:
                self._approve_all(event.plan)
            case ev.PlanEdited():
                self._carry_over(event)

    def ring(self, at: float) -> None:
        """A timer for `at` has rung: it is past that, whatever a clock says that was set back meanwhile."""
        self._rung = max(self._rung, at)

    def _time(self) -> float:
        return max(self._now(), self._rung)

    def note(self, event: ev.Event) -> None:
        """Keep up after `event` was applied to the state."""
        self.recall(event)
        match event:
            case ev.StepEvent():
                self.probing.discard(event.step)
                self.lane.place(event.step)
                self.agents.place(event.step, self.state.leaves.get(event.step))
            case ev.CatalogLoaded() if event.catalog is not self.catalog:
                self._adopt(event.catalog)
            case ev.RevisionAccepted():
                self.rebuild()
                if self.state.started_at:
                    self._to_revise = sorted(self.lane.failed)
            case ev.PlanDrafted() | ev.PlanEdited() | ev.RunStarted():
                self.rebuild()
            case ev.RunContinued() if event.by and self.is_overdue():
                self._more_time_at = self._time()
            case ev.RollbackStarted() | ev.RollbackFinished():
                self.closing = ""
                self.rebuild()
            case ev.ReplanFailed() | ev.RevisionRejected():
                self._given_up |= self.lane.failed

    def _approve_all(self, plan: Plan) -> None:
        self.approved = {leaf.id: self.hasher.step(leaf) for leaf in plan.leaves()}

    def _adopt(self, catalog: Catalog) -> None:
        """Go on with a catalog in which the operator has let a tool change: an approval that held for a step
        still does."""
        before, self.catalog = self.hasher, catalog
        self.hasher, self.asking = Hasher(catalog), Asking(self.state, catalog, self.policy)
        self.agents.use(catalog, self.asking)
        steps = self.lane.steps.values()
        held = [step for step in steps if self.approved.get(step.id) == before.step(step)]
        self.approved |= {step.id: self.hasher.step(step) for step in held}
        self.rebuild()

    def _carry_over(self, edited: ev.PlanEdited) -> None:
        """What did not have to be asked about again stays approved, in the form it has now."""
        if self.state.approved_plan is not None:
            kept = [leaf for leaf in edited.plan.leaves() if leaf.id not in self.state.voided]
            self.approved = {leaf.id: self.hasher.step(leaf) for leaf in kept}

    def rebuild(self) -> None:
        """Derive the lane anew from the state."""
        self._lane = Lane(self.state, self.catalog, self.policy)
        self.agents.rebuild()

    @property
    def lane(self) -> Lane:
        if self._lane is None:
            self.rebuild()
        assert self._lane is not None
        return self._lane

    # ── deciding ─────────────────────────────────────────────────────────────────────────────────

    def decide(self) -> Grant | None:
        """The next thing to do, or `None` when there is nothing to do but wait."""
        status = self.state.status
        if status is _R.AWAITING_APPROVAL:
            return self._ask_for_plan()
        if status is _R.ROLLING_BACK:
            return self._roll_back()
        if status not in (*_STARTING, _R.PAUSED):
            return None
        if self.closing:
            self.agents.leave_all("the run is ending")
        if granted := self.agents.farewell():
            return granted
        if self.closing:
            return self._close()
        if status is _R.REPLANNING and not self.state.started_at:
            return None  # nothing was approved yet: the planner works on the plan that will be
        if self.is_overdue():
            return self._stop_for_time()
        return (
            self._after_revision()
            or self._skip_disabled()
            or self._ask_anew()
            or self._troubles()
            or self._agents()
            or self._starts()
            or self._expand()
            or self._go_on()
            or self._finish()
        )

    def _ask_for_plan(self) -> Grant | None:
        state, consent = self.state, self.policy.consent
        if state.plan is None:
            return None
        newest = state.approvals[-1] if state.approvals else None
        if newest and newest.scope == "plan" and newest.hash == state.plan_hash and not newest.used:
            return Grant((ev.RunStarted(),))
        if self.asking.is_open("plan", "revision"):
            return None
        request = self.asking.ask("plan", state.plan_hash)
        risk = risk_of_plan(state.plan, self.catalog)
        if consent.covers(risk) and request.persons < 2:
            return Grant((request, self.asking.consented(request)))
        if self.policy.unattended:
            asked = f"it asks for {risk} steps" if consent.up_to else "nobody approved it"
            todo = "approve it with --yes, or run it on a terminal"
            if request.persons > 1:
                asked, todo = "the policy asks for two persons", "run it on a terminal"
            end = ev.RunFinished(
                outcome="rejected", exit_code=3, reason=f"the plan was not approved: {asked}; {todo}"
            )
            return Grant((request, end))
        return Grant((request,))

    def deadline(self) -> float | None:
        """When the run has used up its time (seconds since the epoch), counted from its start, and anew
        when an engine takes it up or the operator has it go on after that."""
        if self._seconds is None or not self.state.started_at:
            return None
        return max(self.state.started_at, self.state.engine_at, self._more_time_at) + self._seconds

    def is_overdue(self) -> bool:
        deadline = self.deadline()
        return deadline is not None and self._time() >= deadline

    def _stop_for_time(self) -> Grant | None:
        reason = f"the run has used up its time, {self._seconds:g} s"
        if not self.policy.unattended:
            return None if self.state.paused else Grant((ev.RunPaused(by="", reason=reason),))
        self.closing = "rollback" if self.policy.on_failure == "rollback" else "overtime"
        return Grant((ev.Warned(message=reason),), cancel=running_keys(self.state))

    def _after_revision(self) -> Grant | None:
        """A failed step that an accepted revision keeps may start again if something still waits for it; else
        the revision goes round it."""
        lane = self.lane
        while self._to_revise:
            step_id = self._to_revise.pop(0)
            if step_id not in lane.failed:
                continue
            if lane.is_needed(step_id):
                return Grant((ev.StepReleased(step=step_id),))
            reason = f"revision {self.state.revision} goes on without it"
            return Grant((ev.StepSkipped(step=step_id, reason=reason, gone_round=True),))
        return None

    def _skip_disabled(self) -> Grant | None:
        lane = self.lane
        if not lane.disabled:
            return None
        steps, lane.disabled = lane.disabled, []
        return Grant(tuple(ev.StepSkipped(step=s, reason="left out of the plan") for s in steps))

    def _ask_anew(self) -> Grant | None:
        """A step that waits for an answer to a question which fell away, with the run's end or a rollback,
        is asked about again in its turn."""
        for step_id in sorted(self.lane.held):
            if not self.state.step(step_id).held_by and not self.asking.is_about(step_id):
                return Grant((ev.StepReleased(step=step_id),))
        return None

    # ── troubles ─────────────────────────────────────────────────────────────────────────────────

    def _troubles(self) -> Grant | None:
        lane = self.lane
        if self.state.paused or self.halted:
            return None
        for step_id in sorted(lane.in_doubt):
            if granted := self._doubt(lane.steps[step_id]):
                return granted
        for step_id in sorted(lane.failed):
            if lane.waits_for_retry(step_id):
                if self._is_due(step_id):
                    return Grant(retry=step_id)
                continue
            if granted := self._failure(lane.steps[step_id]):
                return granted
        return None

    def _doubt(self, step: Step) -> Grant | None:
        """An attempt of which nobody knows: look with the probe, else ask, else treat as failed."""
        state, tool = self.state.steps[step.id], self.catalog.get(step.action)
        if tool and tool.probe and not state.probe:
            if step.id in self.probing:
                return None
            return Grant(probe=step.id)
        if state.probe == "done":
            return Grant((ev.StepMarkedDone(step=step.id, by="probe", result=""),))
        if state.probe == "not_done":
            return Grant((ev.StepMarkedFailed(step=step.id, by="probe", reason="the probe found no effect"),))
        if self._may_repeat(step):
            return Grant(retry=step.id)
        if self.policy.unattended:
            return self._unattended_failure(step)
        if self.asking.is_open("in_doubt", step=step.id):
            return None
        question = f"{state.reason or 'its outcome is unknown'}. What became of it?"
        return Grant(
            (self.asking.ask("in_doubt", self._hash(step), step=step.id, question=question, options=DOUBTS),)
        )

    def _may_repeat(self, step: Step) -> bool:
        """Whether a step in doubt is run again unasked: where that does no harm, but not for ever."""
        tool = self.catalog.get(step.action)
        attempts = self.state.step(step.id).attempts
        return bool(tool and tool.idempotent) and sum(a.outcome == "in_doubt" for a in attempts) <= REPEATS

    def _is_due(self, step_id: StepId) -> bool:
        """Whether the retry of a step, which was put off, comes now."""
        if self.state.step(step_id).retry_at > self._time() or not self._has_room(step_id):
            return False
        return self.state.is_item(step_id) or self._is_kept(self.lane.steps[step_id])

    def _has_room(self, step_id: StepId) -> bool:
        return len(self.lane.running) < self.parallel and not self.lane.collides(step_id)

    def _hash(self, step: Step) -> str:
        return self.hasher.step(step)

    def _is_approved(self, step: Step) -> bool:
        return self.approved.get(step.id) == self._hash(step)

    def _unattended_failure(self, step: Step) -> Grant | None:
        self.closing = "rollback" if self.lane.mode(step) == "rollback" else "failed"
        return self._close()

    def _failure(self, step: Step) -> Grant | None:
        """A failed or cancelled step, after its own retries."""
        if self._is_changed(step.id):
            return self._changed(step, TOOL_ANSWERS)
        if retry := self._own_retry(step):
            return Grant((retry,))
        mode = self.lane.mode(step)
        if mode in ("stop", "rollback"):
            return self._unattended_failure(step)
        was_cancelled = self.state.steps[step.id].status is _S.CANCELLED
        if mode == "replan" and not was_cancelled and step.id not in self._given_up:
            if self.state.status is _R.REPLANNING or self.state.proposal:
                return None
            if self.state.replans < self.replans:
                return Grant(replan="", probe="")
            self._given_up.add(step.id)
        if self.policy.unattended:
            return self._unattended_failure(step)
        if self.asking.is_open("decision", step=step.id) or self.asking.is_open("revision"):
            return None
        if self.state.status is _R.REPLANNING:
            return None
        question = f"{step.action} failed: {self.state.steps[step.id].reason}"
        return Grant(
            (
                self.asking.ask(
                    "decision", self._hash(step), step=step.id, question=question, options=DECISIONS
                ),
            )
        )

    def _is_changed(self, step_id: StepId) -> bool:
        attempt = self.state.step(step_id).attempt
        return attempt is not None and attempt.changed is not None

    def _changed(self, step: Step, answers: tuple[str, ...]) -> Grant | None:
        """The call of a step was refused, because its tool is not defined as it was approved. What was agreed
        to beforehand does not cover that: a person says what shall become of it, or the step has failed."""
        state = self.state.step(step.id)
        if self.policy.unattended:
            return self._unattended_failure(step)
        if self.asking.is_open("tool", step=step.id) or state.attempt is None:
            return None
        question = f"{state.reason}. Call it as it is defined now?"
        pin = digest(state.attempt.changed)
        return Grant((self.asking.ask("tool", pin, step=step.id, question=question, options=answers),))

    def _own_retry(self, step: Step) -> ev.StepRetryScheduled | None:
        state = self.state.step(step.id)
        retry = step.retry
        if retry is None or state.attempt is None or not self.lane.has_tries_left(step):
            return None
        delay = min(retry.backoff * math.pow(2, state.failures - 1), LONGEST_WAIT)
        return ev.StepRetryScheduled(step=step.id, attempt=state.attempt.number + 1, at=self._time() + delay)

    def _agents(self) -> Grant | None:
        may_start = self.state.status in _STARTING and not self.state.paused and not self.halted
        return self.agents.decide(self.lane, self.intend, self._doubt, may_start=may_start)

    # ── starting ─────────────────────────────────────────────────────────────────────────────────

    def _starts(self) -> Grant | None:
        lane = self.lane
        room = self.parallel - len(lane.running)
        if self.state.status not in _STARTING or self.state.paused or self.halted:
            return None
        if room <= 0 or not len(lane.frontier):
            return None
        taken = lane.frontier.take(self._may_start, 1)
        if not taken:
            return self._ask_again()
        return Grant(self._start(lane.steps[taken[0]]))

    def _may_start(self, step_id: StepId) -> bool:
        lane = self.lane
        step = lane.steps[step_id]
        return not lane.collides(step_id) and self._is_approved(step) and self._is_kept(step)

    def _is_kept(self, step: Step) -> bool:
        """While a revision waits, nothing starts that it would drop, change, or put after something else."""
        proposal = self.state.proposal
        if proposal is None:
            return True
        if self._proposed[0] is not proposal:
            self._proposed = proposal, {leaf.id: leaf for leaf in proposal.plan.leaves()}
        new = self._proposed[1].get(step.id)
        return new is not None and self._hash(new) == self._hash(step)

    def _ask_again(self) -> Grant | None:
        """Steps are ready but changed since the plan was approved."""
        lane = self.lane
        changed = [s for s in lane.steps.values() if s.id in lane.frontier and not self._is_approved(s)]
        if not changed or self.asking.is_open("plan") or self.state.proposal:
            return None
        request = self.asking.ask("plan", self.state.plan_hash, question="the plan was changed")
        if all(self.policy.agreed(s, self.catalog) for s in changed):
            return Grant((request, self.asking.consented(request)))
        return Grant((request,))

    def again(self, step_id: StepId) -> tuple[ev.Event, ...]:
        """The events by which a step is tried again. What is approved as it stands starts at once; else it
        waits for its turn like a step that never ran, and for who has to be asked."""
        step = self.state.find(step_id)
        if self.state.is_item(step_id) or step_id in self.state.calls:
            return self.intend(step)
        if self._is_approved(step) and not self._asks_for_form(step):
            return self.intend(step)
        return (ev.StepReleased(step=step_id),)

    def _asks_for_form(self, step: Step) -> bool:
        """Whether a step that was carried out before is destructive in another form now."""
        if not is_template(step) or risk_of(step, self.catalog) is not Risk.DESTRUCTIVE:
            return False
        attempt = self.state.step(step.id).attempt
        try:
            return attempt is None or attempt.params != resolved(step, self.state, self.place)
        except PlandeckError:
            return False  # it fails at once: nothing is carried out

    def _start(self, step: Step) -> tuple[ev.Event, ...]:
        """The events that start a ready step, or that ask first."""
        if step.gate is not None and not self.asking.was_answered("gate", step.id):
            return self.asking.hold_for(
                step, self.asking.ask("gate", self._hash(step), step=step.id, question=step.gate.question)
            )
        if is_template(step) and risk_of(step, self.catalog) is Risk.DESTRUCTIVE:
            try:
                form = resolved_hash(step, resolved(step, self.state, self.place), self.catalog)
            except PlandeckError as error:
                return self._cannot(step, error)
            if not self.asking.was_answered("step", step.id, form):
                return self.asking.hold_for(step, self.asking.ask("step", form, step=step.id))
        return self.intend(step, self.approved[step.id])

    def intend(self, step: Step, hash_: str = "") -> tuple[ev.Event, ...]:
        """The intent to carry out the next attempt of `step`; a failure when it cannot be built.
        `hash_` is the step's, where it was taken just now."""
        try:
            prepared = prepare(step, self.state, self.catalog, self.place)
        except PlandeckError as error:
            return self._cannot(step, error)
        self.intended[prepared.key] = prepared
        return (
            ev.StepIntended(
                step=step.id,
                attempt=prepared.number,
                key=prepared.key,
                command=prepared.argv,
                params=prepared.params,
                hash=hash_ or self._hash(step),
            ),
        )

    def _cannot(self, step: Step, error: PlandeckError) -> tuple[ev.Event, ...]:
        number = len(self.state.step(step.id).attempts) + 1
        key = f"{self.state.run}/{step.id}/{number}"
        return (
            ev.StepIntended(step=step.id, attempt=number, key=key, params=step.params, hash=self._hash(step)),
            ev.StepFailed(step=step.id, attempt=number, error=str(error), never_started=True),
        )

    # ── ending ───────────────────────────────────────────────────────────────────────────────────

    def _close(self) -> Grant | None:
        """Wait for what runs, then stop or roll back."""
        if self.lane.running:
            return None
        closing = self.closing
        if closing == "rollback":
            by = self.policy.consent.by or "operator"
            desk = Desk(self.state, self.catalog, self.hasher, self.policy, by)
            plan = preview(desk, None, {})
            return Grant((ev.RollbackStarted(rollback=plan, hash=rollback_hash(plan), by=by),))
        self.closing = ""
        if closing in ("stop", "policy"):
            reason = self.halted if closing == "policy" and self.halted else "stopped by the operator"
            return Grant((ev.RunFinished(outcome="stopped", exit_code=4, reason=reason),))
        reason = "the time was used up" if closing == "overtime" else self._what_failed()
        return Grant((ev.RunFinished(outcome="failed", exit_code=1, reason=reason),))

    def _what_failed(self) -> str:
        lane = self.lane
        said = [f"step {s}: {self.state.step(s).reason}" for s in sorted(lane.failed | lane.in_doubt)]
        return "; ".join(said)

    def _expand(self) -> Grant | None:
        """A phase whose turn it is and that is not planned yet goes to the planner, once."""
        lane = self.lane
        if not lane.graph.unexpanded or self.state.status is not _R.RUNNING or self.state.proposal:
            return None
        for phase in lane.unplanned():
            if phase not in self._given_up:
                self._given_up.add(phase)
                return Grant(expand=phase)
        return None

    def _go_on(self) -> Grant | None:
        """Nothing waits for the operator any more."""
        if self.state.status is not _R.AWAITING_DECISION or self.state.proposal:
            return None
        if self.asking.is_open("decision", "in_doubt", "revision", "tool"):
            return None
        if self.state.paused:
            return Grant((ev.RunPaused(by="", reason="as it was before"),))
        return Grant((ev.RunContinued(by=""),))

    def _finish(self) -> Grant | None:
        """The end, when nothing is left to run, to wait for or to decide."""
        lane = self.lane
        if self.policy.unattended and (end := self._stuck()):
            return Grant((end,))
        if lane.running or lane.open or self.state.requests or self.state.status is not _R.RUNNING:
            return None
        if lane.graph.unexpanded:
            return None
        unmet = unmet_facts(self.state, self.catalog)
        if unmet:
            reason = f"not as expected in the end: {', '.join(unmet)}"
            return Grant((ev.RunFinished(outcome="failed", exit_code=1, reason=reason, unmet=unmet),))
        if self.state.fell_back:
            reason = "the goal was out of reach; the run went back to the task's fallback"
            return Grant((ev.RunFinished(outcome="failed", exit_code=1, reason=reason),))
        return Grant((ev.RunFinished(outcome="succeeded", exit_code=0),))

    def _stuck(self) -> ev.RunFinished | None:
        """The end of a run that waits for what only a person could do, and nobody is there."""
        lane, state = self.lane, self.state
        if lane.running or self.probing or state.planning or state.proposal or state.paused:
            return None
        if any(lane.waits_for_retry(step_id) for step_id in lane.failed):
            return None
        if request := next(iter(state.requests.values()), None):
            persons = f"{request.persons} persons" if request.persons > 1 else "somebody"
            about = f"step {request.step}" if request.step else "what comes next"
            reason = f"{persons} must approve {about}, and nobody is there; resume it on a terminal"
            return ev.RunFinished(outcome="stopped", exit_code=4, reason=reason)
        if phases := lane.unplanned():
            why = state.error or "the planner did not say why"
            reason = f"phase {', '.join(sorted(phases))} is not planned: {why}"
            return ev.RunFinished(outcome="failed", exit_code=1, reason=reason)
        return None

    # ── rolling back ─────────────────────────────────────────────────────────────────────────────

    def _roll_back(self) -> Grant | None:
        lane = self.lane
        if self.closing != "stop" and (granted := self._again() or self._next_item()):
            return granted
        if lane.running:
            return None
        waiting = self.state.requests or any(lane.waits_for_retry(s) for s in lane.failed)
        if waiting and self.closing != "stop":
            return None
        return Grant(end_of_rollback(self.state, self.catalog))

    def _again(self) -> Grant | None:
        """An item that failed is tried again as its tool allows, one in doubt when that does no harm."""
        lane = self.lane
        for step_id in sorted(lane.failed):
            if lane.waits_for_retry(step_id):
                if self._is_due(step_id):
                    return Grant(retry=step_id)
            elif self._is_changed(step_id) and not self.policy.unattended:
                if granted := self._changed(lane.steps[step_id], ("trust", "skip")):
                    return granted
            elif retry := self._own_retry(lane.steps[step_id]):
                return Grant((retry,))
        for step_id in sorted(lane.in_doubt):
            if self._may_repeat(lane.steps[step_id]):
                return Grant(retry=step_id)
        return None

    def _next_item(self) -> Grant | None:
        lane, rollback = self.lane, self.state.rollback
        if rollback is None or len(lane.running) >= self.parallel:
            return None
        taken = lane.frontier.take(lambda s: not lane.collides(s), 1)
        if not taken:
            return None
        step = lane.steps[taken[0]]
        asks = any(item.ask for item in rollback.plan.items if item.step.id == step.id)
        if asks and self.policy.unattended and not self.policy.agreed(step, self.catalog):
            why = "it asks for an approval, and nobody is there"
            return Grant((ev.StepSkipped(step=step.id, reason=why),))
        if asks and not self.asking.was_answered("compensation", step.id):
            question = f"{step.action} is destructive and nothing in the plan says what it undoes. Run it?"
            request = self.asking.ask("compensation", self._hash(step), step=step.id, question=question)
            return Grant(self.asking.hold_for(step, request))
        return Grant(self.intend(step))
