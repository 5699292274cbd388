"""Evaluations as text: a table of contenders, a table for each pair of them, rows for a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from console.evaluation.compare import MEASURES, Comparison, Measure, by_contender, compare, summary
from console.evaluation.trial import Trial

Row = tuple[str, ...]

TOLD = ("valid", "findings", "width", "agreement", "cost", "seconds", "done")
"""The measures of the table for people; exports have all."""


def contenders(trials: Iterable[Trial]) -> list[Row]:
    """A row a contender: means over its tasks, a dash where there is nothing to measure."""
    groups = by_contender(trials)
    measures = [m for m in MEASURES if m.name in TOLD and any(summary(t, m) for t in groups.values())]
    rows: list[Row] = [("contender", "tasks", *(m.name for m in measures))]
    for label, all_ in groups.items():
        tasks = len({trial.task for trial in all_})
        rows.append((label, str(tasks), *(_mean(all_, m) for m in measures)))
    return rows


def _mean(trials: Sequence[Trial], measure: Measure) -> str:
    found = summary(trials, measure)
    return measure.form.format(found.mean) if found else "–"


def tasks(trials: Iterable[Trial]) -> list[Row]:
    """A row a trial, in words short enough for a terminal."""
    rows: list[Row] = [("task", "contender", "result")]
    for trial in trials:
        rows.append((trial.task, trial.contender, " · ".join(_said(trial))))
    return rows


def _said(trial: Trial) -> Iterator[str]:
    score = trial.score
    if not score.valid:
        yield f"no plan: {trial.error or score.faults[0]}"
        return
    yield f"{score.steps} steps, {score.width} wide"
    yield f"{score.findings} findings" if score.findings else "no findings"
    if score.agreement is not None:
        yield f"agreement {score.agreement:.2f}, {score.edits} edits"
    yield f"{trial.seconds:.2f} s"
    if trial.cost:
        yield f"${trial.cost:.4f}"
    if trial.executed is not None:
        proven = {True: ", proven", False: ", NOT proven", None: ""}[trial.executed.proven]
        yield f"run {trial.executed.run} {trial.executed.outcome}{proven}"


def comparison(comparisons: Sequence[Comparison]) -> list[Row]:
    """The deltas of a pair by task, then their mean, median and how often it is better and worse."""
    shown = [one for one in comparisons if one.measure.name in TOLD]
    names = dict.fromkeys(task for one in shown for task in one.deltas)
    rows: list[Row] = [("task", *(one.measure.name for one in shown))]
    rows += [(task, *(_delta(one, one.deltas.get(task)) for one in shown)) for task in names]
    rows.append(("mean", *(_delta(one, one.mean) for one in shown)))
    rows.append(("median", *(_delta(one, one.median) for one in shown)))
    rows.append(("better/worse/same", *(_counts(one) for one in shown)))
    rows.append(("chance", *(f"{one.chance:.2f}" for one in shown)))
    return rows


def _delta(one: Comparison, delta: float | None) -> str:
    if delta is None:
        return "–"
    if abs(delta) < 1e-9:
        return "="
    text = one.measure.form.format(abs(delta))
    return f"{'+' if delta > 0 else '-'}{text}"


def _counts(one: Comparison) -> str:
    return f"{one.better}/{one.worse}/{len(one.deltas) - one.better - one.worse}"


def pairs(trials: Iterable[Trial]) -> Iterator[tuple[str, str, list[Comparison]]]:
    """Each further contender against the first one."""
    groups = by_contender(trials)
    labels = list(groups)
    for label in labels[1:]:
        yield label, labels[0], compare(groups[labels[0]], groups[label])


def as_json(evaluation: str, trials: Sequence[Trial]) -> dict[str, Any]:
    """Everything, for a program: trials with their plans, contenders, comparisons."""
    groups = by_contender(trials)
    return {
        "evaluation": evaluation,
        "trials": [trial.model_dump(mode="json") for trial in trials],
        "contenders": {label: _summaries(all_) for label, all_ in groups.items()},
        "comparisons": [
            {"contender": one, "against": other, "measures": compared_json(found)}
            for one, other, found in pairs(trials)
        ],
    }


def _summaries(trials: Sequence[Trial]) -> dict[str, Mapping[str, float]]:
    found = {measure.name: summary(trials, measure) for measure in MEASURES}
    return {name: {"n": s.n, "mean": s.mean, "median": s.median} for name, s in found.items() if s}


def compared_json(comparisons: Iterable[Comparison]) -> dict[str, Any]:
    return {
        one.measure.name: {
            "deltas": dict(one.deltas),
            "mean": one.mean,
            "median": one.median,
            "n": len(one.deltas),
            "better": one.better,
            "worse": one.worse,
            "chance": one.chance,
        }
        for one in comparisons
    }


def as_csv(trials: Sequence[Trial]) -> str:
    """A row a trial, with a header. Lists and errors are text."""
    out = io.StringIO()
    rows = [trial.row() for trial in trials]
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["task"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows)
    return out.getvalue()
