"""Untrusted text -> safe text. One sanitiser, used wherever a model, a tool, a server or a file speaks.

What comes out holds printable characters and newlines and nothing else. Colour (SGR, ECMA-48
section 8.3.117) survives as data, as spans beside the text; every other control, escape sequence,
bidirectional or invisible character is shown as a visible token: `␛[2J`, `␍`, `<U+202E>`. An ESC
that is shown and not obeyed makes the rest of its sequence, an OSC's or a DCS's payload too, plain
text: so no string state is kept, and no unterminated string can swallow what follows it.

    clean        one-shot, plain text                 for labels, previews, lines of a log
    clean_line   one line of a spool file, coloured   for the output pane
    Cleaner      the same in pieces, any cut          for streams
    reveal       lossless, with `unreveal`            for what a person approves
    one_line     cut to a width, with a sign          for rows
    json_shown   JSON that means the same             for whoever asks for JSON

Time is linear, the state between pieces is bounded. `clean` is idempotent.
"""

from __future__ import annotations

import codecs
import json
import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

LINE_CAP = 8192
"""Characters of one line that are kept; the rest is counted: `… +n bytes`."""

MARKS = 8
"""Combining marks in a row that are kept; what is above them would climb over other lines."""

TAB = 8

ELLIPSIS = "…"

_CUT_SIGN = 32  # room for "… +n bytes": with it a cut line is within the cap, and is not cut again
_SGR_SIZE = 64  # a longer parameter list is no colour; bounds what is held between pieces

_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e01ef"
)
_CONTROL_ASCII = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_CONTROL = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_INVISIBLE}]")
_INVISIBLE_CHAR = re.compile(f"[{_INVISIBLE}]")
_MANY_MARKS = re.compile(rf"[^\w\s\x00-\x7f\u2010-\u20cf\u2100-\u2bff]{{{MARKS + 1},}}")
_SGR = re.compile(rf"(?:\x1b\[|\x9b)([0-9;:]{{0,{_SGR_SIZE}}})m")
_SGR_BEGUN = re.compile(rf"(?:\x1b(?:\[[0-9;:]{{0,{_SGR_SIZE}}})?|\x9b[0-9;:]{{0,{_SGR_SIZE}}})\Z")


class Span(NamedTuple):
    """A styled part of a text: characters `start` to `end` (exclusive), and a style in rich's words
    ("bold red on #102030")."""

    start: int
    end: int
    style: str


class Styled(NamedTuple):
    """Safe text and its colours; spans are in order and do not overlap."""

    text: str
    spans: tuple[Span, ...] = ()


def token(char: str) -> str:
    """The visible form of one character that must not reach a terminal."""
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"<U+{code:04X}>"


def _token(match: re.Match[str]) -> str:
    return token(match[0])


# ── colour ───────────────────────────────────────────────────────────────────────────────────────

_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_ATTRIBUTES = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}
_ENDS = {
    21: ("bold",),
    22: ("bold", "dim"),
    23: ("italic",),
    24: ("underline",),
    27: ("reverse",),
    29: ("strike",),
}
_SIMPLE = {39: (38, ""), 49: (48, "")}
for _n, _name in enumerate(_COLOURS):
    _SIMPLE |= {30 + _n: (38, _name), 90 + _n: (38, f"bright_{_name}")}
    _SIMPLE |= {40 + _n: (48, _name), 100 + _n: (48, f"bright_{_name}")}


@dataclass(frozen=True, slots=True)
class _Pen:
    """The colours in force. Blinking and concealed text are not: they would hide what is there, and
    so would a colour on itself."""

    fg: str = ""
    bg: str = ""
    attributes: frozenset[str] = frozenset()


_PLAIN = _Pen()


@lru_cache(maxsize=1024)
def _style(pen: _Pen) -> str:
    words = [name for name in _ATTRIBUTES.values() if name in pen.attributes]
    if pen.fg != pen.bg:
        words += [pen.fg] if pen.fg else []
        words += [f"on {pen.bg}"] if pen.bg else []
    return " ".join(words)


def _number(text: str) -> int:
    return int(text) if text else 0


def _colour(numbers: list[int]) -> tuple[str, int]:
    """The colour after 38 or 48 (`5;n` or `2;r;g;b`) and how many numbers it took."""
    if numbers[:1] == [5] and len(numbers) >= 2:
        return (f"color({numbers[1]})" if numbers[1] < 256 else ""), 2
    if numbers[:1] == [2] and len(numbers) >= 4:
        rgb = numbers[1:4]
        return ("#{:02x}{:02x}{:02x}".format(*rgb) if max(rgb) < 256 else ""), 4
    return "", len(numbers)


