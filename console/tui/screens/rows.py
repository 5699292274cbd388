"""Labelled text that is shown whole: it wraps with a hanging indent and nothing is ever cut.

A line break of the text and a break made for the width look different (`┆` and `↪` in the margin), and
a long run of spaces is counted instead of drawn, so that nothing can hide at the far end of a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from console.text import reveal
from console.tui.screens.modal import FAINT

_SPACES = re.compile(r" {9,}")
_WRAPPED = Content.styled("↪ ", FAINT)
_BROKEN = Content.styled("┆ ", FAINT)


def exact(text: str) -> str:
    """`text` as it must be approved: every character that could not be seen is a visible token."""
    return _SPACES.sub(lambda run: f" ⟨{len(run[0])} spaces⟩ ", reveal(text))


@dataclass(frozen=True)
class Row:
    """One labelled text. `exact` texts mark how they were broken; `label` is as wide as the margin."""

    label: Content
    text: Content
    exact: bool = False

    def in_ascii(self) -> Row:
        """An exact text with escapes for what ASCII does not have: no character may look like another."""
        if not self.exact or self.text.plain.isascii():
            return self
        escaped = self.text.plain.encode("ascii", "backslashreplace").decode()
        return replace(self, text=Content.styled(escaped, "bold"))

    def lines(self, width: int) -> list[Content]:
        """The row as lines of at most `width` cells."""
        margin = self.label.cell_length
        blank = Content(" " * margin)
        gutter = 2 if self.exact else 0
        room = max(8, width - margin - gutter)
        lines: list[Content] = []
        for number, part in enumerate(self.text.split("\n", allow_blank=True)):
            for piece_number, piece in enumerate(part.wrap(room) or [Content("")]):
                lead = self.label if not lines else blank
                sign: Content | str = ""
                if self.exact:
                    sign = _WRAPPED if piece_number else _BROKEN if number else "  "
                    sign = Content.styled("$ ", "$text-success") if not lines else sign
                lines.append(Content.assemble(lead, sign, piece))
        return lines


class Rows(Widget):
    """Rows one below the other."""

    DEFAULT_CSS = "Rows { width: 1fr; height: auto; }"

    def __init__(self, rows: Iterable[Row], *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.rows = tuple(rows)

    def show(self, rows: Iterable[Row]) -> None:
        """Other rows in place of these."""
        self.rows = tuple(rows)
        self.refresh(layout=True)

    def _lines(self, width: int) -> list[Content]:
        drawn_in_ascii = getattr(getattr(self.app, "options", None), "ascii", False)
        rows = [row.in_ascii() for row in self.rows] if drawn_in_ascii else self.rows
        return [line for row in rows for line in row.lines(width)]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return container.width

    def render(self) -> Content:
        return Content("\n").join(self._lines(self.content_size.width))
