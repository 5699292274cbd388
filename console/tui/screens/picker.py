"""The first screen: a goal to type, the sample tasks, the runs of late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, OptionList, Static

from console.text import one_line
from console.tui.screens.menu import Choice, Menu
from console.tui.screens.modal import MUTED, Sheet, StylePath, plain
from console.tui.screens.runs import RunInfo, run_line


@dataclass(frozen=True)
class SampleInfo:
    """A task that ships with the console, or that was `saved`. `failures` can be injected into it."""

    name: str
    description: str
    failures: tuple[str, ...] = ()
    saved: bool = False


class Picker(Sheet[str | None]):
    """Gives what was chosen: a goal's words, a sample's name, `NAME:FAILURE` for a sample with a failure
    injected, or a run's id. `Esc` gives `None`."""

    CSS_PATH: ClassVar[StylePath] = ["modal.tcss", "picker.tcss"]
    heading = "plandeck"
    hints = (("↑↓", "choose"), ("Enter", "start"), ("Esc", "leave"))

    def __init__(self, samples: Sequence[SampleInfo], runs: Sequence[RunInfo]) -> None:
        super().__init__(classes="-wide")
        self.samples = samples
        self.runs = runs

    def compose_body(self) -> ComposeResult:
        yield Static(plain("What should be done?", "bold"), id="ask")
        yield Input(placeholder="a goal in words, or the path of a task or plan file", id="goal")
        yield Menu(self._choices(), id="choices")

    def _choices(self) -> list[Choice]:
        choices: list[Choice] = []
        width = max((len(s.name) for s in self.samples), default=0)
        mine = [sample for sample in self.samples if sample.saved]
        for number, sample in enumerate((*mine, *(s for s in self.samples if not s.saved))):
            if number in (0, len(mine)):
                title = "Your tasks" if sample.saved else "Sample tasks"
                choices.append(_heading(title, gap=bool(choices)))
            choices.append(Choice(sample.name, _sample_line(sample, width)))
            for failure in sample.failures:
                choices.append(Choice(f"{sample.name}:{failure}", _failure_line(failure, width)))
        if self.runs:
            choices.append(_heading("Recent runs", gap=bool(choices)))
            choices.extend(Choice(info.run, run_line(info)) for info in self.runs)
        return choices

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Input).focus()

    def on_key(self, event: events.Key) -> None:
        """The arrows go from the line into the list and back."""
        menu, goal = self.query_one(Menu), self.query_one(Input)
        if event.key in ("down", "tab") and goal.has_focus and menu.option_count:
            menu.focus()
            menu.action_first()
        elif event.key in ("up", "k") and menu.has_focus and menu.highlighted == menu.first_enabled:
            goal.focus()
        else:
            return
        event.stop()
        event.prevent_default()

    @on(Input.Submitted)
    def goal_given(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value.strip())

    @on(OptionList.OptionSelected)
    def chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)


def _heading(text: str, *, gap: bool = False) -> Choice:
    title = Content.styled(("\n" if gap else "") + text, "bold $text-primary")
    return Choice(f"heading {text}", title, disabled=True, is_heading=True)


def _sample_line(sample: SampleInfo, width: int) -> Content:
    return Content.assemble(
        (f"{one_line(sample.name, 40):<{width}}  ", "bold"), (one_line(sample.description, 200), MUTED)
    )


def _failure_line(failure: str, width: int) -> Content:
    return Content.assemble(
        f"{'':<{width}}  ", ("with the failure ", MUTED), (one_line(failure, 50), "$text-warning")
    )
