"""A PNG of a screen made small: the colours of a screen are few, so one byte a pixel holds them.

PNG specification (W3C, third edition): 9 filtering, 11.2 chunks. Reads what rsvg-convert writes, 8 bits a
channel and not interlaced; writes colour type 3.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
Colour = tuple[int, int, int]


def shrink(png: bytes) -> bytes:
    """The same picture with at most 256 colours; transparency is dropped."""
    width, height, pixels = _read(png)
    palette = _palette(Counter(pixels))
    index = _Index(palette)
    rows = (pixels[at : at + width] for at in range(0, width * height, width))
    body = b"".join(b"\0" + bytes(index[colour] for colour in row) for row in rows)
    return b"".join(
        (
            SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes(channel for colour in palette for channel in colour)),
            _chunk(b"IDAT", zlib.compress(body, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _palette(counts: Counter[Colour]) -> list[Colour]:
    """The most frequent colours, one for each kind of colour: shades of grey must not crowd out the red."""
    kinds: dict[Colour, tuple[int, Colour]] = {}
    for colour, count in counts.most_common():
        red, green, blue = (channel >> 4 for channel in colour)
        seen, first = kinds.get((red, green, blue), (0, colour))
        kinds[red, green, blue] = (seen + count, first)
    return [colour for _, colour in sorted(kinds.values(), reverse=True)[:256]]


class _Index(dict[Colour, int]):
    """The number of each colour of a palette; of any other colour that of the nearest one."""

    def __init__(self, palette: list[Colour]) -> None:
        super().__init__((colour, number) for number, colour in enumerate(palette))
        self._palette = palette
        self._near: dict[Colour, int] = {}

    def __missing__(self, colour: Colour) -> int:
        red, green, blue = (channel >> 3 for channel in colour)
        key = (red, green, blue)
        if key not in self._near:
            numbers = range(len(self._palette))
            self._near[key] = min(numbers, key=lambda n: _distance(colour, self._palette[n]))
        return self._near[key]


def _distance(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def _read(png: bytes) -> tuple[int, int, list[Colour]]:
    """Width, height and the pixels, row by row."""
    chunks = list(_chunks(png))
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", dict(chunks)[b"IHDR"])
    if (depth, interlaced) != (8, 0) or kind not in (2, 6):
        raise ValueError("not a PNG as rsvg-convert writes it")
    step = 3 if kind == 2 else 4
    raw = zlib.decompress(b"".join(data for name, data in chunks if name == b"IDAT"))
    size = width * step
    before = bytes(size)
    pixels: list[Colour] = []
    for row in range(height):
        start = row * (size + 1)
        before = _unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + size]), before, step)
        pixels += zip(before[0::step], before[1::step], before[2::step], strict=True)
    return width, height, pixels


def _unfiltered(how: int, line: bytearray, up: bytes, step: int) -> bytes:
    for at in range(len(line)):
        left = line[at - step] if at >= step else 0
        corner = up[at - step] if at >= step else 0
        line[at] = (line[at] + _predicted(how, left, up[at], corner)) & 0xFF
    return bytes(line)


def _predicted(how: int, left: int, up: int, corner: int) -> int:
    if how == 4:
        guess = left + up - corner
        return min((left, up, corner), key=lambda value: abs(guess - value))
    return (0, left, up, (left + up) // 2)[how]
