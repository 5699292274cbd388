"""What happens next: from the state of a run to the next events, and to what must be done besides.

`Course.decide` is asked again and again until it has nothing more to say; each answer is applied before the
next question. It does no I/O and waits for nothing, so every decision of a run can be tested and replayed.
"""

from __future__ import annotations

from console.run import events as ev
from console.run.asking import withdrawn
from console.run.desk import Desk, Grant, running_keys
from console.run.endings import end_of_rollback, unmet_facts
from console.run.grants import preview
from console.run.life import RunStatus, StepStatus
from console.run.policy import risk_of_plan
from console.run.rollback import rollback_hash
from console.run.starting import GOING
from console.run.troubles import Troubles

_S, _R = StepStatus, RunStatus


class Course(Troubles):
    """The decisions of one run."""

    def decide(self) -> Grant | None:
        """The next thing to do, or `None` when there is nothing to do but wait."""
        status = self.state.status
        if self.closing and status in (_R.DRAFTING, _R.AWAITING_APPROVAL):
            reason = "stopped before anything ran"
            return Grant((ev.RunFinished(outcome="stopped", exit_code=4, reason=reason),))
        if status is _R.AWAITING_APPROVAL:
            return self._ask_for_plan()
        if status is _R.ROLLING_BACK:
            return self._roll_back()
        if status not in (*GOING, _R.PAUSED):
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
            or self.troubles()
            or self._agents()
            or self.starts()
            or self._expand()
            or self._go_on()
            or self._wait_for_plan()
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
        while self.to_revise:
            step_id = self.to_revise.pop(0)
            if step_id not in lane.failed:
                continue
            if lane.is_needed(step_id):
                return Grant((ev.StepReleased(step=step_id),))
            reason = f"revision {self.state.revision} goes on without it"
            return Grant((ev.StepSkipped(step=step_id, reason=reason, gone_round=True),))
        return None

    def _skip_disabled(self) -> Grant | None:
        if not self.lane.disabled:
            return None
        why, events = "left out of the plan", list[ev.Event]()
        for step in self.lane.steps:
            if step in self.lane.disabled:
                events += [*withdrawn(step, self.state, why), ev.StepSkipped(step=step, reason=why)]
        return Grant(tuple(events))

    def _ask_anew(self) -> Grant | None:
        """A step that waits for an answer to a question which fell away, with the run's end or a rollback,
        is asked about again in its turn."""
        for step_id in sorted(self.lane.held):
            if not self.state.step(step_id).held_by and not self.asking.is_about(step_id):
                return Grant((ev.StepReleased(step=step_id),))
        return None

    def _agents(self) -> Grant | None:
        may_start = self.state.status in GOING and not self.state.paused and not self.halted
        return self.agents.decide(self.lane, self.intend, self.doubt, may_start=may_start)

    # ── ending ───────────────────────────────────────────────────────────────────────────────────

    def _close(self) -> Grant | None:
        """Wait for what runs, then stop or roll back."""
        if self.lane.running:
            return None
        closing = self.closing
        if closing == "rollback":
            chosen = self.state.end
            by = chosen.by if chosen else self.policy.consent.by or "operator"
            desk = Desk(self.state, self.catalog, self.hasher, self.policy, by)
            plan = preview(desk, self.back_to, self.ties)
            return Grant((ev.RollbackStarted(rollback=plan, hash=rollback_hash(plan), by=by),))
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
        if not lane.later or self.state.status is not _R.RUNNING or self.state.proposal:
            return None
        for phase in lane.unplanned():
            if phase not in self.given_up:
                self.given_up.add(phase)
                return Grant(expand=phase)
        return None

    def _wait_for_plan(self) -> Grant | None:
        """Nothing goes on before somebody plans a phase that the planner was asked about in vain: the run is
        paused for so long, which can be seen."""
        lane, state = self.lane, self.state
        phases = sorted(self.given_up.intersection(lane.unplanned()))
        if self.lacks_plan and state.paused and not phases:
            return Grant((ev.RunContinued(by=""),))
        if self.policy.unattended or state.status is not _R.RUNNING or lane.running or state.requests:
            return None
        if not phases or state.planning or state.proposal or any(map(lane.waits_for_retry, lane.failed)):
            return None
        self.lacks_plan = True
        why = state.error or "its plan was rejected"
        return Grant((ev.RunPaused(by="", reason=f"phase {', '.join(phases)} is not planned: {why}"),))

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
        if lane.later:
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
                if self.is_due(step_id):
                    return Grant(retry=step_id)
            elif self.is_changed(step_id) and not self.policy.unattended:
                if granted := self.changed(lane.steps[step_id], ("trust", "skip")):
                    return granted
            elif retry := self.own_retry(lane.steps[step_id]):
                return Grant((retry,))
        for step_id in sorted(lane.in_doubt):
            if self.may_repeat(lane.steps[step_id]):
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
            request = self.asking.ask("compensation", self.hash(step), step=step.id, question=question)
            return Grant(self.asking.hold_for(step, request))
        return Grant(self.intend(step))
