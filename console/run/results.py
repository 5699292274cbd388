"""What a step gave, for the steps that refer to it.

A result is the attempt's standard output without its trailing newlines, read from the spool when it is
asked for, or what the operator said when the step was marked done by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from console.errors import PlandeckError, ReferenceFailed
from console.plan.model import Params, Step, StepId
from console.plan.references import resolve
from console.run.control import spool
from console.run.life import StepStatus
from console.run.state import RunState

CAP = 16 * 1024 * 1024
"""The largest result, in bytes, that can be referred to."""


def read_result(directory: Path, key: str) -> str:
    """The result of the attempt `key`. Raises `ReferenceFailed` when it is too large or gone."""
    path = spool(directory, key) / "out"
    try:
        with path.open("rb") as stream:
            data = stream.read(CAP + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ReferenceFailed(f"its output cannot be read: {error.strerror}", where=str(path)) from None
    if len(data) > CAP:
        raise ReferenceFailed(
            f"its result is larger than {CAP // 2**20} MiB",
            where=str(path),
            todo="Write it to a file and pass the file's name",
        )
    return data.decode("utf-8", "replace").rstrip("\n")


def result_of(state: RunState, directory: Path, step_id: StepId) -> Any:
    """The result that a reference to `step_id` stands for. Raises `ReferenceFailed` when there is none."""
    step = state.steps.get(step_id)
    if step is None:
        raise ReferenceFailed("there is no such step", where=f"step {step_id}")
    if step.marked_by:
        return step.marked_result if step.marked_result is not None else ""
    for attempt in reversed(step.attempts):
        if attempt.outcome == "succeeded":
            return read_result(directory, attempt.key)
    if step.status is StepStatus.SKIPPED:
        raise ReferenceFailed("it was skipped and gave no result", where=f"step {step_id}")
    raise ReferenceFailed("it has no result", where=f"step {step_id}")


def resolved_params(step: Step, state: RunState, directory: Path | None) -> Params | None:
    """The step's parameters with their references replaced; `None` when a result is not to be had."""

    def look_up(name: StepId) -> object:
        if directory is not None:
            return result_of(state, directory, name)
        known = state.steps[name]
        if known.marked_by:
            return known.marked_result
        return next(a.preview for a in reversed(known.attempts) if a.outcome == "succeeded")

    try:
        return {name: resolve(value, look_up) for name, value in step.params.items()}
    except (PlandeckError, LookupError, StopIteration):
        return None
