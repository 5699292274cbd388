"""A span: a piece of work with its times, its place in the trace, and what is known of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Value = str | bool | int | float | Sequence[str]
Kind = Literal["internal", "client"]


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened within a span, at a time."""

    name: str
    at: float
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(slots=True)
class Span:
    """A piece of work. Times are seconds since the epoch; `parent` is empty for the first; `error` is the
    type of error it ended with and `says` one line about it."""

    name: str
    trace: str
    id: str
    parent: str
    start: float
    kind: Kind = "internal"
    end: float = 0.0
    attributes: dict[str, Value] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    error: str = ""
    says: str = ""


def message(role: str, text: str) -> str:
    """One message in the form of the conventions: a JSON text, because attributes have no structure."""
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}], ensure_ascii=False)


def dotted(attributes: Mapping[str, Any]) -> dict[str, Value]:
    """Attributes by their real names: `__` stands for a dot. What is empty is left out."""
    return {name.replace("__", "."): value for name, value in attributes.items() if value not in ("", ())}


def mapped(span: Span, change: Callable[[str], str]) -> Span:
    """`span` with every text of it changed."""

    def of(value: Value) -> Value:
        if isinstance(value, str):
            return change(value)
        return value if isinstance(value, bool | int | float) else tuple(change(one) for one in value)

    return Span(
        name=change(span.name),
        trace=span.trace,
        id=span.id,
        parent=span.parent,
        start=span.start,
        kind=span.kind,
        end=span.end,
        attributes={name: of(value) for name, value in span.attributes.items()},
        moments=[
            Moment(one.name, one.at, {k: of(v) for k, v in one.attributes.items()}) for one in span.moments
        ],
        error=span.error,
        says=change(span.says),
    )
