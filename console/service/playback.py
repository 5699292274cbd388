"""An exported run, played again: the same records in the time they took, or faster.

    Playback(run, directory)         a `Session` whose records come when its clock gets to them
    playback.play(), step(1), go_to_moment(75), go_to_failure()

The clock stands, runs at `speed`, or is put somewhere. Waits in which nothing happened are shortened to
`IDLE` seconds: within one the clock runs faster. Whoever follows the records is told by `on_rewind` that
they begin anew; `on_change` that something else is so now. What attempts printed lies in files under
`directory`, as much of it as had been printed at that moment.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from pathlib import Path

import anyio

from console.run import events as ev
from console.run.control import RunControl, spool
from console.service.exported import ENDS, Exported, Output

IDLE = 3.0
"""Seconds that a wait in which nothing happened takes at most."""

GLIMPSE = 0.25
"""Seconds between two looks at what a running attempt has printed."""

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)

FAILURES = (ev.StepFailed, ev.StepInDoubt, ev.PlanningFailed, ev.ReplanFailed)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a replay is: record `number` of `of`, `moment` seconds into the run of `whole`; `part` is how
    much of the playing is over, from 0 to 1. `failures` are the numbers of the records that tell one.
    `is_cut`: the file ends in the middle of the next record."""

    number: int
    of: int
    moment: float
    whole: float
    part: float
    playing: bool
    speed: float
    failures: tuple[int, ...] = ()
    is_cut: bool = False


@dataclass(slots=True)
class _Attempt:
    """An attempt with output: when it ran, in played seconds."""

    key: str
    output: Output
    begins: float
    ends: float


