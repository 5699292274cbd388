"""The end of a run on one pane: what ran, what was undone and what was not, time, cost, and where the
record is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from console.plan.model import Step, StepId
from console.run.life import StepStatus
from console.run.state import RunState
from console.tui.ink import Part, Row, row, wrap
from console.tui.marks import MARKS, RUN_INKS
from console.tui.reasons import words
from console.tui.view import all_steps
from console.tui.when import short_time
from console.tui.widgets.lines import Rows

_ORDER = (
    StepStatus.SUCCEEDED,
    StepStatus.FAILED,
    StepStatus.IN_DOUBT,
    StepStatus.CANCELLED,
    StepStatus.SKIPPED,
    StepStatus.UNDONE,
    StepStatus.UNDO_FAILED,
    StepStatus.HELD,
    StepStatus.PENDING,
)

LABEL = 14

MOST = 40
"""Steps of one state that are named; what was not undone is named whole."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a summary: what it is about, and what there is to say of it."""

    label: str
    text: str
    ink: str = ""
    mark: str = ""


def summary_facts(state: RunState, directory: Path | None) -> Iterator[Fact]:
    """Everything an operator writes into a ticket about a run that has ended; `directory` is where it is kept
    on this machine."""
    finished = state.finished
    assert finished is not None, "it has ended"
    yield from _steps(state)
    yield from _rolled_back(state)
    for unmet in finished.unmet:
        yield Fact("does not hold", unmet, "bad")
    begun = state.started_at or state.created_at
    yield Fact("time", short_time(state.ended_at - begun))
    if state.cost or state.tokens:
        yield Fact("models" if state.calls else "planner", f"{state.tokens:,} tokens, ${state.cost:.2f}")
    yield Fact("journal head", state.head)
    if directory is not None:
        yield Fact("kept in", str(directory))
        yield Fact("next", f"plandeck show {state.run} · plandeck export {state.run}")


def summary_rows(state: RunState, directory: Path | None, width: int) -> list[Row]:
    """The summary as it is shown."""
    finished = state.finished
    if finished is None:
        return [row(("the run has not ended", "dim"))]
    rows = [
        row(
            (words(finished.outcome).upper(), f"strong {RUN_INKS[state.status]}"),
            (f"  exit code {finished.exit_code}", "quiet"),
        )
    ]
    if finished.reason:
        rows += wrap(finished.reason, width)
    rows.append(Row())
    for fact in summary_facts(state, directory):
        if fact.label == "time":
            rows.append(Row())
        rows += _line(fact, width)
    return rows


def _steps(state: RunState) -> Iterator[Fact]:
    """One fact a state that any step is in, with the steps' names."""
    by_status: dict[StepStatus, list[StepId]] = {}
    for step_id, life in state.steps.items():
        status = StepStatus.FAILED if life.gone_round else life.status
        by_status.setdefault(status, []).append(step_id)
    steps = all_steps(state)
    for status in _ORDER:
        ids = by_status.get(status)
        if ids:
            mark, ink = MARKS[status]
            names = ", ".join(_named(steps, step) + _by_hand(state, step) for step in ids[:MOST])
            names += f" and {len(ids) - MOST} more" if len(ids) > MOST else ""
            yield Fact(words(status), names, ink, mark)


def _rolled_back(state: RunState) -> Iterator[Fact]:
    finished = state.rollback.finished if state.rollback else None
    if finished is None:
        return
    steps = all_steps(state)
    if finished.complete:
        yield Fact("rollback", "complete: everything that had an effect was undone", "undo")
    for step, why in finished.not_undone.items():
        yield Fact("NOT UNDONE", f"{_named(steps, step)}: {why}", "bad strong")
    for step in finished.irreversible:
        if step not in finished.not_undone:
            yield Fact("IRREVERSIBLE", _named(steps, step), "bad strong")


def _named(steps: Mapping[StepId, Step], step_id: StepId) -> str:
    step = steps.get(step_id)
    return f"{step_id} {step.action}" if step else step_id


def _by_hand(state: RunState, step: StepId) -> str:
    return " (by hand)" if state.steps[step].marked_by else ""


def _line(fact: Fact, width: int) -> list[Row]:
    lead: list[Part] = [(f"{fact.mark or ' '} ", fact.ink), (f"{fact.label:<{LABEL}}", fact.ink or "quiet")]
    return wrap(fact.text, width, first=lead, indent=LABEL + 2)


class SummaryPane(Rows):
    def __init__(self, *, id: str = "summary", directory: Path | None) -> None:
        super().__init__(id=id)
        self._directory = directory

    def show(self, state: RunState) -> None:
        self.build(lambda width: summary_rows(state, self._directory, width))
