"""Does a value say what its source says: nothing lost, nothing changed, nothing invented?

The source's tokens and the value's keys, values and brackets are walked side by side. They must agree
in order, role and content; only what carries no meaning may differ: commas, quotes, comments, and a
closing bracket that closes nothing. Every such difference is told.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from console.plan.reply.lexing import Token, tokens

NAMES: dict[str, bool | None] = {
    "true": True, "True": True, "false": False, "False": False, "null": None, "None": None,
}  # fmt: skip

_WORD = re.compile(r"[^\W\d][\w /@-]*(?:\.[\w /@-]+)*")
"""What may stand without quotes. Not what begins like a number, or leaves something out with dots."""

_CONTROL = re.compile("[\x00-\x1f]")
_LIKE_A_NAME = re.compile(r"(?:tru|fals|nul|nan|inf|undef)", re.IGNORECASE)
_PYTHONS_OWN = re.compile(r"(?<!\\)(?:\\\\)*\\[avNU0-7]")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


class Changed(ValueError):
    """The value does not say what the source says."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A bracket, a key or a value: of the source (`token`) or of the value that was read (`value`)."""

    role: str
    value: Any = None
    token: Token | None = None


@dataclass(slots=True)
class _Slips:
    """What was mended, each kind with how often."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def told(self) -> tuple[str, ...]:
        return tuple(what if n == 1 else f"{what} ({n} times)" for what, n in self.counts.items())


def audit(source: str, value: Any) -> tuple[str, ...]:
    """The differences in form between `source` and the `value` that a parser made of it. Raises
    `Changed` for any difference in content."""
    slips = _Slips()
    wanted = _source(source, slips)
    for part in _flat(value):
        for given in wanted:
            if _same(given, part, slips):
                break
            if given.role not in "]}":
                raise Changed(f"{_shown(given)} came out as {_shown(part)}")
            slips.add(f"a {given.role} that closes nothing was left out")
        else:
            raise Changed(f"{_shown(part)} is not in the reply")
    for rest in wanted:
        if rest.role not in "]}":
            raise Changed(f"{_shown(rest)} was lost")
        slips.add(f"a {rest.role} that closes nothing was left out")
    return slips.told()


def _source(text: str, slips: _Slips) -> Iterator[_Part]:
    """The parts of the source; a token that a colon follows is a key."""
    held: Token | None = None
    last = ""
    for token in tokens(text):
        if token.kind == "comment":
            slips.add("a comment was left out")
            continue
        if token.kind in ("comma", "colon") and last in ("comma", "colon", "open"):
            raise Changed(f"nothing stands before a {token.kind}")
        if held is not None:
            yield _Part("key" if token.kind == "colon" else "value", token=held)
            held = None
        if token.kind in ("text", "bare"):
            if last in ("text", "bare", "close"):
                slips.add("a comma was put in")
            held = token
        elif token.kind in ("open", "close"):
            if token.kind == "open" and last in ("text", "bare", "close"):
                slips.add("a comma was put in")
            if token.kind == "close" and last == "comma":
                slips.add("a comma at an end was left out")
            yield _Part(token.text, token=token)
        last = token.kind
    if held is not None:
        yield _Part("value", token=held)


def _flat(value: Any) -> Iterator[_Part]:
    if isinstance(value, dict):
        yield _Part("{")
        for key, item in value.items():
            yield _Part("key", key)
            yield from _flat(item)
        yield _Part("}")
    elif isinstance(value, list):
        yield _Part("[")
        for item in value:
            yield from _flat(item)
        yield _Part("]")
    else:
        yield _Part("value", value)


def _same(given: _Part, part: _Part, slips: _Slips) -> bool:
    if given.role != part.role:
        return False
    if given.role not in ("key", "value"):
        return True
    token, value = given.token, part.value
    assert token is not None
    if token.kind == "text":
        return _same_text(token, value, slips)
    if token.text in NAMES and given.role == "value":
        return value is NAMES[token.text]
    if isinstance(value, str):
        if not _WORD.fullmatch(token.text) or _LIKE_A_NAME.match(token.text):
            return False
        slips.add(f"the text {token.text!r:.40} had no quotes")
        return token.text == value
    return _NUMBER.fullmatch(token.text) is not None and _same_number(token.text, value)


def _same_number(text: str, value: Any) -> bool:
    try:
        number = json.loads(text)
    except ValueError:  # too many digits
        return False
    return type(number) is type(value) and bool(number == value)


def _same_text(token: Token, value: Any, slips: _Slips) -> bool:
    if not isinstance(value, str) or not token.done:
        return False
    if token.loose:
        slips.add("a quote inside a text was not escaped")
    if len(token.quote) == 1 and not token.text.isprintable() and _CONTROL.search(token.text):
        slips.add("a line break or control character inside a text was not escaped")
    return value == token.text if "\\" not in token.text else value in _decoded(token)


def _decoded(token: Token) -> Iterator[str]:
    """What the text may mean: as JSON, and as Python."""
    body = token.text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    quoted = body if token.quote[0] == '"' and not token.loose else re.sub(r'(?<!\\)"', r'\\"', body)
    with contextlib.suppress(ValueError):
        yield json.loads('"' + re.sub(r"(?<!\\)((?:\\\\)*)\\'", r"\1'", quoted) + '"')
    if token.loose or _PYTHONS_OWN.search(token.text):
        return  # Python would take the "\\a" of a path for a control character
    # An escape Python does not know stays as it is.
    with contextlib.suppress(ValueError, SyntaxError, MemoryError), warnings.catch_warnings(action="ignore"):
        yield joined(ast.literal_eval(f"{token.quote}{token.text}{token.quote}"))


def joined(text: str) -> str:
    """`text` with the halves of characters that JSON's escapes come in put together, where they fit."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return text


def _shown(part: _Part) -> str:
    if part.token is not None:
        return f"{part.token.text!r:.60}"
    return f"{part.value!r:.60}" if part.role in ("key", "value") else part.role
