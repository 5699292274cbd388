"""What the decisions of a run are made from, kept up to date event by event.

    Basis ── Starting ── Troubles ── Course          each decides on top of what the one before it can
             (starting)  (troubles)  (course)

All of it is derived from the state: which approvals count, which steps are ready, run or have failed, what
time it is. It is rebuilt whenever the plan changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from console.catalog.fit import Fitter
from console.catalog.spec import Catalog
from console.plan.model import Plan, Step, StepId
from console.run import events as ev
from console.run.agents import Agents
from console.run.approval import Hasher
from console.run.asking import Asking
from console.run.attempts import Place, Prepared
from console.run.forecast import PARALLEL
from console.run.lane import Lane
from console.run.policy import Policy
from console.run.standing import Proposal
from console.run.state import RunState


class Basis:
    """Of one run. `intended` holds what the newest `step_intended` events stand for until the engine has
    taken it; `approved` are the hashes of the steps as they were approved; `probing` are the steps that a
    probe is looking at; `closing` is the end that the run is going to, and of a rollback `back_to` and `ties`
    say which. As long as `halted` says why, nothing starts. `given_up` are steps and phases that the planner
    was asked about in vain; a run that is paused for that `lacks_plan`. `to_revise` are failed steps that a
    revision was just accepted for."""

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
        self.hasher, self.fitter = Hasher(catalog), Fitter(catalog)
        self.asking = Asking(state, catalog, policy)
        self.agents = Agents(state, catalog, policy, self.asking)
        self.parallel, self.replans = int(limits.get("parallel", PARALLEL)), int(limits.get("replans", 3))
        self._seconds, self._now = limits.get("time"), now
        self.closing = ""
        self.back_to: StepId | None = None
        self.ties: Mapping[StepId, tuple[StepId, ...]] = {}
        self.halted = ""
        self.intended: dict[str, Prepared] = {}
        self.approved: dict[StepId, str] = {}
        self._lane: Lane | None = None
        self.probing: set[StepId] = set()
        self.given_up: set[StepId] = set()
        self.lacks_plan = False
        self.to_revise: list[StepId] = []
        self._proposed: tuple[Proposal | None, dict[StepId, Step]] = None, {}
        self._rung = 0.0
        self._more_time_at = 0.0

    def recall(self, event: ev.Event) -> None:
        """Keep up with an event of the past: which approvals count, which end was chosen."""
        match event:
            case ev.PolicyLoaded():
                self.approved = {}
            case ev.Approved(scope="plan") if self.state.plan:
                self._approve_all(self.state.plan)
            case ev.RevisionAccepted() if self.state.started_at:
                self._approve_all(event.plan)
            case ev.PlanEdited():
                self._carry_over(event)
            case ev.EndChosen():
                self.closing, self.back_to, self.ties = event.end, event.back_to, event.ties
            case ev.RollbackStarted() | ev.RollbackFinished() | ev.RunFinished():
                self.closing, self.back_to, self.ties = "", None, {}

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
                    self.to_revise = sorted(self.lane.failed)
            case ev.PlanDrafted() | ev.PlanEdited() | ev.RunStarted():
                self.rebuild()
            case ev.RunPaused() if event.by:
                self.lacks_plan = False
            case ev.RunContinued():
                self.lacks_plan = False
                if event.by:
                    self.given_up -= self.lane.later
                if event.by and self.is_overdue():
                    self._more_time_at = self.time()
            case ev.RollbackStarted() | ev.RollbackFinished():
                self.rebuild()
            case ev.ReplanFailed() | ev.RevisionRejected():
                self.given_up |= self.lane.failed

    def _approve_all(self, plan: Plan) -> None:
        self.approved = {leaf.id: self.hasher.step(leaf) for leaf in plan.leaves()}

    def _adopt(self, catalog: Catalog) -> None:
        """Go on with a catalog in which the operator has let a tool change: an approval that held for a step
        still does."""
        before, self.catalog = self.hasher, catalog
        self.hasher, self.fitter = Hasher(catalog), Fitter(catalog)
        self.asking = Asking(self.state, catalog, self.policy)
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

    # ── asked by every decision ──────────────────────────────────────────────────────────────────

    def hash(self, step: Step) -> str:
        return self.hasher.step(step)

    def is_approved(self, step: Step) -> bool:
        return self.approved.get(step.id) == self.hash(step)

    def is_kept(self, step: Step) -> bool:
        """While a revision waits, nothing starts that it would drop, change, or put after something else."""
        proposal = self.state.proposal
        if proposal is None:
            return True
        if self._proposed[0] is not proposal:
            self._proposed = proposal, {leaf.id: leaf for leaf in proposal.plan.leaves()}
        new = self._proposed[1].get(step.id)
        return new is not None and self.hash(new) == self.hash(step)

    def has_room(self, step_id: StepId) -> bool:
        return len(self.lane.running) < self.parallel and not self.lane.collides(step_id)

    def is_due(self, step_id: StepId) -> bool:
        """Whether the retry of a step, which was put off, comes now."""
        if self.state.step(step_id).retry_at > self.time() or not self.has_room(step_id):
            return False
        return self.state.is_item(step_id) or self.is_kept(self.lane.steps[step_id])

    # ── time ─────────────────────────────────────────────────────────────────────────────────────

    def ring(self, at: float) -> None:
        """A timer for `at` has rung: it is past that, whatever a clock says that was set back meanwhile."""
        self._rung = max(self._rung, at)

    def time(self) -> float:
        return max(self._now(), self._rung)

    def deadline(self) -> float | None:
        """When the run has used up its time (seconds since the epoch), counted from its start, and anew
        when an engine takes it up or the operator has it go on after that."""
        if self._seconds is None or not self.state.started_at:
            return None
        return max(self.state.started_at, self.state.engine_at, self._more_time_at) + self._seconds

    def is_overdue(self) -> bool:
        deadline = self.deadline()
        return deadline is not None and self.time() >= deadline
