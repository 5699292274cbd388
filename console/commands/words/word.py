"""One word that can be typed, and the desk at which it is heard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from console.errors import ControlRefused
from console.plan.model import Plan, StepId
from console.run.control import Session, Wish
from console.run.state import RunState

WORDS = "Type ? for the words"
UNCHANGED = "nothing was changed"


@dataclass(frozen=True, slots=True)
class Word:
    """What can be typed: `takes` names what follows the word, `told` says what it does. `does` are the ids of
    the screen's actions that it stands for."""

    name: str
    takes: str
    told: str
    do: Callable[[str], Awaitable[None]]
    does: str = ""


class Desk(Protocol):
    """Where words are heard: one run, and the person at its terminal."""

    session: Session

    @property
    def state(self) -> RunState: ...

    @property
    def lines(self) -> Sequence[str]:
        """The newest facts, as lines, the newest last."""

    async def wish(self, wish: Wish) -> Any:
        """Say a wish. Raises `ControlRefused`."""

    async def confirm(self, question: str) -> bool:
        """Ask for a yes."""

    async def heard(self, holds: Callable[[], bool]) -> None:
        """Wait for records until something holds."""

    async def in_editor(self, plan: Plan, take: Callable[[Plan], Awaitable[None]]) -> None:
        """Have a plan written anew in the operator's editor; facts wait until it is closed."""


def needed(text: str, what: str) -> str:
    """What follows a word that wants something. Raises `ControlRefused` where nothing does."""
    if not text:
        raise ControlRefused(f"it needs {what}", kept=UNCHANGED, todo=WORDS)
    return text


def plan_of(state: RunState) -> Plan:
    """The run's plan. Raises `ControlRefused` where there is none."""
    if state.plan is None:
        raise ControlRefused("there is no plan yet")
    return state.plan


def found(state: RunState, step: StepId) -> StepId:
    """A step that the run knows. Raises `ControlRefused` for another."""
    try:
        state.step(needed(step, "a step's id"))
    except KeyError:
        raise ControlRefused("there is no such step", where=f"step {step[:60]}", kept=UNCHANGED) from None
    return step
