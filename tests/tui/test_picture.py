"""What is written for a frame leaves the terminal with that frame on it, and costs what has changed."""

from __future__ import annotations

import pyte
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from console.tui.picture import Picture

WIDTH, HEIGHT = 24, 3
STYLES = st.sampled_from([Style(), Style(bold=True), Style(color="red"), Style(bgcolor="#204060")])
PIECES = st.tuples(st.text(st.sampled_from("abc ▶✓日本"), max_size=12), STYLES)
FRAMES = st.lists(st.lists(PIECES, max_size=4), min_size=HEIGHT, max_size=HEIGHT)


def frame(lines: list[list[tuple[str, Style]]]) -> LayoutUpdate:
    strips = [
        [Strip([Segment(text, style) for text, style in line]).adjust_cell_length(WIDTH, Style())]
        for line in lines
    ]
    return LayoutUpdate(list(strips), Region(0, 0, WIDTH, HEIGHT))


class Shown:
    """A terminal with a picture of it."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(WIDTH, HEIGHT)
        self.stream = pyte.Stream(self.screen)
        self.picture = Picture()

    def show(self, update: LayoutUpdate) -> int:
        changes = self.picture.changes(update, (WIDTH, HEIGHT), ColorSystem.EIGHT_BIT)
        if changes is None:
            return 0
        self.stream.feed(changes.data)
        return len(changes.data)

    def cells(self) -> list[list[tuple[str, str, str, bool]]]:
        buffer = self.screen.buffer
        return [
            [(c.data, c.fg, c.bg, c.bold) for c in (buffer[y][x] for x in range(WIDTH))]
            for y in range(HEIGHT)
        ]


@given(st.lists(FRAMES, min_size=1, max_size=4))
def test_the_last_frame_stands_on_the_terminal(frames: list[list[list[tuple[str, Style]]]]) -> None:
    kept, fresh = Shown(), Shown()
    for lines in frames:
        kept.show(frame(lines))
    fresh.show(frame(frames[-1]))
    assert kept.cells() == fresh.cells()
    assert kept.show(frame(frames[-1])) == 0


def test_a_clock_costs_a_few_bytes() -> None:
    shown = Shown()
    shown.show(frame([[("run 4f1c     00:08", Style(bold=True))], [("step", Style())], []]))
    assert shown.show(frame([[("run 4f1c     00:09", Style(bold=True))], [("step", Style())], []])) < 24
    assert shown.screen.display[0].startswith("run 4f1c     00:09")


def test_a_column_of_clocks_costs_less_than_as_many_clocks() -> None:
    def clocks(second: int) -> LayoutUpdate:
        return frame([[("step", Style(bold=True)), (f"  {second}s  ", Style(color="red"))]] * HEIGHT)

    shown = Shown()
    shown.show(clocks(1))
    assert shown.show(clocks(2)) < 24 + 5 * (HEIGHT - 1)
    assert [line.split() for line in shown.screen.display] == [["step", "2s"]] * HEIGHT


def test_what_is_forgotten_is_written_again() -> None:
    shown, update = Shown(), frame([[("one", Style())], [], []])
    shown.show(update)
    shown.screen.reset()
    shown.picture.forget()
    shown.show(update)
    assert shown.screen.display[0].startswith("one")
