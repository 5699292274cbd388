"""Where the lines of an attempt's two spool files begin: built as the files grow, a few numbers for each
64 kilobytes or more.

Nothing of the text is kept: a line is read from its file when it is shown, and where the lines of the piece
around it begin is found then. The streams are files of their own, so lines of both stand in the order in
which they were found.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Literal

Stream = Literal["out", "err"]

STREAMS: tuple[Stream, Stream] = ("out", "err")

CHUNK = 1 << 18
"""Bytes of a stream that one call of `grow` reads at most: a millisecond's work, and the largest piece."""

PIECE = 1 << 16
"""Bytes up to which what comes later is added to a piece."""

LINE = 8192
"""Bytes of a line that are read to show it."""

KEPT = 8
"""Pieces of which it is remembered where their lines begin."""

FAR = 1 << 28
"""Bytes that are looked through for a needle at most: a tenth of a second's work or two."""


@dataclass(slots=True)
class Piece:
    """Lines that follow each other in one file: the number of the first one, how many there are, and the
    bytes from the beginning of the first one on that belong to the piece."""

    first: int
    stream: int
    begin: int
    end: int
    count: int


class SpoolIndex:
    """The lines of the spool files in `folder`. Missing files are empty ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: list[int | None] = [None, None]
        self._ends = [0, 0]
        self._open_line = [False, False]
        self._pieces: list[Piece] = []
        self._starts: OrderedDict[tuple[int, int], list[int]] = OrderedDict()
        self._count = 0
        self.size = 0
        self.indexed = 0

    def __len__(self) -> int:
        return self._count

    @property
    def behind(self) -> bool:
        """Whether there is more in the files than has been indexed."""
        return self.indexed < self.size

    def grow(self) -> bool:
        """Index what was written since, a chunk of each stream at most; whether there was anything."""
        before = self.indexed
        self.size = 0
        for stream in (0, 1):
            file = self._file(stream)
            if file is None:
                continue
            size = os.fstat(file).st_size
            self.size += size
            if size > self._ends[stream]:
                self._take(stream, os.pread(file, min(CHUNK, size - self._ends[stream]), self._ends[stream]))
        self.indexed = sum(self._ends)
        return self.indexed != before

    def _take(self, stream: int, data: bytes) -> None:
        """Note how many lines begin in `data`; a line that was open goes on."""
        if not data:
            return
        at, open_line, ends = self._ends[stream], self._open_line[stream], data.endswith(b"\n")
        self._ends[stream] = at + len(data)
        self._open_line[stream] = not ends
        count = data.count(b"\n") - ends + (not open_line)
        last = self._pieces[-1] if self._pieces else None
        if last is not None and last.stream == stream and at + len(data) - last.begin <= PIECE:
            last.end, last.count = at + len(data), last.count + count
        elif count:
            begin = at + data.index(b"\n") + 1 if open_line else at
            self._pieces.append(Piece(self._count, stream, begin, at + len(data), count))
        self._count += count

    def _starts_in(self, piece: Piece) -> list[int]:
        """Where the lines of a piece begin in their file."""
        key = (piece.first, piece.end)
        if key in self._starts:
            self._starts.move_to_end(key)
        else:
            parts = self._read(piece.stream, piece.begin, piece.end - piece.begin).split(b"\n")
            starts = accumulate((len(part) + 1 for part in parts), initial=piece.begin)
            self._starts[key] = list(starts)[: piece.count]
            if len(self._starts) > KEPT:
                self._starts.popitem(last=False)
        return self._starts[key]

    def _read(self, stream: int, at: int, size: int) -> bytes:
        file = self._file(stream)
        return os.pread(file, size, at) if file is not None else b""

    def _piece_of(self, index: int) -> int:
        return bisect_right(self._pieces, index, key=lambda piece: piece.first) - 1

    def line(self, index: int) -> tuple[Stream, bytes]:
        """Line `index`, without its end; of a very long one the beginning, one byte more than is shown."""
        if not 0 <= index < self._count:
            raise IndexError(index)
        piece = self._pieces[self._piece_of(index)]
        starts = self._starts_in(piece)
        if index - piece.first >= len(starts):  # the file was cut
            return STREAMS[piece.stream], b""
        data = self._read(piece.stream, starts[index - piece.first], LINE + 1)
        end = data.find(b"\n")
        return STREAMS[piece.stream], data if end < 0 else data[:end]

    def find(self, needle: bytes, start: int, way: int, most: int = FAR) -> int:
        """The next line that holds `needle` (any case), from line `start` on in direction `way`, in the next
        `most` bytes; -1 when none does."""
        wanted = needle.lower()
        number = self._piece_of(start) if 0 <= start < self._count else -1
        while 0 <= number < len(self._pieces) and most > 0:
            piece = self._pieces[number]
            found = self._find_in(piece, wanted, start, way)
            if found >= 0:
                return found
            most -= piece.end - piece.begin
            number += way
        return -1

    def _find_in(self, piece: Piece, wanted: bytes, start: int, way: int) -> int:
        """The line of `piece` that holds `wanted` and is nearest to `start`, not behind it."""
        data = self._read(piece.stream, piece.begin, piece.end - piece.begin + LINE).lower()
        if wanted not in data:
            return -1
        starts = self._starts_in(piece)
        at = starts[start - piece.first] - piece.begin if way > 0 and start > piece.first else 0
        end = len(data)
        if way < 0 and start + 1 < piece.first + piece.count:
            end = starts[start + 1 - piece.first] - piece.begin
        found = data.find(wanted, at) if way > 0 else data.rfind(wanted, 0, end)
        while found >= 0:
            index = bisect_right(starts, found + piece.begin) - 1
            if b"\n" not in data[starts[index] - piece.begin : found]:
                return piece.first + index
            found = data.rfind(wanted, 0, found + len(wanted) - 1) if way < 0 else -1
        return -1

    def close(self) -> None:
        for stream, file in enumerate(self._files):
            if file is not None:
                os.close(file)
                self._files[stream] = None

    def _file(self, stream: int) -> int | None:
        if self._files[stream] is None:
            try:
                self._files[stream] = os.open(self.folder / STREAMS[stream], os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
        return self._files[stream]
