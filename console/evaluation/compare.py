"""Two contenders on the same tasks, pair by pair. Pure.

A task's value is the mean over its repeats. A pair counts for a measure when both have a value: measures
of a plan exist for valid plans only. Better and worse are counted by task; `chance` is the two-sided sign
test: how likely so uneven a count is between two that are equally good.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from console.evaluation.trial import Trial

Measured = Callable[[Trial], float | None]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a trial; `better` is 1 when more is better, -1 when less is, 0 when neither."""

    name: str
    of: Measured
    better: int
    form: str = "{:.2f}"


def _of_valid(value: Measured) -> Measured:
    return lambda trial: value(trial) if trial.score.valid else None


MEASURES: tuple[Measure, ...] = (
    Measure("valid", lambda t: float(t.score.valid), 1),
    Measure("findings", _of_valid(lambda t: float(t.score.findings)), -1),
    Measure("steps", _of_valid(lambda t: float(t.score.steps)), 0, "{:.1f}"),
    Measure("width", _of_valid(lambda t: float(t.score.width)), 1, "{:.1f}"),
    Measure("agreement", _of_valid(lambda t: t.score.agreement), 1),
    Measure(
        "edits", _of_valid(lambda t: None if t.score.edits is None else float(t.score.edits)), -1, "{:.1f}"
    ),
    Measure("cost", lambda t: t.cost, -1, "${:.4f}"),
    Measure("seconds", lambda t: t.seconds, -1),
    Measure("done", lambda t: None if t.executed is None else float(_is_done(t)), 1),
)


def _is_done(trial: Trial) -> bool:
    went = trial.executed
    return went is not None and went.exit_code == 0 and went.proven is not False


@dataclass(frozen=True, slots=True)
class Summary:
    """A measure over the tasks of one contender: how many have a value, their mean and median."""

    n: int
    mean: float
    median: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A measure of one contender against the other: `deltas` by task, how often it is better and worse."""

    measure: Measure
    deltas: Mapping[str, float]
    better: int
    worse: int

    @property
    def mean(self) -> float:
        return fmean(self.deltas.values()) if self.deltas else 0.0

    @property
    def median(self) -> float:
        return median(self.deltas.values()) if self.deltas else 0.0

    @property
    def chance(self) -> float:
        """The sign test over the tasks that differ."""
        n, k = self.better + self.worse, min(self.better, self.worse)
        return min(1.0, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2.0**n)


def by_contender(trials: Iterable[Trial]) -> dict[str, list[Trial]]:
    """Trials by their contender's label, in the order in which they first come."""
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(trial.contender, []).append(trial)
    return found


def by_task(trials: Iterable[Trial], measure: Measure) -> dict[str, float]:
    """A contender's value for each task that has one."""
    values: dict[str, list[float]] = {}
    for trial in trials:
        value = measure.of(trial)
        if value is not None:
            values.setdefault(trial.task, []).append(value)
    return {task: fmean(all_) for task, all_ in values.items()}


def summary(trials: Sequence[Trial], measure: Measure) -> Summary | None:
    """The measure over all tasks; `None` when no task has a value."""
    values = by_task(trials, measure).values()
    return Summary(len(values), fmean(values), median(values)) if values else None


def compare(one: Sequence[Trial], other: Sequence[Trial]) -> list[Comparison]:
    """`other` against `one`, for each measure that both have on some task."""
    found = []
    for measure in MEASURES:
        first, second = by_task(one, measure), by_task(other, measure)
        deltas = {task: second[task] - first[task] for task in first if task in second}
        if deltas:
            signs = [delta * measure.better for delta in deltas.values() if abs(delta) > 1e-9]
            better = sum(sign > 0 for sign in signs)
            found.append(Comparison(measure, deltas, better, sum(sign < 0 for sign in signs)))
    return found
