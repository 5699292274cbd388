"""What calls for the operator: a bell once for each thing that waits, and the pane that has to be seen.

Nothing is taken away from somebody who types or answers a question: the pane comes when they are done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

from console.tui.bridge import Company
from console.tui.view import Pane
from console.tui.widgets.failures import troubled

if TYPE_CHECKING:
    from console.tui.screens.run import RunScreen


class Attention:
    """Remembers what was called out already."""

    def __init__(self, screen: RunScreen) -> None:
        self._screen = screen
        self._requests: set[str] = set()
        self._turns: set[str] = set()
        self._asked = 0
        self._company = Company()
        self._later: Pane | None = None
        self._came = False

    def look(self) -> None:
        """The run has changed: ring, and bring into sight what is new."""
        requests = self._screen.view.state.requests.values()
        fresh_requests = {f"{r.id} {'half approved' if r.signed else ''}" for r in requests} - self._requests
        self._requests |= fresh_requests
        if fresh_requests:
            self._screen.app.bell()
        self._call_out_rollbacks()
        self._call_out_company()
        turns = self._turns_now()
        if not self._came:  # what a planner said before we came is not news
            self._turns |= {key for key, _ in turns if key.startswith("planner ")}
        self._came = True
        fresh = [(key, pane) for key, pane in turns if key not in self._turns]
        self._turns |= {key for key, _ in fresh}
        if any(key.startswith("planner ") for key, _ in fresh):
            self._screen.say("the planner gave up; the plan stays as it is (3 says why)", severity="warning")
        if fresh:
            self.offer(fresh[-1][1])

    def _call_out_rollbacks(self) -> None:
        """Somebody who may not roll back asks for it: nothing happens unless the operator does it."""
        asked = self._screen.view.state.rollback_requests
        for one in asked[self._asked :]:
            why = f": {one.reason}" if one.reason else ""
            self._screen.app.bell()
            self._screen.say(
                f"{one.by} asks for a rollback{why}. R shows what it would do", severity="warning"
            )
        self._asked = len(asked)

    def _call_out_company(self) -> None:
        """Somebody asks for the control, was not given it, or it has changed hands."""
        screen, before, now = self._screen, self._company, self._screen.bridge.company
        self._company = now
        if now.ours and now.asker and now.asker != before.asker:
            screen.app.bell()
            screen.say(f"{now.asker} asks for the control (L answers)", severity="warning")
        elif now.kept and now.kept != before.kept:
            screen.say(f"the control was not given: {now.kept}", severity="warning")
        elif now.ours and before.holder:
            screen.app.bell()
            screen.say("you hold the control of this run now")
        elif now.holder and before.ours and before.others:
            screen.app.bell()
            screen.say(f"{now.holder} has the control now", severity="warning")

    def _turns_now(self) -> list[tuple[str, Pane]]:
        """What should be in sight, the most pressing last, each under a key that is new when it is."""
        state = self._screen.view.state
        turns: list[tuple[str, Pane]] = [
            (f"trouble {step} {len(state.step(step).attempts)}", "failures") for step in troubled(state)
        ]
        if state.error and state.plan is not None:
            turns.append((f"planner {state.replans} {state.error}", "failures"))
        if state.proposal is not None:
            turns.append((f"proposal {state.proposal.hash}", "diff"))
        if state.rollback is not None:
            turns.append((f"rollback {state.rollback.hash}", "rollback"))
        if state.finished is not None:
            turns.append((f"end {state.ended_at}", "summary"))
        return turns

    def offer(self, pane: Pane) -> None:
        """Bring a pane into sight: beside the plan where there is room, else in its place. The keys stay
        with the plan, or go on to the pane where the one they were for makes room for it."""
        screen = self._screen
        if screen.app.screen is not screen or isinstance(screen.focused, Input):
            self._later = pane
        elif screen.panes.is_narrow:
            screen.show_pane(pane)
        elif screen.view.pane != "plan":
            screen.show_pane(pane, take_step=False)  # nobody has chosen another step
        else:
            screen.panes.put_right(pane)
            screen.show_parts()

    def resume(self) -> None:
        """Typing or answering is over."""
        if self._later is not None:
            pane, self._later = self._later, None
            self.offer(pane)