class Playback:
    """A session over an exported run. `now` is the time on the run's own clock."""

    control: RunControl | None = None

    def __init__(
        self, run: Exported, directory: Path, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.directory = directory
        self._records = run.records
        self._is_cut = bool(run.cut)
        self.run = str(getattr(run.records[0].event, "run", "")) or "exported"
        self._clock = clock
        self._places = _places(run.records)
        self._attempts = list(_attempts(run, self._places))
        self._failures = tuple(r.seq for r in run.records if isinstance(r.event, FAILURES))
        self._at, self._since = 0.0, clock()
        self._playing, self._speed = False, 1.0
        self.plays_when_shown = False
        """Whether its clock is to run as soon as somebody sees it: until then nothing is missed."""
        self._given = 0
        self._news = anyio.Event()
        self.on_rewind: Callable[[], None] = lambda: None
        self.on_change: Callable[[], None] = lambda: None

    # ── where it is ──────────────────────────────────────────────────────────────────────────────

    @property
    def position(self) -> Position:
        at = self._place()
        number = self._count(at)
        begun, ended = self._records[0].at, self._records[-1].at
        end = self._places[-1]
        return Position(
            number=number,
            of=len(self._records),
            moment=self._moment(at) - begun,
            whole=ended - begun,
            part=at / end if end else 1.0,
            playing=self._playing and at < end,
            speed=self._speed,
            failures=self._failures,
            is_cut=self._is_cut,
        )

    def now(self) -> float:
        """Seconds since the epoch, on the clock of the run."""
        return self._moment(self._place())

    def _place(self) -> float:
        """Where the playing is, in played seconds."""
        if not self._playing:
            return self._at
        return min(self._places[-1], self._at + (self._clock() - self._since) * self._speed)

    def _count(self, at: float) -> int:
        """How many records there are at a place; never none."""
        return max(1, bisect_right(self._places, at + 1e-9))

    def _moment(self, at: float) -> float:
        """The run's own time at a place: within a wait that was shortened it runs faster."""
        n = self._count(at)
        if n >= len(self._records):
            return self._records[-1].at
        before, after = self._places[n - 1], self._places[n]
        part = (at - before) / (after - before) if after > before else 0.0
        return self._records[n - 1].at + part * (self._records[n].at - self._records[n - 1].at)

    # ── steering ─────────────────────────────────────────────────────────────────────────────────

    def play(self, on: bool | None = None) -> None:
        """Play on, or stand still; without a word the other of the two. From the end it begins anew."""
        on = not self.position.playing if on is None else on
        at = self._place()
        if on and at >= self._places[-1]:
            at = 0.0
        self._go(at, playing=on)

    def faster(self, way: int) -> None:
        """The next speed up, or down."""
        index = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - self._speed))
        at = self._place()
        self._speed = SPEEDS[max(0, min(len(SPEEDS) - 1, index + way))]
        self._go(at, playing=self._playing)

    def set_speed(self, speed: float) -> None:
        at = self._place()
        self._speed = speed
        self._go(at, playing=self._playing)

    def step(self, by: int) -> None:
        """One record on, or back, and stand still there."""
        self.go_to(self.position.number + by)

    def go_to(self, number: int) -> None:
        """Stand still at a record, counted from 1."""
        self._go(self._places[max(1, min(len(self._records), number)) - 1], playing=False)

    def skip(self, seconds: float) -> None:
        """So many played seconds on, or back."""
        self._go(self._place() + seconds, playing=self._playing)

    def go_to_moment(self, seconds: float) -> None:
        """So many seconds after the run's first record."""
        moment = self._records[0].at + seconds
        index = max(0, bisect_right([record.at for record in self._records], moment) - 1)
        at = self._places[index]
        if index + 1 < len(self._records):
            lasts = self._records[index + 1].at - self._records[index].at
            part = (moment - self._records[index].at) / lasts if lasts > 0 else 0.0
            at += part * (self._places[index + 1] - at)
        self._go(at, playing=self._playing)

    def go_to_place(self, place: str) -> bool:
        """To a place as people write it: `01:30`, `1:02:03`, `90` or `90s` into the run, `#40` a record,
        `50%` of the playing, `end`; False when it is none."""
        text = place.strip().lower()
        if text == "end":
            self.go_to(len(self._records))
        elif found := re.fullmatch(r"#(\d{1,9})", text):
            self.go_to(int(found[1]))
        elif found := re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%", text):
            self.go_to_part(float(found[1]) / 100)
        elif found := re.fullmatch(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2}(?:\.\d+)?)", text):
            self.go_to_moment(int(found[1] or 0) * 3600 + int(found[2]) * 60 + float(found[3]))
        elif found := re.fullmatch(r"(\d{1,9}(?:\.\d+)?)s?", text):
            self.go_to_moment(float(found[1]))
        else:
            return False
        return True

    def go_to_part(self, part: float) -> None:
        self._go(part * self._places[-1], playing=self._playing)

    def go_to_failure(self, way: int = 1) -> bool:
        """To the next failure, or the one before, and stand still there; False when there is none."""
        here = self._records[self.position.number - 1].seq
        found = [seq for seq in self._failures if (seq > here if way > 0 else seq < here)]
        if not found:
            return False
        seq = found[0] if way > 0 else found[-1]
        self.go_to(next(n for n, record in enumerate(self._records, 1) if record.seq == seq))
        return True

    def _go(self, at: float, *, playing: bool) -> None:
        at = max(0.0, min(self._places[-1], at))
        self._at, self._since, self._playing = at, self._clock(), playing
        if self._count(at) < self._given:
            self._given = 0
            self.on_rewind()
        self._write(at)
        self._news.set()
        self.on_change()

    # ── what there is then ───────────────────────────────────────────────────────────────────────

    async def records(self, after: int = 0) -> AsyncGenerator[ev.Record]:
        """The records as the clock gets to them, from the first again after a rewind; never ends."""
        self._given = sum(1 for record in self._records if record.seq <= after)
        while True:
            self._news = anyio.Event()
            while self._given < self._count(self._place()):
                self._given += 1
                yield self._records[self._given - 1]
            await self._wait()

    async def _wait(self) -> None:
        """Until the clock gets to the next record, or somebody steers."""
        at, pause = self._place(), self.pause
        self._write(at)
        if self._playing and pause is None:
            self._at, self._playing = at, False
            self.on_change()
        with anyio.move_on_after(min(pause, GLIMPSE) if pause is not None else inf):
            await self._news.wait()

    @property
    def pause(self) -> float | None:
        """Seconds on its clock until the next record comes; `None` when none comes by itself."""
        at = self._place()
        if not self._playing or at >= self._places[-1]:
            return None
        return max(0.0, self._places[self._count(at)] - at) / self._speed + 0.001

    def look(self) -> None:
        """Give what is due now: its clock was put on."""
        self._news.set()

    def _write(self, at: float) -> None:
        """Have the files of the attempts hold what was printed by then."""
        for attempt in self._attempts:
            lasts = attempt.ends - attempt.begins
            part = 1.0 if at >= attempt.ends else max(0.0, at - attempt.begins) / lasts if lasts else 0.0
            folder = spool(self.directory, attempt.key)
            for name, text in (("out", attempt.output.out), ("err", attempt.output.err)):
                _show(folder / name, text, part)


def _places(records: list[ev.Record]) -> list[float]:
    """For each record the played second at which it comes."""
    places, at = [0.0], 0.0
    for before, record in pairwise(records):
        at += min(IDLE, max(0.0, record.at - before.at))
        places.append(at)
    return places


def _attempts(run: Exported, places: list[float]) -> list[_Attempt]:
    begun: dict[tuple[str, int], tuple[str, float]] = {}
    found = []
    for record, place in zip(run.records, places, strict=True):
        event = record.event
        if isinstance(event, ev.StepIntended):
            begun[event.step, event.attempt] = event.key, place
        elif isinstance(event, ENDS) and (name := (event.step, event.attempt)) in begun:
            key, at = begun.pop(name)
            if output := run.output.get(name):
                found.append(_Attempt(key, output, at, place))
    return found


def _show(file: Path, text: str, part: float) -> None:
    """As many of the text's lines as there were after this part of the time."""
    if not text:
        return
    lines = text.splitlines(keepends=True)
    shown = "".join(lines[: int(len(lines) * part)]).encode("utf-8", "replace")
    try:
        if file.stat().st_size == len(shown):
            return
    except FileNotFoundError:
        if not shown:
            return
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.write_bytes(shown)
