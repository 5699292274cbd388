"""The sanitiser: what may reach a terminal, and that nothing is hidden on the way."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.text import (
    LINE_CAP,
    MARKS,
    Cleaner,
    Span,
    Styled,
    cells,
    clean,
    clean_line,
    json_shown,
    one_line,
    reveal,
    unreveal,
)

INVISIBLE = [
    0x61C,
    0x115F,
    0x1160,
    0x3164,
    0xFFA0,
    0x180E,
    *range(0x200B, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2060, 0x2070),
    0xFEFF,
    *range(0xFFF9, 0xFFFC),
    *range(0xE0000, 0xE0080),
    *range(0xD800, 0xE000),
]
FORBIDDEN = re.compile("[" + "".join(re.escape(chr(c)) for c in INVISIBLE) + "\x00-\x09\x0b-\x1f\x7f-\x9f]")

CONTROLS = [
    "\x1b",
    "\x1b[",
    "\x1b[31m",
    "\x1b[0m",
    "\x1b[1;38;5;9m",
    "\x9b32m",
    "\x1b]0;title\x07",
    "\x1b]52;c;aGk=\x1b\\",
    "\x1bPq#0\x1b\\",
    "\x1bX",
    "\x1b^",
    "\x1b_apc\x9c",
    "\x1bktmux\x1b\\",
    "\x90",
    "\x9d",
    "\x9c",
    "\x00",
    "\x7f",
    "[2J",
    "m",
    "1;",
    "word",
]
OTHERS = [
    "\r",
    "\n",
    "\t",
    "\u202e",
    "\u200b",
    "\ufeff",
    "\U000e0041",
    "e\u0301",
    "\u0301" * 9,
    "漢",
    "\ud800",
]
PIECES = st.sampled_from([*CONTROLS, *OTHERS, "-" * 100, "é" * 50])
NASTY = st.lists(PIECES | st.text(max_size=5), max_size=60).map("".join)


def joined(pieces: list[Styled]) -> Styled:
    """Pieces of one stream as if they had come at once."""
    spans: list[Span] = []
    at = 0
    for piece in pieces:
        for start, end, style in piece.spans:
            if spans and spans[-1].end == start + at and spans[-1].style == style:
                spans[-1] = Span(spans[-1].start, end + at, style)
            else:
                spans.append(Span(start + at, end + at, style))
        at += len(piece.text)
    return Styled("".join(piece.text for piece in pieces), tuple(spans))


def cut(data: str | bytes, cuts: list[int]) -> list[str | bytes]:
    places = [0, *sorted(place % (len(data) + 1) for place in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


@given(NASTY)
def test_what_comes_out_holds_printable_characters_and_newlines_only(text: str) -> None:
    out = clean(text)
    assert not FORBIDDEN.search(out)
    run = 0
    for char in out:
        run = run + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        assert run <= MARKS
    assert all(len(line) <= LINE_CAP for line in out.split("\n"))


@given(st.binary(max_size=300))
def test_any_bytes_come_out_safe(data: bytes) -> None:
    assert not FORBIDDEN.search(clean(data))
    assert not FORBIDDEN.search(clean_line(data).text)
    assert "\n" not in clean_line(data).text


@given(NASTY)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(NASTY, st.lists(st.integers(0, 10_000), max_size=8), st.integers(33, 80))
def test_a_stream_of_text_cut_anywhere_comes_out_the_same(text: str, cuts: list[int], cap: int) -> None:
    whole = Cleaner(cap).feed(text, final=True)
    cleaner = Cleaner(cap)
    assert joined([*[cleaner.feed(piece) for piece in cut(text, cuts)], cleaner.close()]) == whole


@given(NASTY, st.lists(st.integers(0, 10_000), max_size=8))
def test_a_stream_of_bytes_cut_within_characters_comes_out_the_same(text: str, cuts: list[int]) -> None:
    data = text.encode("utf-8", "replace")
    cleaner = Cleaner()
    pieces = [cleaner.feed(piece) for piece in cut(data, cuts)]
    assert joined([*pieces, cleaner.close()]) == Cleaner().feed(data, final=True)


@given(NASTY)
def test_spans_are_ordered_and_within_the_text(text: str) -> None:
    out, spans = Cleaner().feed(text, final=True)
    at = 0
    for span in spans:
        assert at <= span.start < span.end <= len(out)
        assert span.style
        at = span.end


@given(st.text() | NASTY)
def test_what_is_revealed_can_be_read_back_exactly(text: str) -> None:
    shown = reveal(text)
    assert unreveal(shown) == text
    assert not FORBIDDEN.search(shown)


@given(NASTY, st.integers(0, 40))
def test_a_row_never_passes_its_width(text: str, width: int) -> None:
    row = one_line(text, width)
    assert cells(row) <= width
    assert "\n" not in row
    assert not FORBIDDEN.search(row)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x1b[?2026$p", "␛[?2026$p"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("\x1b]8;;http://a\x1b\\b", "␛]8;;http://a␛\\b"),
        ("\x1bktitle\x1b\\", "␛ktitle␛\\"),
        ("\x1bP1$r\x9c", "␛P1$r<U+009C>"),
        ("\x9b2J", "<U+009B>2J"),
        ("10%\r20%", "10%␍20%"),
        ("safe\u202etxt.exe", "safe<U+202E>txt.exe"),
        ("a\x00b\x7f", "a␀b␡"),
        ("\ud800", "<U+D800>"),
        ("\U000e0041", "<U+E0041>"),
        ("[@click=app.quit]x[/]", "[@click=app.quit]x[/]"),
        ("e" + "\u0301" * 10, "e" + "\u0301" * 8 + "<U+0301>" * 2),
        ("a\tb\n\tc", "a       b\n        c"),
        ("\x1b[8mhidden\x1b[0m", "hidden"),
        ("unfinished \x1b[31", "unfinished ␛[31"),
        ("\x1b]0;no end\nnext line", "␛]0;no end\nnext line"),
    ],
)
def test_what_is_not_text_is_shown_and_not_obeyed(raw: str, shown: str) -> None:
    assert clean(raw) == shown


@pytest.mark.parametrize(
    ("codes", "style"),
    [
        ("1;31", "bold red"),
        ("31;1;4;39", "bold underline"),
        ("1;2;22;3", "italic"),
        ("97;44", "bright_white on blue"),
        ("102", "on bright_green"),
        ("38;5;200", "color(200)"),
        ("48;2;1;2;255;7", "reverse on #0102ff"),
        ("38:2::10:20:30", "#0a141e"),
        ("38:5:7", "color(7)"),
        ("4:3", "underline"),
        ("31;41", ""),
        ("8", ""),
        ("5", ""),
        ("38;5;999", ""),
        ("38", ""),
        ("31;0", ""),
        ("31;", ""),
    ],
)
def test_colour_survives_as_data(codes: str, style: str) -> None:
    text, spans = clean_line(f"\x1b[{codes}mx\x1b[0my".encode())
    assert text == "xy"
    assert spans == ((Span(0, 1, style),) if style else ())


def test_every_style_is_one_that_rich_understands() -> None:
    rich_style = pytest.importorskip("rich.style")
    for code in range(110):
        for span in clean_line(f"\x1b[{code};1;38;5;{code}mx".encode()).spans:
            rich_style.Style.parse(span.style)
    for style in ("bright_magenta on #0102ff", "color(0)", "dim strike reverse"):
        rich_style.Style.parse(style)


def test_a_long_line_is_cut_with_a_sign_that_counts_what_is_missing() -> None:
    out = clean("é" * LINE_CAP + "x\nnext")
    first, second = out.split("\n")
    kept = first.count("é")
    assert first == "é" * kept + f"… +{(LINE_CAP - kept) * 2 + 1} bytes"
    assert second == "next"
    assert clean("x" * LINE_CAP) == "x" * LINE_CAP


def test_a_spool_line_is_cut_by_its_bytes() -> None:
    text, _ = clean_line(b"x" * (LINE_CAP + 7) + b"\n")
    assert text == "x" * LINE_CAP + "… +7 bytes"


def test_state_between_pieces_is_bounded() -> None:
    cleaner = Cleaner()
    out = [cleaner.feed("\x1b[" + "1;" * 500).text, *(cleaner.feed("3;" * 50).text for _ in range(200))]
    assert "␛[1;1;" in out[0]
    assert sum(map(len, out)) == LINE_CAP - 32


def test_blanks_push_nothing_out_of_a_row() -> None:
    assert one_line("df -h" + " " * 400 + "; rm -rf /srv", 40) == "df -h ; rm -rf /srv"
    assert one_line("one\ntwo", 20) == "one␊two"
    assert one_line("漢字漢字", 6) == "漢字…"
    assert one_line("abc", 0) == ""


def test_different_texts_are_never_revealed_alike() -> None:
    assert reveal("a\u202eb") == "a<U+202E>b"
    assert reveal("a<U+202E>b") == "a<U+003C>U+202E>b"
    assert reveal("\x1b[2J") == "␛[2J"
    assert reveal("␛[2J") == "<U+241B>[2J"
    assert reveal("a\u00a0b c\t") == "a<U+00A0>b c␉"
    assert reveal("if [ 1 < 2 ]; then\n  echo '\\n'\nfi") == "if [ 1 < 2 ]; then\n  echo '\\n'\nfi"


def test_every_combining_mark_counts_towards_a_tower() -> None:
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        if unicodedata.category(char) in ("Mn", "Me") and not clean(char).startswith("<U+"):
            assert clean("a" + char * (MARKS + 1)).endswith(f"<U+{code:04X}>"), hex(code)


@given(st.text())
def test_json_that_is_shown_means_the_same_and_has_no_control_character(text: str) -> None:
    shown = json_shown(json.dumps({"a": text}, ensure_ascii=False, indent=1))
    assert json.loads(shown) == {"a": text}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u202a-\u202e\ud800-\udfff]", shown)
