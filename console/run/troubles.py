"""Steps that failed or are in doubt: tried again, looked at, put to the planner or to the operator."""

from __future__ import annotations

import math

from console.plan.codec import digest
from console.plan.model import Step, StepId
from console.run import events as ev
from console.run.answers import DECISIONS
from console.run.desk import Grant
from console.run.life import RunStatus, StepStatus
from console.run.starting import Starting

_S, _R = StepStatus, RunStatus
DOUBTS = ("done", "failed", "run_again", "probe", "roll_back", "stop")
TOOL_ANSWERS = ("trust", "skip", "replan", "roll_back", "stop")

REPEATS = 2
"""Attempts that a step in doubt gets unasked, where its tool is idempotent."""

LONGEST_WAIT = 3_600.0
"""Seconds between two attempts, at most."""


class Troubles(Starting):
    """Decides what becomes of a step that did not succeed."""

    def troubles(self) -> Grant | None:
        """What follows from the steps that failed or are in doubt; nothing while the run is paused."""
        lane = self.lane
        if self.state.paused or self.halted:
            return None
        for step_id in sorted(lane.in_doubt):
            if granted := self.doubt(lane.steps[step_id]):
                return granted
        for step_id in sorted(lane.failed):
            if lane.waits_for_retry(step_id):
                if self.is_due(step_id):
                    return Grant(retry=step_id)
                continue
            if granted := self._failure(lane.steps[step_id]):
                return granted
        return None

    def doubt(self, step: Step) -> Grant | None:
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
        if self.may_repeat(step):
            return Grant(retry=step.id)
        if self.policy.unattended:
            return self.give_up(step)
        if self.asking.is_open("in_doubt", step=step.id):
            return None
        question = f"{state.reason or 'its outcome is unknown'}. What became of it?"
        return Grant(
            (self.asking.ask("in_doubt", self.hash(step), step=step.id, question=question, options=DOUBTS),)
        )

    def may_repeat(self, step: Step) -> bool:
        """Whether a step in doubt is run again unasked: where that does no harm, but not for ever."""
        tool = self.catalog.get(step.action)
        attempts = self.state.step(step.id).attempts
        return bool(tool and tool.idempotent) and sum(a.outcome == "in_doubt" for a in attempts) <= REPEATS

    def _failure(self, step: Step) -> Grant | None:
        """A failed or cancelled step, after its own retries."""
        if self.is_changed(step.id):
            return self.changed(step, TOOL_ANSWERS)
        if retry := self.own_retry(step):
            return Grant((retry,))
        mode = self.lane.mode(step)
        if mode in ("stop", "rollback"):
            return self.give_up(step)
        was_cancelled = self.state.steps[step.id].status is _S.CANCELLED
        if mode == "replan" and not was_cancelled and step.id not in self.given_up:
            if self.state.status is _R.REPLANNING or self.state.proposal:
                return None
            if self.state.replans < self.replans:
                return Grant(replan="", probe="")
            self.given_up.add(step.id)
        if self.policy.unattended:
            return self.give_up(step)
        if self.asking.is_open("decision", step=step.id) or self.asking.is_open("revision"):
            return None
        if self.state.status is _R.REPLANNING:
            return None
        question = f"{step.action} failed: {self.state.steps[step.id].reason}"
        return Grant(
            (
                self.asking.ask(
                    "decision", self.hash(step), step=step.id, question=question, options=DECISIONS
                ),
            )
        )

    def give_up(self, step: Step) -> Grant:
        """The run ends with this step: nothing starts any more, what runs is waited for."""
        self.closing = "rollback" if self.lane.mode(step) == "rollback" else "failed"
        return Grant()

    def is_changed(self, step_id: StepId) -> bool:
        """Whether its call was refused because its tool is another by now."""
        attempt = self.state.step(step_id).attempt
        return attempt is not None and attempt.changed is not None

    def changed(self, step: Step, answers: tuple[str, ...]) -> Grant | None:
        """The call of a step was refused, because its tool is not defined as it was approved. What was agreed
        to beforehand does not cover that: a person says what shall become of it, or the step has failed."""
        state = self.state.step(step.id)
        if self.policy.unattended:
            return self.give_up(step)
        if self.asking.is_open("tool", step=step.id) or state.attempt is None:
            return None
        question = f"{state.reason}. Call it as it is defined now?"
        pin = digest(state.attempt.changed)
        return Grant((self.asking.ask("tool", pin, step=step.id, question=question, options=answers),))

    def own_retry(self, step: Step) -> ev.StepRetryScheduled | None:
        """The next try of a step that failed, as it says itself; later each time."""
        state = self.state.step(step.id)
        retry = step.retry
        if retry is None or state.attempt is None or not self.lane.has_tries_left(step):
            return None
        delay = min(retry.backoff * math.pow(2, state.failures - 1), LONGEST_WAIT)
        return ev.StepRetryScheduled(step=step.id, attempt=state.attempt.number + 1, at=self.time() + delay)
