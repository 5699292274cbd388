"""The rollback before it runs: what would be undone, in order, what would not, and why."""

from __future__ import annotations

import time
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from console.run.control import RollBack
from console.run.events import RollbackPlan
from console.run.state import RunState
from console.tui.keys import ScreenKey
from console.tui.screens.answers import Answers
from console.tui.screens.modal import MUTED, READING_KEYS, Clock, Reading, Settle, Sheet, StylePath
from console.tui.screens.rollback_brief import RollbackBrief
from console.tui.screens.rows import Rows


class RollbackScreen(Sheet[RollBack | None]):
    """Shows `preview` and gives the wish to run it, or `None`. The cursor starts on *Cancel*."""

    CSS_PATH: ClassVar[StylePath] = ["modal.tcss", "cards.tcss", "rollback.tcss"]
    name_of_keys = "Rollback"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, f"read({how!r})", show=False, id=id) for keys, how, id in READING_KEYS
    ]
    hints = (("↑↓", "read"), ("←→", "choose"), ("Enter", "take it"), ("Esc", "cancel"))

    def __init__(
        self, preview: RollbackPlan, hash: str, state: RunState, *, clock: Clock = time.monotonic
    ) -> None:
        super().__init__(classes="-wide -danger")
        self.preview = preview
        self.hash = hash
        self.brief = RollbackBrief(preview, state)
        self.planned = self.brief.planned
        self.settle = Settle(clock)
        self.heading = f"Roll back to {preview.back_to}" if preview.back_to else "Roll back"

    def compose_body(self) -> ComposeResult:
        yield Reading(*(Rows(b.rows, classes=b.kind) for b in self.brief.blocks()), id="page")
        yield Static(id="verdict")
        run = [("run", f"Roll back ({len(self.planned)})")] if self.planned else []
        yield Answers([("cancel", "Cancel"), *run], id="answers")

    def on_mount(self) -> None:
        super().on_mount()
        self.settle.restart()
        answers, reading = self.query_one(Answers), self.query_one(Reading)
        answers.focus()
        reading.can_focus = False
        self.watch(answers, "marked", self.show_verdict)
        self.watch(reading, "scroll_y", self.show_verdict, init=False)
        self._wait()

    def action_read(self, how: str) -> None:
        self.query_one(Reading).action_go(how)

    def on_reading_end_shown(self) -> None:
        self.show_verdict()

    def _wait(self) -> None:
        """No key rolls back for a while from now."""
        self.settle.restart()
        self.set_timer(self.settle.seconds + 0.05, self.show_verdict)
        self.show_verdict()

    def on_answers_given(self, event: Answers.Given) -> None:
        if event.id == "cancel":
            self.dismiss(None)
        elif not self.hindrance:
            self.dismiss(RollBack(hash=self.hash, back_to=self.preview.back_to))
        elif not self.settle.over:
            self._wait()

    def why_dead(self, key: ScreenKey) -> str:
        if key.keys in ("left,right", "tab") and not self.planned:
            return "there is nothing that could be undone"
        rolls_back = key.keys == "enter" and self.query_one(Answers).given != "cancel"
        return self.hindrance if rolls_back else ""

    @property
    def hindrance(self) -> str:
        """Why Enter does not roll back now, though that is marked; empty when it does."""
        reading = self.query_one(Reading)
        if not reading.end_shown:
            return f"Read to the end first: {reading.portion} % shown (↓ PgDn G)"
        if not self.settle.over:
            return "Wait a moment: keys that come too early answer nothing"
        return ""

    def show_verdict(self) -> None:
        """Say what Enter does now."""
        if not self.is_mounted:
            return
        if self.query_one(Answers).given == "cancel":
            said, style = "Enter cancels: nothing is rolled back", MUTED
        elif said := self.hindrance:
            style = "$text-warning"
        else:
            count = f"{len(self.planned)} item{'s' if len(self.planned) != 1 else ''}"
            said, style = f"Enter rolls back: {count} would run", "bold $text-error"
        self.query_one("#verdict", Static).update(Content.styled(said, style))
