"""The rollback before it runs: what would be undone, in order, what would not, and why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from console.plan.model import StepId
from console.run.control import RollBack
from console.run.events import RollbackItem, RollbackPlan
from console.run.policy import risk_of
from console.run.state import RunState
from console.tui.keys import ScreenKey
from console.tui.screens.answers import Answers
from console.tui.screens.brief import Block
from console.tui.screens.card import RISKS, command_rows, label
from console.tui.screens.modal import MUTED, READING_KEYS, Clock, Reading, Settle, Sheet, StylePath
from console.tui.screens.rows import Row, Rows, exact
from console.tui.view import all_steps
from console.tui.widgets.rollback_pane import not_undone


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
        self.state = state
        self.planned = [item for item in preview.items if item.fate == "planned"]
        self.settle = Settle(clock)
        self.heading = f"Roll back to {preview.back_to}" if preview.back_to else "Roll back"

    def compose_body(self) -> ComposeResult:
        yield Reading(*(Rows(b.rows, classes=b.kind) for b in self._blocks()), id="page")
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

    # ── what would happen ────────────────────────────────────────────────────────────────────────

    def _blocks(self) -> Iterator[Block]:
        items, planned = self.preview.items, self.planned
        yield Block("intro", tuple(self._intro(len(planned))))
        yield from self._losses()
        if planned:
            yield _section("What would be undone, in order")
        for number, item in enumerate(planned, 1):
            yield Block(f"card -{risk_of(item.step, self.state.catalog)}", tuple(self._planned(item, number)))
        for fate, title in (("refused", "Refused: would do harm"), ("left_out", "Left out")):
            others = [item for item in items if item.fate == fate]
            if others:
                yield _section(title, error=fate == "refused")
            for item in others:
                yield Block("card -undo", tuple(self._other(item)))
        yield _section("End of the rollback")

    def _intro(self, planned: int) -> Iterator[Row]:
        yield Row(label("goal"), Content.styled(exact(self.state.goal), "bold"))
        for asked in self.state.rollback_requests:
            back_to = f" back to step {asked.back_to}" if asked.back_to else ""
            said = f"by {asked.by}{back_to}" + (f": {asked.reason}" if asked.reason else "")
            yield Row(label("asked for"), Content.styled(exact(said), "$text-warning"))
        counts = [f"{planned} would run"]
        for fate, word in (("refused", "refused"), ("left_out", "left out")):
            if count := sum(item.fate == fate for item in self.preview.items):
                counts.append(f"{count} {word}")
        yield Row(label("items"), Content(" · ".join(counts)))
        if self.preview.back_to:
            kept = f"step {self.preview.back_to} and everything that started before it"
            yield Row(label("keeps"), Content(exact(kept)))
        if not planned:
            yield Row(label(), Content.styled("There is nothing that could be undone.", "$text-warning"))

    def _losses(self) -> Iterator[Block]:
        """What stays done whatever is rolled back: said first and loud."""
        if self.preview.irreversible:
            rows = [self._subject(step, "its effect cannot be undone") for step in self.preview.irreversible]
            yield _section("‼ Irreversible", error=True)
            yield Block("card -destructive", tuple(rows))
        if self.preview.uncovered:
            rows = [self._subject(step, why) for step, why in not_undone(self.preview).items()]
            yield _section("! Not undone")
            yield Block("card -disruptive", tuple(rows))

    def _subject(self, step: StepId, why: str) -> Row:
        actions = {name: step.action for name, step in all_steps(self.state).items()}
        return Row(
            Content(""),
            Content.assemble(
                (f"{step} ", "bold $text-error"), (exact(actions.get(step, "")), "bold"), (f"  {why}", MUTED)
            ),
        )

    def _planned(self, item: RollbackItem, number: int) -> Iterator[Row]:
        mark, style = RISKS[risk_of(item.step, self.state.catalog)]
        name = (exact(item.step.action), "bold")
        asks = ("  asks before it runs", "$text-warning") if item.ask else ""
        head = Content.assemble((f"{number}. ", "bold $text-accent"), name, "  ", (mark, style), asks)
        yield Row(Content(""), head)
        yield from command_rows(item.step.action, item.step.params, self.state.catalog, self.state.workspace)
        yield self._tie(item)
        if item.why:
            yield Row(label("note"), Content.styled(exact(item.why), MUTED))

    def _other(self, item: RollbackItem) -> Iterator[Row]:
        sign, style = ("✗ ", "bold $text-error") if item.fate == "refused" else ("– ", MUTED)
        yield Row(Content(""), Content.assemble((sign, style), (exact(item.step.action), "bold")))
        yield Row(label("why"), Content(exact(item.why)))
        yield self._tie(item)

    def _tie(self, item: RollbackItem) -> Row:
        actions = {name: step.action for name, step in all_steps(self.state).items()}
        steps = ", ".join(f"{step} {actions.get(step, '')}".strip() for step in item.undoes)
        tie = f"  {item.tie}" if item.tie else ""
        return Row(label("undoes"), Content.assemble(exact(steps or "no step"), (exact(tie), MUTED)))


def _section(text: str, *, error: bool = False) -> Block:
    row = Row(Content(""), Content.styled(text, "bold"))
    return Block("section -error" if error else "section", (row,))
