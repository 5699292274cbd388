"""Asking for words: one line, or several."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static, TextArea

from console.tui.keys import ScreenKey
from console.tui.screens.confirm import ConfirmScreen
from console.tui.screens.line_input import LineInput
from console.tui.screens.modal import MUTED, Sheet, plain

Check = Callable[[str], str]


class Lines(TextArea):
    """Several lines of text. `Enter` sends them; Ctrl+J (and Alt+Enter where the terminal tells it
    apart) starts a new line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+j,alt+enter,shift+enter", "new_line", "New line", show=False)
    ]

    def action_new_line(self) -> None:
        self.insert("\n")

    async def on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.prevent_default()
            event.stop()
            await self.screen.run_action("send")
        elif event.key == "escape":
            event.prevent_default()


class AskText(Sheet[str | None]):
    """Asks for a text under `title`; gives it, or `None` on `Esc`. Text that was typed is only thrown
    away after a question. `lead` stands above the text; `check` says why a text is not taken, while it is
    typed and when it is sent, and "" of one that is. What it is given, and what it gives, has no blanks
    around it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,ctrl+enter", "send", "Send", id="text.send", show=False)
    ]

    name_of_keys = "Words"
    types = True

    def __init__(
        self,
        title: str,
        initial: str = "",
        multiline: bool = False,
        *,
        lead: str = "",
        check: Check | None = None,
    ) -> None:
        super().__init__()
        self.heading = title
        self.initial = initial
        self.multiline = multiline
        self.lead = lead
        self.check = check
        self.hints = (("Enter", "send"), ("Esc", "back"))
        if multiline:
            self.hints = (("Enter", "send"), ("Ctrl+J", "new line"), ("Esc", "back"))

    def compose_body(self) -> ComposeResult:
        if self.lead:
            yield Static(plain(self.lead, MUTED), id="lead")
        if self.multiline:
            yield Lines(self.initial, id="words", soft_wrap=True, tab_behavior="focus")
        else:
            yield LineInput(self.initial, id="words", select_on_focus=False)
        if self.check:
            yield Static(id="fault")

    def on_mount(self) -> None:
        super().on_mount()
        field = self.query_one("#words")
        field.focus()
        if isinstance(field, TextArea):
            field.move_cursor(field.document.end)

    @property
    def typed(self) -> str:
        field = self.query_one("#words")
        return field.text if isinstance(field, TextArea) else self.query_one(Input).value

    @property
    def fault(self) -> str:
        """Why the text is not taken as it is."""
        return self.check(self.typed.strip()) if self.check else ""

    @on(Input.Changed)
    def tell_fault(self) -> None:
        said = self.fault if self.typed else ""
        if self.check:
            self.query_one("#fault", Static).update(plain(said, "$text-error"))

    def why_dead(self, key: ScreenKey) -> str:
        return self.fault if key.title == "Send it" else ""

    @on(Input.Submitted)
    def action_send(self) -> None:
        if self.check is None:
            self.dismiss(self.typed)
        elif self.fault:
            self.query_one("#fault", Static).update(plain(self.fault, "$text-error"))
        else:
            self.dismiss(self.typed.strip())

    def action_leave(self) -> None:
        if self.typed == self.initial:
            self.dismiss(None)
            return

        def answered(away: bool | None) -> None:
            if away:
                self.dismiss(None)

        self.app.push_screen(
            ConfirmScreen("Throw away what you typed?", "Throw it away", "Go on typing"), answered
        )
