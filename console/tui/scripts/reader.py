"""One session script, read: every fault of it is told, with its line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from console.bundled import samples_dir
from console.errors import Fault, InvalidDocument, UsageError
from console.plan import strict
from console.run.events import Scope
from console.run.life import RunStatus, StepStatus
from console.service.act import Act
from console.task import samples
from console.tui.scripts.model import (
    WIDE,
    Begin,
    Condition,
    Expect,
    Line,
    Press,
    Say,
    Script,
    Snapshot,
    TypeIn,
    WaitFor,
)

FOLDER = "scripts"
"""Where the scripts that come along lie, among the sample tasks."""

KEYS = ("title", "task", "set", "inject", "recording", "clock", "begin", "size", "world", "lines")
DOES = ("press", "type", "wait_for", "expect", "snapshot", "say")
HOLDS = ("status", "asks", "steps", "text", "no_text")
ACT = ("seconds", "exit", "out", "err", "lost")
BEGINS: tuple[Begin, ...] = get_args(Begin)

START = datetime(2026, 5, 14, 9, 30, tzinfo=UTC).timestamp()
LEAST, MOST = (40, 10), (300, 100)
"""Columns and rows of a terminal that a script may ask for."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_SIZE = re.compile(r"(\d{1,3})x(\d{1,3})")
_ATTEMPT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(/(\d{1,4}|probe))?")
_MODIFIED = re.compile(r"((ctrl|alt|shift)\+)+(.+)")

_KEYS = (
    "enter|escape|tab|space|backspace|delete|insert|up|down|left|right|home|end|pageup|pagedown|"
    "minus|plus|underscore|slash|colon|comma|full_stop|question_mark|at|"
    "less_than_sign|greater_than_sign|left_square_bracket|right_square_bracket"
)
NAMED_KEYS = frozenset(_KEYS.split("|"))
"""Keys as Textual names them; a key of one character is that character, or what Unicode calls it
(`asterisk`, `exclamation_mark`)."""


class InvalidScript(InvalidDocument):
    """A file that is no session script."""

    noun = "session script"


def scripts() -> dict[str, Path]:
    """The session scripts that come along: name -> file."""
    return {file.stem: file for file in sorted((samples_dir() / FOLDER).glob("*.yaml"))}


def load_script(what: str) -> Script:
    """The script that `what` means: the name of one that comes along, or a file.

    Raises `UsageError` when it is not there and `InvalidScript` with every fault of it.
    """
    path = scripts().get(what) or Path(what)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read this script: {error.strerror}", where=str(path)) from None
    return Reader(path, strict.read(raw, file=str(path))).script()