def _colon_colour(numbers: list[int]) -> str:
    """The colour in `38:5:n`, `38:2:r:g:b` or `38:2:space:r:g:b`."""
    if numbers[:1] == [2] and len(numbers) >= 5:
        del numbers[1]
    return _colour(numbers)[0]


def _with_colour(pen: _Pen, ground: int, colour: str) -> _Pen:
    return replace(pen, fg=colour) if ground == 38 else replace(pen, bg=colour)


def _with_code(pen: _Pen, code: int) -> _Pen:
    """`pen` after one SGR code that stands alone; codes that are not colours change nothing."""
    if code == 0:
        return _PLAIN
    if code in _ATTRIBUTES:
        return replace(pen, attributes=pen.attributes | {_ATTRIBUTES[code]})
    if code in _ENDS:
        return replace(pen, attributes=pen.attributes - set(_ENDS[code]))
    return _with_colour(pen, *_SIMPLE[code]) if code in _SIMPLE else pen


@lru_cache(maxsize=1024)
def _paint(pen: _Pen, parameters: str) -> _Pen:
    """`pen` after `ESC [ parameters m`."""
    fields = parameters.split(";")
    i = 0
    while i < len(fields):
        head, *subs = (_number(part) for part in fields[i].split(":"))
        i += 1
        if head in (38, 48) and subs:
            pen = _with_colour(pen, head, _colon_colour(subs))
        elif head in (38, 48):
            rest = [_number(field.partition(":")[0]) for field in fields[i:]]
            colour, taken = _colour(rest)
            pen, i = _with_colour(pen, head, colour), i + taken
        else:
            pen = _with_code(pen, 24 if (head, subs[:1]) == (4, [0]) else head)
    return pen


# ── text ─────────────────────────────────────────────────────────────────────────────────────────


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Me")


def _limit_marks(text: str, run: int) -> tuple[str, int]:
    """`text` without towers of combining marks, and how many marks stand in a row at its end; `run`
    went before it."""
    if text.isascii() or not text:
        return text, (0 if text else run)
    if not (run and _is_mark(text[0])) and not _MANY_MARKS.search(text):
        return text, next((n for n, char in enumerate(reversed(text)) if not _is_mark(char)), len(text))
    kept = []
    for char in text:
        run = run + 1 if _is_mark(char) else 0
        kept.append(char if run <= MARKS else token(char))
    return "".join(kept), run


def _expand_tabs(text: str, column: int) -> tuple[str, int]:
    """`text` with spaces for tabs, and the column after it; `column` characters of its line went
    before it."""
    if "\t" in text:
        lead = column % TAB
        text = (" " * lead + text).expandtabs(TAB)[lead:]
    newline = text.rfind("\n")
    return text, (column + len(text) if newline < 0 else len(text) - newline - 1)


class _Lines:
    """Keeps every line within `cap` characters. What comes near the cap is held until it is known
    whether the line ends in time or is cut there; what is cut is counted, in bytes of UTF-8."""

    def __init__(self, cap: int) -> None:
        self.parts: list[tuple[str, str]] = []
        self._free = cap - _CUT_SIGN
        self._length = 0
        self._held: list[tuple[str, str]] = []
        self._held_length = 0
        self._cut = 0

    def put(self, text: str, style: str) -> None:
        """Take text on; what is certain goes to `parts`, with its style."""
        at, size = 0, len(text)
        while at < size:
            room = self._free - self._length
            if room > 0:
                stop = size if size - at <= room else text.rfind("\n", at, at + room) + 1 or at + room
                newline = text.rfind("\n", at, stop)
                self.parts.append((text[at:stop], style))
                self._length = self._length + stop - at if newline < 0 else stop - newline - 1
                at = stop
                continue
            newline = text.find("\n", at)
            stop = size if newline < 0 else newline
            self._hold(text[at:stop], style)
            at = stop
            if newline >= 0:
                self.end_line()
                self.parts.append(("\n", style))
                at += 1

    def end_line(self) -> None:
        """The line is over: what was held belongs to it, or the sign of what was cut."""
        self.parts += [(f"{ELLIPSIS} +{self._cut} bytes", "")] if self._cut else self._held
        self._length = self._held_length = self._cut = 0
        self._held = []

    def _hold(self, text: str, style: str) -> None:
        if not self._cut:
            self._held.append((text, style))
            self._held_length += len(text)
            if self._held_length <= _CUT_SIGN:
                return
            text = "".join(part for part, _ in self._held)
            self._held = []
        self._cut += len(text.encode())


def _styled(parts: list[tuple[str, str]]) -> Styled:
    spans: list[Span] = []
    at = 0
    for text, style in parts:
        end = at + len(text)
        if style and text:
            joins = bool(spans) and spans[-1].end == at and spans[-1].style == style
            start = spans.pop().start if joins else at
            spans.append(Span(start, end, style))
        at = end
    return Styled("".join(text for text, _ in parts), tuple(spans))


