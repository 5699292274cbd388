"""What stands on the terminal, so that only the cells that change are written.

Textual writes a line anew where a part of it has changed: a clock that goes on by a second costs a row, and
a list with eight clocks two kilobytes a second. Here a frame is compared with the one before, cell by cell;
a change is a move of the cursor, colours where they differ from the last ones written, and text.

The picture is right as long as nobody else writes to the terminal. `forget` makes the next frame a whole
one: after a resize, after a suspension, and when the operator asks for it (Ctrl+L).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from rich.cells import get_character_cell_size
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

GAP = 4
"""Unchanged cells between two changes that are written again rather than jumped over."""

Cells = tuple[list[str], list[str]]
"""Texts and colours, one of each a column; the second column of a wide character is an empty text."""

Place = tuple[int, int]
"""Where the cursor stands: column and row. Known only after plain text that ends before the last column: on
other text terminals are not of one mind."""

_UNKNOWN = "\0"


class Changes(CompositorUpdate):
    """An update as it is written."""

    def __init__(self, data: str) -> None:
        self.data = data

    def render_segments(self, console: Console) -> str:
        return self.data


class Picture:
    """The cells of a terminal, as far as they are known."""

    def __init__(self) -> None:
        self._texts: list[list[str]] = []
        self._styles: list[list[str]] = []

    def forget(self) -> None:
        self._texts, self._styles = [], []

    def changes(
        self, update: ChopsUpdate | LayoutUpdate, size: tuple[int, int], colours: ColorSystem | None
    ) -> Changes | None:
        """What has to be written for `update` on a terminal of `size` (columns, rows); `None` for nothing."""
        columns, rows = size
        if len(self._texts) != rows or (rows and len(self._texts[0]) != columns):
            self._texts = [[_UNKNOWN] * columns for _ in range(rows)]
            self._styles = [[""] * columns for _ in range(rows)]
        written: list[str] = []
        style: str | None = None
        at: Place | None = None
        for x, y, strip in _strips(update):
            if not 0 <= y < rows or x >= columns:
                continue
            new = _cells(strip, colours, columns - x)
            texts, styles = self._texts[y], self._styles[y]
            for begin, end in _runs(texts, styles, x, new):
                written.append(_move(at, x + begin, y))
                style = _write(written, new, begin, end, style)
                plain = x + end < columns and all(map(str.isascii, new[0][begin:end]))
                at = (x + end, y) if plain else None
            texts[x : x + len(new[0])], styles[x : x + len(new[1])] = new
        return Changes("".join(written) + "\x1b[m") if written else None


def _strips(update: ChopsUpdate | LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    """The pieces of an update: column, row and what stands from there on."""
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in line:
                yield x, y, strip
                x += strip.cell_length
        return
    for y, begin, stop in update.spans:
        for end, (x, piece) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if piece is not None and x < stop and end > begin:
                yield x, y, piece


def _cells(strip: Strip, colours: ColorSystem | None, width: int) -> Cells:
    texts: list[str] = []
    styles: list[str] = []
    for text, style, control in strip:
        if control:
            continue
        sgr = _sgr(style, colours) if style is not None else ""
        if text.isascii():
            texts.extend(text)
        else:
            for character in text:
                size = get_character_cell_size(character)
                if size:
                    texts += [character, ""] if size == 2 else [character]
                elif texts:  # it is drawn on the one before
                    texts[-1 if texts[-1] else -2] += character
        styles += [sgr] * (len(texts) - len(styles))
    if len(texts) > width:
        del texts[width:], styles[width:]
    return texts, styles


def _runs(texts: list[str], styles: list[str], x: int, new: Cells) -> Iterable[tuple[int, int]]:
    """The stretches of `new` that differ from what stands at column `x`, whole characters each."""
    new_texts, new_styles = new
    size = len(new_texts)
    old_texts, old_styles = texts[x : x + size], styles[x : x + size]
    if old_texts == new_texts and old_styles == new_styles:
        return ()
    runs: list[tuple[int, int]] = []
    for at in range(size):
        if old_texts[at] == new_texts[at] and old_styles[at] == new_styles[at]:
            continue
        begin, end = at, at + 1
        while begin and not (new_texts[begin] and old_texts[begin]):
            begin -= 1
        while end < size and not (new_texts[end] and old_texts[end]):
            end += 1
        if runs and begin - runs[-1][1] <= GAP:
            runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
        else:
            runs.append((begin, end))
    return runs


def _move(at: Place | None, x: int, y: int) -> str:
    """The cursor to a cell, from where it stands if that is known: a column of clocks is half its moves."""
    if at is not None and at[1] == y and x > at[0]:
        return f"\x1b[{x - at[0]}C"
    if at == (x + 1, y - 1):
        return "\x1b[B\b"
    return f"\x1b[{y + 1};{x + 1}H"


def _write(written: list[str], new: Cells, begin: int, end: int, style: str | None) -> str | None:
    """Write a stretch; gives the colours that are in force after it."""
    texts, styles = new
    for at in range(begin, end):
        if styles[at] != style:
            style = styles[at]
            written.append(f"\x1b[0;{style}m" if style else "\x1b[m")
        written.append(texts[at])
    return style


@lru_cache(4096)
def _sgr(style: Style, colours: ColorSystem | None) -> str:
    """The parameters of SGR for a style."""
    plain = style.update_link(None) if style.link else style
    before = plain.render("x", color_system=colours).partition("x")[0]
    return before.removeprefix("\x1b[").removesuffix("m")
