"""The approval: everything that will happen, and one key that says yes.

The key is dead until the end has been on the screen and the screen has been there for half a second;
destructive steps also want the target's name typed, into a field that has the keys from then on. Yes is
given by a key press that arrives here and by nothing else: it is no action, so that no click, markup,
palette or script of the screen can say it, and pasted text is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from console.run.control import Approve, Deny
from console.run.standing import Request
from console.run.state import RunState
from console.tui.keys import ScreenKey
from console.tui.screens.brief import Brief
from console.tui.screens.modal import MUTED, READING_KEYS, Clock, Reading, Settle, Sheet, StylePath
from console.tui.screens.rows import Rows
from console.tui.screens.text_input import AskText

_READING = [key for keys, *_ in READING_KEYS for key in keys.split(",")]

QUIET_KEYS = {"tab", "shift+tab", "escape", "x", "question_mark", "f1", *_READING}
"""Keys that may come while the screen settles without starting the time anew."""


BESIDE = {key: f"read({how!r})" for keys, how, _ in READING_KEYS for key in keys.split(",") if len(key) == 1}
BESIDE |= {"space": "read('scroll_page_down')", "x": "reject", "question_mark": "keys"}
"""What letters do as long as no name has been begun with them."""


class TypedWord(Input):
    """A word that must be typed: nothing pasted, nothing typed before the screen settled (`too_early` is
    called for each such key)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, f"screen.read({how!r})", show=False)
        for keys, how in (
            ("up", "scroll_up"),
            ("down", "scroll_down"),
            ("pageup", "scroll_page_up"),
            ("pagedown", "scroll_page_down"),
        )
    ]

    def __init__(self, word: str, settle: Settle, too_early: Callable[[], None]) -> None:
        super().__init__(placeholder=f"type {word}", id="word", select_on_focus=False)
        self.word = word
        self.settle = settle
        self.too_early = too_early

    @property
    def is_right(self) -> bool:
        return self.value.strip() == self.word

    def on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.notify("Type it: pasted text does not approve", severity="warning", markup=False)

    def action_paste(self) -> None:
        self.notify("Type it: pasted text does not approve", severity="warning", markup=False)

    def begins_with(self, character: str | None) -> bool:
        """Whether a key types the name, and does not mean what it means beside this field."""
        return bool(self.value) or self.word.startswith(character or " ")

    async def on_key(self, event: events.Key) -> None:
        if event.key in BESIDE and not self.begins_with(event.character):
            await self.screen.run_action(BESIDE[event.key])
        elif self.settle.over or not event.is_printable:
            return
        else:
            self.too_early()
        event.prevent_default()
        event.stop()


class ApprovalScreen(Sheet[Approve | Deny | None]):
    """Shows what `request` is about and gives the answer, or `None` for "not now".

    `directory` is the run's: a step that asks in its resolved form needs it to be shown. `clock`
    counts seconds; tests give their own.
    """

    CSS_PATH: ClassVar[StylePath] = ["modal.tcss", "cards.tcss", "approval.tcss"]
    name_of_keys = "Approval"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("x", "reject", "Reject", id="approval.reject")]

    def __init__(
        self,
        request: Request,
        state: RunState,
        *,
        directory: Path | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.brief = Brief(request, state, directory)
        super().__init__(classes="-wide -danger" if self.brief.destructive else "-wide")
        self.heading = self.brief.title
        self.request = request
        self.settle = Settle(clock)

    def compose_body(self) -> ComposeResult:
        yield Reading(*(Rows(b.rows, classes=b.kind) for b in self.brief.blocks()), id="page")
        if self.brief.word:
            yield Static(self._ask(), id="ask")
            yield TypedWord(self.brief.word, self.settle, self._wait)
        yield Static(id="verdict")

    def _ask(self) -> Content:
        count = len(self.brief.destructive)
        return Content.assemble(
            ("‼ ", "bold $text-error"),
            f"{count} destructive step{'s' if count > 1 else ''}: type ",
            (self.brief.word, "bold $text-error"),
            " to approve",
            (f"  ({self.brief.word_of})", MUTED),
        )

    def on_mount(self) -> None:
        super().on_mount()
        reading = self.query_one(Reading)
        reading.focus()
        self.watch(reading, "scroll_y", self.show_verdict, init=False)
        self._wait()

    def _wait(self) -> None:
        """No key answers for a while from now."""
        self.settle.restart()
        self.set_timer(self.settle.seconds + 0.05, self.show_verdict)
        self.show_verdict()

    def action_read(self, how: str) -> None:
        self.query_one(Reading).action_go(how)

    # ── the answer ───────────────────────────────────────────────────────────────────────────────

    def on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self._enter()
        elif not self.settle.over and event.key not in QUIET_KEYS:
            self._wait()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self._wait()

    def _enter(self) -> None:
        hindrance = self.hindrance
        if not hindrance:
            self.dismiss(
                Approve(request=self.request.id, hash=self.request.hash, steps=self.brief.hashes, how="key")
            )
            return
        if not self.settle.over:
            self._wait()
        elif self.query_one(Reading).end_shown and self.brief.word:
            self.query_one(TypedWord).focus()
        self.show_verdict()

    @property
    def hindrance(self) -> str:
        """Why Enter does not approve now; empty when it does."""
        reading = self.query_one(Reading)
        if self.brief.unknown:
            return self.brief.unknown
        if not reading.end_shown:
            return f"Read to the end first: {reading.portion} % shown"
        if not self.settle.over:
            return "Wait a moment: keys that come too early answer nothing"
        if self.brief.word and not self.query_one(TypedWord).is_right:
            return f"Type {self.brief.word} to approve"
        return ""

    def why_dead(self, key: ScreenKey) -> str:
        return self.hindrance if key.keys == "enter" else ""

    def action_reject(self) -> None:
        def answered(reason: str | None) -> None:
            if reason is not None:
                self.dismiss(Deny(request=self.request.id, reason=reason.strip()))

        self.app.push_screen(AskText("Reject: why?", lead=self.brief.refused), answered)

    # ── what is said about it ────────────────────────────────────────────────────────────────────

    def on_reading_end_shown(self) -> None:
        """What is still missing is the name: the keys go there, those that are on their way do not."""
        if self.brief.word and not self.brief.unknown:
            self.query_one(TypedWord).focus()
            self._wait()
        self.show_verdict()

    def on_input_changed(self) -> None:
        self.show_verdict()

    def on_descendant_focus(self) -> None:
        self.show_verdict()

    def show_verdict(self) -> None:
        """Say what Enter does now."""
        if not self.is_mounted:
            return
        hindrance = self.hindrance
        count = len(self.brief.steps)
        said = f"Enter approves {'1 step' if count == 1 else f'{count} steps'}"
        text = Content.styled(hindrance, MUTED) if hindrance else Content.styled(said, "bold $text-success")
        self.query_one("#verdict", Static).update(text)
        self._show_keys(ready=not hindrance)

    def _show_keys(self, *, ready: bool) -> None:
        reading = self.query_one(Reading)
        typing = bool(self.brief.word) and self.query_one(TypedWord).has_focus
        keys = [("Enter", "approve")] if ready else []
        if not reading.end_shown:
            keys = [("↓ PgDn G", "read on")]
        elif self.brief.word and not typing and not ready:
            keys = [("Enter", "type the name")]
        if typing:
            keys.append(("↑↓", "read again"))
        self.types = typing and bool(self.query_one(TypedWord).value)
        if not typing or not self.query_one(TypedWord).begins_with("x"):
            keys.append(("x", "reject"))
        self.show_hints(*keys, ("Esc", "not now"))
