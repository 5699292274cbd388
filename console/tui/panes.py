"""Which panes are on the main screen, and which of them has the keys.

Wide, the plan stands beside one of the others; narrow, one of them is shown at a time. What is shown is said
to each part itself: a class of the screen would have the styles of everything on it worked out anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from console.tui.view import Pane
from console.tui.widgets.step_detail import StepDetail
from console.tui.widgets.tabs import TABS

if TYPE_CHECKING:
    from console.tui.screens.run import RunScreen

WIDE = 110
"""Columns from which the panes stand side by side."""


class Panes:
    """`right` is the pane in the frame on the right, `zoomed` the side that has the whole screen, `with_step`
    whether the step is shown below its output where there is room for one pane."""

    def __init__(self, screen: RunScreen) -> None:
        self._screen = screen
        self.right: Pane = "output"
        self.zoomed: Literal["", "left", "right"] = ""
        self.with_step = False

    @property
    def is_narrow(self) -> bool:
        """Whether there is room for one pane at a time."""
        return self._screen.app.size.width < WIDE

    @property
    def plan_is_shown(self) -> bool:
        """Whether the plan is on the screen, and not behind another pane."""
        return self._screen.view.pane == "plan" if self.is_narrow else self.zoomed != "right"

    @property
    def is_hiding(self) -> bool:
        """Whether something is not on the screen that would be without the zoom."""
        return bool(self.zoomed) and (self.with_step or not self.is_narrow)

    def go_to(self, pane: Pane) -> None:
        """Keys are for this pane from now on; it is on the screen."""
        self._screen.view.pane = pane
        self.put_right(self.right if pane == "plan" else pane)
        if self.zoomed:
            self.zoom()
        else:
            self.arrange()

    def put_right(self, pane: Pane) -> None:
        """Put a pane into the frame on the right."""
        self.right = pane
        for _, name, _ in (*TABS, ("7", "summary", "")):
            self._screen.pane_named(name).display = name == pane
        self.pass_keys()

    def pass_keys(self) -> None:
        """Have the pane that keys are for look like it; those that are not on the screen hear of it when
        they come."""
        screen = self._screen
        for pane in (screen.plan_tree, screen.right):
            pane.take_keys(pane is screen.current and not screen.is_searching)

    def arrange(self) -> None:
        """Have those parts on the screen that there is room for, and that are wanted."""
        screen, narrow = self._screen, self.is_narrow
        screen.plan_tree.display = self.plan_is_shown
        screen.query_one("#right").display = screen.view.pane != "plan" if narrow else self.zoomed != "left"
        screen.query_one(StepDetail).display = self.zoomed != "right" and (self.with_step or not narrow)

    def zoom(self) -> None:
        """Give the pane that has the keys the whole screen, and whichever has them next."""
        self.zoomed = "left" if self._screen.view.pane == "plan" else "right"
        self._arrange_anew()

    def unzoom(self) -> None:
        """Have all panes on the screen again."""
        self.zoomed = ""
        self._arrange_anew()

    def _arrange_anew(self) -> None:
        self.arrange()
        self._screen.call_after_refresh(self._screen.show_titles)
