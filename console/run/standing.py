"""The parts of what is true of a run (run/state.py holds the whole): plain values that only the fold
writes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from console.plan.model import Params, Plan, StepId
from console.run import events as ev
from console.run.life import StepStatus


@dataclass(slots=True)
class Attempt:
    """One attempt of one step. Times are seconds since the epoch; 0 is "not yet"."""

    number: int
    key: str
    command: tuple[str, ...] = ()
    params: Params = field(default_factory=dict)
    intended: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    pid: int = 0
    host: str = ""
    exit_code: int | None = None
    error: str = ""
    tail: str = ""
    timed_out: bool = False
    never_started: bool = False
    size: int = 0
    preview: str = ""
    outcome: str = ""
    changed: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of an agent; `call` is the step it made of a tool call, where it made one."""

    attempt: int
    thought: str
    call: StepId
    finish: str | None
    error: str
    tokens: int
    cost: float
    seconds: float


@dataclass(slots=True)
class StepState:
    """What is true of one step or rollback item. `turns` are an agent's, of all its attempts; `parent` is
    the agent's step where this one is a call of it. A step that is held without `held_by` waits for an
    answer."""

    status: StepStatus = StepStatus.PENDING
    attempts: list[Attempt] = field(default_factory=list)
    reason: str = ""
    held_by: str = ""
    retry_at: float = 0.0
    marked_by: str = ""
    marked_result: Any = None
    probe: str = ""
    gone_round: bool = False
    start_seq: int = 0
    turns: list[Turn] = field(default_factory=list)
    parent: StepId = ""

    @property
    def attempt(self) -> Attempt | None:
        """The newest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def failures(self) -> int:
        """How many attempts have failed."""
        return sum(attempt.outcome == "failed" for attempt in self.attempts)

    @property
    def has_started(self) -> bool:
        """Whether any attempt may have had an effect."""
        return any(not a.never_started for a in self.attempts)


@dataclass(frozen=True, slots=True)
class Signature:
    """The first of two persons' yes."""

    by: str
    person: str


@dataclass(slots=True)
class Request:
    """A question that waits for a person, or for `persons`; `signed` is the first one's yes."""

    id: str
    scope: ev.Scope
    hash: str
    step: StepId
    question: str
    options: tuple[str, ...]
    since: float
    persons: int = 1
    signed: Signature | None = None


@dataclass(slots=True)
class Rollback:
    """A rollback that was started, and how far it is."""

    plan: ev.RollbackPlan
    hash: str
    steps: dict[StepId, StepState]
    finished: ev.RollbackFinished | None = None

    def items_undoing(self, item: StepId) -> tuple[StepId, ...]:
        for entry in self.plan.items:
            if entry.step.id == item:
                return entry.undoes
        return ()


@dataclass(frozen=True, slots=True)
class Spent:
    """What asking a model has taken; `cost` in US dollars."""

    tokens: int = 0
    cost: float = 0.0


@dataclass(slots=True)
class Proposal:
    """A revision that waits for the operator."""

    plan: Plan
    hash: str
    reason: str
    planner: str
    model: str = ""
    repairs: tuple[str, ...] = ()
    falls_back: bool = False
    changed_by: str = ""


@dataclass(slots=True)
class Approval:
    """An answer that still counts: what it was given for, by whom and how."""

    scope: ev.Scope
    hash: str
    by: str
    how: str
    at: float
    step: StepId = ""
    steps: dict[StepId, str] = field(default_factory=dict)
    used: bool = False
