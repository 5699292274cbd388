"""What every part of a tool file is read with: where faults and warnings go, names, and making the parts.

A key that is not known is a warning with the nearest known one: a file written for another reader
may say more than this one understands. Everything else that is not as it should be is a fault, with
its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from console.catalog.clauses import TOOL_NAME, Entry
from console.catalog.spec import Goal, McpServer, Spec, ToolSpec
from console.errors import Fault
from console.plan import strict
from console.plan.faults import nearest
from console.plan.model import NOTE

_Made = TypeVar("_Made", bound=Spec)


@dataclass
class ToolFile:
    """What one file holds."""

    tools: list[ToolSpec] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    servers: dict[str, McpServer] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


class Reading:
    """One file while it is read: `out` is what was found so far, `environment` what all its tools get."""

    def __init__(self, data: str | bytes, file: str) -> None:
        self.document = strict.read(data, file=file)
        self.file = file
        self.out = ToolFile()
        self.environment: dict[str, str] = {}

    def fault(self, path: strict.Path, message: str, hint: str = "", *, below: int = 0) -> None:
        """Something is wrong there, or `below` lines further on."""
        line = self.document.line_of(path) + below
        self.out.faults.append(Fault(line, "", message, hint, self.file))

    def warn(self, path: strict.Path, message: str) -> None:
        """Something there is understood and not used."""
        line = self.document.line_of(path)
        place = f"{self.file}:{line}" if self.file else f"line {line}"
        self.out.warnings.append(f"{place}: {message}")

    def unknown(self, entry: Entry, known: Iterable[str], what: str) -> None:
        """Warn of each key of `entry` that is not among `known`."""
        for key in entry.value:
            if key not in known:
                hint = nearest(key, list(known))
                message = f"{what} has a key {key} that is not used" + (f" ({hint})" if hint else "")
                self.warn((*entry.path, key), message)

    def entries(self, entry: Entry, key: str) -> Iterator[Entry]:
        """A list of mappings with a `name`, or a mapping of mappings by name."""
        if isinstance(entry.value.get(key), dict):
            for name, inner in entry.named(key):
                yield Entry({"name": name, **inner.value}, inner.path, self.fault)
        else:
            yield from entry.entries(key)

    def check_name(self, entry: Entry, what: str) -> None:
        """A tool's name must be one that a plan can write."""
        name = entry.text("name")
        if not name:
            self.fault(entry.path, f"{what} has no name")
        elif name == NOTE or not TOOL_NAME.fullmatch(name):
            self.fault(
                (*entry.path, "name"),
                f"{name!r:.80} cannot be the name of a tool",
                "letters, digits, _ - and .",
            )

    def made(self, kind: type[_Made], fields: dict[str, Any], path: strict.Path, what: str) -> _Made | None:
        """The part of these fields; `None` when they do not make one."""
        try:
            return kind.model_validate(fields)
        except ValidationError as error:
            for detail in error.errors():
                key = ".".join(map(str, detail["loc"]))
                self.fault((*path, *detail["loc"][:1]), f"{key} of {what}: {detail['msg'].lower()}")
            return None
