"""Questions a run asks on its way: a gate, what to do about a failed step, what became of a step in
doubt. The step's command and what it said are shown with the question.

The letter of an answer gives it at once; those that end, undo or vouch for something want `Enter` as
well, and the cursor never starts on one of them. Keys that were typed before the screen settled, clicks
and pasted text answer nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList, Static

from console.catalog.explain import changes
from console.plan.graph import Graph
from console.plan.model import Step
from console.run.control import Approve, Deny
from console.run.results import resolved_params
from console.run.standing import Request
from console.run.state import RunState
from console.text import clean
from console.tui.keys import ScreenKey, key_of
from console.tui.screen_keys import SCREENS
from console.tui.screens.brief import Block
from console.tui.screens.card import label, step_rows
from console.tui.screens.menu import Choice, Menu
from console.tui.screens.modal import MUTED, Clock, Reading, Settle, Sheet, StylePath
from console.tui.screens.rows import Row, Rows, exact
from console.tui.screens.text_input import AskText
from console.tui.view import find_step


@dataclass(frozen=True)
class Answer:
    """How an option of a request is offered; a `careful` one is only marked by its letter."""

    key: str
    title: str
    detail: str
    careful: bool = False


ANSWERS: dict[str, Answer] = {
    "trust": Answer("t", "Trust it", "call the tool as it is defined now", careful=True),
    "go_on": Answer("g", "Go on", "the step starts"),
    "retry": Answer("r", "Retry", "a new attempt, as it stands"),
    "skip": Answer("s", "Skip", "leave the step out; what depends on it goes on"),
    "mark_done": Answer("m", "Mark done", "you did it by hand", careful=True),
    "replan": Answer("c", "Request changes", "the planner revises the rest; you see a diff"),
    "roll_back": Answer("R", "Roll back", "undo what was done", careful=True),
    "stop": Answer("i", "Stop here", "end the run; nothing is undone", careful=True),
    "done": Answer("d", "It is done", "its effect is there; go on", careful=True),
    "failed": Answer("f", "It failed", "its effect is not there", careful=True),
    "run_again": Answer("r", "Run again", "a new attempt; the effect may come twice", careful=True),
    "probe": Answer("v", "Probe", "let the tool look whether the effect is there"),
}
"""What is known of the options that a run offers; others are offered under their own name."""

HEADINGS = {
    "gate": "Gate before {step}",
    "decision": "Step {step} failed",
    "in_doubt": "Step {step} is in doubt",
    "tool": "The tool of step {step} was changed",
}
SCROLLS = {"pagedown": 1, "ctrl+d": 1, "pageup": -1, "ctrl+u": -1}


class Options(Menu):
    """The answers; the keys of a page scroll what is above them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown,ctrl+d", "screen.page(1)", "Page down", show=False),
        Binding("pageup,ctrl+u", "screen.page(-1)", "Page up", show=False),
    ]


