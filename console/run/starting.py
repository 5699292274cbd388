"""Starting steps: which ready one goes next, what is asked before it, and the intent that is written down."""

from __future__ import annotations

from console.catalog.spec import Risk
from console.errors import PlandeckError
from console.plan.model import Step, StepId
from console.run import events as ev
from console.run.approval import is_template, resolved_hash
from console.run.attempts import prepare, resolved
from console.run.basis import Basis
from console.run.desk import Grant
from console.run.life import RunStatus
from console.run.policy import risk_of

_R = RunStatus
GOING = (_R.RUNNING, _R.AWAITING_DECISION, _R.REPLANNING)
"""Where steps start, unless the run is paused."""


class Starting(Basis):
    """Decides what starts."""

    def starts(self) -> Grant | None:
        """The next step that starts, or what is asked before it."""
        lane = self.lane
        room = self.parallel - len(lane.running)
        if self.state.status not in GOING or self.state.paused or self.halted:
            return None
        if room <= 0 or not len(lane.frontier):
            return None
        taken = lane.frontier.take(self._may_start, 1)
        if not taken:
            return self._ask_again()
        return Grant(self._start(lane.steps[taken[0]]))

    def _may_start(self, step_id: StepId) -> bool:
        lane, step = self.lane, self.lane.steps[step_id]
        in_turn = lane.is_next(step_id) and not lane.collides(step_id)
        return in_turn and self.is_approved(step) and self.is_kept(step)

    def _ask_again(self) -> Grant | None:
        """Steps are ready but changed since the plan was approved."""
        lane = self.lane
        changed = [s for s in lane.steps.values() if s.id in lane.frontier and not self.is_approved(s)]
        if not changed or self.asking.is_open("plan") or self.state.proposal:
            return None
        request = self.asking.ask("plan", self.state.plan_hash, question="the plan was changed")
        if all(self.policy.agreed(s, self.catalog) for s in changed):
            return Grant((request, self.asking.consented(request)))
        return Grant((request,))

    def _start(self, step: Step) -> tuple[ev.Event, ...]:
        """The events that start a ready step, or that ask first."""
        if step.gate is not None and not self.asking.was_answered("gate", step.id):
            return self.asking.hold_for(
                step, self.asking.ask("gate", self.hash(step), step=step.id, question=step.gate.question)
            )
        if is_template(step) and risk_of(step, self.catalog) is Risk.DESTRUCTIVE:
            try:
                form = resolved_hash(step, resolved(step, self.state, self.place), self.catalog)
            except PlandeckError as error:
                return self._cannot(step, error)
            if not self.asking.was_answered("step", step.id, form):
                return self.asking.hold_for(step, self.asking.ask("step", form, step=step.id))
        return self.intend(step, self.approved[step.id])

    def again(self, step_id: StepId) -> tuple[ev.Event, ...]:
        """The events by which a step is tried again. What is approved as it stands starts at once where
        nothing is in its way; else it waits for its turn like a step that never ran, and for who has to be
        asked."""
        step = self.state.find(step_id)
        if step_id in self.state.calls:
            return self.intend(step)
        approved = self.state.is_item(step_id) or (self.is_approved(step) and not self._asks_for_form(step))
        if approved and self.has_room(step_id) and self.lane.is_next(step_id):
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
                hash=hash_ or self.hash(step),
            ),
        )

    def _cannot(self, step: Step, error: PlandeckError) -> tuple[ev.Event, ...]:
        number = len(self.state.step(step.id).attempts) + 1
        key = f"{self.state.run}/{step.id}/{number}"
        return (
            ev.StepIntended(step=step.id, attempt=number, key=key, params=step.params, hash=self.hash(step)),
            ev.StepFailed(step=step.id, attempt=number, error=str(error), never_started=True),
        )
