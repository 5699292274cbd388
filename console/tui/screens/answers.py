"""Two or three answers side by side; the first is marked at the start and is the harmless one.

Only a key answers: a click moves the mark. What is up and down scrolls the text above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from console.tui.screens.menu import MARK

_MARKED = "bold $block-cursor-foreground on $block-cursor-background"


class Answers(Widget, can_focus=True):
    """A row of answers given as (id, words)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "mark(-1)", "Left", show=False),
        Binding("right,l", "mark(1)", "Right", show=False),
        Binding("shift+tab", "cycle(-1)", "Before", show=False),
        Binding("tab", "cycle(1)", "Next", show=False),
    ]

    marked: reactive[int] = reactive(0)

    @dataclass
    class Given(Message):
        """`Enter` was pressed on the answer `id`."""

        id: str

    def __init__(self, answers: Sequence[tuple[str, str]], *, id: str) -> None:
        super().__init__(id=id)
        self.answers = tuple(answers)

    @property
    def given(self) -> str:
        """The id of the answer that `Enter` gives."""
        return self.answers[self.marked][0]

    def render(self) -> Content:
        parts: list[Content] = []
        for place, (_, words) in enumerate(self.answers):
            is_marked = place == self.marked
            lead = MARK if is_marked else " " * len(MARK)
            parts.append(Content.styled(f"{lead}{words}  ", _MARKED if is_marked else "$foreground"))
        return Content("   ").join(parts)

    def action_mark(self, by: int) -> None:
        """The one beside it; at an end it stays, so that a key pressed twice does not choose the other."""
        self.marked = max(0, min(self.marked + by, len(self.answers) - 1))

    def action_cycle(self, by: int) -> None:
        self.marked = (self.marked + by) % len(self.answers)

    def on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self.post_message(self.Given(self.given))

    def on_click(self, event: events.Click) -> None:
        left = 0
        for place, (_, words) in enumerate(self.answers):
            if left <= event.x < left + len(words) + 4:
                self.marked = place
            left += len(words) + 7
