"""Where the lines of an attempt's two spool files begin: eight bytes a line, built as the files grow.

Nothing of the text is kept: a line is read from its file when it is shown. The streams are files of
their own, so lines of both stand in the order in which they were found.
"""

from __future__ import annotations

import os
from array import array
from itertools import accumulate
from pathlib import Path
from typing import Literal

Stream = Literal["out", "err"]

STREAMS: tuple[Stream, Stream] = ("out", "err")

CHUNK = 1 << 18
"""Bytes of a stream that one call of `grow` reads at most: two or three milliseconds' work."""

LINE = 8192
"""Bytes of a line that are read to show it."""


class SpoolIndex:
    """The lines of the spool files in `folder`. Missing files are empty ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: list[int | None] = [None, None]
        self._ends = [0, 0]
        self._open_line = [False, False]
        self._lines = array("q")
        self.size = 0
        self.indexed = 0

    def __len__(self) -> int:
        return len(self._lines)

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
        """Note where the lines of `data` begin; a line that was open goes on."""
        if not data:
            return
        begin = self._ends[stream]
        starts = list(accumulate((len(piece) + 1 for piece in data.split(b"\n")), initial=begin))[:-1]
        if self._open_line[stream]:
            starts = starts[1:]
        self._ends[stream] = begin + len(data)
        self._open_line[stream] = not data.endswith(b"\n")
        if not self._open_line[stream]:
            starts = starts[:-1]
        self._lines.extend(array("q", [(at << 1) | stream for at in starts]))

    def line(self, index: int) -> tuple[Stream, bytes]:
        """Line `index`, without its end; of a very long one the beginning, one byte more than is shown."""
        coded = self._lines[index]
        stream, at = coded & 1, coded >> 1
        file = self._file(stream)
        data = os.pread(file, LINE + 1, at) if file is not None else b""
        end = data.find(b"\n")
        return STREAMS[stream], data if end < 0 else data[:end]

    def find(self, needle: bytes, start: int, way: int, most: int = 200_000) -> int:
        """The next line that holds `needle` (any case), from line `start` on in direction `way`, among
        the next `most` lines; -1 when none does."""
        wanted = needle.lower()
        for index in range(start, max(-1, start - most) if way < 0 else min(len(self), start + most), way):
            if wanted in self.line(index)[1].lower():
                return index
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
