"""How a screen looks, as text that can be kept and compared: what stands where, and in which style.

    ══ 80x24
    …the rows…
    ── marks in ASCII           ─=- ▶=>
    ── styles                   a  #e6edf3 on #0e1116 | #1f2328 on #ffffff | bold
    ── cells                    12a40b28a

A picture is taken at both sizes, and at each in three themes: dark, light, monochrome. A style is what a
cell is in all three, so one grid of cells says it for all of them; the rows say what is the same in all.
Two cells that differ in meaning must differ in the third column too: no colour alone says anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby, zip_longest
from pathlib import Path

from rich.cells import get_character_cell_size
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual._context import visible_screen_stack
from textual.color import Color as Background
from textual.filter import LineFilter

from console.tui.app import ConsoleApp
from console.tui.guard import AsciiOnly
from console.tui.scripts.model import NARROW, WIDE
from console.tui.scripts.player import Player
from console.tui.themes import full_name

FOLDER = Path(__file__).parent / "screens"
SIZES = (WIDE, NARROW)
THEMES = ("dark", "light", "mono")
BLACK = Background(0, 0, 0)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

Cell = tuple[str, str]
"""A character (empty in the second column of a wide one) and its style in words."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is on a terminal: the rows as they are read, and every cell."""

    cells: tuple[tuple[Cell, ...], ...]

    @property
    def rows(self) -> list[str]:
        return ["".join(char for char, _ in row).rstrip() for row in self.cells]


def look(player: Player, line_filter: LineFilter | None = None) -> Look:
    visible_screen_stack.set(player.app._background_screens)  # what shows behind a window
    strips = player.app.screen._compositor.render_strips()
    lines = [strip.apply_filter(line_filter, BLACK) if line_filter else strip for strip in strips]
    return Look(tuple(tuple(cell for segment in line for cell in _cells(segment)) for line in lines))


def _cells(segment: Segment) -> Iterator[Cell]:
    style = words(segment.style or Style.null())
    for char in segment.text:
        yield char, style
        for _ in range(get_character_cell_size(char) - 1):
            yield "", style


@cache
def words(style: Style) -> str:
    """A style in a few words: `bold #e6edf3 on #0e1116`."""
    said = [name for name in ("bold", "dim", "italic", "underline", "reverse") if getattr(style, name)]
    said += [_name(style.color)] if style.color else []
    said += [f"on {_name(style.bgcolor)}"] if style.bgcolor else []
    return " ".join(said) or "plain"


def _name(color: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color.get_truecolor()) if not color.is_default else "default"


# ── taking ───────────────────────────────────────────────────────────────────────────────────────


async def take(player: Player) -> str:
    """The screen as it is now, at every size and in every theme; it is left as it was."""
    own = player.script.size
    parts: dict[tuple[int, int], list[str]] = {}
    themes = list(THEMES)
    for size in sorted(SIZES, key=lambda size: size != own):
        await _resize(player, size)
        looks = {theme: _in_theme(player, theme) for theme in themes}
        parts[size] = [
            f"══ {size[0]}x{size[1]}",
            *section([looks[theme] for theme in THEMES], in_ascii(player)),
        ]
        themes.reverse()
    await _resize(player, own)
    return "\n".join([*(line for size in SIZES for line in parts[size]), ""])


async def _resize(player: Player, size: tuple[int, int]) -> None:
    if tuple(player.app.size) != size:
        await player.pilot.resize_terminal(*size)
        await player.settle()


def _in_theme(player: Player, theme: str) -> Look:
    if player.app.theme != full_name(theme):
        player.app.set_reactive(ConsoleApp.theme, full_name(theme))
        player.app.refresh_css(animate=False)
    return look(player)


def in_ascii(player: Player) -> Look:
    """The screen through the filter that draws with ASCII alone."""
    return look(player, AsciiOnly())


def section(looks: Sequence[Look], in_ascii: Look) -> Iterator[str]:
    """One size of a picture. Fails where themes do not show the same text, or where one mark has two forms
    in ASCII."""
    rows = looks[0].rows
    for other in looks[1:]:
        assert other.rows == rows, "the text depends on the theme"
    yield from rows
    yield "── marks in ASCII"
    yield " ".join(f"{mark}={plain}" for mark, plain in sorted(marks(looks[0], in_ascii).items()))
    grid = [
        [tuple(cell[1] for cell in cells) for cells in zip(*lines, strict=True)]
        for lines in zip(*(one.cells for one in looks), strict=True)
    ]
    names = {style: LETTERS[n] for n, style in enumerate(dict.fromkeys(s for row in grid for s in row))}
    yield f"── styles: {', '.join(THEMES)}"
    yield from (f"{letter}  {' | '.join(style)}" for style, letter in names.items())
    yield "── cells"
    yield from runs([[names[style] for style in row] for row in grid])


def marks(shown: Look, in_ascii: Look) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for row, plain_row in zip(shown.cells, in_ascii.cells, strict=True):
        for (char, _), (plain, _) in zip(row, plain_row, strict=True):
            assert plain.isascii(), f"{plain!r} is not ASCII"
            if char != plain:
                assert found.setdefault(char, plain) == plain, f"{char!r} has two forms in ASCII"
    return found


def runs(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Rows of letters, run by run; rows that are the same counted."""
    lines = ["".join(f"{len(list(same))}{letter}" for letter, same in groupby(row)) for row in rows]
    for line, same in groupby(lines):
        count = len(list(same))
        yield line if count == 1 else f"{line} ×{count}"


# ── comparing ────────────────────────────────────────────────────────────────────────────────────


def file_of(script: str, name: str) -> Path:
    return FOLDER / script / f"{name}.txt"


def difference(kept: str, now: str) -> list[str]:
    """Where two pictures differ: the line, as it was and as it is."""
    pairs = zip_longest(kept.splitlines(), now.splitlines(), fillvalue="")
    return [f"{number}\n  - {was}\n  + {is_}" for number, (was, is_) in enumerate(pairs, 1) if was != is_]
