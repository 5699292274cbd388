"""A progress display for a terminal without the screen: a bar, and every fact as a line above it."""

from __future__ import annotations

import atexit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from console.lines import line_of
from console.run.events import Record
from console.run.life import SETTLED, StepStatus
from console.run.state import RunState
from console.text import one_line


class Progress:
    """Shows records (a `headless.Show`). The bar counts steps that are settled. While a question is open it
    is not there: it would draw over the prompt and what is typed."""

    def __init__(self, console: Console | None = None) -> None:
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console or Console(highlight=False, markup=False),
            transient=True,
        )
        self._task = self._bar.add_task("drafting", total=None)
        self._bar.start()
        atexit.register(self._bar.stop)

    def __call__(self, record: Record, state: RunState, then: Record | None) -> None:
        if line := line_of(record, state, then):
            self._bar.console.print(Text(line), soft_wrap=True)
        counts = state.counts()
        running = [step for step, one in state.steps.items() if one.status is StepStatus.RUNNING]
        doing = state.planning if state.planning and state.model else ", ".join(running)
        words = one_line(f"{state.status.replace('_', ' ')} {doing}".strip(), 60)
        self._bar.update(
            self._task,
            description=words,
            total=sum(counts.values()) or None,
            completed=sum(counts.get(status, 0) for status in SETTLED),
        )
        if state.status.is_final:
            self.pause()
        elif not state.requests:
            self._bar.start()

    def pause(self) -> None:
        """Take the bar away until something goes on."""
        self._bar.stop()
