"""The output of the selected step: both streams of its newest attempt, as they grow.

Read from the spool files on a timer, drawn only when there is more; colours are made again from what
the tool wrote (console/text.py), for the visible lines only. Where nothing was written yet, it says what
the step waits for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual.timer import Timer

from console.plan.model import Step, StepId
from console.run.control import spool
from console.run.life import StepStatus
from console.text import clean_line
from console.tui.ink import Row, Span, row
from console.tui.reasons import words
from console.tui.spool_index import LINE, SpoolIndex
from console.tui.view import View
from console.tui.widgets.lines import Lines

RATE = 10
"""Looks at the files per second, at most."""
CATCH_UP = 0.005
"""Seconds between pieces of a file that is being caught up with."""
AT_ONCE = 8
"""Pieces that are taken in between two keys: two or three milliseconds' work."""


class OutputPane(Lines):
    """Shows `view.step`'s output; `follow` keeps the end in sight."""

    def __init__(self, *, id: str = "output", directory: Path) -> None:
        super().__init__(id=id)
        self._directory = directory
        self._key = ""
        self._index: SpoolIndex | None = None
        self._instead: Sequence[Row] = ()
        self._catching_up: Timer | None = None
        self._shown = 0
        self.follow = True
        self.title = ""

    def on_mount(self) -> None:
        self.set_timer(1 / RATE, self._look_again)

    def _look_again(self) -> None:
        """Look as often as the terminal takes frames and leaves time for keys."""
        self.look()
        self.set_timer(max(1 / RATE, getattr(self.app, "rest", 0.0)), self._look_again)

    def on_unmount(self) -> None:
        self._close()

    def _close(self) -> None:
        if self._index is not None:
            self._index.close()
        self._index = None

    # ── what is shown ────────────────────────────────────────────────────────────────────────────

    def show(self, view: View) -> None:
        """Show the selected step's newest attempt; the same one goes on where it is."""
        life = view.life
        attempt = life.attempt if life else None
        key = attempt.key if attempt else ""
        if key != self._key:
            self._close()
            self._key, self.shift_x, self.follow, self._shown = key, 0, True, 0
            self._index = SpoolIndex(spool(self._directory, key)) if key else None
            self.title = f"{view.step}" + (
                f" attempt {attempt.number}" if attempt and attempt.number > 1 else ""
            )
            self.scroll_to(y=0, animate=False, force=True)
            self.show_rows()
        self._say(nothing_yet(view))
        self.look()

    def forget(self) -> None:
        """The files are not what they were: look at them anew."""
        self._close()
        self._key = ""

    def _say(self, instead: Sequence[Row]) -> None:
        if instead != self._instead:
            self._instead = instead
            if not self._has_lines:
                self.show_rows()

    @property
    def _has_lines(self) -> bool:
        return self._index is not None and len(self._index) > 0

    def look(self) -> None:
        """See whether the files have grown, and show it where anybody can see it."""
        if self._index is None:
            return
        before = self.virtual_size.height
        self._index.grow()
        if self._index.behind and self._catching_up is None:
            self._catching_up = self.set_interval(CATCH_UP, self._catch_up)
        if self._index.indexed == self._shown or not self._is_shown:
            return
        self._shown = self._index.indexed
        self.show_rows(since=before - 1)  # the last line may have been an open one
        self.show_notice()
        if self.follow:
            self.scroll_to(y=len(self._index), animate=False, force=True)

    @property
    def _is_shown(self) -> bool:
        """Whether nothing hides the pane."""
        return all(node.display for node in self.ancestors_with_self)

    def _catch_up(self) -> None:
        """Index some more of a large file, between keys; it is shown at the next look."""
        if self._index is not None and self._index.behind:
            for _ in range(AT_ONCE):
                self._index.grow()
        elif self._catching_up is not None:
            self._catching_up.stop()
            self._catching_up = None

    def on_resize(self) -> None:
        """Another size shows other lines, and so does coming back: the end stays in sight while it is
        followed."""
        self.look()
        if self.follow and self._index is not None:
            self.scroll_to(y=len(self._index), animate=False, force=True)

    def count(self) -> int:
        return len(self._index) if self._index is not None and len(self._index) else len(self._instead)

    def row_at(self, index: int, width: int) -> Row:
        if self._index is None or not len(self._index):
            return self._instead[index]
        stream, data = self._index.line(index)
        return output_row(stream == "err", data)

    # ── moving and finding ───────────────────────────────────────────────────────────────────────

    def move(self, by: int) -> None:
        self._unfollow(by)
        super().move(by)

    def go_to(self, end: bool) -> None:
        self.follow = end
        super().go_to(end)

    def _unfollow(self, by: int) -> None:
        if by < 0:
            self.follow = False
            self.show_notice()

    def on_mouse_scroll_up(self) -> None:
        self._unfollow(-1)

    def toggle_follow(self) -> bool:
        self.follow = not self.follow
        if self.follow:
            self.scroll_to(y=self.count(), animate=False, force=True)
        return self.follow

    def find(self, way: int, *, at_once: bool = False) -> bool:
        if self._index is None or not self.needle:
            return False
        start = self.scroll_offset.y + (0 if at_once else way)
        found = self._index.find(self.needle.encode(), start, way)
        if found < 0:
            found = self._index.find(self.needle.encode(), 0 if way > 0 else len(self._index) - 1, way)
        if found >= 0:
            self.follow = False
            self.scroll_to(y=found, animate=False, force=True)
        return found >= 0

    def notice(self) -> str:
        count = len(self._index) if self._index is not None else 0
        lines = f"{count:,} line{'s' if count != 1 else ''}" if count else ""
        follow = "following" if self.follow and lines else "z follows" if lines else ""
        return " · ".join(part for part in (lines, follow, super().notice()) if part)


