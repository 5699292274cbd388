"""The planner at work in a run: asked for a plan or a revision, told of on the way, called off.

One planning at a time. What comes of it is an event like any other; one that the run has gone past
(stopped, edited by hand, rolled back) is called off and its result never looked at.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

import anyio

from console.plan.model import Plan, StepId
from console.planners.base import Planner
from console.run import events as ev
from console.run.course import Course
from console.run.desk import Desk
from console.run.life import RunStatus, StepStatus
from console.run.policy import Policy
from console.run.renewal import asking_in
from console.run.revising import accepted
from console.run.state import THINKING, RunState
from console.run.thinking import Thinking


class Loop(Protocol):
    """The engine's loop, as planning uses it."""

    def emit(self, event: ev.Event) -> None:
        """Apply an event in this turn."""

    def put(self, item: Callable[[], None]) -> None:
        """Have this done in a turn."""

    def later(self, task: Callable[..., Awaitable[Any]], *args: Any) -> None:
        """Start this task once the turn is written down."""


class Planning:
    """Asks `planner` for the run of `state`."""

    def __init__(
        self,
        planner: Planner,
        thinking: Thinking,
        state: RunState,
        course: Course,
        policy: Policy,
        loop: Loop,
    ) -> None:
        self._planner, self._thinking, self._state = planner, thinking, state
        self._course, self._policy, self._loop = course, policy, loop
        self._scope: anyio.CancelScope | None = None
        self._number = 0

    # ── a first plan ─────────────────────────────────────────────────────────────────────────────

    def draft(self, given: Plan | None, repairs: tuple[str, ...] = (), words: str = "") -> None:
        """Take the plan that is given, or have one made."""
        if given is not None:
            self._loop.emit(
                ev.PlanDrafted(
                    revision=1,
                    plan=given,
                    plan_hash=self._course.hasher.plan(given),
                    planner="given",
                    reason="a ready plan",
                    repairs=repairs,
                )
            )
            return
        planner = self._planner
        self._loop.emit(ev.PlanningStarted(planner=planner.name, model=planner.model, prompt=planner.prompt))
        self._ask(
            lambda: self._thinking.plan(self._state.cost, words, self._course.hasher, self._progress),
            self._planned,
        )

    def _planned(self, events: tuple[ev.Event, ...]) -> None:
        if self._state.status is not RunStatus.DRAFTING:
            return
        for event in events:
            self._loop.emit(event)
            if isinstance(event, ev.PlanningFailed) and self._policy.unattended:
                self._loop.emit(ev.RunFinished(outcome="failed", exit_code=3, reason=event.error))
            elif isinstance(event, ev.RevisionProposed):
                self._put_to_operator(event)

    # ── revisions ────────────────────────────────────────────────────────────────────────────────

    def revise(self, words: str, phase: StepId = "") -> None:
        """Have the rest of the plan revised, or `phase` planned; a first plan made again where there is
        none."""
        if self._state.status is RunStatus.DRAFTING:
            self.draft(None, words=words)
            return
        gone = (StepStatus.FAILED, StepStatus.CANCELLED)
        failed = [s for s, st in self._state.steps.items() if st.status in gone]
        started = ev.ReplanStarted(
            planner=self._planner.name,
            model=self._planner.model,
            prompt=self._planner.prompt,
            step=failed[0] if failed and not words and not phase else "",
            words=words,
            phase=phase,
            number=self._state.replans + (not phase),
        )
        self._loop.emit(started)
        self._ask(
            lambda: self._thinking.revise(self._state, self._course.hasher, started, self._progress),
            self._revised,
        )

    def _revised(self, events: tuple[ev.Event, ...]) -> None:
        if self._state.status is not RunStatus.REPLANNING:
            return
        for event in events:
            self._loop.emit(event)
            if isinstance(event, ev.RevisionProposed):
                self._put_to_operator(event)

    def _put_to_operator(self, proposal: ev.RevisionProposed) -> None:
        """Put a proposal to the operator, or take it where that was agreed to beforehand."""
        policy, old, course = self._policy, self._state.plan, self._course
        request = course.asking.ask("revision", proposal.hash, question=proposal.reason)
        self._loop.emit(request)
        asking = asking_in(self._state, proposal.plan)
        asked = [step for step in proposal.plan.leaves() if step.id in asking]
        if old is not None and policy.accepts(asked, course.catalog):
            approved = course.asking.consented(request)
            desk = Desk(self._state, course.catalog, course.hasher, policy, approved.by)
            self._loop.emit(approved)
            assert self._state.proposal is not None
            for event in accepted(desk, self._state.proposal, approved.how):
                self._loop.emit(event)
        elif policy.unattended:
            why = "the revision goes beyond what was agreed to"
            self._loop.emit(ev.RequestWithdrawn(request=request.request, reason=why))
            self._loop.emit(ev.RevisionRejected(by=policy.consent.by, reason=why))
            if proposal.mends:
                # Without what it lacks the plan is not what was agreed to either.
                reason = f"the plan was not approved: {proposal.reason}; look at it on a terminal"
                self._loop.emit(ev.RunFinished(outcome="rejected", exit_code=3, reason=reason))

    # ── at work ──────────────────────────────────────────────────────────────────────────────────

    def _ask(
        self,
        work: Callable[[], Awaitable[tuple[ev.Event, ...]]],
        done: Callable[[tuple[ev.Event, ...]], None],
    ) -> None:
        self._number += 1
        self._scope = anyio.CancelScope()
        self._loop.later(self._work, self._scope, self._number, work, done)

    async def _work(
        self,
        scope: anyio.CancelScope,
        number: int,
        work: Callable[[], Awaitable[tuple[ev.Event, ...]]],
        done: Callable[[tuple[ev.Event, ...]], None],
    ) -> None:
        with scope:
            events = await work()
            self._loop.put(partial(self._take, number, done, events))

    def _take(
        self, number: int, done: Callable[[tuple[ev.Event, ...]], None], events: tuple[ev.Event, ...]
    ) -> None:
        if number == self._number and self._scope is not None:
            self._scope = None
            done(events)

    async def _progress(
        self, message: str, /, *, tokens: int = 0, cost: float = 0.0, passing: bool = False, reply: str = ""
    ) -> None:
        event = ev.PlanningProgressed(message=message, tokens=tokens, cost=cost, passing=passing, reply=reply)
        self._loop.put(partial(self._tell, self._number, event))

    def _tell(self, number: int, event: ev.PlanningProgressed) -> None:
        if number == self._number and self._scope is not None:
            self._loop.emit(event)

    def call_off(self, by: str) -> None:
        """End the planning that is under way, as the operator wishes."""
        if self._scope is None:
            return
        why = "the planning was called off" + (f" by {by}" if by else "")
        planner = self._planner
        if self._state.status is RunStatus.REPLANNING:
            self._loop.emit(ev.ReplanFailed(error=why, model=planner.model, prompt=planner.prompt))
        else:
            self._loop.emit(
                ev.PlanningFailed(planner=planner.name, error=why, model=planner.model, prompt=planner.prompt)
            )
        self._end()

    def keep_up(self) -> None:
        """After an event: a planning that the run has gone past is ended."""
        if self._scope is not None and self._state.status not in THINKING:
            self._end()

    def _end(self) -> None:
        scope, self._scope = self._scope, None
        if scope is not None:
            scope.cancel()
