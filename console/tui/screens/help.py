"""The keys of the screen below: grouped, filtered as you type, with the reason where one is dead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from console.tui.actions import ActionInfo
from console.tui.screens.modal import FAINT, MUTED, Reading, Sheet, StylePath

_KEYS = 18


class HelpScreen(Sheet[None]):
    """Lists `actions` under their groups, in their order."""

    CSS_PATH: ClassVar[StylePath] = ["modal.tcss", "help.tcss"]
    heading = "Keys"
    hints = (("type", "filter"), ("↑↓", "scroll"), ("Esc", "back"))

    def __init__(self, actions: list[ActionInfo]) -> None:
        super().__init__(classes="-wide")
        self.actions = actions

    def compose_body(self) -> ComposeResult:
        yield Input(placeholder="filter: a key, a word", id="filter", compact=True)
        yield Reading(Static(keys_page(self.actions, ""), id="keys"), id="page")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Input).focus()

    @on(Input.Changed)
    def narrow(self, event: Input.Changed) -> None:
        self.query_one("#keys", Static).update(keys_page(self.actions, event.value))
        self.query_one(Reading).scroll_home(animate=False)

    def key_down(self) -> None:
        self.query_one(Reading).scroll_down(animate=False)

    def key_up(self) -> None:
        self.query_one(Reading).scroll_up(animate=False)

    def key_pagedown(self) -> None:
        self.query_one(Reading).scroll_page_down(animate=False)

    def key_pageup(self) -> None:
        self.query_one(Reading).scroll_page_up(animate=False)

    def action_leave(self) -> None:
        field = self.query_one(Input)
        if field.value:
            field.value = ""
        else:
            self.dismiss(None)


def keys_page(actions: Iterable[ActionInfo], words: str) -> Content:
    """The list as it is shown: only actions that hold every word of `words`."""
    groups: dict[str, list[ActionInfo]] = {}
    for action in actions:
        if _holds(action, words.lower().split()):
            groups.setdefault(action.group or "Keys", []).append(action)
    if not groups:
        return Content.styled(f"No key with “{words}”. Esc clears the filter.", MUTED)
    parts: list[Content] = []
    for group, members in groups.items():
        parts.append(Content.styled(("\n" if parts else "") + group, "bold $text-primary"))
        parts.extend(_line(action) for action in members)
    return Content("\n").join(parts)


def _holds(action: ActionInfo, words: list[str]) -> bool:
    keys = action.keys.split()
    return all(
        word in f"{action.title} {action.group}".lower() or word in map(str.lower, keys) for word in words
    )


def _line(action: ActionInfo) -> Content:
    keys = action.keys or "in the palette"
    if action.enabled:
        style = "bold $text-accent" if action.keys else MUTED
        return Content.assemble((f"  {keys:<{_KEYS}}", style), action.title)
    return Content.assemble(
        (f"  {keys:<{_KEYS}}{action.title}", FAINT),
        (f"  {action.reason}", f"italic {MUTED}"),
    )
