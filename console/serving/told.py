"""What another program is told of runs and plans: small, and every text of a step made safe to show."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from console.catalog.spec import Catalog
from console.plan.model import Plan, Step
from console.run.control import spool
from console.run.life import RunStatus, StepStatus
from console.run.policy import risk_of
from console.run.state import RunState
from console.text import clean, one_line

LINE = 300
"""Columns of a reason or a goal."""

OUTPUT = 64 * 1024
"""Bytes of output in one answer."""


class Told(BaseModel):
    model_config = ConfigDict(frozen=True)


class Submitted(Told):
    """A run that was handed in. Nothing of it runs until a person approves it."""

    run: str
    state: str
    approve_with: str = Field(description="What a person types to read and approve the plan.")


class RunLine(Told):
    """A run in a list. `executed`: a process takes care of it now."""

    run: str
    state: str
    goal: str
    submitted_by: str
    executed: bool


class Runs(Told):
    runs: list[RunLine]


class StepTold(Told):
    """Where a step is; `error` and `output` are the ends of what is known (step_output has the rest)."""

    id: str
    action: str
    state: str
    attempts: int
    depends_on: list[str]
    error: str = ""
    output: str = ""


class Question(Told):
    """What waits for a person. It cannot be answered here."""

    about: str
    step: str = ""
    question: str = ""


class RollbackTold(Told):
    """How a rollback went: what was undone, and what may still be there, with the reason."""

    undone: list[str]
    not_undone: dict[str, str]
    irreversible: list[str]


class RunTold(Told):
    """A run as it stands. `over`: it has ended, with `exit_code`."""

    run: str
    state: str
    goal: str
    over: bool
    executed: bool
    exit_code: int | None = None
    reason: str = ""
    revision: int = 0
    steps: list[StepTold]
    waits_for: list[Question]
    rollback_requests: list[str]
    rollback: RollbackTold | None = None
    warnings: list[str]


class Output(Told):
    """A piece of what a step printed. `next_offset` is where to go on, when there is more; `done` when
    the attempt is over."""

    step: str
    attempt: int
    stream: Literal["out", "err"]
    text: str
    next_offset: int | None = None
    done: bool


class FindingTold(Told):
    code: str
    severity: str
    steps: list[str]
    message: str


class Checked(Told):
    """`valid`: it can run. `faults` say why not; `findings` is what the checker thinks of it."""

    valid: bool
    faults: list[str]
    findings: list[FindingTold]
    risks: dict[str, str] = Field(default={}, description="The risk of each step.")


class ToolTold(Told):
    name: str
    risk: str
    about: str
    parameters: dict[str, Any]


class Tools(Told):
    tools: list[ToolTold]


class TaskTold(Told):
    """A task that can be submitted by its name; `needed` are the inputs that have no value of their own."""

    name: str
    goal: str
    inputs: list[str]
    needed: list[str]


class Tasks(Told):
    tasks: list[TaskTold]


class RollbackAsked(Told):
    """The operator sees what was asked for; whether anything is undone is theirs to say."""

    run: str
    asked: bool
    told: str


# ── from a run's state ───────────────────────────────────────────────────────────────────────────


def run_told(state: RunState, directory: Path, *, executed: bool) -> RunTold:
    """A run as it stands."""
    finished = state.finished
    undone = state.rollback.finished if state.rollback else None
    return RunTold(
        run=directory.name,
        state=state.status.value,
        goal=one_line(state.goal, LINE),
        over=state.status.is_final,
        executed=executed,
        exit_code=finished.exit_code if finished else None,
        reason=one_line(finished.reason if finished else state.error, LINE),
        revision=state.revision,
        steps=list(_steps(state)),
        waits_for=list(_questions(state)),
        rollback_requests=[
            one_line(f"{asked.by}: {asked.reason}", LINE) for asked in state.rollback_requests
        ],
        rollback=RollbackTold(
            undone=list(undone.undone),
            not_undone={step: one_line(why, LINE) for step, why in undone.not_undone.items()},
            irreversible=list(undone.irreversible),
        )
        if undone
        else None,
        warnings=[one_line(warning.message, LINE) for warning in state.warnings[-5:]],
    )


def _steps(state: RunState) -> Iterator[StepTold]:
    for step in state.leaves.values():
        life = state.steps[step.id]
        attempt = life.attempt
        failed = life.status not in (StepStatus.SUCCEEDED, StepStatus.RUNNING)
        yield StepTold(
            id=step.id,
            action=clean(step.action),
            state=life.status.value,
            attempts=len(life.attempts),
            depends_on=list(step.depends_on),
            error=one_line(f"{life.reason} {attempt.tail if attempt else ''}", LINE) if failed else "",
            output=one_line(attempt.preview, LINE) if attempt else "",
        )


def _questions(state: RunState) -> Iterator[Question]:
    for request in state.requests.values():
        yield Question(
            about=request.scope.replace("_", " "),
            step=request.step,
            question=one_line(request.question, LINE),
        )
    if state.status is RunStatus.AWAITING_APPROVAL and not state.requests:
        yield Question(about="plan")


def output_told(
    state: RunState, directory: Path, step: str, attempt: int, stream: Literal["out", "err"], offset: int
) -> Output:
    """A piece of a step's output from byte `offset` on; `KeyError` when there is no such attempt."""
    found = next(one for one in state.step(step).attempts if attempt in (0, one.number))
    if not attempt:
        found = state.step(step).attempts[-1]
    path = spool(directory, found.key) / stream
    size, data = 0, b""
    if path.is_file():
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(min(offset, size))
            data = file.read(OUTPUT)
    if offset + len(data) < size or not found.outcome:
        data = _whole(data)
    end = min(offset, size) + len(data)
    return Output(
        step=step,
        attempt=found.number,
        stream=stream,
        text=clean(data),
        next_offset=end if end < size or not found.outcome else None,
        done=bool(found.outcome),
    )


def _whole(data: bytes) -> bytes:
    """`data` without the beginning of a character whose rest comes with the next piece."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data)
    begun, _ = decoder.getstate()
    return data[: len(data) - len(begun)]


# ── from a catalog ───────────────────────────────────────────────────────────────────────────────


def tools_told(catalog: Catalog) -> Tools:
    return Tools(
        tools=[
            ToolTold(
                name=tool.name,
                risk=tool.risk.value,
                about=one_line(tool.description, LINE),
                parameters=tool.schema_of_parameters,
            )
            for _, tool in sorted(catalog.tools.items())
        ]
    )


def risks_of(plan: Plan, catalog: Catalog) -> dict[str, str]:
    leaves: tuple[Step, ...] = tuple(plan.leaves())
    return {step.id: risk_of(step, catalog).value for step in leaves}
