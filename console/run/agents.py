"""The agents of one run: which of them run, which think, and what each does next.

The course asks here between its own decisions. All that is kept beside the state is what an engine has
in hand: who thinks at the moment, and who was told to leave.
"""

from __future__ import annotations

from collections.abc import Callable

from console.catalog.spec import Catalog, Risk
from console.plan.model import Step, StepId
from console.run import events as ev
from console.run.agent import exhausted, left, open_call, profile_of, turns_now
from console.run.approval import resolved_hash
from console.run.asking import Asking, withdrawn
from console.run.desk import Grant
from console.run.lane import Lane
from console.run.life import RunStatus, StepStatus
from console.run.policy import Policy, risk_of
from console.run.state import RunState

_S, _R = StepStatus, RunStatus

Intend = Callable[[Step], tuple[ev.Event, ...]]
Doubt = Callable[[Step], Grant | None]


class Agents:
    """The agents of a run. `thinking` are those whose model is being asked, `ending` those whose result is
    being written down; the engine takes them out again."""

    def __init__(self, state: RunState, catalog: Catalog, policy: Policy, asking: Asking) -> None:
        self._state, self._catalog, self._policy, self._asking = state, catalog, policy, asking
        self.running: dict[StepId, Step] = {}
        self.thinking: set[StepId] = set()
        self.ending: set[StepId] = set()
        self.leaving: dict[StepId, str] = {}

    def use(self, catalog: Catalog, asking: Asking) -> None:
        """Go on with these tools."""
        self._catalog, self._asking = catalog, asking

    def rebuild(self) -> None:
        """Derive from the state which agents run."""
        self.running = {}
        for step_id, step in self._state.leaves.items():
            self.place(step_id, step)

    def place(self, step_id: StepId, step: Step | None) -> None:
        """Keep up after something happened to a step."""
        runs = (
            step is not None
            and profile_of(step, self._catalog) is not None
            and self._state.step(step_id).status is _S.RUNNING
        )
        if runs and step is not None:
            self.running[step_id] = step
        else:
            self.running.pop(step_id, None)
            self.leaving.pop(step_id, None)
            self.ending.discard(step_id)

    def leave(self, step_id: StepId, reason: str) -> None:
        """Have an agent end: it makes no call any more."""
        if step_id in self.running and step_id not in self.ending:
            self.leaving.setdefault(step_id, reason)

    def leave_all(self, reason: str) -> None:
        for step_id in self.running:
            self.leave(step_id, reason)

    # ── deciding ─────────────────────────────────────────────────────────────────────────────────

    def farewell(self) -> Grant | None:
        """The end of an agent that was told to leave, once its call is over."""
        for step_id, reason in sorted(self.leaving.items()):
            call = open_call(self._state, step_id)
            status = self._state.steps[call].status if call else None
            if status is _S.RUNNING:
                continue
            events: list[ev.Event] = []
            if status in (_S.PENDING, _S.HELD):
                events += withdrawn(call, self._state, "its agent ends")
                events.append(ev.StepSkipped(step=call, reason="its agent was cancelled"))
            number = self._number(step_id)
            if status is _S.IN_DOUBT:
                events += withdrawn(call, self._state, "its agent ends")
                why = f"its call {call} is in doubt: {self._state.steps[call].reason}"
                events.append(ev.StepInDoubt(step=step_id, attempt=number, reason=why))
            else:
                events.append(ev.StepCancelled(step=step_id, attempt=number, reason=reason))
            return Grant(tuple(events))
        return None

    def decide(self, lane: Lane, intend: Intend, doubt: Doubt, *, may_start: bool) -> Grant | None:
        """What the next agent does that has something to do; without `may_start` only ends."""
        for step_id in sorted(self.running):
            if step_id in self.leaving or step_id in self.ending:
                continue
            if granted := self._next(self.running[step_id], lane, intend, doubt, may_start):
                return granted
        return None

    def _next(self, step: Step, lane: Lane, intend: Intend, doubt: Doubt, may_start: bool) -> Grant | None:
        call = open_call(self._state, step.id)
        if call:
            return self._call(step, self._state.calls[call], lane, intend, doubt) if may_start else None
        turns = turns_now(self._state, step.id)
        if turns and turns[-1].finish is not None:
            self.ending.add(step.id)
            return Grant(conclude=step.id)
        if step.id in self.thinking:
            return None
        profile = profile_of(step, self._catalog)
        assert profile is not None
        rest = left(self._state, step, profile)
        if why := exhausted(rest, profile):
            failed = ev.StepFailed(
                step=step.id, attempt=self._number(step.id), error=why, timed_out=rest.seconds <= 0
            )
            return Grant((failed,))
        if not may_start:
            return None
        self.thinking.add(step.id)
        return Grant(think=step.id)

    def _number(self, step_id: StepId) -> int:
        attempt = self._state.steps[step_id].attempt
        return attempt.number if attempt else 0

    # ── calls ────────────────────────────────────────────────────────────────────────────────────

    def _call(self, step: Step, call: Step, lane: Lane, intend: Intend, doubt: Doubt) -> Grant | None:
        match self._state.steps[call.id].status:
            case _S.PENDING if not lane.collides_call(call):
                return Grant(self._allowed(step, call, intend))
            case _S.IN_DOUBT:
                return self._doubt(step, call, doubt)
        return None

    def _allowed(self, step: Step, call: Step, intend: Intend) -> tuple[ev.Event, ...]:
        """A call goes if it was approved with the step, or by itself; else somebody is asked. What is
        destructive is never agreed to beforehand: nobody has seen it."""
        profile = profile_of(step, self._catalog)
        assert profile is not None
        risk = risk_of(call, self._catalog)
        form = resolved_hash(call, call.params, self._catalog)
        covered = risk.rank <= profile.risk.rank and self._policy.persons(call, self._catalog) < 2
        if covered or self._asking.was_answered("step", call.id, form):
            return intend(call)
        if risk is not Risk.DESTRUCTIVE and self._policy.agreed(call, self._catalog):
            request = self._asking.ask("step", form, step=call.id)
            held = ev.StepHeld(step=call.id, reason="waits for an answer (step)")
            return (held, request, self._asking.consented(request), ev.StepReleased(step=call.id))
        if self._policy.unattended:
            why = f"refused: it is {risk}, nobody agreed to that, and nobody can be asked"
            return (ev.StepSkipped(step=call.id, reason=why),)
        question = f"the agent of step {step.id} wants this; calls up to {profile.risk} were approved"
        request = self._asking.ask("step", form, step=call.id, question=question)
        return (ev.StepHeld(step=call.id, reason="waits for an answer (step)"), request)

    def _doubt(self, step: Step, call: Step, doubt: Doubt) -> Grant | None:
        """Nobody knows what became of a call. Where nobody can be asked, the agent's step is in doubt with
        it: its model is not let try again."""
        tool = self._catalog.get(call.action)
        settles_itself = tool is not None and (tool.idempotent or tool.probe)
        probed = self._state.steps[call.id].probe == "unknown"
        if self._policy.unattended and (not settles_itself or (probed and tool and not tool.idempotent)):
            self.leave(step.id, "its call is in doubt")
            return self.farewell()
        return doubt(call)
