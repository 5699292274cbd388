"""The keys of the screen below: grouped, filtered as you type, with the reason where one is dead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input

from console.tui.keys import ActionInfo
from console.tui.screens.modal import FAINT, MUTED, Reading, Sheet, StylePath
from console.tui.screens.rows import Row, Rows

_KEYS = 18


class HelpScreen(Sheet[None]):
    """Lists `actions` under their groups, in their order."""

    CSS_PATH: ClassVar[StylePath] = ["modal.tcss", "help.tcss"]
    hints = (("type", "filter"), ("↑↓", "scroll"), ("Esc", "back"))

    def __init__(self, actions: Sequence[ActionInfo], *, of: str = "") -> None:
        super().__init__(classes="-wide")
        self.actions = actions
        self.heading = f"Keys · {of}" if of else "Keys"

    def compose_body(self) -> ComposeResult:
        yield Input(placeholder="filter: a key, a word", id="filter", compact=True)
        yield Reading(Rows(keys_page(self.actions, ""), id="keys"), id="page")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Input).focus()

    @on(Input.Changed)
    def narrow(self, event: Input.Changed) -> None:
        self.query_one(Rows).show(keys_page(self.actions, event.value))
        self.query_one(Reading).scroll_home(animate=False)

    def key_down(self) -> None:
        self.query_one(Reading).scroll_down(animate=False)

    def key_up(self) -> None:
        self.query_one(Reading).scroll_up(animate=False)

    def key_pagedown(self) -> None:
        self.query_one(Reading).scroll_page_down(animate=False)

    def key_pageup(self) -> None:
        self.query_one(Reading).scroll_page_up(animate=False)

    def action_keys(self) -> None:
        """The key that opened it closes it."""
        self.dismiss(None)

    def action_leave(self) -> None:
        field = self.query_one(Input)
        if field.value:
            field.value = ""
        else:
            self.dismiss(None)


def keys_page(actions: Iterable[ActionInfo], words: str) -> list[Row]:
    """The list as it is shown: only actions that hold every word of `words`."""
    groups: dict[str, list[ActionInfo]] = {}
    for action in actions:
        if _holds(action, words.lower().split()):
            groups.setdefault(action.group, []).append(action)
    if not groups:
        return [Row(Content(""), Content.styled(f"No key with “{words}”. Esc clears the filter.", MUTED))]
    rows: list[Row] = []
    for group, members in groups.items():
        if group:
            rows += [Row(Content(""), Content(""))] if rows else []
            rows.append(Row(Content(""), Content.styled(group, "bold $text-primary")))
        rows.extend(_row(action) for action in members)
    return rows


def _holds(action: ActionInfo, words: list[str]) -> bool:
    keys = action.keys.split()
    return all(
        word in f"{action.title} {action.group}".lower() or word in map(str.lower, keys) for word in words
    )


def _row(action: ActionInfo) -> Row:
    keys = action.keys or "in the palette"
    if action.enabled:
        style = "bold $text-accent" if action.keys else MUTED
        return Row(Content.styled(f"  {keys:<{_KEYS}}", style), Content(action.title))
    return Row(
        Content.styled(f"  {keys:<{_KEYS}}", FAINT),
        Content.assemble((action.title, FAINT), (f"  {action.reason}", f"italic {MUTED}")),
    )
