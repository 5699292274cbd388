"""One line of a form: a label, an input, the reason why it is wrong, and what it may be completed to.

While a field has the focus and something fits what was typed, the candidates stand below it: `↓ ↑`
mark one, `Enter` takes it, `Esc` closes them. Without candidates the arrows and `Enter` go to the next
field, so that a whole form can be filled in with four keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.fuzzy import Matcher
from textual.message import Message
from textual.widgets import Input, OptionList, Static

from console.text import one_line
from console.tui.screens.line_input import LineInput
from console.tui.screens.menu import Marked
from console.tui.screens.modal import MUTED
from console.tui.screens.step_form import FieldSpec

_BRACE = re.compile(r"\$?(\{[A-Za-z0-9_.\[\]-]*)$")
"""The beginning of a reference; a `$` before it comes from another notation."""

Candidates = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Completion:
    """Candidates for the part of a text that begins at `start` and ends at the cursor."""

    start: int
    found: Candidates


class CandidateList(Marked, can_focus=False):
    """What fits; the field above it has the keys."""

    found: Candidates = ()

    def offer(self, found: Candidates) -> None:
        self.found = found
        self.clear_options()
        self._marked = None
        self.add_options(self.option(n, value) for n, (value, _) in enumerate(found))

    def said(self, index: int) -> Content:
        value, about = self.found[index]
        return Content.assemble(value, (f"   {one_line(about, 60)}" if about else "", MUTED))


class Field(Vertical):
    """The form's line for `spec`. `references` are offered after a `{`, `files` where it takes a path."""

    class Left(Message):
        """The next (`by` 1) or the one before (-1) should have the focus."""

        def __init__(self, field: Field, by: int) -> None:
            super().__init__()
            self.field = field
            self.by = by

    class Edited(Message):
        """The text changed."""

        def __init__(self, field: Field) -> None:
            super().__init__()
            self.field = field

    DEFAULT_CLASSES: ClassVar[str] = "field"

    def __init__(
        self,
        spec: FieldSpec,
        text: str,
        references: Callable[[], Candidates],
        files: Callable[[], Candidates] = tuple,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.initial = text
        self.references = references
        self.files = files
        self.error = ""
        self._taken: str | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(classes="line"):
            yield Static(Content(self.spec.label), classes="label")
            yield LineInput(
                self.initial,
                placeholder=_default(self.spec),
                disabled=self.spec.locked,
                select_on_focus=False,
                compact=True,
                classes="input",
            )
        yield Static(classes="error")
        yield CandidateList(classes="candidates", markup=False, compact=True)

    def on_mount(self) -> None:
        self.input.cursor_blink = False
        self._list.display = False
        self.query_one(".error", Static).display = False

    @property
    def input(self) -> Input:
        return self.query_one(Input)

    @property
    def _list(self) -> CandidateList:
        return self.query_one(CandidateList)

    @property
    def text(self) -> str:
        return self.input.value if self.is_mounted else self.initial

    def follow(self, spec: FieldSpec) -> None:
        """Another default stands in the field while it is empty."""
        self.spec = spec
        self.input.placeholder = _default(spec)

    def show_error(self, reason: str) -> None:
        """Mark the field as wrong; "" as right. While candidates are open the reason waits."""
        line = self.query_one(".error", Static)
        if reason != self.error:
            self.error = reason
            line.update(Content.styled(f"✗ {one_line(reason, 200)}", "$text-error"))
        shown = bool(reason) and not self._list.display
        if line.display != shown:
            line.display = shown
            self.input.set_class(shown, "-invalid")

    # ── completing ───────────────────────────────────────────────────────────────────────────────

    def complete(self) -> Completion:
        """What fits the text before the cursor."""
        before = self.input.value[: self.input.cursor_position]
        if brace := _BRACE.search(before):
            return Completion(brace.start(), _fitting(brace[1], self.references()))
        text = self.input.value
        if self.spec.key == "undo" and " " in text:
            return Completion(0, ())
        return Completion(0, _fitting(text, self.offered))

    @property
    def offered(self) -> Candidates:
        """What the whole text may be completed to."""
        return self.files() if self.spec.is_path else self.spec.completions

    def _show_candidates(self) -> None:
        completion = self.complete()
        if not completion.found and not self._list.display:
            return
        self._list.offer(completion.found)
        self._list.display = bool(completion.found)
        if completion.found:
            self.call_after_refresh(self.scroll_visible, animate=False)

    def _take(self) -> None:
        highlighted = self._list.highlighted
        assert highlighted is not None
        value = self._list.get_option_at_index(highlighted).id or ""
        start, end = self.complete().start, self.input.cursor_position
        text = self.input.value
        self._taken = text[:start] + value + (text[end:] if start else "")
        self.input.value = self._taken
        self.input.cursor_position = start + len(value)
        self._list.display = False

    @on(Input.Changed)
    def edited(self, event: Input.Changed) -> None:
        event.stop()
        if self.input.has_focus and self.input.value != self._taken:
            self._show_candidates()
        self._taken = None
        self.post_message(self.Edited(self))

    def on_descendant_blur(self) -> None:
        self.close_candidates()

    def close_candidates(self) -> None:
        """Leave the text as it is typed."""
        self._list.display = False
        self.show_error(self.error)

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────

    def on_key(self, event: events.Key) -> None:
        is_open = self._list.display
        if event.key in ("down", "up"):
            if is_open:
                self._mark(event.key)
            elif event.key == "down" and self.offered and not self.input.value:
                self._show_candidates()
                self._mark("down")
            else:
                self.post_message(self.Left(self, 1 if event.key == "down" else -1))
        elif event.key == "enter" and is_open and self._list.highlighted is not None:
            self._take()
        elif event.key == "enter":
            self.post_message(self.Left(self, 1))
        elif event.key == "escape" and is_open:
            self.close_candidates()
        else:
            return
        event.stop()
        event.prevent_default()

    def _mark(self, key: str) -> None:
        if key == "down":
            self._list.action_cursor_down()
        else:
            self._list.action_cursor_up()

    @on(OptionList.OptionSelected)
    def clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._take()


def _default(spec: FieldSpec) -> str:
    """What an empty field says: in brackets, for who cannot see that it is dimmed."""
    return f"({spec.placeholder})" if spec.placeholder else ""


def _fitting(typed: str, candidates: Candidates) -> Candidates:
    """The candidates that fit what was typed, the best first; none when it is one of them already."""
    if any(value == typed for value, _ in candidates):
        return ()
    if not typed:
        return candidates
    matcher = Matcher(typed)
    scored = [(matcher.match(value), value, about) for value, about in candidates]
    fitting = sorted((s for s in scored if s[0] > 0), key=lambda s: -s[0])
    return [(value, about) for _, value, about in fitting]
