"""The steps that are being carried out, each where its status puts it: the plan's, or a rollback's items.

Derived from the state and kept up to date step by step, so that a decision does not look at the whole
plan. Rebuilt whenever the plan changes.
"""

from __future__ import annotations

from console.catalog.contract import ground
from console.catalog.spec import Catalog, Fact
from console.plan.graph import Graph
from console.plan.model import Plan, Step, StepId
from console.run.life import SETTLED, RunStatus, StepStatus
from console.run.policy import Policy
from console.run.schedule import Frontier, is_needed
from console.run.state import RunState

_S = StepStatus


class Lane:
    """`running`, `failed` (failed or cancelled, for good or until a retry), `in_doubt`, `held` and `open`
    (not settled and not running) are ids; `disabled` are steps that the plan leaves out, by themselves or
    with their phase, and that are still to be marked so; `later` are phases that are not planned yet.
    `_again` are steps that let their dependents go and are open again since."""

    def __init__(self, state: RunState, catalog: Catalog, policy: Policy) -> None:
        self._state, self._catalog, self._policy = state, catalog, policy
        plan = _plan_of(state)
        self.graph = Graph.of(plan)
        self.steps = {leaf.id: leaf for leaf in plan.leaves()}
        self.running: set[StepId] = set()
        self.failed: set[StepId] = set()
        self.in_doubt: set[StepId] = set()
        self.held: set[StepId] = set()
        self.open: set[StepId] = set()
        self._again: set[StepId] = set()
        self._writes: dict[StepId, frozenset[Fact]] = {}
        self._busy: set[Fact] = set()
        self._calls: set[StepId] = set()
        statuses = {step_id: self._status(step_id) for step_id in self.graph.order}
        durations = {step_id: self._duration(step) for step_id, step in self.steps.items()}
        self.frontier = Frontier(self.graph, statuses, self._lets_go, self._is_left_out, durations)
        self.disabled: set[StepId] = set()
        self.later = self.graph.unexpanded - self.graph.skipped
        for step_id in (*self.steps, *state.calls):
            self.place(step_id)

    def _status(self, step_id: StepId) -> StepStatus:
        """A phase that is not planned yet is held: it blocks what depends on it."""
        return self._state.step(step_id).status if step_id in self.steps else _S.HELD

    def _lets_go(self, step_id: StepId) -> bool:
        """A phase that is left out before it is planned holds up nothing."""
        step = self.steps.get(step_id)
        return self.is_settled(step) if step else step_id in self.graph.skipped

    def _is_left_out(self, step_id: StepId) -> bool:
        """Whether what waits for it waits for what it would have waited for."""
        if step_id not in self.steps:
            return step_id in self.graph.skipped
        return self._status(step_id) is _S.SKIPPED

    def unplanned(self) -> list[StepId]:
        """Phases that are not planned yet and whose turn it is."""
        return [phase for phase in self.later if self.frontier.is_free(phase)]

    def _duration(self, step: Step) -> float:
        tool = self._catalog.get(step.action)
        return (tool.duration if tool else None) or 1.0

    def mode(self, step: Step) -> str:
        """What its failure leads to: continue, ask, replan, rollback or stop."""
        if step.on_failure == "continue":
            return "continue"
        return self._policy.on_failure or step.on_failure or "replan"

    def waits_for_retry(self, step_id: StepId) -> bool:
        return self._state.step(step_id).retry_at > 0

    def has_tries_left(self, step: Step) -> bool:
        """Whether a step that has failed is tried again, as it says itself."""
        life = self._state.step(step.id)
        if step.retry is None or life.status is not _S.FAILED or life.attempt is None:
            return False
        return life.attempt.changed is None and life.failures < step.retry.attempts

    def is_settled(self, step: Step) -> bool:
        """Whether its dependents may go."""
        status = self._state.step(step.id).status
        if status is _S.FAILED and self.mode(step) == "continue":
            return not self.waits_for_retry(step.id) and not self.has_tries_left(step)
        return status in SETTLED

    def place(self, step_id: StepId) -> None:
        """Put a step where its status belongs."""
        step = self.steps.get(step_id)
        if step is None:
            self._place_call(step_id)
            return
        status = self._state.step(step_id).status
        for group in (self.open, self.failed, self.in_doubt, self.held, self.disabled, self._again):
            group.discard(step_id)
        if step_id in self.running and status is not _S.RUNNING:
            self.running.discard(step_id)
            self._busy -= self._writes_of(step)
        if self.is_settled(step):
            self.frontier.withhold(step_id)
            self.frontier.settle(step_id, lambda s: self._status(s) is _S.PENDING)
            return
        if self.frontier.has_settled(step_id):
            self._again.add(step_id)
        if status is _S.RUNNING:
            self.running.add(step_id)
            self.frontier.withhold(step_id)
            self._busy |= self._writes_of(step)
            return
        self.open.add(step_id)
        if step_id in self.graph.skipped and status in (_S.PENDING, _S.HELD):
            self.disabled.add(step_id)
        if status is _S.PENDING and step_id not in self.disabled:
            self.frontier.release(step_id)
        else:
            self.frontier.withhold(step_id)
        if status in (_S.FAILED, _S.CANCELLED):
            self.failed.add(step_id)
        elif status is _S.IN_DOUBT:
            self.in_doubt.add(step_id)
        elif status is _S.HELD:
            self.held.add(step_id)

    def _place_call(self, step_id: StepId) -> None:
        """An agent's call is not scheduled here; while it runs, what it writes is busy."""
        call = self._state.calls.get(step_id)
        if call is None:
            return
        if self._state.steps[step_id].status is _S.RUNNING:
            self._calls.add(step_id)
            self._busy |= self._writes_of(call)
        elif step_id in self._calls:
            self._calls.discard(step_id)
            self._busy -= self._writes_of(call)

    def collides_call(self, call: Step) -> bool:
        """Whether something that runs writes what this call would write."""
        return bool(self._busy) and bool(self._writes_of(call) & self._busy)

    def collides(self, step_id: StepId) -> bool:
        """Whether a running step writes what this one writes."""
        return bool(self._busy) and bool(self._writes_of(self.steps[step_id]) & self._busy)

    def is_next(self, step_id: StepId) -> bool:
        """Whether the plan takes it in and it waits for no other step."""
        if step_id in self.graph.skipped or not self.frontier.is_free(step_id):
            return False
        return not self._again or self._again.isdisjoint(
            self.graph.directly_before(step_id, self._is_left_out)
        )

    def _writes_of(self, step: Step) -> frozenset[Fact]:
        if step.id not in self._writes:
            tool = self._catalog.get(step.action)
            writes = (
                ground(tool, tool.with_defaults(step.params)).writes if tool and tool.contract.writes else ()
            )
            self._writes[step.id] = frozenset(writes)
        return self._writes[step.id]

    def is_needed(self, step_id: StepId) -> bool:
        """Whether something that is still to come waits for this step."""

        def status(step: StepId) -> StepStatus:
            return _S.SKIPPED if self._is_left_out(step) else self._status(step)

        return is_needed(step_id, self.graph, status)


def _plan_of(state: RunState) -> Plan:
    if state.status is RunStatus.ROLLING_BACK and state.rollback:
        return Plan(steps=tuple(item.step for item in state.rollback.plan.items if item.fate == "planned"))
    return state.plan or Plan()
