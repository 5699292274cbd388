"""The frame that all screens over the main one share: a sheet with its title in the border, its keys
below, `Esc` to leave; and the two guards of screens whose answer makes things happen.

`Settle` keeps keys typed for another screen from answering this one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, TextArea

from console.text import clean
from console.tui.keys import ActionInfo, ScreenKey, key_names
from console.tui.screen_keys import EVERYWHERE, SCREENS

T = TypeVar("T")

StylePath = str | PurePath | list[str | PurePath] | None
"""What a screen may give as its `CSS_PATH`; files are beside the module."""

Clock = Callable[[], float]
"""Seconds on a clock that only goes forward."""

MUTED = "$foreground 60%"
FAINT = "$foreground 38%"
"""Styles of what is said beside."""

BREAKPOINTS = [(0, "-filling"), (124, "-floating")]
"""Classes of a sheet by the columns there are."""

SETTLE = 0.5
"""Seconds after a screen appeared in which no key answers it."""


def plain(text: str, style: str = "") -> Content:
    """`text` made safe, never read as markup, in one style."""
    return Content.styled(clean(text), style) if style else Content(clean(text))


def key_hints(*pairs: tuple[str, str]) -> Content:
    """Keys and what they do, for a border: (("Enter", "approve"), ...)."""
    parts: list[Content] = []
    for key, does in pairs:
        parts.append(Content.assemble((key, "bold $text-accent"), (f" {does}", MUTED)))
    return Content.assemble(" ", Content("  ").join(parts), " ")


class Settle:
    """Whether a screen has been there long enough for a key to be meant for it.

    A key that comes too early starts the time anew, so that a burst of type-ahead never gets through.
    """

    def __init__(self, clock: Clock = time.monotonic, seconds: float = SETTLE) -> None:
        self.clock = clock
        self.seconds = seconds
        self._since = clock()

    def restart(self) -> None:
        self._since = self.clock()

    @property
    def over(self) -> bool:
        return self.clock() - self._since >= self.seconds


class Sheet(ModalScreen[T]):
    """A screen over the main one. Subclasses say `heading`, `hints`, `compose_body`, and by `name_of_keys`
    under which name screen_keys.py has their keys."""

    CSS_PATH: ClassVar[StylePath] = "modal.tcss"
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="sheet.leave"),
        Binding("question_mark,f1", "keys", "Keys of this screen", show=False, id="sheet.keys"),
    ]

    heading: str = ""
    hints: Sequence[tuple[str, str]] = (("Esc", "back"),)
    name_of_keys: ClassVar[str] = ""
    types: bool = False
    """Whether what is pressed is typed from the start: `?` is then, and `F1` is not."""

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet"):
            yield from self.compose_body()

    def compose_body(self) -> ComposeResult:
        raise NotImplementedError

    def on_mount(self) -> None:
        self.show_heading(self.heading)
        self.show_hints(*self.hints)
        for field in (*self.query(Input), *self.query(TextArea)):
            field.cursor_blink = False  # a calm screen, and no bytes over a slow line

    def show_heading(self, text: str | Content) -> None:
        title = text if isinstance(text, Content) else plain(text, "bold")
        self.query_one("#sheet").border_title = Content.assemble(" ", title, " ")

    def show_hints(self, *pairs: tuple[str, str]) -> None:
        more = [("F1" if self.types else "?", "keys")] if self.name_of_keys else []
        self.query_one("#sheet").border_subtitle = key_hints(*pairs, *more)

    def action_leave(self) -> None:
        self.dismiss(None)

    # ── its keys ─────────────────────────────────────────────────────────────────────────────────

    def own_keys(self) -> Sequence[ScreenKey]:
        """The keys of this screen as it is now."""
        return SCREENS[self.name_of_keys] if self.name_of_keys else ()

    def why_dead(self, key: ScreenKey) -> str:
        """Why one of its keys does nothing now; empty when it does."""
        return ""

    def action_keys(self) -> None:
        """Tell the keys of this screen, with the reason where one is dead."""
        from console.tui.rebinding import given
        from console.tui.screens.help import HelpScreen

        if not self.name_of_keys:
            return
        bound = given(getattr(getattr(self.app, "options", None), "keys", {}))
        told = []
        for key in (*self.own_keys(), *EVERYWHERE):
            keys, reason = ",".join(bound.get(key.id, ())) or key.keys, self.why_dead(key)
            told.append(ActionInfo(key.id, key_names(keys), key.title, not reason, reason))
        self.app.push_screen(HelpScreen(told, of=self.heading))


READING_KEYS = (
    ("j,down", "scroll_down", "run.down"),
    ("k,up", "scroll_up", "run.up"),
    ("g,home", "scroll_home", "run.top"),
    ("G,end", "scroll_end", "run.bottom"),
    ("ctrl+d,pagedown", "scroll_page_down", "run.half_down"),
    ("space", "scroll_page_down", None),
    ("ctrl+u,pageup", "scroll_page_up", "run.half_up"),
)
"""Keys, the way they scroll what is read, and the id of the action that they go with when they are bound
again."""


class Reading(VerticalScroll):
    """What is read on a sheet: scrolls with every usual key and says when its end has been shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, f"go({how!r})", show=False, id=id) for keys, how, id in READING_KEYS
    ]

    @dataclass
    class EndShown(Message):
        """The last line has been on the screen."""

    def __init__(self, *parts: Widget, id: str) -> None:
        super().__init__(*parts, id=id)
        self.end_shown = False
        self._seen = 0.0

    def on_mount(self) -> None:
        self.watch(self, "scroll_y", self._look, init=False)
        self.watch(self, "virtual_size", self._look, init=False)

    def on_resize(self) -> None:
        self.call_after_refresh(self._look)

    def action_go(self, how: str) -> None:
        """Scroll at once: over a slow line every frame of a glide is paid for."""
        getattr(self, how)(animate=False)

    def _look(self) -> None:
        laid_out = self.is_attached and bool(self.size) and bool(self.virtual_size)
        if laid_out:
            bottom = self.scroll_offset.y + self.scrollable_content_region.height
            self._seen = max(self._seen, min(1.0, bottom / self.virtual_size.height))
        if not self.end_shown and laid_out and self.scroll_offset.y >= self.max_scroll_y:
            self.end_shown = True
            self.post_message(self.EndShown())

    @property
    def portion(self) -> int:
        """How much of it has been on the screen, from its top, in per cent."""
        return 100 if self.end_shown else min(99, int(100 * self._seen))
