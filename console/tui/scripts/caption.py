"""The band of a demo: what is to be seen, and the keys of whoever watches. It takes rows of its own above
the footer (or at the bottom of a screen that has none), so that nothing is hidden behind it."""

from __future__ import annotations

from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widgets import Static

from console.text import clean

KEYS = "Space pause · → on · h hands on · q leave"
OVER = "h hands on · q leave"
PAUSED = "paused · Space go on · → one line · h hands on · q leave"


class Caption(Static):
    """One or two lines of text, and a line of keys."""

    DEFAULT_CSS = """
    Caption {
        height: auto; max-height: 4; padding: 0 1;
        background: $accent 20%; color: $foreground; text-style: bold;
    }
    Caption.-docked { dock: bottom; }
    """

    def __init__(self) -> None:
        super().__init__(id="caption", markup=False)


def show_caption(screen: Screen[object], text: str, *, keys: str = KEYS) -> None:
    """Have the screen show `text` and the `keys` that there are, in place of what it, or one below it, showed
    before."""
    for other in screen.app.screen_stack:
        if other is not screen:
            hide_caption(other)
    said = clean(text).replace("\n", " ")
    shown = f"{said}\n{keys}" if said else keys
    try:
        screen.query_one("#caption", Caption).update(shown)
    except NoMatches:
        caption = Caption()
        caption.update(shown)
        try:
            screen.mount(caption, before=screen.query_one("#footer"))
        except NoMatches:
            caption.add_class("-docked")
            screen.mount(caption)


def hide_caption(screen: Screen[object]) -> None:
    for caption in screen.query(Caption):
        caption.remove()
