"""What the keys do on the screen alone: where the cursor goes, which pane is shown, what is searched for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.widgets import Input

from console.tui.view import Pane
from console.tui.widgets.tabs import TABS

if TYPE_CHECKING:
    from console.tui.screens.run import RunScreen

CYCLE: tuple[Pane, ...] = ("plan", *(pane for _, pane, _ in TABS))

Work = Callable[[], Coroutine[Any, Any, None] | None]


class Moving:
    """The reader's side of the main screen."""

    def __init__(self, screen: RunScreen) -> None:
        self.screen = screen

    def handlers(self) -> dict[str, Work]:
        screen = self.screen
        panes: dict[str, Work] = {pane: partial(screen.show_pane, pane) for _, pane, _ in TABS[:5]}
        return {
            "down": lambda: screen.current.move(1),
            "up": lambda: screen.current.move(-1),
            "top": lambda: screen.current.go_to(False),
            "bottom": lambda: screen.current.go_to(True),
            "half_down": lambda: screen.current.move_page(1),
            "half_up": lambda: screen.current.move_page(-1),
            "right": lambda: screen.current.move_side(1),
            "left": lambda: screen.current.move_side(-1),
            **panes,
            "plan": lambda: screen.show_pane("plan"),
            "rollback_pane": lambda: screen.show_pane("rollback"),
            "summary": lambda: screen.show_pane("summary"),
            "next_pane": lambda: self.cycle(1),
            "previous_pane": lambda: self.cycle(-1),
            "zoom": screen.panes.zoom,
            "unzoom": screen.panes.unzoom,
            "levels": self.levels,
            "open": self.open_step,
            "back": self.back,
            "search": self.ask_search,
            "next_match": lambda: self.find_next(1),
            "previous_match": lambda: self.find_next(-1),
        }

    # ── panes ────────────────────────────────────────────────────────────────────────────────────

    def cycle(self, way: int) -> None:
        pane = self.screen.view.pane
        at = CYCLE.index(pane) if pane in CYCLE else 0
        self.screen.show_pane(CYCLE[(at + way) % len(CYCLE)])

    def levels(self) -> None:
        self.screen.plan_tree.toggle_levels()
        self.screen.show_titles()

    def back(self) -> None:
        """One thing less: the search, the marks, the zoom, then the pane."""
        screen = self.screen
        if screen.current.needle:
            self.find_text("")
        elif screen.plan_tree.marks and screen.view.pane == "plan":
            screen.plan_tree.clear_marks()
            screen.show_parts()
        elif screen.panes.zoomed:
            screen.panes.unzoom()
        elif screen.view.pane != "plan":
            screen.panes.with_step = False
            screen.show_pane("plan")

    def open_step(self) -> None:
        screen, step = self.screen, self.screen.view.selected
        if step is not None and step.is_phase and screen.view.pane == "plan":
            screen.plan_tree.toggle_fold(step.id)
        elif step is not None:
            screen.panes.with_step = True
            screen.show_pane("output")

    # ── searching ────────────────────────────────────────────────────────────────────────────────

    def ask_search(self) -> None:
        pane, box = self.screen.view.pane, self.screen.query_one("#search", Input)
        box.value = self.screen.current.needle
        box.placeholder = "filter the plan" if pane == "plan" else f"find in {pane}"
        box.add_class("-open")
        box.focus()
        self.screen.panes.pass_keys()

    def close_search(self) -> None:
        if self.screen.is_searching:
            self.screen.query_one("#search").remove_class("-open")
            self.screen.set_focus(None)
            self.screen.panes.pass_keys()

    def find_text(self, needle: str) -> None:
        screen = self.screen
        screen.view.search = needle
        screen.current.search(needle)
        screen.view.step = screen.plan_tree.step or screen.view.step
        screen.show_parts()

    def find_next(self, way: int) -> None:
        screen = self.screen
        if screen.view.pane == "plan":
            screen.plan_tree.move(way)
        elif not screen.current.find(way):
            screen.say(f"“{screen.current.needle}” is not in this pane")
