"""What is on the screen before there is anything to show. It must import nothing but Textual."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static


class StartScreen(Screen[Any]):
    """The name, and that something is coming."""

    DEFAULT_CSS = """
    StartScreen { background: $background; }
    StartScreen > Static { width: 100%; height: 1; padding: 0 1; color: $ink-quiet; }
    StartScreen > #name { color: $ink-accent; text-style: bold; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "app.leave", "Leave", show=False)]

    def compose(self) -> ComposeResult:
        yield Static("plandeck", id="name", markup=False)
        yield Static("starting …", markup=False)
