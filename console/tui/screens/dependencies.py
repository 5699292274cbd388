"""What a step waits for, picked in the plan's own tree. What is typed filters the steps; `Space` picks one,
`Esc` takes the filter away, the arrows leave at both ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import events
from textual.content import Content
from textual.message import Message

from console.plan.model import Plan, Step, StepId
from console.text import one_line
from console.tui.screens.menu import Marked
from console.tui.screens.modal import MUTED


class Dependencies(Marked):
    """`possible` are the steps that can be picked; phases around them are shown to say where they are."""

    class Changed(Message):
        """Another set is picked."""

    class Filtered(Message):
        """Another filter is on."""

    def __init__(self, plan: Plan, possible: Sequence[Step], chosen: Iterable[StepId], *, id: str) -> None:
        self.possible = {step.id for step in possible}
        self.chosen = self.possible & set(chosen)
        self.referred: set[StepId] = set()
        self.needle = ""
        self._places = list(plan.walk())
        self.shown: list[tuple[Step, int]] = []
        super().__init__(id=id, compact=True)

    def on_mount(self) -> None:
        self._show()

    def _show(self) -> None:
        """The steps that fit the filter, and the phases they are in."""
        marked = self.shown[self.highlighted][0].id if self.highlighted is not None else ""
        fitting = [place for place in self._places if self._fits(place[0])]
        wanted = {step.id for step, _ in fitting} | {phase for _, path in fitting for phase in path}
        self.shown = [(step, len(path)) for step, path in self._places if step.id in wanted]
        self.clear_options()
        self._marked = None
        self.add_options(
            self.option(n, step.id, disabled=step.id not in self.possible)
            for n, (step, _) in enumerate(self.shown)
        )
        places = [n for n, (step, _) in enumerate(self.shown) if step.id in self.possible]
        same = [n for n in places if self.shown[n][0].id == marked]
        self.highlighted = next(iter((*same, *places)), None) if self.has_focus else None

    def _fits(self, step: Step) -> bool:
        if step.id not in self.possible:
            return False
        said = f"{step.id} {step.action} {step.description}".casefold()
        return all(word in said for word in self.needle.casefold().split())

    def said(self, index: int) -> Content:
        step, depth = self.shown[index]
        pad = "  " * depth
        name = f"{step.id} {step.action}" if step.action else f"{step.id} ▾"
        about = (f"  {one_line(step.description, 60)}", MUTED)
        if step.id not in self.possible:
            return Content.assemble((f"{pad}    {name}", MUTED), about)
        picked = step.id in self.chosen
        mark = ("[x] ", "bold $text-success") if picked else ("[ ] ", MUTED)
        used = ("  its result is used", "$text-success") if step.id in self.referred else ""
        return Content.assemble(pad, mark, name, used, about)

    def refer(self, steps: set[StepId]) -> None:
        """Say of these steps that their results are used."""
        changed, self.referred = self.referred ^ steps, steps
        for index, (step, _) in enumerate(self.shown):
            if step.id in changed:
                self.say_again(index)

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────

    def action_select(self) -> None:
        if self.highlighted is not None:
            self.chosen ^= {self.shown[self.highlighted][0].id}
            self.say_again(self.highlighted)
            self.post_message(self.Changed())

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        if has_focus and self.highlighted is None:
            self.action_first()

    @property
    def fitting(self) -> int:
        """Steps that fit the filter."""
        return sum(step.id in self.possible for step, _ in self.shown)

    def filter(self, needle: str) -> None:
        """Show the steps with these words alone; what was picked stays picked."""
        if needle != self.needle:
            self.needle = needle
            self._show()
            self.post_message(self.Filtered())

    def on_key(self, event: events.Key) -> None:
        open_places = [n for n, (step, _) in enumerate(self.shown) if step.id in self.possible]
        first, last = (open_places[0], open_places[-1]) if open_places else (None, None)
        if event.key == "space":
            self.action_select()
        elif event.key == "enter" or (event.key == "down" and self.highlighted in (last, None)):
            self.screen.focus_next()
        elif event.key == "up" and self.highlighted in (first, None):
            self.screen.focus_previous()
        elif event.key == "escape" and self.needle:
            self.filter("")
        elif event.key == "backspace":
            self.filter(self.needle[:-1])
        elif event.is_printable and event.character and event.key != "question_mark":
            self.filter(self.needle + event.character)
        else:
            return
        event.stop()
        event.prevent_default()
