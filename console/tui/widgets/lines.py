"""A pane of rows: scrolls, moves a cursor over steps, finds text; draws the visible rows only.

Panes are made of `Row` values (console/tui/ink.py). Subclasses say how many rows there are and give
the one that is asked for, so that a plan of 10,000 steps or an output of a million lines costs what
is on the screen. A refresh moves neither cursor nor scroll: the cursor is a step's id, not a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Self

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from console.plan.model import StepId
from console.tui.ink import CUT, Row, Span, fit
from console.tui.themes import ink_style

ZOOMED = "zoomed (_)"

RAISED = {"dim": "quiet"}
"""Inks of the row under the cursor, whose background is nearer to theirs."""

SHIFT = 8
"""Columns that one press of left or right scrolls."""


class Lines(ScrollView, can_focus=False, inherit_bindings=False):
    """Base of all panes. Keys arrive through the screen's actions as calls of `move`, `go_to`, ...: no pane
    takes Textual's focus, which paints the whole screen anew whenever it goes elsewhere."""

    keeps_cursor: ClassVar[bool] = False
    """Whether the cursor is shown while keys go elsewhere."""

    @dataclass
    class Selected(Message):
        """The operator moved onto a step."""

        step: StepId
        pane: str

    @dataclass
    class Opened(Message):
        """The operator opened a step by clicking it again."""

        step: StepId

    def __init__(self, *, id: str) -> None:
        self._repainted: tuple[Region, ...] = ()
        super().__init__(id=id)
        self.step: StepId = ""
        self.needle = ""
        self.shift_x = 0
        self.has_keys = False
        self._styles_of: dict[str, Style] = {}
        self._base: Style | None = None
        self._title = Content()
        self._noticed = ""
        self._zoomed = False

    # ── what subclasses say ──────────────────────────────────────────────────────────────────────

    def count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def row_at(self, index: int, width: int) -> Row:
        """Row `index`, to be shown in `width` columns (it may be wider)."""
        raise NotImplementedError

    def step_at(self, index: int) -> StepId:
        """The step that row `index` is about; empty where the cursor cannot stand."""
        return ""

    def index_of(self, step: StepId) -> int:
        """The first row about `step`; -1 when there is none."""
        return -1

    def end_of_text(self, most: int) -> tuple[str, int]:
        """What the pane says, without marks of its frame, of more than `most` characters whole lines of the
        end; and how many lines that is."""
        lines: list[str] = []
        size = 0
        for index in reversed(range(self.count())):
            line = self.row_at(index, self.content_width).text.rstrip()
            size += len(line) + 1
            if size > most and lines:
                break
            lines.append(line)
        return "\n".join(reversed(lines)), len(lines)

    def notice(self) -> str:
        """What the pane's frame says about it: a filter, a search, whether it follows."""
        return f"/{self.needle}" if self.needle else ""

    # ── showing ──────────────────────────────────────────────────────────────────────────────────

    def take_keys(self, has_keys: bool) -> None:
        """Whether keys are for this pane: its frame says so, and its cursor is shown."""
        self.has_keys = has_keys
        self.set_class(has_keys, "-keys")

    def show_title(self, title: Content, *, zoomed: bool = False) -> None:
        """Have the frame say this, whether the pane is `zoomed`, and what there is to notice."""
        self._zoomed = zoomed
        if not title.is_same(self._title):
            self._title = title
            with self._repainting(-1):
                self.border_title = title
        self.show_notice()

    def show_notice(self) -> None:
        notice = " · ".join(said for said in (ZOOMED if self._zoomed else "", self.notice()) if said)
        if notice != self._noticed:
            self._noticed = notice
            with self._repainting(self.content_height):
                self.border_subtitle = Content(notice)

    @contextmanager
    def _repainting(self, y: int) -> Iterator[None]:
        """What is set meanwhile shows in one line, counted from the first row; Textual would repaint all."""
        self._repainted = (Region(-self.styles.gutter.left, y, self.outer_size.width, 1),)
        yield
        self._repainted = ()

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        return super().refresh(
            *(regions or self._repainted), repaint=repaint, layout=layout, recompose=recompose
        )

    def show_rows(self, since: int = 0) -> None:
        """The rows from `since` on have changed: size and picture follow, scroll and cursor stay."""
        size = Size(0, self.count())
        if self._is_laid_out_for(size.height):
            self.set_reactive(Lines.virtual_size, size)
            if self.show_vertical_scrollbar:
                self.vertical_scrollbar.window_virtual_size = size.height
            self.scroll_to(y=self.scroll_offset.y, animate=False, force=True)
        else:
            self.virtual_size = size
        if since < self.scroll_offset.y + self.content_height:
            self.refresh()

    def _is_laid_out_for(self, count: int) -> bool:
        """Whether so many rows stand where the ones before stood: then only the scroll bar is another one,
        and nothing of the screen has to be laid out anew for it, which output does ten times a second."""
        return bool(self.outer_size) and self.show_vertical_scrollbar == (count > self.content_height)

    def show_row(self, index: int) -> None:
        if index >= 0:
            self.refresh_lines(index)

    def ink(self, names: str) -> Style:
        """The style of an ink, or of two."""
        style = self._styles_of.get(names)
        if style is None:
            inks = [ink_style(name, self.app.theme_variables) for name in names.split()]
            style = self._styles_of[names] = Style.combine([Style.null(), *inks])
        return style

    def notify_style_update(self) -> None:
        self._styles_of.clear()
        self._base = None
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        index, width = y + self.scroll_offset.y, self.content_width
        base = self._base = self._base or self.rich_style
        if index >= self.count():
            return Strip.blank(self.size.width, base)
        shown = self.row_at(index, width)
        has_cursor = bool(shown.step) and shown.step == self.step and (self.has_keys or self.keeps_cursor)
        strip = self._strip(shown, width, RAISED if has_cursor else {}).extend_cell_length(width)
        if has_cursor:
            strip = strip.apply_style(self.ink("cursor"))
        return strip.apply_style(base).extend_cell_length(self.size.width, base)

    @property
    def content_width(self) -> int:
        """Columns for a row. A pane that is not on the screen has those that it had there, or will have."""
        return max(1, self._outer.width - self.gutter.width)

    @property
    def content_height(self) -> int:
        """Rows that are seen, as `content_width`."""
        return max(1, self._outer.height - self.gutter.height)

    @property
    def _outer(self) -> Size:
        around = self.parent
        return self.outer_size or (around.size if isinstance(around, Widget) else Size(0, 0))

    def _strip(self, shown: Row, width: int, inks: Mapping[str, str]) -> Strip:
        if self.shift_x:
            strip = Strip(self._segments(shown.spans, inks)).crop(self.shift_x)
            if strip.cell_length > width:
                strip = strip.crop(0, width - 1)
                strip = Strip([*strip, Segment(CUT, self.ink("dim"))])
        else:
            strip = Strip(self._segments(fit(shown.spans, width), inks))
        return self._with_matches(strip) if self.needle else strip

    def _segments(self, spans: Sequence[Span], inks: Mapping[str, str]) -> list[Segment]:
        return [
            Segment(s.text, Style.parse(s.style) if s.style else self.ink(inks.get(s.ink, s.ink)))
            for s in spans
        ]

    def _with_matches(self, strip: Strip) -> Strip:
        text, needle = strip.text.casefold(), self.needle.casefold()
        if len(text) != len(strip.text) or needle not in text:
            return strip
        pieces: list[Strip] = []
        at = 0
        while (found := text.find(needle, at)) >= 0:
            start, end = Strip([Segment(text[:found])]).cell_length, 0
            end = start + Strip([Segment(needle)]).cell_length
            begun = sum(piece.cell_length for piece in pieces)
            pieces += [strip.crop(begun, start), strip.crop(start, end).apply_style(self.ink("match"))]
            at = found + len(needle)
        pieces.append(strip.crop(sum(piece.cell_length for piece in pieces)))
        return Strip.join(pieces)

    # ── moving ───────────────────────────────────────────────────────────────────────────────────

    @property
    def selects(self) -> bool:
        """Whether a cursor can stand on any row."""
        return any(self.step_at(i) for i in range(min(self.count(), 200)))

    def select(self, step: StepId, *, reveal: bool = True) -> None:
        """Put the cursor on a step without telling anybody."""
        if step != self.step:
            before, self.step = self.step, step
            self._repaint_step(before)
            self._repaint_step(step)
        if reveal:
            self.reveal(step)

    def _repaint_step(self, step: StepId) -> None:
        index = self.index_of(step) if step else -1
        while 0 <= index < self.count() and self.step_at(index) == step:
            self.show_row(index)
            index += 1

    def reveal(self, step: StepId) -> None:
        """Scroll as little as needed for a step to be seen, with the rows that belong to it."""
        index = self.index_of(step)
        if index < 0:
            return
        top, height = self.scroll_offset.y, max(1, self.content_height)
        last = index
        while last + 1 < min(self.count(), index + height) and self.step_at(last + 1) in (step, ""):
            last += 1
        if index < top:
            self.scroll_to(y=index, animate=False, force=True)
        elif last >= top + height:
            self.scroll_to(y=last - height + 1, animate=False, force=True)

    def move(self, by: int) -> None:
        """Move the cursor `by` steps, or scroll `by` rows where there is none."""
        if not self.selects:
            self.scroll_to(y=self.scroll_offset.y + by, animate=False, force=True)
            return
        at = self.index_of(self.step)
        target = self._stand(at, by) if at >= 0 else self._stand(-1, 1)
        if target == at:
            self.scroll_to(y=self.scroll_offset.y + by, animate=False, force=True)
        self._choose(target)

    def _stand(self, at: int, by: int) -> int:
        """The row `by` steps from row `at`, as far as there are any."""
        way, left, last, found = (1 if by > 0 else -1), abs(by), self.step_at(at) if at >= 0 else "", at
        index = at + way
        while 0 <= index < self.count() and left:
            step = self.step_at(index)
            if step and step != last:
                found, last, left = index, step, left - 1
            index += way
        return self.index_of(last) if way < 0 and last else found

    def _choose(self, index: int) -> None:
        if not 0 <= index < self.count() or not self.step_at(index):
            return
        self.select(self.step_at(index))
        self.post_message(self.Selected(self.step, self.id or ""))

    def move_page(self, halves: int) -> None:
        self.move(halves * max(1, self.content_height // 2))

    def go_to(self, end: bool) -> None:
        """To the first or the last row."""
        if not self.selects:
            self.scroll_to(y=self.count() if end else 0, animate=False, force=True)
            return
        self._choose(self._stand(self.count(), -1) if end else self._stand(-1, 1))
        self.scroll_to(y=self.count() if end else 0, animate=False, force=True)

    def move_side(self, way: int) -> None:
        """Scroll sideways."""
        self.shift_x = max(0, self.shift_x + way * SHIFT)
        self.refresh()

    # ── finding ──────────────────────────────────────────────────────────────────────────────────

    def search(self, needle: str) -> None:
        """Show where `needle` stands, and go to the first place from here on."""
        self.needle = needle
        self.refresh()
        if needle:
            self.find(1, at_once=True)

    def find(self, way: int, *, at_once: bool = False) -> bool:
        """Go to the next (`way` 1) or previous match; whether there is one."""
        count, needle = self.count(), self.needle.casefold()
        start = self.scroll_offset.y
        for distance in range(0 if at_once else 1, count + 1):
            index = (start + way * distance) % max(1, count)
            if needle and needle in self.row_at(index, self.content_width).text.casefold():
                self.scroll_to(y=index, animate=False, force=True)
                return True
        return False

    # ── mouse ────────────────────────────────────────────────────────────────────────────────────

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        index = at.y + self.scroll_offset.y if at is not None else -1
        if not 0 <= index < self.count():
            return
        step = self.step_at(index)
        if step and step == self.step:
            self.post_message(self.Opened(step))
        elif step:
            self._choose(index)


Build = Callable[[int], Sequence[Row]]
"""Makes all rows of a pane for a width in columns."""


def _no_rows(_width: int) -> Sequence[Row]:
    return ()


class Rows(Lines):
    """A pane whose rows are all made at once, anew for another width."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._build: Build = _no_rows
        self._rows: Sequence[Row] = ()
        self._of: object = None
        self._width = 0

    @property
    def rows(self) -> Sequence[Row]:
        return self._rows

    def build(self, build: Build, of: object = None) -> None:
        """Show what `build` makes, now and for every width to come. What is the same as `of` says, if
        anything, stays as it is."""
        now = None if of is None else (of, self.content_width)
        if now is not None and now == self._of:
            return
        self._of = now
        self._build = build
        self.rebuild()

    def rebuild(self) -> None:
        """Make the rows anew, and repaint when they are not the same."""
        self._width = self.content_width
        rows = self._build(self._width)
        if rows != self._rows:
            self._rows = rows
            if self.index_of(self.step) < 0:
                self.step = next((shown.step for shown in rows if shown.step), "")
            self.show_rows()

    def on_resize(self) -> None:
        if self.content_width != self._width:
            self.rebuild()

    def count(self) -> int:
        return len(self._rows)

    def row_at(self, index: int, width: int) -> Row:
        return self._rows[index]

    def step_at(self, index: int) -> StepId:
        return self._rows[index].step if 0 <= index < len(self._rows) else ""

    def index_of(self, step: StepId) -> int:
        if not step:
            return -1
        return next((index for index, shown in enumerate(self._rows) if shown.step == step), -1)
