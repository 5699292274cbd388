"""The last line of the screen: the most useful keys now. What does not fit is left out whole; `?` lists
everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual import events
from textual.message import Message

from console.tui.actions import ALWAYS, footer
from console.tui.ink import Row, Span
from console.tui.view import View
from console.tui.widgets.lines import Rows


def footer_row(view: View, width: int, keymap: Mapping[str, str]) -> tuple[Row, list[tuple[int, str]]]:
    """The line, and which action begins at which column."""
    entries = list(footer(view, keymap))
    last = [entry for entry in entries if entry[0] in ALWAYS]
    room = width - 1 - sum(_width(entry) for entry in last)
    shown = []
    for entry in entries:
        if entry in last:
            continue
        if _width(entry) > room:
            break
        shown.append(entry)
        room -= _width(entry)
    spans, places, at = [Span(" ")], [], 1
    for entry in (*shown, *last):
        action, key, title = entry
        spans += [Span(key, "accent strong"), Span(f" {title}  ", "quiet")]
        places.append((at, action))
        at += _width(entry)
    return Row(tuple(spans)), places


def _width(entry: tuple[str, str, str]) -> int:
    return len(entry[1]) + len(entry[2]) + 3


class FooterLine(Rows):
    """Keys that can also be clicked; what a click may not do (approve), its screen does not do."""

    @dataclass
    class Pressed(Message):
        action: str

    def __init__(self, keymap: Mapping[str, str]) -> None:
        super().__init__(id="footer")
        self._view = View()
        self._keymap = keymap
        self._places: list[tuple[int, str]] = []
        self.silent = False
        """Whether another screen has the keys: then none of these would do anything."""

    def show(self, view: View) -> None:
        self._view = view
        self.build(self._line)

    def _line(self, width: int) -> list[Row]:
        if self.silent:
            self._places = []
            return [Row()]
        line, self._places = footer_row(self._view, width, self._keymap)
        return [line]

    def hush(self, *, silent: bool) -> None:
        self.silent = silent
        self.rebuild()

    def on_click(self, event: events.Click) -> None:
        event.stop()
        pressed = [action for at, action in self._places if at <= event.x]
        if pressed:
            self.post_message(self.Pressed(pressed[-1]))
