"""What can be told of the plan besides what has happened: its insight, what it comes to that a proposed
revision or some of its parts are taken, and what that steps are held or left out. All of it is worked out
beside the screen, which shows it when it has come.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio

from console.plan.hunks import Hunk
from console.plan.model import Plan
from console.run.forecast import Forecast, forecast, parallel_of
from console.run.history import Estimates
from console.run.so_far import SoFar
from console.run.standing import Proposal
from console.tui.beside import beside, hand
from console.tui.holding import Absence, Prospects, absence
from console.tui.insight import Insight, Question, look_at
from console.tui.taking import Taking, taking

if TYPE_CHECKING:
    from console.catalog.spec import Catalog
    from console.plan.check import Known
    from console.tui.screens.run import RunScreen

LARGE = 1000
"""Rows of a plan from which an edit is painted, and may be followed by another, before anything else is made
of it."""

BREATH = 0.3
"""Seconds that are left for this."""

GROUPS = ("insight", "absence", "taking")
"""The workers of the screen that work these out."""


class Foresight:
    """`insight` is of the plan `insight_of`: an older one than is shown until the new one has come. `taking`
    is of the proposed revision, or of its parts that are taken; `None` while it is worked out. `what_if` is
    "" where every step runs as it was planned."""

    def __init__(self, screen: RunScreen, estimates: Callable[[], Estimates]) -> None:
        self._screen = screen
        self.estimates = estimates
        self.insight = Insight()
        self.insight_of: Plan | None = None
        self.taking: Taking | None = None
        self._ahead: Forecast | None = None
        self._ahead_at: tuple[float, ...] = ()
        self.what_if = ""
        self._question: Question | None = None
        self._working = False
        self._known: Known | None = None
        self._prospects = Prospects()
        self._away: tuple[Plan | None, Absence] = (None, Absence())
        self._parts: tuple[Proposal | None, frozenset[Hunk]] = (None, frozenset())

    @property
    def _parallel(self) -> int:
        return parallel_of(self._screen.bridge.state)

    def _beside(self, work: Callable[[], Any], group: str) -> None:
        self._screen.run_worker(
            cast(Any, work),
            group=group,
            description=group,  # else it is made of all that is worked on, the plan among it
            exclusive=True,
            exit_on_error=False,
        )

    # ── the plan ─────────────────────────────────────────────────────────────────────────────────

    @property
    def is_at_work(self) -> bool:
        """Whether something is still to be told of the newest plan."""
        return self._working

    @property
    def _breath(self) -> float:
        return BREATH if self._screen.plan_tree.count() >= LARGE else 0.0

    def look_at_plan(self, plan: Plan, *, at_once: bool) -> None:
        """Work out what can be told of a new plan; of a large one after a breath, if not `at_once`."""
        state = self._screen.bridge.state
        self._question = Question(
            plan,
            state.catalog,
            state.facts,
            self._parallel,
            SoFar.of(state),
            self.estimates,
            self._known_of(state.catalog),
        )
        if not self._working:
            self._working = True
            if (pause := self._breath) and not at_once:
                self._screen.set_timer(pause, self._begin)
            else:
                self._begin()

    def _known_of(self, catalog: Catalog) -> Known:
        """What is known of single steps so far: an edit of a large plan leaves most of them as they are."""
        from console.plan.check import Known

        if self._known is None or self._known.catalog is not catalog:
            self._known = Known(catalog, hand.let_pass)
        return self._known

    def _begin(self) -> None:
        self._screen.run_worker(self._work_out(), group="insight", exit_on_error=False)

    async def _work_out(self) -> None:
        """Work out what can be told of the newest plan; one at a time, those between are left out."""
        try:
            while (question := self._question) is not None:
                await beside(self._screen.editing.changes.history.look)
                insight = await beside(partial(look_at, question))
                if self._question is question:
                    self._question = None
                    self.insight, self.insight_of, self._ahead_at = insight, question.plan, ()
                    self._screen.take_insight()
        finally:
            self._working = False

    def ahead(self, now: float) -> Forecast | None:
        """How the run will go on, `now` in seconds since the epoch; of a large plan as it was a while ago."""
        state, insight = self._screen.bridge.state, self.insight
        if insight.graph is None or not insight.durations:
            return None
        many = len(state.leaves) / LARGE
        at = (id(state), int(now / max(1.0, many)), state.seq if many < 1 else 0)
        if self._ahead_at != at:
            self._ahead_at = at
            self._ahead = forecast(insight.graph, state, insight.durations, now, self._parallel)
        return self._ahead

    def left(self, now: float) -> float | None:
        """Seconds that the run is likely to take from `now` on; `None`: nobody knows."""
        if not self._screen.bridge.state.started_at:
            return self.insight.estimate or None  # worked out beside the screen, anew for every edit
        ahead = self.ahead(now)
        return max(0.0, ahead.end - now) if ahead is not None else None

    # ── a revision ───────────────────────────────────────────────────────────────────────────────

    def look_at_parts(self, left: frozenset[Hunk] = frozenset()) -> None:
        """Work out what it comes to that the proposed revision is taken without the parts that are `left`
        out, to be shown with the diff."""
        state = self._screen.bridge.state
        if (state.proposal, left) == self._parts:
            return
        self._parts, self.taking = (state.proposal, left), None
        if state.proposal is None or state.plan is None:
            self._screen.workers.cancel_group(self._screen, "taking")
        else:
            self._beside(
                partial(self._tell_taking, taking(state, state.plan, state.proposal.plan, left)), "taking"
            )

    async def _tell_taking(self, work: Callable[[], Taking]) -> None:
        self.taking = await beside(work)
        self._screen.show_parts()

    # ── what if ──────────────────────────────────────────────────────────────────────────────────

    def look_at_absence(self) -> None:
        """Work out what it comes to that steps are held or left out, anew when others are."""
        state, plan = self._screen.bridge.state, self._screen.view.plan
        away = absence(state, plan, self.insight.disabled if self.insight_of is plan else frozenset())
        if plan is self._away[0] and away == self._away[1]:
            return
        self._away = (plan, away)
        if plan is None or not away:
            self._screen.workers.cancel_group(self._screen, "absence")  # what it works out is of what is back
            self.what_if = ""
            return
        base, known, parallel = state.base or plan, self._known_of(state.catalog), self._parallel

        def line() -> str:
            return self._prospects.line(base, plan, known, away, parallel, self.estimates())

        self._beside(partial(self._tell_absence, line), "absence")

    async def _tell_absence(self, work: Callable[[], str]) -> None:
        await anyio.sleep(self._breath)  # the next edit calls this off before it has begun
        with suppress(ValueError):  # a plan that goes in a circle: the line says so already
            self.what_if = await beside(work)
            self._screen.show_parts()
