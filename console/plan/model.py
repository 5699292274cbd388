"""The plan: a graph of tool calls, as plain frozen values.

    Plan ── steps ── Step ── params, depends_on, undo, expect, retry, gate
      │                └──── steps: a phase holds child steps instead of an action
      └──── rollback ── Compensation: what undoes the plan as a whole

Models check shapes only. What a plan must hold as a whole (known dependencies, no cycle, known
tools) is the codec's business, so that all faults of a document are told together; a `Plan`
that exists may therefore still be refused by `codec.validate`. Nothing in here is mutable:
dictionaries inside are never written to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"

StepId = str
"""A step's name, as `ID_PATTERN` has it. Documents may write it as an integer; inside it is text ("1")."""

Params = dict[str, Any]
"""JSON values by parameter name."""

OnFailure = Literal["replan", "ask", "stop", "continue"]

NOTE = "none"
"""The action of a step that calls nothing: its text is its result."""

NOTE_TEXT = "text"
"""The one parameter of a note."""


class Value(BaseModel):
    """Base of the frozen parts of a plan: no unknown keys, no implicit conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class Undo(Value):
    """A step's own compensation; its parameters may refer to the step's own result."""

    action: str
    params: Params = {}


class Expect(Value):
    """The expected outcome of a step. Not met means that the step failed.

    `exit_code` is compared when given (else 0 is expected of processes); `matches` is a regular
    expression searched in the result; `json_paths` (document key `json`) maps JMESPath
    expressions to the value each must give; `json_schema` (key `schema`) is a JSON Schema.
    """

    exit_code: int | None = None
    matches: str | None = None
    json_paths: dict[str, Any] | None = Field(default=None, alias="json")
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")


class Retry(Value):
    """How often a failed attempt is repeated: `attempts` in all, `backoff` seconds before the
    second, doubled before each further one."""

    attempts: Annotated[int, Field(ge=1, le=100)] = 1
    backoff: Annotated[float, Field(ge=0, le=86_400, strict=False)] = 1.0


class Gate(Value):
    """A checkpoint: stop before the step and ask."""

    question: str = ""


class Step(Value):
    """One tool call, or a phase that holds steps.

    A phase has `steps` (or `expand: true` while it is not planned yet) and no action of its
    own. `depends_on` is in the document's order. `timeout` is in seconds. `on` is the label or
    host of the worker that must run it. `explain` maps a dependency to the reason for it ("needs
    backup maindb"); it decides nothing.
    """

    id: Annotated[str, StringConstraints(pattern=ID_PATTERN)]
    action: str = ""
    params: Params = {}
    depends_on: tuple[StepId, ...] = ()
    description: str = ""
    undo: Undo | None = None
    expect: Expect | None = None
    timeout: Annotated[float, Field(gt=0, le=31_536_000, strict=False)] | None = None
    retry: Retry | None = None
    gate: Gate | None = None
    on_failure: OnFailure | None = None
    steps: tuple[Step, ...] = ()
    expand: bool = False
    on: str | None = None
    enabled: bool = True
    explain: dict[StepId, str] = {}

    @property
    def is_phase(self) -> bool:
        return bool(self.steps) or self.expand

    @property
    def is_note(self) -> bool:
        return self.action == NOTE


class Compensation(Value):
    """One item of the plan's own rollback list.

    `undoes` names the steps it makes undone; `None` means that the document does not say and
    the tie is read off the plan (run/rollback.py).
    """

    action: str
    params: Params = {}
    undoes: tuple[StepId, ...] | None = None
    description: str = ""


class Plan(Value):
    """A complete plan. `steps` is the operator's order, a tree; `meta` is carried, never read."""

    goal: str = ""
    steps: tuple[Step, ...] = ()
    rollback: tuple[Compensation, ...] = ()
    expected: tuple[str, ...] = ()
    meta: dict[str, Any] = {}

    def walk(self) -> Iterator[tuple[Step, tuple[StepId, ...]]]:
        """Every step, phases included, in document order, with the ids of its phases outermost first."""
        return iter(_walked(self.steps))

    def leaves(self) -> tuple[Step, ...]:
        """The steps that do something (no phases), in document order."""
        return tuple([step for step, _ in self.walk() if not (step.steps or step.expand)])

    def taken(self) -> tuple[Step, ...]:
        """The leaves that run: neither they nor a phase around them are left out."""
        off = {step.id for step, _ in self.walk() if not step.enabled}
        return tuple(
            step
            for step, path in self.walk()
            if not step.is_phase and step.enabled and (not off or off.isdisjoint(path))
        )

    def step(self, step_id: StepId) -> Step:
        """The step or phase with this id; `KeyError` when there is none."""
        found = _found(self.steps, step_id)
        if found is None:
            raise KeyError(step_id)
        return found


def _found(steps: tuple[Step, ...], step_id: StepId) -> Step | None:
    """The first step with this id in document order."""
    for step in steps:
        if step.id == step_id:
            return step
        if step.steps and (found := _found(step.steps, step_id)) is not None:
            return found
    return None


Walk = list[tuple[Step, tuple[StepId, ...]]]

WALKS = 8
"""Trees whose walks are remembered: an edit makes three or four, a look beside the screen as many."""

_walks: tuple[tuple[tuple[Step, ...], Walk], ...] = ()


def _walked(steps: tuple[Step, ...]) -> Walk:
    """The way through a tree of steps. An edit goes it a dozen times: the last few are remembered."""
    global _walks
    for known, walk in _walks:
        if known is steps:
            return walk
    walk = []

    def go(inside: tuple[Step, ...], path: tuple[StepId, ...]) -> None:
        for step in inside:
            walk.append((step, path))
            if step.steps:
                go(step.steps, (*path, step.id))

    go(steps, ())
    _walks = ((steps, walk), *_walks[: WALKS - 1])
    return walk
