"""The last guards before the terminal: line filters over everything that is painted.

Text is made safe where it comes in; these see to it that a place which forgets cannot move the
cursor, set a title or write the clipboard.
"""

from __future__ import annotations

import re

from rich.cells import get_character_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from console.text import token
from console.tui.marks import ASCII_AND_TOKENS

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class ControlGuard(LineFilter):
    """No control or bidirectional character of any painted text reaches the terminal."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if not any(_UNSAFE.search(segment.text) for segment in segments):
            return segments
        return [Segment(_UNSAFE.sub(_picture, segment.text), segment.style) for segment in segments]


class AsciiOnly(LineFilter):
    """Draws marks and lines with ASCII; any other character beyond it as `?`, two where it is wide."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if all(segment.text.isascii() for segment in segments):
            return segments
        return [Segment(_to_ascii(segment.text), segment.style, segment.control) for segment in segments]


def _picture(match: re.Match[str]) -> str:
    """One column for one character: the painted line must keep its width."""
    shown = token(match[0])
    return shown if len(shown) == 1 else "?"


def _to_ascii(text: str) -> str:
    if text.isascii():
        return text
    text = text.translate(ASCII_AND_TOKENS)
    if text.isascii():
        return text
    return "".join(c if c.isascii() else "?" * get_character_cell_size(c) for c in text)
