"""Steps against time: a bar for what ran, a lighter one where the rest is expected, the critical path marked,
what takes longer than expected said and in another colour; how far it is on top.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import overload

from console.plan.model import Step, StepId
from console.run.forecast import Forecast, Span, forecast, parallel_of
from console.run.life import RunStatus, StepStatus
from console.run.standing import Attempt
from console.run.state import RunState
from console.tui.ink import Part, Row, pad, row, wrap
from console.tui.insight import Insight
from console.tui.marks import MARKS
from console.tui.view import find_life
from console.tui.when import clock_time, short_time
from console.tui.widgets.lines import Rows

NAME = 24
"""Columns of a step's name."""

TAKEN = 14
"""Columns of how long it took, and how late it is."""

MANY = 5000
"""Steps that are lined up anew once a second; with more of them it is less often."""

PATH_STEPS = 20
"""Steps of the critical path that are named on top; each one has its sign besides."""

METER = 24
"""Columns of the bar that says how far it is."""

SHORT = 10.0
"""Seconds below which times are told in tenths."""

TOLERANCE = 1.0
"""Seconds that a step may take longer than expected before it is called late."""

_INKS = {"succeeded": "ok", "failed": "bad", "cancelled": "warn", "in_doubt": "doubt", "": "busy"}


@dataclass(frozen=True)
class Chart:
    """What the rows are drawn from. `done` is the part that is behind, which never gets smaller."""

    state: RunState
    insight: Insight
    now: float
    forecast: Forecast | None = None
    done: float = 0.0
    durations: Mapping[StepId, float] = field(default_factory=dict)

    @cached_property
    def begin(self) -> float:
        state = self.state
        starts = [a.intended for life in _lives(state) for a in life[:1]]
        return min(starts, default=state.started_at or self.now)

    @cached_property
    def end(self) -> float:
        state = self.state
        ends = [a.ended for life in _lives(state) for a in life]
        ahead = self.forecast.end if self.forecast and not state.ended_at else 0.0
        return max([state.ended_at or self.now, ahead, *ends])

    @property
    def path(self) -> tuple[StepId, ...]:
        """The critical path, as far as it is known how long steps take."""
        return self.forecast.path if self.forecast and self.insight.path else self.insight.path

    @cached_property
    def critical(self) -> frozenset[StepId]:
        return frozenset(self.path)

    @property
    def span(self) -> float:
        return max(1.0, self.end - self.begin)


def _lives(state: RunState) -> list[list[Attempt]]:
    items = state.rollback.steps.values() if state.rollback else ()
    return [life.attempts for life in (*state.steps.values(), *items)]


def chart_of(state: RunState, insight: Insight, now: float, done: float = 0.0) -> Chart:
    """The chart of a run at one moment; `done` is what it said before."""
    parallel = parallel_of(state)
    ahead = forecast(insight.graph, state, insight.durations, now, parallel) if insight.graph else None
    behind = max(done, ahead.done) if ahead else done
    return Chart(state, insight, now, ahead, behind, insight.durations)


class Lineup(Sequence[Row]):
    """The rows of a chart: how far it is, an axis, then one for each step, made when it is asked for: those
    that have started by start, then the rest as they are expected."""

    def __init__(self, chart: Chart, width: int) -> None:
        self._chart = chart
        self._room = max(10, width - NAME - TAKEN - 5)
        self._begun: list[tuple[Step, list[Attempt]]] = []
        self._rest: list[Step] = []
        if chart.state.plan is None:
            self._head = [row(("there is no plan yet", "dim"))]
        else:
            self._head = [*_meter(chart, width), _axis(chart.span, self._room)]
            self._line_up()

    def _line_up(self) -> None:
        for step in _all_steps(self._chart.state):
            life = find_life(self._chart.state, step.id)
            if life and life.attempts:
                self._begun.append((step, life.attempts))
            else:
                self._rest.append(step)
        self._begun.sort(key=lambda pair: pair[1][0].intended)
        spans = self._chart.forecast.spans if self._chart.forecast else {}
        unknown = (self._chart.end, self._chart.end)
        self._rest.sort(key=lambda step: spans.get(step.id, unknown))

    @cached_property
    def _index(self) -> Mapping[StepId, int]:
        steps = (*(step for step, _ in self._begun), *self._rest)
        return {step.id: index for index, step in enumerate(steps, len(self._head))}

    def index_of(self, step: StepId) -> int:
        """The row of a step; -1 where it has none."""
        return self._index.get(step, -1)

    def step_at(self, index: int) -> StepId:
        """The step that row `index` is about; empty where it is about none."""
        at = index - len(self._head)
        if at < 0 or index >= len(self):
            return ""
        return self._begun[at][0].id if at < len(self._begun) else self._rest[at - len(self._begun)].id

    def __len__(self) -> int:
        return len(self._head) + len(self._begun) + len(self._rest)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        at = index - len(self._head)
        if at < 0:
            return self._head[index]
        if at < len(self._begun):
            return _bar_row(self._chart, *self._begun[at], self._room)
        return _later_row(self._chart, self._rest[at - len(self._begun)], self._room)


def _all_steps(state: RunState) -> list[Step]:
    planned = [i for i in state.rollback.plan.items if i.fate == "planned"] if state.rollback else []
    items = [item.step for item in planned]
    leaves = state.plan.leaves() if state.plan else ()
    return [*(one for leaf in leaves for one in (leaf, *state.calls_of(leaf.id))), *items]


