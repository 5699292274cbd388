"""One word that can be typed, and the desk at which it is heard."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from console.commands.prompts import Question
from console.errors import ControlRefused
from console.plan.edit import EditHistory
from console.plan.model import Plan, Step, StepId
from console.run.control import Session, Wish
from console.run.state import RunState

WORDS = "Type ? for the words"
UNCHANGED = "nothing was changed"


class Desk(Protocol):
    """Where words are heard: one run, and the person at its terminal. `history` is over the edits made here;
    `question` is the one that is open, `lines` are the newest facts, the newest last."""

    session: Session
    history: EditHistory
    question: Question | None

    @property
    def state(self) -> RunState: ...

    @property
    def lines(self) -> Sequence[str]: ...

    async def wish(self, wish: Wish) -> Any:
        """Say a wish. Raises `ControlRefused`."""

    async def confirm(self, question: str) -> bool:
        """Ask for a yes."""

    async def heard(self, holds: Callable[[], bool]) -> None:
        """Wait for records until something holds."""

    async def in_editor(self, plan: Plan, take: Callable[[Plan], Awaitable[None]]) -> None:
        """Have a plan written anew in the operator's editor; facts wait until it is closed."""

    def leave(self) -> None:
        """Follow the run no longer."""


Do = Callable[[Desk, str], Awaitable[None]]
"""Does what a word says, with what follows it."""


@dataclass(frozen=True, slots=True)
class Word:
    """What can be typed: `takes` names what follows the word, `told` says what it does. `does` are the ids of
    the screen's actions that it stands for."""

    name: str
    takes: str
    told: str
    do: Do
    does: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.takes}".rstrip()


def needed(text: str, what: str = "a step's id") -> str:
    """What follows a word that wants something. Raises `ControlRefused` where nothing does."""
    if not text:
        raise ControlRefused(f"it needs {what}", kept=UNCHANGED, todo=WORDS)
    return text


def split(text: str, what: str = "a step's id") -> list[str]:
    """The words that follow, at least one. Raises `ControlRefused`."""
    try:
        return shlex.split(needed(text, what))
    except ValueError as error:
        raise ControlRefused(f"it cannot be read: {error}", kept=UNCHANGED) from None


async def taken_in(desk: Desk, wish: Wish) -> None:
    """Say a wish, and wait until it shows in the record. Raises `ControlRefused`."""
    state = desk.state
    seq = state.seq
    await desk.wish(wish)
    await desk.heard(lambda: state.seq > seq)


def plan_of(state: RunState) -> Plan:
    """The run's plan. Raises `ControlRefused` where there is none."""
    if state.plan is None:
        raise ControlRefused("there is no plan yet")
    return state.plan


def written(plan: Plan, step: StepId) -> Step:
    """A step or phase of the plan, as it is written. Raises `ControlRefused` where there is none."""
    try:
        return plan.step(step)
    except KeyError:
        raise _no_step(step) from None


def found(state: RunState, step: StepId) -> StepId:
    """A step that the run knows. Raises `ControlRefused` for another."""
    try:
        state.step(needed(step))
    except KeyError:
        raise _no_step(step) from None
    return step


def _no_step(step: StepId) -> ControlRefused:
    return ControlRefused("there is no such step", where=f"step {step[:60]}", kept=UNCHANGED)
