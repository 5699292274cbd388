"""The proposed revision against the plan, by step id: what is kept, added, removed, changed field by field
and re-wired; the reason on top."""

from __future__ import annotations

from console.run.state import RunState
from console.tui.ink import row
from console.tui.widgets.lines import Rows


class DiffPane(Rows):
    def __init__(self, *, id: str = "diff") -> None:
        super().__init__(id=id)

    def show(self, state: RunState) -> None:
        self.set_rows([row(("no revision is proposed", "dim"))])
