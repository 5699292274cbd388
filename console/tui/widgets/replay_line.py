"""Where a replay is: a line above the footer, there only in a replay."""

from __future__ import annotations

from console.service.playback import Position
from console.tui.ink import Row, Span
from console.tui.when import clock_time
from console.tui.widgets.lines import Rows

SHORT = 10.0
"""Seconds below which a run is told in tenths."""

LEAST = 8
"""Columns below which there is no bar."""


def replay_row(at: Position, width: int) -> Row:
    """Whether it plays and how fast, the time in the run, a bar, the record; the bar takes what is left."""
    mark = Span(" ▶ ", "ok strong") if at.playing else Span(" ‖ ", "warn strong")
    speed = "" if at.speed == 1 and not at.playing else f"{at.speed:g}× "
    state = Span(f"replay {'' if at.playing else 'paused '}{speed}", "strong")
    time = Span(f" {_time(at.moment, at.whole)} / {_time(at.whole, at.whole)} ", "")
    record = Span(f" record {at.number}/{at.of}", "quiet")
    behind = sum(1 for seq in at.failures if seq > at.number)
    ahead = Span(f" · {behind} failure{'s' if behind != 1 else ''} ahead (f)", "bad") if behind else Span("")
    cut = Span(" · the file is cut off there", "warn") if at.is_cut else Span("")
    spans = [mark, state, time, record, ahead, cut]
    room = width - sum(span.width for span in spans) - 1
    if room >= LEAST:
        done = round(at.part * (room - 1))
        bar = [Span("━" * done, "accent"), Span("●", "accent strong"), Span("─" * (room - 1 - done), "dim")]
        spans = [mark, state, time, *bar, record, ahead, cut]
    return Row(tuple(spans))


def _time(seconds: float, whole: float) -> str:
    """A time in a run of `whole` seconds; in a short one parts of seconds count."""
    return f"{seconds:.1f}s" if whole < SHORT else clock_time(seconds)


class ReplayLine(Rows):
    def __init__(self) -> None:
        super().__init__(id="replay")

    def show(self, position: Position) -> None:
        self.build(lambda width: [replay_row(position, width)])
