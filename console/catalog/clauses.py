"""Reading the parts of a tool file by type: text, flags, durations, facts, contracts, undo."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from console.catalog.contract import parse_fact, variable
from console.catalog.spec import Contract, Fact
from console.plan import strict
from console.plan.faults import nearest
from console.plan.model import Undo

TOOL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")

_DURATION = re.compile(r"(?:([0-9.]+)h)?(?:([0-9.]+)m)?(?:([0-9.]+)s)?(?:([0-9.]+)ms)?")
_UNITS = (3600.0, 60.0, 1.0, 0.001)
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class Tell(Protocol):
    """Told of each fault: where, what, the way out."""

    def __call__(self, path: strict.Path, message: str, hint: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A mapping of a document and where it stands. What has the wrong type is told and reads as empty."""

    value: dict[str, Any]
    path: strict.Path
    tell: Tell

    def _wrong(self, key: str, wanted: str) -> None:
        self.tell((*self.path, key), f"{key} must be {wanted}")

    def text(self, key: str) -> str:
        value = self.value.get(key)
        if value is None or isinstance(value, str):
            return value or ""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        self._wrong(key, "text")
        return ""

    def flag(self, key: str) -> bool:
        value = self.value.get(key)
        if isinstance(value, str):
            value = _FLAGS.get(value.lower(), value)
        if value is None or isinstance(value, bool):
            return bool(value)
        self._wrong(key, "true or false")
        return False

    def number(self, key: str) -> float | None:
        value = self.value.get(key)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value >= 0):
            return value
        self._wrong(key, "a number that is not negative")
        return None

    def seconds(self, key: str) -> float | None:
        """A duration: a number of seconds, or `30s`, `2m`, `1h30m`, `500ms`."""
        value = self.value.get(key)
        match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) and value.strip() else None
        try:
            if match:
                value = sum(float(n) * unit for n, unit in zip(match.groups(), _UNITS, strict=True) if n)
            elif isinstance(value, str):
                value = float(value)
        except ValueError:
            value = -1
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 31_536_000:
            self._wrong(key, "a duration above zero: seconds, or 30s, 2m, 1h30m")
            return None
        return float(value)

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of texts, or one text."""
        value = self.value.get(key)
        items = value if isinstance(value, list) else [] if value is None else [value]
        if all(isinstance(item, str | int | float) and not isinstance(item, bool) for item in items):
            return tuple(str(item) for item in items)
        self._wrong(key, "text, or a list of texts")
        return ()

    def texts(self, key: str) -> dict[str, str]:
        """A mapping of text to text; numbers and booleans are written as JSON would."""
        value = self.value.get(key)
        if value is None:
            return {}
        if isinstance(value, dict) and all(isinstance(item, str | int | float) for item in value.values()):
            return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in value.items()}
        self._wrong(key, "a mapping of names to texts")
        return {}

    def mapping(self, key: str) -> Entry | None:
        value = self.value.get(key)
        if isinstance(value, dict):
            return Entry(value, (*self.path, key), self.tell)
        if value is not None:
            self._wrong(key, "a mapping")
        return None

    def entries(self, key: str) -> Iterator[Entry]:
        """A list of mappings."""
        value = self.value.get(key)
        if value is not None and not isinstance(value, list):
            self._wrong(key, "a list")
            return
        for index, item in enumerate(value or []):
            if isinstance(item, dict):
                yield Entry(item, (*self.path, key, index), self.tell)
            else:
                self.tell((*self.path, key, index), f"an entry of {key} must be a mapping")

    def named(self, key: str) -> Iterator[tuple[str, Entry]]:
        """A mapping of mappings."""
        whole = self.mapping(key)
        for name in whole.value if whole else ():
            inner = whole.mapping(name) if whole else None
            if inner is not None:
                yield name, inner


def facts(entry: Entry, key: str) -> tuple[Fact, ...]:
    """One fact, or a list of them."""
    return tuple(fact for text in entry.strings(key) if (fact := parse_fact(text)))


def contract(tool: Entry, parameters: Sequence[str], what: str) -> Contract:
    """The contract of a tool; every `$x` in it must be a parameter, or one of `vars`."""
    names = tool.strings("vars")
    failing = tool.mapping("on_failure")
    read: dict[str, tuple[Fact, ...]] = {
        key: facts(tool, key) for key in ("requires", "provides", "removes", "forbids", "writes")
    }
    read["fails_adding"] = facts(failing, "adds") if failing else ()
    read["fails_removing"] = facts(failing, "removes") if failing else ()
    for key in failing.value if failing else ():
        if key not in ("adds", "removes"):
            tool.tell((*tool.path, "on_failure"), f"on_failure of {what} has no {key}", "adds and removes")
    for key, patterns in read.items():
        place = "on_failure" if key.startswith("fails") else key
        for problem, hint in _problems(key, patterns, parameters, names):
            tool.tell((*tool.path, place), f"{place} of {what}: {problem}", hint)
    bound = {variable(word) for pattern in read["requires"] for word in pattern}
    for name in set(names) - bound:
        tool.tell(
            (*tool.path, "vars"), f"the variable {name} of {what} is bound by nothing", "name it in requires"
        )
    return Contract(vars=names, **read)


def _problems(
    key: str, patterns: Sequence[Fact], parameters: Sequence[str], names: Sequence[str]
) -> Iterator[tuple[str, str]]:
    known = [*parameters, *names]
    for word in (word for pattern in patterns for word in pattern):
        name = variable(word)
        if name and name not in known:
            yield f"${name} is neither a parameter nor one of vars", nearest(name, known)
        elif "$" in word and not name:
            yield f"in {word!r} the variable does not stand alone", "make it a word of its own"
        elif word == "*" and key not in ("removes", "fails_removing"):
            yield "* can only stand in removes", ""


def undo(tool: Entry, what: str) -> Undo | None:
    """`undo: {tool: ..., params: {...}}`, or the name of a tool without parameters."""
    if isinstance(tool.value.get("undo"), str):
        return Undo(action=tool.text("undo"))
    entry = tool.mapping("undo")
    if entry is None:
        return None
    action = entry.text("action") or entry.text("tool")
    params = entry.mapping("params")
    for key in entry.value:
        if key not in ("action", "tool", "params", "description"):
            tool.tell(entry.path, f"the undo of {what} has no {key}", "tool and params")
    if not action:
        tool.tell(entry.path, f"the undo of {what} names no tool")
        return None
    return Undo(action=action, params=params.value if params else {})
