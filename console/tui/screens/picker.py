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
from console.tui.keys import ScreenKey
from console.tui.screens.line_input import LineInput
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


class GoalLine(LineInput):
    """What is to be done, in words. No goal begins with a question mark."""

    async def on_key(self, event: events.Key) -> None:
        if event.key == "question_mark" and not self.value:
            event.prevent_default()
            event.stop()
            await self.screen.run_action("keys")


class Picker(Sheet[str | None]):
    """Gives what was chosen: a goal's words, a sample's name, `NAME:FAILURE` for a sample with a failure
    injected, or a run's id. `Esc` gives `None`. `typed` stands in the line at the start, and says afterwards
    what was given there."""

    CSS_PATH: ClassVar[StylePath] = ["modal.tcss", "picker.tcss"]
    heading = "plandeck"
    name_of_keys = "Task picker"
    types = True
    hints = (("↑↓", "choose"), ("Enter", "start"), ("Esc", "leave"))

    def __init__(self, samples: Sequence[SampleInfo], runs: Sequence[RunInfo], typed: str = "") -> None:
        super().__init__(classes="-wide")
        self.typed = typed
        self.samples = samples
        self.runs = runs

    def compose_body(self) -> ComposeResult:
        yield Static(plain("What should be done?", "bold"), id="ask")
        yield GoalLine(
            self.typed,
            select_on_focus=False,
            placeholder="a goal in words, or the path of a task or plan file",
            id="goal",
        )
        yield Menu(self._choices(self.typed), id="choices")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Input).focus()

    # ── what is offered ──────────────────────────────────────────────────────────────────────────

    def _choices(self, typed: str) -> list[Choice]:
        """What holds every word of `typed`: runs that are not over, tasks, runs of late."""
        words = typed.casefold().split()
        waiting = [info for info in self.runs if not info.status.is_final]
        over = [info for info in self.runs if info.status.is_final]
        mine = [sample for sample in self.samples if sample.saved]
        shipped = [sample for sample in self.samples if not sample.saved]
        choices: list[Choice] = []
        for title, found in (
            ("Under way", self._runs(waiting, words)),
            ("Your tasks", self._tasks(mine, words)),
            ("Sample tasks", self._tasks(shipped, words)),
            ("Recent runs", self._runs(over, words)),
        ):
            if found:
                choices += [_heading(title, gap=bool(choices)), *found]
        if not choices and words:
            goal = "Enter has it planned" if len(words) > 1 else "a goal has several words"
            choices.append(_heading(f"Nothing of that name is here; {goal}"))
        return choices

    def _tasks(self, samples: Sequence[SampleInfo], words: Sequence[str]) -> list[Choice]:
        width = max((len(s.name) for s in self.samples), default=0)
        choices = []
        for sample in samples:
            said = f"{sample.name} {sample.description}"
            failures = [f for f in sample.failures if _holds(f"{said} {f}", words)]
            if failures or _holds(said, words):
                choices.append(Choice(sample.name, _sample_line(sample, width)))
            choices += [Choice(f"{sample.name}:{f}", _failure_line(f, width)) for f in failures]
        return choices

    def _runs(self, runs: Sequence[RunInfo], words: Sequence[str]) -> list[Choice]:
        lines = [(info, run_line(info)) for info in runs]
        return [Choice(info.run, line) for info, line in lines if _holds(line.plain, words)]

    @on(Input.Changed)
    def narrow(self, event: Input.Changed) -> None:
        self.query_one(Menu).fill(self._choices(event.value))
        typed = event.value.strip()
        enter = ("Enter", "start what is typed" if typed else "start")
        self.show_hints(("↑↓", "choose"), enter, ("Esc", "clear" if typed else "leave"))

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────

    def on_key(self, event: events.Key) -> None:
        """The arrows go from the line into the list and back."""
        menu, goal = self.query_one(Menu), self.query_one(Input)
        if event.key in ("down", "tab") and goal.has_focus and menu.first_enabled is not None:
            menu.focus()
            menu.action_first()
        elif menu.has_focus and (
            event.key == "slash" or (event.key in ("up", "k") and menu.highlighted == menu.first_enabled)
        ):
            goal.focus()
        else:
            return
        event.stop()
        event.prevent_default()

    def why_dead(self, key: ScreenKey) -> str:
        goal, menu = self.query_one(Input), self.query_one(Menu)
        nothing = goal.has_focus and not goal.value.strip()
        if key.keys == "enter" and nothing:
            return "nothing is typed, and nothing is marked (↓)"
        return "nothing of that name is here" if key.keys == "up,down" and menu.first_enabled is None else ""

    def action_leave(self) -> None:
        """What is typed goes first."""
        goal = self.query_one(Input)
        if goal.value:
            goal.value = ""
            goal.focus()
        else:
            self.dismiss(None)

    @on(Input.Submitted)
    def goal_given(self, event: Input.Submitted) -> None:
        self.typed = event.value.strip()
        if self.typed:
            self.dismiss(self.typed)

    @on(OptionList.OptionSelected)
    def chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)


def _holds(said: str, words: Sequence[str]) -> bool:
    return all(word in said.casefold() for word in words)


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