class Reader:
    """Reads one script and gathers every fault of it."""

    def __init__(self, path: Path, document: strict.Document) -> None:
        self.path = path
        self.document = document
        self.faults = [
            Fault(blot.line or document.line_of(blot.path or ()), "", blot.message) for blot in document.blots
        ]

    def script(self) -> Script:
        value = self.document.value
        if self.document.broken or not isinstance(value, dict):
            self.faults = self.faults or [Fault(1, "", "a session script is a mapping with a task and lines")]
            raise InvalidScript(self.faults, file=str(self.path))
        self._known((), value, KEYS)
        made = Script(
            name=self.path.stem,
            path=self.path,
            title=self._text(("title",), value.get("title", self.path.stem)),
            task=self._task(value.get("task")),
            lines=self._lines(value.get("lines")),
            sets=self._sets(value.get("set", {})),
            inject=self._text(("inject",), value.get("inject", "")),
            recording=self._recording(value.get("recording")),
            start=self._start(value.get("clock")),
            begin=self._one_of(("begin",), value.get("begin", "run"), BEGINS),
            size=self._size(value.get("size")),
            world=self._world(value.get("world", {})),
        )
        if self.faults:
            raise InvalidScript(sorted(self.faults), file=str(self.path), todo="Mend the script")
        return made

    def _fault(self, path: strict.Path, message: str, hint: str = "") -> None:
        self.faults.append(Fault(self.document.line_of(path), "", message, hint))

    # ── small readers ────────────────────────────────────────────────────────────────────────────

    def _known(self, path: strict.Path, value: Mapping[str, Any], known: Iterable[str]) -> None:
        names = list(known)
        for key in value.keys() - set(names):
            self._fault((*path, key), f"unknown key {key!r}", _near(key, names))

    def _text(self, path: strict.Path, value: Any) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        self._fault(path, f"{path[-1]}: a text is wanted")
        return ""

    def _one_of(self, path: strict.Path, value: Any, known: Iterable[Any]) -> Any:
        names = [str(one) for one in known]
        if value in names:
            return value
        self._fault(path, f"{value!r} is none of {', '.join(names)}", _near(str(value), names))
        return names[0]

    def _mapping(self, path: strict.Path, value: Any) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        self._fault(path, f"{path[-1]}: a mapping is wanted")
        return {}

    # ── the head ─────────────────────────────────────────────────────────────────────────────────

    def _task(self, value: Any) -> str:
        """A sample's name as it is, a file by its path."""
        if not isinstance(value, str) or not value:
            self._fault(("task",), "a session script needs a task: a sample's name or a task file")
            return ""
        if value in samples():
            return value
        file = self.path.parent / value
        if not file.is_file():
            self._fault(("task",), f"{value!r} is no sample task and no file", _near(value, samples()))
        return str(file)

    def _sets(self, value: Any) -> Mapping[str, str]:
        return {name: self._text(("set", name), one) for name, one in self._mapping(("set",), value).items()}

    def _recording(self, value: Any) -> Path | None:
        if value is None:
            return None
        file = self.path.parent / self._text(("recording",), value)
        if not file.is_file():
            self._fault(("recording",), f"there is no file {value!r} beside the script")
        return file

    def _start(self, value: Any) -> float:
        if value is None:
            return START
        try:
            return datetime.fromisoformat(str(value)).replace(tzinfo=UTC).timestamp()
        except ValueError:
            self._fault(("clock",), "a clock is a date and a time of day: 2026-05-14 09:30:00")
            return START

    def _size(self, value: Any) -> tuple[int, int]:
        if value is None:
            return WIDE
        found = _SIZE.fullmatch(str(value))
        size = (int(found[1]), int(found[2])) if found else (0, 0)
        if not all(low <= one <= high for low, one, high in zip(LEAST, size, MOST, strict=True)):
            self._fault(("size",), "a size is columns and rows, 80x24")
            return WIDE
        return size

    def _world(self, value: Any) -> Mapping[str, Act]:
        return {name: self._act(name, act) for name, act in self._mapping(("world",), value).items()}

    def _act(self, name: str, value: Any) -> Act:
        path = ("world", name)
        if not _ATTEMPT.fullmatch(name):
            self._fault(path, f"{name!r} is no step, no STEP/ATTEMPT and no STEP/probe")
        act = self._mapping(path, value)
        self._known(path, act, ACT)
        seconds, code = act.get("seconds", 1.0), act.get("exit", 0)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < 1e6:
            self._fault((*path, "seconds"), "seconds: a positive number is wanted")
            seconds = 1.0
        if isinstance(code, bool) or not isinstance(code, int) or not -64 <= code <= 255:
            self._fault((*path, "exit"), "exit: an exit code is wanted")
            code = 0
        out, err = (self._text((*path, name), act.get(name, "")) for name in ("out", "err"))
        lost = act.get("lost", False)
        if not isinstance(lost, bool):
            self._fault((*path, "lost"), "lost: true or false is wanted")
            lost = False
        return Act(float(seconds), code, out, err, lost)

    # ── the lines ────────────────────────────────────────────────────────────────────────────────

    def _lines(self, value: Any) -> tuple[Line, ...]:
        if not isinstance(value, list) or not value:
            self._fault(("lines",), "a session script needs lines")
            return ()
        lines = [line for i, one in enumerate(value) if (line := self._line(i, one)) is not None]
        names = [line.name for line in lines if isinstance(line, Snapshot)]
        for line in lines:
            if isinstance(line, Snapshot) and names.count(line.name) > 1:
                self.faults.append(Fault(line.number, "", f"there are two snapshots {line.name}"))
        return tuple(lines)

    def _line(self, index: int, value: Any) -> Line | None:
        path: strict.Path = ("lines", index)
        if not isinstance(value, dict) or len(value) != 1:
            self._fault(path, f"a line does one thing: one of {', '.join(DOES)}")
            return None
        ((does, what),) = value.items()
        number, path = self.document.line_of(path), (*path, does)
        make: Mapping[str, Callable[[], Line]] = {
            "press": lambda: Press(number, self._pressed(path, what)),
            "type": lambda: TypeIn(number, self._text(path, what)),
            "wait_for": lambda: WaitFor(number, self._condition(path, what)),
            "expect": lambda: Expect(number, self._condition(path, what)),
            "snapshot": lambda: Snapshot(number, self._name(path, what)),
            "say": lambda: Say(number, " ".join(self._text(path, what).split())),
        }
        if does not in make:
            self._fault(path, f"unknown line {does!r}", _near(does, DOES))
            return None
        return make[does]()

    def _pressed(self, path: strict.Path, value: Any) -> tuple[str, ...]:
        keys = [self._text(path, one) for one in value] if isinstance(value, list) else None
        keys = self._text(path, value).split() if keys is None else keys
        if not keys:
            self._fault(path, "no key is pressed")
        for key in keys:
            if not _is_key(key):
                self._fault(path, f"{key!r} is no key", _near(key, NAMED_KEYS))
        return tuple(keys)

    def _name(self, path: strict.Path, value: Any) -> str:
        name = self._text(path, value)
        if not _NAME.fullmatch(name):
            self._fault(path, "a snapshot's name is made of small letters, digits and dashes")
        return name

    def _condition(self, path: strict.Path, value: Any) -> Condition:
        if isinstance(value, str):
            return Condition(status=self._one_of(path, value, RunStatus))
        given = self._mapping(path, value)
        self._known(path, given, HOLDS)
        if not given:
            self._fault(path, f"it says nothing: one of {', '.join(HOLDS)}")
        steps = self._mapping((*path, "steps"), given.get("steps", {}))
        status, asks = given.get("status", ""), given.get("asks", "")
        return Condition(
            status=self._one_of((*path, "status"), status, RunStatus) if status else "",
            asks=self._one_of((*path, "asks"), asks, get_args(Scope)) if asks else "",
            steps={
                step: self._one_of((*path, "steps", step), wanted, StepStatus)
                for step, wanted in steps.items()
            },
            text=self._text((*path, "text"), given.get("text", "")),
            no_text=self._text((*path, "no_text"), given.get("no_text", "")),
        )


def _is_key(key: str) -> bool:
    modified = _MODIFIED.fullmatch(key)
    last = modified[3] if modified else key
    if len(last) == 1 or last in NAMED_KEYS or re.fullmatch(r"f\d{1,2}", last):
        return True
    try:
        return not unicodedata.lookup(last.upper().replace("_", " ")).isalnum()
    except KeyError:
        return False


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), 1)
    return f"did you mean {near[0]!r}?" if near else ""
