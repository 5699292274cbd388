"""Tools that are objects of another library, as a tool file and as functions that it can name.

    box = Toolbox("my_package.tools:box", [search, multiply])

`box()` gives the text of a tool file in which the tool `search` has `function: my_package.tools:box.search`;
a step that uses it loads `my_package.tools` in a process of its own and calls `box.search(...)`. So the
same object is the plugin's entry point and what its tools are found by.

What a library says of a tool is its name, its description and its parameters. What plandeck needs besides
(risk, contract, undo, secrets ...) is given in `declare`; a tool of which nothing is said is `disruptive`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from console.interop.schema import parameters_of

_PLACE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


class Foreign(Protocol):
    """A tool of another library, behind one face."""

    name: str
    description: str
    schema: Mapping[str, Any]

    def call(self, params: dict[str, Any]) -> Any:
        """Call it. What it gives back is text or can be written as JSON."""


class Toolbox:
    """Foreign tools under the name `place`, `module:variable`, by which this very object is found.

    Raises `ValueError` for two tools of one name, and for words in `declare` about a tool that is not there.
    """

    def __init__(
        self, place: str, tools: Iterable[Foreign], declare: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        if not _PLACE.fullmatch(place):
            raise ValueError(f"{place!r} is no place: it is written package.module:variable")
        self._place = place
        self._tools: dict[str, Foreign] = {}
        for tool in tools:
            if self._tools.setdefault(attribute_of(tool.name), tool) is not tool:
                raise ValueError(f"two tools are called {tool.name}")
        self._declared = {attribute_of(name): dict(words) for name, words in (declare or {}).items()}
        if stray := self._declared.keys() - self._tools.keys():
            known = ", ".join(self._tools)
            raise ValueError(f"there is no tool {', '.join(sorted(stray))}; the tools are {known}")

    def __call__(self) -> dict[str, Any]:
        """The tools as the text of a tool file. Raises `ValueError` when `place` leads elsewhere."""
        module, _, variable = self._place.partition(":")
        if getattr(importlib.import_module(module), variable, None) is not self:
            raise ValueError(f"{self._place} is not this toolbox: give the place of its own variable")
        return {"tools": self.documents()}

    def documents(self) -> list[dict[str, Any]]:
        """Each tool as a tool file says it."""
        return [self._document(name, tool) for name, tool in self._tools.items()]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        tools: dict[str, Foreign] = self.__dict__.get("_tools", {})
        if name not in tools:
            raise AttributeError(f"there is no tool {name}")
        tool = tools[name]
        return lambda **params: tool.call(params)

    def _document(self, name: str, tool: Foreign) -> dict[str, Any]:
        document = {
            "name": name,
            "description": tool.description,
            "parameters": parameters_of(tool.schema),
            "function": f"{self._place}.{name}",
        }
        return document | self._declared.get(name, {})


def attribute_of(name: str) -> str:
    """A tool's name as plandeck and Python both allow it."""
    word = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") or "tool"
    return f"tool_{word}" if word[0].isdigit() else word


def plain(value: Any) -> Any:
    """What a tool gave back, as text or as something JSON can write."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
