"""Lists to choose from. The marked line has a sign before it: a colour alone would tell nothing to who
cannot see it, or reads the screen as text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from console.tui.screens.modal import MUTED

MARK = "▸ "
"""What stands before the marked one; two blanks before the others."""


class Marked(OptionList):
    """A list that says which line is marked. A list that takes no focus is marked always, others while
    they have it."""

    _marked: int | None = None

    def said(self, index: int) -> Content:
        """What line `index` says, without the mark."""
        raise NotImplementedError

    def lead(self, index: int) -> str:
        """What stands before line `index`: the mark where it is marked."""
        return MARK if index == self._marked else " " * len(MARK)

    def option(self, index: int, id: str, *, disabled: bool = False) -> Option:
        """Line `index`, to be put into the list."""
        return Option(self._line(index), id=id, disabled=disabled)

    def say_again(self, index: int) -> None:
        """Line `index` says something else."""
        self.replace_option_prompt_at_index(index, self._line(index))

    def _line(self, index: int) -> Content:
        return Content.assemble((self.lead(index), "bold $text-accent"), self.said(index))

    def watch_highlighted(self, highlighted: int | None) -> None:
        super().watch_highlighted(highlighted)
        self.show_mark()

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.show_mark()

    def show_mark(self) -> None:
        """Put the mark where it belongs now."""
        now = self.highlighted if self.has_focus or not self.can_focus else None
        if now != self._marked:
            before, self._marked = self._marked, now
            for index in (before, now):
                if index is not None and index < self.option_count:
                    self.say_again(index)


@dataclass(frozen=True)
class Choice:
    """One line of a `Menu`: `key` chooses it at once, `detail` is shown behind its title. A heading cannot
    be chosen and is never marked."""

    id: str
    title: str | Content
    key: str = ""
    detail: str = ""
    disabled: bool = False
    is_heading: bool = False

    @property
    def width(self) -> int:
        return len(self.title)


class Menu(Marked):
    """Choices, one a line. With `by_mouse=False` a click moves the cursor and chooses nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, id="run.down"),
        Binding("k", "cursor_up", "Up", show=False, id="run.up"),
        Binding("g", "first", "First", show=False, id="run.top"),
        Binding("G", "last", "Last", show=False, id="run.bottom"),
    ]

    def __init__(self, choices: Iterable[Choice], *, id: str, by_mouse: bool = True) -> None:
        super().__init__(*self._take(choices), id=id, markup=False)
        self.by_mouse = by_mouse

    def _take(self, choices: Iterable[Choice]) -> list[Option]:
        self.choices = tuple(choices)
        self._wide = max((c.width for c in self.choices if c.detail), default=0)
        self._keyed = any(c.key for c in self.choices)
        return [self.option(n, c.id, disabled=c.disabled) for n, c in enumerate(self.choices)]

    def fill(self, choices: Iterable[Choice]) -> None:
        """Other choices in place of these."""
        self.clear_options()
        self._marked = None
        self.add_options(self._take(choices))

    def lead(self, index: int) -> str:
        return "" if self.choices[index].is_heading else super().lead(index)

    def said(self, index: int) -> Content:
        choice = self.choices[index]
        key = (f"{choice.key:>2}  ", "bold $text-accent") if self._keyed else ""
        gap = " " * (self._wide - choice.width + 3)
        detail = (f"{gap}{choice.detail}", MUTED) if choice.detail else ""
        return Content.assemble(key, choice.title, detail)

    @property
    def first_enabled(self) -> int | None:
        """Where the first line is that can be chosen."""
        return next((n for n, c in enumerate(self.choices) if not c.disabled), None)

    def on_click(self, event: events.Click) -> None:
        if not self.by_mouse:
            event.prevent_default()
            option = event.style.meta.get("option")
            if option is not None:
                self.highlighted = option

    def chosen_by(self, key: str) -> str | None:
        """The id of the choice with this single-letter key."""
        return next((c.id for c in self.choices if c.key == key and not c.disabled), None)
