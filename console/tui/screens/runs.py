"""What the picker and the run list show of a run, and the list itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList, Static

from console.run.life import RunStatus
from console.text import one_line
from console.tui.keys import ScreenKey
from console.tui.screens.menu import Choice, Menu
from console.tui.screens.modal import MUTED, Sheet, plain

MARKS: dict[RunStatus, tuple[str, str]] = {
    RunStatus.SUCCEEDED: ("✓", "$text-success"),
    RunStatus.ROLLED_BACK: ("↺", "$text-warning"),
    RunStatus.FAILED: ("✗", "$text-error"),
    RunStatus.ROLLBACK_INCOMPLETE: ("✗", "$text-error"),
    RunStatus.REJECTED: ("–", MUTED),
    RunStatus.STOPPED: ("–", "$text-warning"),
    RunStatus.PAUSED: ("‖", "$text-warning"),
}
"""Sign and colour of a run's status; every other one is under way."""

UNDER_WAY = ("▶", "$text-accent")


@dataclass(frozen=True)
class RunInfo:
    """One run in a list. `when` is said for a person ("2 h ago"), `attached` who holds it."""

    run: str
    goal: str
    status: RunStatus
    when: str = ""
    steps: str = ""
    attached: str = ""


class Elsewhere(NamedTuple):
    """The way from one run to another: the runs that are kept, newest first, and a run shown in place of
    the one that is. Both raise `PlandeckError`."""

    runs: Callable[[], Awaitable[Sequence[RunInfo]]]
    show: Callable[[str], Awaitable[None]]


def run_line(info: RunInfo) -> Content:
    """One line about a run."""
    mark, style = MARKS.get(info.status, UNDER_WAY)
    words = info.status.value.replace("_", " ")
    tail = " · ".join(part for part in (info.steps, info.attached) if part)
    return Content.assemble(
        (f"{mark} ", style),
        (f"{one_line(info.run, 8):<8} ", "bold"),
        (f"{words:<20}", style),
        (f"{one_line(info.when, 12):<13}", MUTED),
        one_line(info.goal, 200),
        (f"  {one_line(tail, 60)}", MUTED),
    )


class RunList(Sheet[str | None]):
    """All runs, newest first; gives the id of the one to open."""

    heading = "Go to another run"
    hints = (("Enter", "open"), ("Esc", "back"))
    name_of_keys = "Runs"

    def __init__(self, runs: Sequence[RunInfo]) -> None:
        super().__init__(classes="-wide")
        self.runs = runs

    def compose_body(self) -> ComposeResult:
        if self.runs:
            yield Menu((Choice(info.run, run_line(info)) for info in self.runs), id="runs")
        else:
            yield Static(plain("There is no other run.", MUTED))

    def why_dead(self, key: ScreenKey) -> str:
        return "there is no other run" if not self.runs and key.keys != "escape" else ""

    @on(OptionList.OptionSelected)
    def open(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)