class Cleaner:
    """Cleans a stream piece by piece; wherever it is cut, the whole comes out the same.

    `cap` is the longest line in characters. Spans count from the start of the piece that is
    returned. What may be the beginning of a colour, a character or a cut is held for the next piece.
    """

    def __init__(self, cap: int = LINE_CAP) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lines = _Lines(cap)
        self._pen, self._style = _PLAIN, ""
        self._begun = ""
        self._column = 0
        self._marks = 0

    def feed(self, data: bytes | str, *, final: bool = False) -> Styled:
        """Clean `data` and everything held before it; `final` when nothing follows."""
        text = data if isinstance(data, str) else self._decoder.decode(data, final)
        text = self._begun + text
        self._begun = ""
        if not final and (begun := _SGR_BEGUN.search(text, max(0, len(text) - _SGR_SIZE - 2))):
            text, self._begun = text[: begun.start()], begun[0]
        at = 0
        if "\x1b" in text or "\x9b" in text:
            for match in _SGR.finditer(text):
                self._put(text[at : match.start()])
                self._pen = _paint(self._pen, match[1])
                self._style = _style(self._pen)
                at = match.end()
        self._put(text[at:] if at else text)
        if final:
            self._lines.end_line()
        parts, self._lines.parts = self._lines.parts, []
        return _styled(parts)

    def close(self) -> Styled:
        """What is still held, after the last piece."""
        return self.feed(b"", final=True)

    def _put(self, text: str) -> None:
        """Take on text that holds no colour."""
        if not text:
            return
        text = (_CONTROL_ASCII if text.isascii() else _CONTROL).sub(_token, text)
        text, self._marks = _limit_marks(text, self._marks)
        text, self._column = _expand_tabs(text, self._column)
        self._lines.put(text, self._style)


def clean(data: str | bytes) -> str:
    """`data` as plain safe text: printable characters and newlines."""
    return Cleaner().feed(data, final=True).text


def clean_line(line: bytes) -> Styled:
    """One line of a stream, with or without its newline, and its colours. Of a line of more than
    `LINE_CAP` bytes only the beginning is read."""
    line = line.removesuffix(b"\n")
    over = len(line) - LINE_CAP
    text, spans = Cleaner(cap=1 << 62).feed(line[:LINE_CAP], final=True)
    text = text.replace("\n", token("\n"))
    return Styled(f"{text}{ELLIPSIS} +{over} bytes" if over > 0 else text, spans)


# ── one row ──────────────────────────────────────────────────────────────────────────────────────


def cells(text: str) -> int:
    """The columns safe text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(char: str) -> int:
    if _is_mark(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def one_line(data: str | bytes, width: int) -> str:
    """`data` as safe text in one row of at most `width` columns. Newlines within are shown (`␊`),
    runs of blanks become one, so that they push nothing out of sight; what is cut leaves a sign."""
    text = " ".join(clean(data).strip().replace("\n", token("\n")).split())
    if cells(text) <= width:
        return text
    left = width - 1
    kept = []
    for char in text:
        left -= _cells_of(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + ELLIPSIS if width > 0 else ""


def json_shown(text: str) -> str:
    """JSON text with every control and invisible character written as an escape: the same value, and safe
    to show. JSON itself asks for that below U+0020 only."""
    return text if text.isascii() and "\x7f" not in text else _CONTROL.sub(_json_escape, text)


def _json_escape(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]


# ── lossless ─────────────────────────────────────────────────────────────────────────────────────

_REVEALED = re.compile("<U\\+([0-9A-F]{4,6})>|[\u2400-\u241f\u2421]")
_LOOKS_REVEALED = re.compile("<(?=U\\+[0-9A-F]{4,6}>)|[\u2400-\u241f\u2421]")


def reveal(text: str) -> str:
    """`text` with everything that cannot be told by looking at it spelled out; newlines stay.

    Different texts never look the same: `unreveal(reveal(text)) == text`. What already looks like
    a token is spelled out itself.
    """
    if text.isascii() and text.isprintable() and "<U+" not in text:
        return text
    shown = _LOOKS_REVEALED.sub(lambda m: f"<U+{ord(m[0]):04X}>", text)
    return _limit_marks("".join(map(_reveal_char, shown)), 0)[0]


def _reveal_char(char: str) -> str:
    if char == "\n" or (char.isprintable() and not _INVISIBLE_CHAR.match(char)):
        return char
    return token(char)


def unreveal(text: str) -> str:
    """The text that `reveal` showed as `text`."""
    return _REVEALED.sub(_unreveal, text)


def _unreveal(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    code = ord(match[0]) - 0x2400
    return chr(0x7F if code == 0x21 else code)
