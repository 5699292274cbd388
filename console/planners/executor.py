"""What an executor is: the model behind an agent's step, asked for one turn at a time.

It decides what to do next and does nothing itself: what it wants called becomes a step, judged by the
run's policy and carried out like any other. It keeps nothing from turn to turn; all it needs to know is in
the `Brief`, which is made anew from the record each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from console.catalog.spec import Agent, ToolSpec
from console.plan.model import Params, StepId
from console.planners.base import Progress


@dataclass(frozen=True, slots=True)
class Past:
    """A turn that was taken, and what came of it. `outcome` is untrusted: what a program wrote, made safe
    and cut."""

    thought: str
    action: str = ""
    params: Params = field(default_factory=dict)
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Brief:
    """What an agent is asked: its profile, its work, what it did so far, and what it may still use up.
    With no `calls_left` it can only say its result."""

    step: StepId
    name: str
    profile: Agent
    tools: Mapping[str, ToolSpec]
    task: str
    context: str = ""
    past: tuple[Past, ...] = ()
    calls_left: int = 0
    tokens_left: int = 0
    cost_left: float | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A turn: call `action` with `params`, or be finished with a result. `error` says why the reply could
    not be understood; the next turn is told. `said` is what the model said, word by word."""

    thought: str = ""
    action: str = ""
    params: Params = field(default_factory=dict)
    finish: str | None = None
    error: str = ""
    model: str = ""
    tokens: int = 0
    cost: float = 0.0
    said: str = field(default="", compare=False)


class Executor(Protocol):
    """Takes the turns of agents, of several at once. Raises a `PlandeckError` when no turn comes out."""

    async def turn(self, brief: Brief, progress: Progress) -> Move:
        """The next turn."""

    def close(self) -> None:
        """End what belongs to it."""
