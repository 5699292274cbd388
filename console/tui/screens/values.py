"""Values of a plan as one line of text, and back.

Texts are taken as they stand. One in double quotes is read as a JSON string: that is how line breaks
and characters that cannot be seen are written. Readers raise `ValueError` saying what was expected.
"""

from __future__ import annotations

import json
import re
from typing import Any

from console.catalog.spec import Parameter
from console.plan import strict
from console.plan.model import Undo
from console.plan.references import find
from console.text import reveal

ON_FAILURE = ("replan", "ask", "stop", "continue")

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")


def text_of(value: Any, parameter: Parameter | None = None) -> str:
    """A value as one line that `value_of` reads back."""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    wanted = parameter.type if parameter else "string"
    literal = value and value == value.strip() and not value.startswith('"')
    if literal and "\n" not in value and reveal(value) == value:
        return value if wanted == "string" or find(value) else json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=True)


def words_of(text: str) -> str:
    """The string that a text stands for."""
    text = text.strip()
    if text.startswith('"'):
        try:
            read = json.loads(text)
        except ValueError:
            return text
        return read if isinstance(read, str) else text
    return text


def value_of(text: str, parameter: Parameter | None = None) -> Any:
    """The value that a text stands for. Raises `ValueError` saying what was expected."""
    text = text.strip()
    wanted = parameter.type if parameter else "string"
    if wanted == "string":
        return words_of(text)
    references = find(text)
    if references and references[0].text == text:
        return text
    try:
        return strict.parse_json(text)
    except ValueError:
        if references:
            return text
        raise ValueError(f"not {_article(wanted)} {wanted}") from None


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeio" else "a"


def undo_text(undo: Undo) -> str:
    return f"{undo.action} {json.dumps(undo.params, ensure_ascii=False)}" if undo.params else undo.action


def on_failure(text: str) -> str | None:
    if text and text not in ON_FAILURE:
        raise ValueError(f"one of {', '.join(ON_FAILURE)}")
    return text or None


def duration(text: str) -> float:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("seconds, or 5m, 1h")
    return float(match[1]) * _UNITS[match[2]]


def whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("a whole number") from None


def pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    return text
