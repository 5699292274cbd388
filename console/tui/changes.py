"""The plan as the operator has it on the screen, and its way to the run.

An edit is made here and seen at once; the run is told beside it. Edits that were made while the run was
being told go to it as one, so that a fast hand never waits. What the run refuses is taken back and
said. Undo and redo are over everything that was done here, holds among it; when somebody else changes
the plan, they begin anew.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.errors import ControlRefused, PlandeckError
from console.plan.edit import Edit, EditHistory, EditRefused
from console.plan.model import Plan, StepId
from console.run.control import ChangePlan, Hold, Release
from console.tui.reasons import named_steps as named

if TYPE_CHECKING:
    from console.tui.screens.run import RunScreen

REASON = "by the operator"

FRAME = 0.1
"""Seconds that a frame is waited for."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Steps that were held, or released, at one go."""

    steps: tuple[StepId, ...]
    hold: bool

    @property
    def summary(self) -> str:
        return f"{'hold' if self.hold else 'release'} {named(self.steps)}"

    def wishes(self, *, back: bool = False) -> list[Hold | Release]:
        if self.hold is not back:
            return [Hold(step=step, reason=REASON) for step in self.steps]
        return [Release(step=step) for step in self.steps]


class Changes:
    """`plan` is the plan with all edits. What was done is a `Holding`, or `None` for the history's edit;
    `_ours` are the revisions that come of it."""

    def __init__(self, screen: RunScreen) -> None:
        self._screen = screen
        self.history = EditHistory(Plan())
        self._done: list[Holding | None] = []
        self._undone: list[Holding | None] = []
        self._known: Plan | None = None
        self._ours: set[int] = set()
        self._awaited = 0
        self._untold: list[str] = []
        self._telling = False
        self._refused: PlandeckError | None = None
        self._told = asyncio.Event()
        self._told.set()

    @property
    def plan(self) -> Plan:
        return self.history.plan

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    # ── doing ────────────────────────────────────────────────────────────────────────────────────

    def make(self, edit: Edit) -> None:
        """Make an edit. Raises `EditRefused` with nothing changed."""
        self.history.do(edit)
        self._note(None)
        self._tell(edit.summary)

    async def hold(self, steps: tuple[StepId, ...], *, hold: bool) -> None:
        """Hold or release steps, as one thing to be undone. Raises `ControlRefused`."""
        holding = Holding(steps, hold)
        await self._wish(holding.wishes())
        self._note(holding)

    async def undo(self) -> str:
        """Take the newest act back; says which."""
        if not self._done:
            raise EditRefused("there is nothing to undo")
        newest = self._done[-1]
        if newest is None:
            said = self.history.edits[-1].summary
            self.history.undo()
            self._tell(f"undo: {said}")
        else:
            said = newest.summary
            await self._wish(newest.wishes(back=True))
        self._undone.append(self._done.pop())
        return said

    async def redo(self) -> str:
        """Do again what was taken back last; says what."""
        if not self._undone:
            raise EditRefused("there is nothing to make again")
        newest = self._undone[-1]
        if newest is None:
            said = self.history.undone[-1].summary
            self.history.redo()
            self._tell(f"again: {said}")
        else:
            said = newest.summary
            await self._wish(newest.wishes())
        self._done.append(self._undone.pop())
        return said

    def _note(self, act: Holding | None) -> None:
        self._done.append(act)
        self._undone.clear()

    async def _wish(self, wishes: list[Hold | Release]) -> None:
        await self.settled()
        for wish in wishes:
            await self._screen.bridge.wish(wish)

    # ── telling the run ──────────────────────────────────────────────────────────────────────────

    def _tell(self, summary: str) -> None:
        self._untold.append(summary)
        self._screen.show_draft(self.history.plan)
        if not self._telling:
            self._telling, self._refused = True, None
            self._told.clear()
            self._screen.run_worker(self._tell_all(), group="changes", exit_on_error=False)

    async def _tell_all(self) -> None:
        bridge = self._screen.bridge
        try:
            while self._untold:
                await self._painted()
                summary, self._untold = _joined(self._untold), []
                revision = bridge.state.revision
                self._awaited = revision + 1
                self._ours.add(self._awaited)
                await bridge.wish(ChangePlan(plan=self.history.plan, revision=revision, summary=summary))
                if not await bridge.until(self._is_taken, patience=30.0):
                    raise ControlRefused("the run did not say what became of the edit")
        except PlandeckError as error:
            self._refused = error
            self._ours.discard(self._awaited)
            self._begin(bridge.state.plan)
            self._screen.editing.show_history()
            self._screen.show_draft(None)
            self._screen.show_parts()
            self._screen.say(str(error), severity="warning")
        finally:
            self._telling = False
            self._told.set()

    async def _painted(self) -> None:
        """Let what was done be seen first: a large plan takes its time to be told."""
        painted = asyncio.Event()
        self._screen.call_after_refresh(painted.set)
        with suppress(TimeoutError):
            async with asyncio.timeout(FRAME):
                await painted.wait()

    def _is_taken(self) -> bool:
        return self._screen.bridge.state.revision >= self._awaited

    async def settled(self) -> None:
        """Wait until the run has heard of every edit."""
        await self._told.wait()

    async def taken(self) -> None:
        """As `settled`. Raises what the run refused the newest edits with."""
        await self.settled()
        if self._refused is not None:
            raise self._refused

    # ── what the run says ────────────────────────────────────────────────────────────────────────

    def heard(self, plan: Plan | None, revision: int) -> None:
        """The run has this plan: ours, or somebody else's. By now it may have been told of a newer one."""
        if plan is None or plan is self._known:
            return
        self._known = plan
        if revision in self._ours or plan == self.history.plan:
            return
        used = self.history.used | set(self._screen.bridge.state.steps)
        self._begin(plan)
        self.history.used |= used
        self._screen.show_draft(None)

    def _begin(self, plan: Plan | None) -> None:
        self.history = EditHistory(plan or Plan(goal=self._screen.bridge.state.goal))
        self._done, self._undone, self._untold = [], [], []


def _joined(summaries: list[str]) -> str:
    more = f" and {len(summaries) - 3} more edits" if len(summaries) > 3 else ""
    return ", ".join(summaries[:3]) + more
