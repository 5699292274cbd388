"""A question with two answers; the cursor starts on the one that changes nothing."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList, Static

from console.tui.screens.menu import Choice, Menu
from console.tui.screens.modal import Sheet, plain


class ConfirmScreen(Sheet[bool]):
    """Asks `question`; gives whether the answer was `yes`. `Esc` is *no*."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", id="confirm.yes"),
        Binding("n", "answer(False)", "No", id="confirm.no"),
    ]
    heading = "Sure?"
    name_of_keys = "Sure?"
    hints = (("y", "yes"), ("n", "no"), ("Enter", "take the marked one"), ("Esc", "no"))

    def __init__(self, question: str, yes: str = "Yes", no: str = "No") -> None:
        super().__init__(classes="-caution")
        self.question = question
        self.yes = yes
        self.no = no

    def compose_body(self) -> ComposeResult:
        yield Static(plain(self.question), id="question")
        yield Menu([Choice("no", self.no, "n"), Choice("yes", self.yes, "y")], id="answers")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Menu).focus()

    @on(OptionList.OptionSelected)
    def take(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id == "yes")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)

    def action_leave(self) -> None:
        self.dismiss(False)
