"""A session script from a live session: what was pressed, what had come about before it, and how the
attempts went.

    Recorder ── sees each key of the terminal, and the run as it was then ──> lines
    world_of(record, files) ─────────────────────────────────────────────────> world

A key is written with what it came after: the state of the run, and the steps that were somewhere else
than at the key before. So a script waits for what its operator waited for, whatever it takes next time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakSet

import yaml
from textual import events
from textual.widgets import Input, TextArea

from console.run.control import spool
from console.run.life import RunStatus, StepStatus
from console.run.state import RunState
from console.tui import app as application
from console.tui.app import ConsoleApp
from console.tui.screens.approval import TypedWord
from console.tui.screens.run import RunScreen
from console.tui.scripts.reader import LEAST, MOST

OUTPUT = 4000
"""Characters of an attempt's output that a script keeps."""

_PASSING = frozenset({RunStatus.DRAFTING, RunStatus.REPLANNING})
"""States that last as long as a planner takes: another time a key may find them over."""

_LEAVES = frozenset({"ctrl+q", "ctrl+c", "ctrl+z"})


class RecordingApp(ConsoleApp):
    """The console; every key it gets is written down."""

    CSS_PATH = str(Path(application.__file__).with_name("app.tcss"))

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.lines: list[dict[str, Any]] = []
        self._seen: dict[str, str] = {}
        self._status = ""
        self._noted: WeakSet[events.Event] = WeakSet()

    async def on_event(self, event: events.Event) -> None:
        # A key that nothing on the screen took comes by a second time.
        if isinstance(event, events.Key) and event.key not in _LEAVES and event not in self._noted:
            self._noted.add(event)
            self._note(event)
        elif isinstance(event, events.Paste) and event not in self._noted:
            self._noted.add(event)
            self._note_paste(event.text)
        await super().on_event(event)

    @property
    def _state(self) -> RunState | None:
        shown = (s for s in self.screen_stack if isinstance(s, RunScreen))
        return next((screen.bridge.state for screen in shown if screen.bridge.ready), None)

    def _note(self, event: events.Key) -> None:
        if came := self._came():
            self.lines.append({"wait_for": came})
        typing = isinstance(self.screen.focused, Input | TextArea) and event.is_printable
        if typing and event.character:
            self._join("type", event.character, "")
        else:
            self._join("press", event.key, " ")

    def _note_paste(self, text: str) -> None:
        """What is pasted into a field is typed when it is played; elsewhere it does nothing."""
        focused = self.screen.focused
        if isinstance(focused, Input):
            text = (text.splitlines() or [""])[0]
        if text and isinstance(focused, Input | TextArea) and not isinstance(focused, TypedWord):
            if came := self._came():
                self.lines.append({"wait_for": came})
            self._join("type", text, "")

    def _join(self, does: str, what: str, between: str) -> None:
        last = self.lines[-1] if self.lines else {}
        if does in last:
            last[does] += between + what
        else:
            self.lines.append({does: what})

    def _came(self) -> dict[str, Any]:
        """What came about since the key before."""
        state = self._state
        if state is None:
            return {}
        now = {step: str(life.status) for step, life in state.steps.items()}
        came: dict[str, Any] = {}
        if state.status != self._status and state.status not in _PASSING:
            came["status"] = str(state.status)
        moved = {
            step: status for step, status in now.items() if self._seen.get(step, StepStatus.PENDING) != status
        }
        if moved:
            came["steps"] = moved
        self._seen, self._status = now, str(state.status)
        return came


def world_of(state: RunState, directory: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """How each attempt of a run went, as a script says it. What an agent does is in its turns."""
    lives = [*state.steps.items(), *(state.rollback.steps.items() if state.rollback else ())]
    for step, life in lives:
        for attempt in () if life.turns else life.attempts:
            name = step if len(life.attempts) == 1 else f"{step}/{attempt.number}"
            lasted = max(0.1, round(attempt.ended - (attempt.started or attempt.intended), 1))
            act: dict[str, Any] = {"seconds": lasted}
            if attempt.exit_code:
                act["exit"] = attempt.exit_code
            if attempt.outcome == "in_doubt":
                act["lost"] = True
            for stream in ("out", "err"):
                if text := _text(spool(directory, attempt.key) / stream):
                    act[stream] = text
            yield name, act


def _text(file: Path) -> str:
    try:
        with file.open(errors="replace") as stream:
            text = stream.read(OUTPUT)
    except OSError:
        return ""
    return "".join(c for c in text if c.isprintable() or c in "\n\t")


def has_turns(recording: Path) -> bool:
    """Whether a model thought for agents in what was recorded."""
    from console.planners.recorded import read_recording

    return recording.exists() and any(reply.kind == "agent" for reply in read_recording(recording))


def script_text(head: dict[str, Any], lines: list[dict[str, Any]], world: dict[str, Any]) -> str:
    """The script as a file."""
    document = {**head, "world": world, "lines": lines}
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def size_of(columns: int, rows: int) -> str:
    """A terminal's size as a script has it, within what a script may ask for."""
    given = zip(LEAST, (columns, rows), MOST, strict=True)
    return "x".join(str(max(low, min(high, one))) for low, one, high in given)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _block)