def output_row(is_error: bool, data: bytes) -> Row:
    """One line of output; a bar at the left marks the error stream."""
    text, styles = clean_line(data[:LINE].removesuffix(b"\r"))
    spans = [Span("▎", "bad") if is_error else Span(" ")]
    at = 0
    for start, end, style in styles:
        if start > at:
            spans.append(Span(text[at:start]))
        spans.append(Span(text[start:end], "", style))
        at = end
    spans.append(Span(text[at:]))
    if len(data) > LINE:
        spans.append(Span(" … the line goes on", "warn"))
    return Row(tuple(spans))


_WHY = {
    StepStatus.HELD: "is held",
    StepStatus.SKIPPED: "was skipped",
    StepStatus.PENDING: "has not run yet",
    StepStatus.RUNNING: "is running; no output yet",
    StepStatus.SUCCEEDED: "wrote no output",
}


def nothing_yet(view: View) -> list[Row]:
    """Why there is no output, and what the step waits for."""
    step, life = view.selected, view.life
    if step is None:
        return [row(("no step is selected", "dim"))]
    if life is None:
        return [row((f"{step.id} is a phase of {len(step.steps)}; its steps have the output", "dim"))]
    why = _WHY.get(life.status, f"is {words(life.status)} and wrote no output")
    rows = [row((f"step {step.id} {why}", "dim"))]
    if life.marked_by:
        rows.append(row((f"marked done by {life.marked_by}", "dim")))
    open_ones = _waits_for(view, step)
    if life.status is StepStatus.PENDING and open_ones:
        rows.append(row((f"it waits for {', '.join(open_ones)}", "dim")))
    return rows


def _waits_for(view: View, step: Step) -> list[StepId]:
    """What it depends on that is still to come; instead of a step that was left out, what that waits for."""
    todo, seen, waits = list(step.depends_on), set[StepId](), []
    while todo:
        name = todo.pop(0)
        life, before = view.state.steps.get(name), view.state.leaves.get(name)
        if name in seen or (life is not None and life.status is StepStatus.SUCCEEDED):
            continue
        seen.add(name)
        if life is not None and life.status is StepStatus.SKIPPED:
            todo += before.depends_on if before else ()
        else:
            waits.append(name)
    return waits
