"""The tokens of JSON as models write it: quotes of both kinds, Python's names, comments, slips.

Used to see what a reply holds without trusting any parser with it: where a bracketed part ends, whether
the reply breaks off, and (audit.py) whether a parser lost, changed or invented something. Time is
linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MAX_DEPTH = 100

Kind = Literal["open", "close", "comma", "colon", "text", "bare", "comment"]


class TooDeep(ValueError):
    """Brackets within brackets beyond `MAX_DEPTH`."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `text` is a bracket, or what is between the quotes as it was written; `quote` is the
    quote; `loose` says that a quote inside it was not escaped; `done` that its closing quote is there."""

    kind: Kind
    text: str
    start: int
    end: int
    quote: str = ""
    loose: bool = False
    done: bool = True


_BODY = {
    '"': re.compile(r'((?:[^"\\]++|\\(?:.|\Z))*+)("|\Z)', re.DOTALL),
    "'": re.compile(r"((?:[^'\\]++|\\(?:.|\Z))*+)('|\Z)", re.DOTALL),
    '"""': re.compile(r'((?:[^"\\]++|\\(?:.|\Z)|"(?!""))*+)("""|\Z)', re.DOTALL),
    "'''": re.compile(r"((?:[^'\\]++|\\(?:.|\Z)|'(?!''))*+)('''|\Z)", re.DOTALL),
}
_CLOSES = re.compile(r"""\s*(?:[,:}\])]|\Z|\#|//|/\*)|\s*\n\s*["'{\[]""")
_SPACE = re.compile(r"\s++")
_COMMENT = re.compile(r"//[^\n]*+|\#[^\n]*+|/\*(?s:.*?)(?:\*/|\Z)")
_BARE = re.compile(r"[^\[\]{},:\n]++")
_PUNCTUATION: dict[str, Kind] = {
    "[": "open", "{": "open", "]": "close", "}": "close", ",": "comma", ":": "colon",
}  # fmt: skip
_PAIR = {"]": "[", "}": "{"}


def tokens(text: str, at: int = 0) -> Iterator[Token]:
    """The tokens of `text` from `at` on."""
    while at < len(text):
        if space := _SPACE.match(text, at):
            at = space.end()
            continue
        token = _token(text, at)
        yield token
        at = token.end


def _token(text: str, at: int) -> Token:
    char = text[at]
    if kind := _PUNCTUATION.get(char):
        return Token(kind, char, at, at + 1)
    if char in "\"'":
        return _quoted(text, at)
    if comment := _COMMENT.match(text, at):
        return Token("comment", comment[0], at, comment.end())
    bare = _BARE.match(text, at)
    assert bare
    return Token("bare", bare[0].rstrip(), at, bare.end())


def _quoted(text: str, at: int) -> Token:
    """A text ends at the first quote that something follows which can follow a text; a quote before
    that was not escaped."""
    quote = text[at : at + 3] if text[at : at + 3] in _BODY else text[at]
    start = end = at + len(quote)
    loose = False
    while True:
        body = _BODY[quote].match(text, end)
        assert body
        end = body.end()
        if not body[2]:
            return Token("text", text[start:], at, len(text), quote, loose, done=False)
        if _CLOSES.match(text, end):
            break
        loose = True
    return Token("text", text[start : end - len(quote)], at, end, quote, loose)


@dataclass(frozen=True, slots=True)
class Span:
    """A bracketed part of a text; `closed` is false when the text ends inside it."""

    start: int
    end: int
    closed: bool


def spans(text: str) -> Iterator[Span]:
    """The outermost bracketed parts, in order. Raises `TooDeep`."""
    at = 0
    while found := _OPENING.search(text, at):
        span = _span(text, found.start())
        yield span
        at = span.end


_OPENING = re.compile(r"[\[{]")


def _span(text: str, at: int) -> Span:
    """A closing bracket that does not fit what is open closes nothing."""
    stack: list[str] = []
    for token in tokens(text, at):
        if token.kind == "open":
            stack.append(token.text)
            if len(stack) > MAX_DEPTH:
                raise TooDeep(f"nested deeper than {MAX_DEPTH} levels")
        elif token.kind == "close" and stack[-1] == _PAIR[token.text]:
            stack.pop()
            if not stack:
                return Span(at, token.end, closed=True)
    return Span(at, len(text), closed=False)
