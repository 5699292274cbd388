"""Attempts against time: one bar a step, the critical path marked, estimates where a tool gives them,
what is late in another colour."""

from __future__ import annotations

from console.plan.model import Step, StepId
from console.run.life import StepStatus
from console.run.standing import Attempt
from console.run.state import RunState
from console.tui.ink import Part, Row, pad, row
from console.tui.marks import MARKS
from console.tui.view import find_life
from console.tui.when import clock_time, short_time
from console.tui.widgets.lines import Rows

NAME = 24
"""Columns of a step's name."""

TAKEN = 7
"""Columns of how long it took."""

_INKS = {"succeeded": "ok", "failed": "bad", "cancelled": "warn", "in_doubt": "doubt", "": "busy"}


def timeline_rows(state: RunState, critical: frozenset[StepId], now: float, width: int) -> list[Row]:
    """An axis, then a row for each step that has started, by start, then those that have not."""
    if state.plan is None:
        return [row(("there is no plan yet", "dim"))]
    begun = [(step, find_life(state, step.id)) for step in _all_steps(state)]
    started = sorted(
        ((step, life.attempts) for step, life in begun if life and life.attempts),
        key=lambda pair: pair[1][0].intended,
    )
    rest = [step for step, life in begun if not (life and life.attempts)]
    begin = min((attempts[0].intended for _, attempts in started), default=now)
    end = max([state.ended_at or now, *(a.ended for _, attempts in started for a in attempts)])
    span = max(1.0, end - begin)
    room = max(10, width - NAME - TAKEN - 5)
    rows = [_axis(span, room)] if started else []
    rows += [_bar_row(state, step, attempts, begin, span, now, room, critical) for step, attempts in started]
    rows += [_later_row(state, step, critical) for step in rest]
    return rows


def _all_steps(state: RunState) -> list[Step]:
    planned = [i for i in state.rollback.plan.items if i.fate == "planned"] if state.rollback else []
    items = [item.step for item in planned]
    leaves = state.plan.leaves() if state.plan else ()
    return [*(one for leaf in leaves for one in (leaf, *state.calls_of(leaf.id))), *items]


def _axis(span: float, room: int) -> Row:
    half, whole = clock_time(span / 2), clock_time(span)
    middle = room // 2 - len(half) // 2
    line = pad("00:00", middle) + half
    line += " " * max(1, room - len(line) - len(whole)) + whole
    return row((" " * (NAME + 5) + line, "dim"))


def _name(step: Step, mark: str, ink: str, critical: frozenset[StepId]) -> tuple[Part, ...]:
    sign = "◆" if step.id in critical else " "
    return ((f"{mark} ", ink), (f"{sign} ", "accent"), (pad(f"{step.id} {step.action}", NAME), ""), " ")


def _bar_row(
    state: RunState,
    step: Step,
    attempts: list[Attempt],
    begin: float,
    span: float,
    now: float,
    room: int,
    critical: frozenset[StepId],
) -> Row:
    life = state.step(step.id)
    mark, ink = MARKS[life.status]
    tool = state.catalog.get(step.action)
    parts: list[Part] = [*_name(step, mark, ink, critical)]
    at = 0
    for attempt in attempts:
        left = int((attempt.intended - begin) / span * room)
        right = max(left + 1, round(((attempt.ended or now) - begin) / span * room))
        late = bool(tool and tool.duration and (attempt.ended or now) - attempt.intended > tool.duration)
        bar_ink = (
            "warn" if late and attempt.outcome in ("", "succeeded") else _INKS.get(attempt.outcome, "quiet")
        )
        parts += [" " * (left - at), ("█" * max(1, min(right, room) - max(left, at)), bar_ink)]
        at = max(right, at + 1)
    newest = attempts[-1]
    parts += [
        " " * max(0, room - at),
        (f" {short_time((newest.ended or now) - newest.intended):>6}", "quiet"),
    ]
    return row(*parts, step=step.id)


def _later_row(state: RunState, step: Step, critical: frozenset[StepId]) -> Row:
    life = find_life(state, step.id)
    mark, ink = MARKS[life.status if life else StepStatus.PENDING]
    tool = state.catalog.get(step.action)
    note = f"about {short_time(tool.duration)}" if tool and tool.duration else ""
    return row(*_name(step, mark, ink, critical), (note, "dim"), step=step.id)


class TimelinePane(Rows):
    """Redrawn as time goes by, while something runs."""

    def __init__(self, *, id: str = "timeline") -> None:
        super().__init__(id=id)

    def show(self, state: RunState, critical: frozenset[StepId], now: float) -> None:
        self.build(lambda width: timeline_rows(state, critical, now, width))