def _meter(chart: Chart, width: int) -> list[Row]:
    """How far it is, how long the rest takes, and the steps that decide that."""
    state, insight = chart.state, chart.insight
    done = 1.0 if state.status is RunStatus.SUCCEEDED else chart.done
    full = int(done * METER)
    parts: list[Part] = [("█" * full, "ok"), ("░" * (METER - full), "dim"), f" {int(done * 100):3d} %"]
    if state.started_at:
        parts.append((f"  {clock_time((state.ended_at or chart.now) - state.started_at)}", ""))
    if chart.forecast and insight.durations and not state.ended_at:
        left = chart.forecast.end - chart.now
        parts.append((f"  ~{short_time(left)} {'left' if state.started_at else 'in all'}", "quiet"))
    rows = [row(*parts)]
    if path := chart.path:
        left = len(path) - PATH_STEPS
        said = " → ".join(path[:PATH_STEPS]) + (f" → … {left:,} more" if left > 0 else "")
        rows += wrap(said, width, "quiet", first=[("◆ critical path ", "accent")], indent=16)
    return rows


def _axis(span: float, room: int) -> Row:
    """Times at the beginning, the middle (where there is room for it) and the end."""
    told = short_time if span < SHORT else clock_time
    start, half, whole = told(0), told(span / 2), told(span)
    middle = room // 2 - len(half) // 2
    line = start
    if middle > len(start) and middle + len(half) < room - len(whole):
        line = pad(start, middle) + half
    line += " " * max(1, room - len(line) - len(whole)) + whole
    return row((" " * (NAME + 5) + line, "dim"))


def _name(chart: Chart, step: Step, mark: str, ink: str) -> tuple[Part, ...]:
    sign = "◆" if step.id in chart.critical else " "
    return ((f"{mark} ", ink), (f"{sign} ", "accent"), (pad(f"{step.id} {step.action}", NAME), ""), " ")


def _late(chart: Chart, step: Step, attempt: Attempt) -> float:
    """Seconds beyond what was expected; 0 when it is in time or nothing was."""
    expected = chart.durations.get(step.id)
    over = (attempt.ended or chart.now) - attempt.intended - (expected or 0.0)
    return over if expected and over > TOLERANCE and attempt.outcome in ("", "succeeded") else 0.0


def _bar_row(chart: Chart, step: Step, attempts: list[Attempt], room: int) -> Row:
    life = chart.state.step(step.id)
    mark, ink = MARKS[life.status]
    parts: list[Part] = [*_name(chart, step, mark, ink)]
    at = 0
    for attempt in attempts:
        late = _late(chart, step, attempt)
        left, right = _columns(chart, (attempt.intended, attempt.ended or chart.now), room)
        bar_ink = "warn" if late else _INKS.get(attempt.outcome, "quiet")
        parts += [" " * (left - at), ("█" * max(1, min(right, room) - max(left, at)), bar_ink)]
        at = max(right, at + 1)
    newest = attempts[-1]
    if not newest.ended and chart.forecast and step.id in chart.forecast.spans:
        _, right = _columns(chart, chart.forecast.spans[step.id], room)
        parts.append(("░" * (right - at), "dim"))
        at = max(at, right)
    late = _late(chart, step, newest)
    taken = f" {short_time((newest.ended or chart.now) - newest.intended):>5}"
    parts += [" " * max(0, room - at), (taken, "quiet"), (f" +{short_time(late)}" if late else "", "warn")]
    return row(*parts, step=step.id)


def _columns(chart: Chart, span: Span, room: int) -> tuple[int, int]:
    scale = room / chart.span
    left = min(room - 1, int((span[0] - chart.begin) * scale))
    return left, min(room, max(left + 1, round((span[1] - chart.begin) * scale)))


def _later_row(chart: Chart, step: Step, room: int) -> Row:
    life = find_life(chart.state, step.id)
    mark, ink = MARKS[life.status if life else StepStatus.PENDING]
    parts: list[Part] = [*_name(chart, step, mark, ink)]
    expected = chart.durations.get(step.id)
    note = f" ~{short_time(expected)}" if expected else ""
    over = chart.state.status.is_final or (life is not None and life.status is StepStatus.SKIPPED)
    if over or not step.enabled or chart.forecast is None or step.id not in chart.forecast.spans:
        return row(*parts, ("left out" if not step.enabled else "", "dim"), step=step.id)
    left, right = _columns(chart, chart.forecast.spans[step.id], room)
    parts += [" " * left, ("░" * (right - left), "dim"), " " * (room - right), (note, "dim")]
    return row(*parts, step=step.id)


class TimelinePane(Rows):
    """Redrawn as time goes by, while something runs; of its steps only those are drawn that are seen."""

    def __init__(self, *, id: str = "timeline") -> None:
        super().__init__(id=id)
        self._of_run: RunState | None = None
        self._done = 0.0

    def show(self, state: RunState, insight: Insight, now: float) -> None:
        if state is not self._of_run:
            self._of_run, self._done = state, 0.0

        def draw(width: int) -> Lineup:
            chart = chart_of(state, insight, now, self._done)
            self._done = chart.done
            return Lineup(chart, width)

        moment = int(now / max(1.0, len(state.leaves) / MANY))
        self.build(draw, of=(state, state.seq, id(insight), moment))

    def step_at(self, index: int) -> StepId:
        return self.rows.step_at(index) if isinstance(self.rows, Lineup) else ""

    def index_of(self, step: StepId) -> int:
        return self.rows.index_of(step) if isinstance(self.rows, Lineup) else -1