class QuestionScreen(Sheet[Approve | Deny | None]):
    """Gives the answer to `request`, or `None` for "not now". `directory` is the run's: with it a step is
    shown as it will be carried out, its references replaced, as soon as the results are there."""

    CSS_PATH: ClassVar[StylePath] = ["modal.tcss", "cards.tcss", "question.tcss"]
    name_of_keys = "Question"

    def __init__(
        self,
        request: Request,
        state: RunState,
        *,
        directory: Path | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        super().__init__(classes="-wide -caution")
        self.request = request
        self.state = state
        self.directory = directory
        self.settle = Settle(clock)
        self.is_gate = request.scope == "gate" and not request.options
        self.heading = HEADINGS.get(request.scope, "The run asks").format(step=request.step)
        self.hints = (("Enter", "answer"), ("PgDn", "read on"), ("Esc", "not now"))
        if self.is_gate:
            self.hints = (("Enter", "go on"), ("x", "leave the step out"), ("Esc", "not now"))

    def compose_body(self) -> ComposeResult:
        yield Static(Content.styled(exact(self._question()), "bold"), id="question")
        yield Reading(*(Rows(block.rows, classes=block.kind) for block in self._blocks()), id="page")
        if not self.is_gate:
            yield Options(self._choices(), id="answers", by_mouse=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.settle.restart()
        if self.is_gate:
            self.query_one(Reading).focus()
            return
        menu = self.query_one(Options)
        menu.focus()
        harmless = [n for n, c in enumerate(menu.choices) if not c.disabled and not _is_careful(c.id)]
        menu.highlighted = harmless[0] if harmless else None

    def own_keys(self) -> Sequence[ScreenKey]:
        if self.is_gate:
            return SCREENS["Gate"]
        letters = [
            ScreenKey(key_of(choice.key), f"{choice.title}{', then Enter' if _is_careful(choice.id) else ''}")
            for choice in self.query_one(Options).choices
        ]
        return (*letters, *SCREENS["Question"])

    def why_dead(self, key: ScreenKey) -> str:
        choices = () if self.is_gate else self.query_one(Options).choices
        dead = {key_of(choice.key): choice.detail for choice in choices if choice.disabled}
        return dead.get(key.keys, "")

    # ── answering ────────────────────────────────────────────────────────────────────────────────

    def on_key(self, event: events.Key) -> None:
        if event.key in ("escape", "question_mark", "f1") or event.key in SCROLLS:
            return
        if not self.settle.over:
            self.settle.restart()
        elif self.is_gate and event.key == "enter":
            self._approve("")
        elif self.is_gate and event.key == "x":
            self._refuse()
        elif not self.is_gate and (chosen := self.query_one(Options).chosen_by(event.character or "")):
            self._take(chosen)
        else:
            return
        event.stop()
        event.prevent_default()

    @on(OptionList.OptionSelected)
    def enter(self, event: OptionList.OptionSelected) -> None:
        if event.option_id is not None:
            self._approve(event.option_id)

    def _take(self, option: str) -> None:
        if _is_careful(option):
            menu = self.query_one(Options)
            menu.highlighted = menu.get_option_index(option)
        else:
            self._approve(option)

    def _approve(self, answer: str) -> None:
        asked = self.request
        self.dismiss(Approve(request=asked.id, hash=asked.hash, answer=answer, how="key"))

    def _refuse(self) -> None:
        def answered(reason: str | None) -> None:
            if reason is not None:
                self.dismiss(Deny(request=self.request.id, reason=reason.strip()))

        lead = f"Step {self.request.step} is left out; what depends on it goes on without it."
        self.app.push_screen(AskText("Leave the step out: why?", lead=lead), answered)

    def action_page(self, by: int) -> None:
        reading = self.query_one(Reading)
        reading.scroll_relative(y=by * max(1, reading.size.height - 1), animate=False)

    # ── what is asked ────────────────────────────────────────────────────────────────────────────

    def _question(self) -> str:
        if self.request.question:
            return self.request.question
        if self.request.scope == "gate":
            return f"Go on with step {self.request.step}?"
        return f"What shall become of step {self.request.step}?"

    def _choices(self) -> Iterator[Choice]:
        taken = {answer.key for name, answer in ANSWERS.items() if name in self.request.options}
        free = (letter for letter in "123456789" if letter not in taken)
        for option in self.request.options:
            known = ANSWERS.get(option)
            if option == "probe" and not self._has_probe():
                yield Choice(option, "Probe", "v", "the tool has no probe", disabled=True)
            elif known is not None:
                yield Choice(option, known.title, known.key, known.detail)
            else:
                yield Choice(option, exact(option).replace("_", " "), next(free, ""))

    def _blocks(self) -> Iterator[Block]:
        step = self._step()
        if step is None:
            return
        if self.request.scope == "tool":
            yield Block("card -destructive", tuple(self._what_changed(step)))
        elif self.request.scope != "gate":
            yield Block("card -destructive", tuple(self._what_happened(step)))
        host = self.state.engine.host if self.state.engine else ""
        params = resolved_params(step, self.state, self.directory)
        shown = step if params is None else step.model_copy(update={"params": params})
        rows = step_rows(shown, self.state.catalog, self.state.workspace, host, final=params is not None)
        yield Block("card", rows)

    def _has_probe(self) -> bool:
        step = self._step()
        tool = self.state.catalog.get(step.action) if step else None
        return bool(tool and tool.probe)

    def _step(self) -> Step | None:
        return find_step(self.state, self.request.step)

    def _what_happened(self, step: Step) -> Iterator[Row]:
        life = self.state.step(step.id)
        attempt = life.attempt
        if life.reason:
            yield Row(label("happened"), Content.styled(exact(life.reason), "$text-error"))
        if attempt is not None:
            exit_code = "" if attempt.exit_code is None else f" · exit code {attempt.exit_code}"
            ran = f"attempt {attempt.number}{exit_code}{f' on {attempt.host}' if attempt.host else ''}"
            yield Row(label("ran"), Content(exact(ran)))
            if attempt.tail:
                yield Row(label("said"), Content.styled(clean(attempt.tail).rstrip(), MUTED))
        if life.probe:
            yield Row(label("probe"), Content(exact(life.probe.replace("_", " "))))
        if waits := self._waiting(step):
            yield Row(label("blocks"), Content(exact(waits)))

    def _what_changed(self, step: Step) -> Iterator[Row]:
        """The tool as it was approved, and as its server defines it now, whole."""
        tool, attempt = self.state.catalog.get(step.action), self.state.step(step.id).attempt
        if tool is None or attempt is None or attempt.changed is None:
            return
        differences = list(changes(tool, attempt.changed))
        for what, before, now in differences:
            yield Row(label("was"), Content.styled(exact(f"{what}: {before}"), MUTED))
            yield Row(label("is now"), Content.styled(exact(f"{what}: {now}"), "$text-error"))
        if not differences:
            yield Row(label("is now"), Content(exact(json.dumps(attempt.changed, ensure_ascii=False))))

    def _waiting(self, step: Step) -> str:
        """The steps that cannot start before this one is settled."""
        plan = self.state.plan
        if plan is None or step.id not in {leaf.id for leaf in plan.leaves()}:
            return ""
        below = Graph.of(plan).descendants(step.id)
        return ", ".join(f"{leaf.id} {leaf.action}" for leaf in plan.leaves() if leaf.id in below)


def _is_careful(option: str) -> bool:
    answer = ANSWERS.get(option)
    return answer is not None and answer.careful
