"""The first line of the screen: what this is about, how it stands, how far it is."""

from __future__ import annotations

from collections.abc import Callable

from console.run.life import RunStatus, StepStatus
from console.run.standing import Request
from console.tui.ink import Row, Span, fit, row, safe
from console.tui.insight import about
from console.tui.marks import RUN_INKS
from console.tui.planning import asking_words
from console.tui.reasons import words
from console.tui.view import View
from console.tui.when import clock_time
from console.tui.widgets.lines import Rows

GOAL = 20
"""Columns below which the other facts give way to the goal."""

Left = Callable[[float], float | None]

OVER = frozenset({StepStatus.SUCCEEDED, StepStatus.SKIPPED, StepStatus.UNDONE})


def header_row(view: View, now: float, left: float | None, width: int) -> Row:
    """Product and goal on the left, status in the middle, the run's id on the right; the goal gives way
    first, then the other facts, the status never. `left` is how many seconds the run is likely to take from
    now on, `None` where nobody knows."""
    state = view.state
    counts = state.counts()
    total = sum(counts.values())
    over = sum(n for status, n in counts.items() if status in OVER)
    begun = state.started_at or state.created_at
    elapsed = clock_time((state.ended_at or now) - begun) if state.started_at else "00:00"
    status = words(view.status).upper() if view.ready else "connecting …"
    if view.ready and state.plan is None and state.error:
        status = "NO PLAN"
    if state.end is not None:
        status = "STOPPING" if state.end.end == "stop" else "STOPPING TO ROLL BACK"
    asking = asking_words(state, now) if state.planning and state.model else ""
    if view.engine_gone and not view.status.is_final:
        status += " · ENGINE GONE"
    facts = (
        [asking]
        if asking
        else [
            f"rev {state.revision}" if state.revision else "",
            f"{over}/{total}" if total else "",
            elapsed if total else "",
            _left(view, left),
        ]
    )
    waits = waiting_words(view)
    watch = f"+{len(view.others)} watching" if view.others and not view.read_only else ""
    right = row((f"run {state.run}" if state.run else "", "quiet"), " ")
    for shown in (facts, facts[:3], facts[1:2], ()):
        said = [fact for fact in (*shown, watch if shown else "", waits) if fact]
        middle = row(
            (status, f"strong {RUN_INKS[view.status]}"), *(x for f in said for x in ((" · ", "dim"), f))
        )
        room = width - middle.width - right.width - 4
        if room >= min(GOAL, len(state.goal) + 1):
            break
    name = (Span(" plandeck  ", "strong accent"),) if room > 30 else (Span(" "),)
    goal = safe(state.goal)
    begin = fit((*name, Span(goal)), max(0, room))
    used = sum(s.width for s in begin)
    return Row((*begin, Span(" " * (room - used + 2)), *middle.spans, Span("  "), *right.spans))


def _left(view: View, left: float | None) -> str:
    if not left or view.state.ended_at or view.status is RunStatus.ROLLING_BACK:
        return ""
    return f"{about(left)} left" if view.state.started_at else about(left)


def waiting_words(view: View) -> str:
    """What waits for the operator, as far as the status does not say it."""
    waiting = [r for r in view.queue() if (r.scope, view.status) != ("plan", RunStatus.AWAITING_APPROVAL)]
    named = list(dict.fromkeys(_subject(request) for request in waiting))
    if not named:
        return "rollback asked for" if view.state.rollback_requests else ""
    more = f" +{len(named) - 1}" if len(named) > 1 else ""
    return f"{named[0]}{more} wait{'s' if len(named) == 1 else ''}"


def _subject(request: Request) -> str:
    if request.scope in ("decision", "in_doubt"):
        return f"step {request.step}"
    return f"{words(request.scope)} {request.step}".strip()


class HeaderLine(Rows):
    """One line; `show` it the view whenever something or the time has changed."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        super().__init__(id="header")
        self._now = now
        self._view = View()
        self._left: Left = lambda _: None

    def show(self, view: View, left: Left) -> None:
        """`left` gives how many seconds the run is likely to take, from the one it is given on."""
        self._view, self._left = view, left
        self.build(self._rows_now)

    def _rows_now(self, width: int) -> list[Row]:
        now = self._now()
        return [header_row(self._view, now, self._left(now), width)]

    def tick(self) -> None:
        """Time has passed."""
        self.rebuild()
