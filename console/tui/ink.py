"""Rows of safe, inked text: what every pane is made of, as plain values.

A row is a few spans; a span is text with the name of an ink ("bad", "dim", "strong ok"), which a
theme gives a colour. Text becomes safe when a row is made (console/text.py), so no pane can forget
it. `[` and `]` mean nothing in here: nothing is ever read as markup.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from console.plan.model import StepId
from console.text import clean, token

INKS = frozenset({"ok", "bad", "warn", "busy", "doubt", "undo", "dim", "strong", "accent", "quiet"})
"""The inks a span may name, alone or two in a row."""

CUT = "…"
"""The sign of something that is not shown whole."""


class Span(NamedTuple):
    """`ink` names an ink; `style` is a rich style for colours that a tool's output brought itself."""

    text: str
    ink: str = ""
    style: str = ""

    @property
    def width(self) -> int:
        return cell_len(self.text)


@dataclass(frozen=True, slots=True)
class Row:
    """One row on the screen. `step` is the step it is about, if any."""

    spans: tuple[Span, ...] = ()
    step: StepId = ""

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)

    @property
    def width(self) -> int:
        return sum(span.width for span in self.spans)


Part = str | tuple[str, str] | Span
"""A piece of a row as it is written: text, or text and ink."""


def safe(text: str) -> str:
    """`text` in one line, fit for the terminal: what is not printable becomes a visible token."""
    if text.isascii() and text.isprintable():
        return text
    return clean(text).replace("\n", token("\n"))


def span(part: Part) -> Span:
    if isinstance(part, Span):
        return part
    if isinstance(part, tuple):
        return Span(safe(part[0]), part[1])
    return Span(safe(part))


def row(*parts: Part, step: StepId = "") -> Row:
    """A row from its parts, made safe."""
    return Row(tuple(s for part in parts if (s := span(part)).text), step)


def fit(spans: Iterable[Span], width: int) -> tuple[Span, ...]:
    """The spans within `width` columns; what is cut leaves a sign."""
    whole = tuple(spans)
    if sum(s.width for s in whole) <= width:
        return whole
    kept: list[Span] = []
    left = width - 1
    for piece in whole:
        text = piece.text if piece.width <= left else set_cell_size(piece.text, left)
        kept.append(piece._replace(text=text + (CUT if text != piece.text or left == piece.width else "")))
        left -= piece.width
        if left <= 0:
            break
    return tuple(kept) if width > 0 else ()


def wrap(text: str, width: int, ink: str = "", *, first: Iterable[Part] = (), indent: int = 0) -> list[Row]:
    """`text` in rows of at most `width` columns, nothing cut: `first` goes before the first row,
    `indent` blanks before the others. Breaks at blanks where there are any."""
    lead = tuple(span(part) for part in first)
    rows: list[Row] = []
    for line in text.split("\n"):
        left = safe(line)
        while True:
            before = lead if not rows else (Span(" " * indent),) if indent else ()
            room = max(8, width - sum(s.width for s in before))
            piece, left = _break(left, room)
            rows.append(Row((*before, Span(piece, ink)) if piece else before))
            if not left:
                break
    return rows


def _break(text: str, room: int) -> tuple[str, str]:
    """The beginning of `text` that fits into `room` columns, and the rest."""
    # A long text is not measured for every row of it.
    if cell_len(text[: 4 * room]) <= room and cell_len(text) <= room:
        return text, ""
    piece = text[:room]
    while cell_len(piece) > room:
        piece = piece[:-1]
    at = piece.rfind(" ")
    if at > room // 3:
        return piece[:at], text[at + 1 :]
    return piece, text[len(piece) :]


def pad(text: str, width: int) -> str:
    """`text` in exactly `width` columns, with a sign when it had to be cut."""
    text = safe(text)
    if cell_len(text) > width:
        return set_cell_size(text, max(0, width - 1)) + CUT if width > 0 else ""
    return set_cell_size(text, width)
