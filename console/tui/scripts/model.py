"""A session script as data: its head, and its lines as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from console.run.life import StepStatus
from console.run.state import RunState
from console.service.act import Act

WIDE, NARROW = (140, 40), (80, 24)

Begin = Literal["run", "picker", "replay"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What may hold of a session: of the run (its status, a request that waits, the status of steps), or
    of the screen (a text that is there, or is not)."""

    status: str = ""
    asks: str = ""
    steps: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    no_text: str = ""

    def missing(self, state: RunState, *, or_was: bool = False) -> str:
        """What of it does not hold of the run, in words; empty when all does. Of a step that shall run
        it is enough that it did (`or_was`): where steps are quick, nobody sees it."""
        if self.status and state.status != self.status:
            return f"the run is {state.status}, not {self.status}"
        if self.asks and all(request.scope != self.asks for request in state.requests.values()):
            scopes = ", ".join(request.scope for request in state.requests.values())
            return f"{scopes or 'nothing'} waits for an answer, not {self.asks}"
        for step, wanted in self.steps.items():
            try:
                status = state.step(step).status
            except KeyError:
                return f"there is no step {step}"
            if or_was and wanted == StepStatus.RUNNING and state.step(step).has_started:
                continue
            if status != wanted:
                return f"step {step} is {status}, not {wanted}"
        return ""

    def missing_on(self, screen: str) -> str:
        """What of it does not hold of a screen's text."""
        if self.text and self.text not in screen:
            return f"the screen does not say {self.text!r}"
        if self.no_text and self.no_text in screen:
            return f"the screen says {self.no_text!r}"
        return ""

    @property
    def looks(self) -> bool:
        """Whether it is about the screen too."""
        return bool(self.text or self.no_text)

    def __str__(self) -> str:
        steps = ", ".join(f"step {step} {status}" for step, status in self.steps.items())
        text = repr(self.text) if self.text else ""
        absent = f"no {self.no_text!r}" if self.no_text else ""
        asks = f"asked for {self.asks}" if self.asks else ""
        return ", ".join(part for part in (self.status, asks, steps, text, absent) if part)


@dataclass(frozen=True, slots=True)
class Line:
    """Base of all lines; `number` is where it stands in the file."""

    number: int


@dataclass(frozen=True, slots=True)
class Press(Line):
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TypeIn(Line):
    text: str


@dataclass(frozen=True, slots=True)
class WaitFor(Line):
    """Go on when it holds."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Expect(Line):
    """It holds now, or the session is not what the script says."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Snapshot(Line):
    name: str


@dataclass(frozen=True, slots=True)
class Say(Line):
    """A caption; it stays until the next one."""

    text: str


@dataclass(frozen=True, slots=True)
class Script:
    """A session to be played. `path` is its file; `start` is in seconds since the epoch."""

    name: str
    path: Path
    title: str
    task: str
    lines: tuple[Line, ...]
    sets: Mapping[str, str] = field(default_factory=dict)
    inject: str = ""
    recording: Path | None = None
    start: float = 0.0
    begin: Begin = "run"
    size: tuple[int, int] = WIDE
    world: Mapping[str, Act] = field(default_factory=dict)
