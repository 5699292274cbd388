"""What a planner is: a task and a catalog in, a complete plan out; again, with the record, when
reality differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from console.catalog.spec import Catalog, Fact
from console.plan.model import Params, Plan, StepId
from console.run.events import ModelCall


@dataclass(frozen=True, slots=True)
class Want:
    """A goal fact: `after` are facts that must hold first; `params` fix free parameters of the tool
    that provides it (a message, a file name)."""

    fact: Fact
    after: tuple[Fact, ...] = ()
    params: Params = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a planner is asked for. `facts` hold now. `fallback` is where to go back to when `want`
    is out of reach. `limits` are the task's (time, cost_usd, replans), `cost_usd` what is left of it.
    `words` are the operator's, where a first answer would not do. `is_phase` says that the goal is a
    phase of a plan, whose turn has come: it is planned whole, without phases of its own."""

    text: str
    facts: frozenset[Fact] = frozenset()
    want: tuple[Want, ...] = ()
    fallback: tuple[Want, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    words: str = ""
    is_phase: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """One step's part of the record that a replan is made from. `status` is a `StepStatus` value;
    `output` is short, redacted and safe; `banned` steps must not be planned the same way again. `call` says
    what a step did that an earlier revision left out of the plan."""

    step: StepId
    status: str
    output: str = ""
    error: str = ""
    banned: bool = False
    call: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """The record of a run so far, for a replan: `words` are the operator's; `refused` are hashes of
    plans that were proposed before and not taken."""

    steps: tuple[Done, ...] = ()
    words: str = ""
    failed: StepId = ""
    refused: tuple[str, ...] = ()
    number: int = 1


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """A plan and how it came about. `origin` maps a step id to where the step came from; `repairs`
    lists every change made to what the planner said. `falls_back` says that the plan gives the goal up
    and goes back to the task's fallback. `tokens`, `cost` (US dollars) and `seconds` are what asking took,
    `calls` the calls of a model one by one. `better` is the plan with what the checker misses put in, as
    `improvements` tell: an offer, nothing more."""

    plan: Plan
    planner: str
    reason: str = ""
    model: str = ""
    prompt: str = ""
    reply: str = ""
    repairs: tuple[str, ...] = ()
    origin: Mapping[StepId, str] = field(default_factory=dict)
    tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    calls: tuple[ModelCall, ...] = ()
    falls_back: bool = False
    better: Plan | None = None
    improvements: tuple[str, ...] = ()


class Progress(Protocol):
    """Is told in one line what the planner is doing."""

    async def __call__(
        self, message: str, /, *, tokens: int = 0, cost: float = 0.0, passing: bool = False, reply: str = ""
    ) -> None:
        """`tokens` and `cost` are what this planning has taken so far. A message that is `passing` is
        overtaken by the next one. `reply` is one that goes back to the model."""


class Planner(Protocol):
    """Plans and replans. Both raise `PlannerError`; nothing else may come out of them."""

    @property
    def name(self) -> str:
        """`offline`, `llm`, `recorded` or a plugin's name."""

    @property
    def model(self) -> str:
        """The model that is asked; "" for none."""

    @property
    def prompt(self) -> str:
        """The version of the prompts; "" for none."""

    async def plan(self, goal: Goal, catalog: Catalog, progress: Progress) -> PlanDraft:
        """A complete plan for `goal`."""

    async def replan(
        self, goal: Goal, catalog: Catalog, plan: Plan, history: History, progress: Progress
    ) -> PlanDraft:
        """`plan` with its rest revised. Steps that have started come back as they are; an id is
        used again only for the same action and parameters."""
