"""What a terminal sends comes whole, however it was cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser

from console.tui.keyboard import ALONE, ANSWER, ESCAPE_KEY, LONGEST, TAIL, UNFINISHED, Keyboard

PARTS = st.sampled_from(
    [
        "j",
        "é",
        "\r",
        "\x1b[A",
        "\x1b[1;5C",
        "\x1bOP",
        "\x1b[15~",
        "\x1b[97;5u",
        "\x1b[<0;3;4M",
        "\x1bx",
        "\x1b[I",
    ]
)
NOISE = st.sampled_from(
    [
        "\x1b[?1;2c",
        "\x1b]11;rgb:0/0/0\x1b\\",
        "\x1bP1$r0m\x1b\\",
        "\x1b[>0;276;0c",
        "\x1b[999;999X",
        "\x1b[?2026;2$y",
    ]
)


class Line:
    """A keyboard with a clock and a terminal that answers or not."""

    def __init__(self, *, answers: bool = False) -> None:
        self.now = 100.0
        self.asked = 0
        self.answers = answers
        self.told: list[str] = []
        self.keyboard = Keyboard(self._ask, self.told.append, lambda: self.now)

    def _ask(self) -> bool:
        self.asked += 1
        return self.answers

    def after(self, seconds: float) -> str:
        self.now += seconds
        return self.keyboard.tick()


@given(st.lists(PARTS), st.data())
def test_a_cut_changes_nothing(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    line, seen = Line(answers=True), ""
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        seen += line.keyboard.feed(text[begin:end]) + line.after(ALONE * 2)
    assert seen == text


@given(st.lists(NOISE, max_size=4), st.data())
def test_what_is_no_key_gives_none(noise: list[str], data: st.DataObject) -> None:
    text = "".join(noise)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    line, seen = Line(answers=True), ""
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        seen += line.keyboard.feed(text[begin:end]) + line.after(ALONE * 2)
    assert "".join(seen.split("\x1b[?2026;2$y")) == ""


@given(st.lists(PARTS | NOISE | st.text(), max_size=6), st.data())
def test_nothing_is_made_up(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    line = Line()
    cut = data.draw(st.integers(0, len(text)))
    seen = line.keyboard.feed(text[:cut]) + line.keyboard.feed(text[cut:]) + line.after(TAIL + UNFINISHED)
    rest = iter(text)
    assert all(character in rest for character in seen.replace(ESCAPE_KEY, "\x1b"))


def test_an_escape_is_a_key_once_an_answer_follows_it() -> None:
    line = Line(answers=True)
    assert line.keyboard.feed("\x1b") == ""
    assert line.asked == 1
    assert line.keyboard.feed("\x1b[24;1R") == ESCAPE_KEY
    assert line.told == ["position"]


def test_an_arrow_that_takes_long_is_an_arrow_where_the_terminal_answers() -> None:
    line = Line(answers=True)
    assert line.keyboard.feed("\x1b") + line.after(ANSWER - 0.1) == ""
    assert line.keyboard.feed("[") + line.after(ANSWER - 0.1) == ""
    assert line.keyboard.feed("B") == "\x1b[B"


@pytest.mark.parametrize("tail", ["[B", "OP", "[1;5C", "[15~"])
def test_the_rest_of_a_sequence_after_an_escape_that_was_taken_for_a_key_is_no_key(tail: str) -> None:
    line = Line()
    assert line.keyboard.feed("\x1b") == ""
    assert line.after(ALONE) == ESCAPE_KEY
    assert "".join(line.keyboard.feed(character) for character in tail) == ""
    assert line.keyboard.feed("j") == "j"


def test_the_rest_is_swallowed_behind_a_multiplexer_that_answers_at_once() -> None:
    line = Line(answers=True)
    assert line.keyboard.feed("\x1b") + line.keyboard.feed("\x1b[24;1R") == ESCAPE_KEY
    assert line.keyboard.feed("[B") == ""
    assert line.keyboard.feed("j") == "j"


def test_keys_after_an_escape_are_keys() -> None:
    line = Line()
    line.keyboard.feed("\x1b")
    line.after(ALONE)
    assert line.keyboard.feed("jO") == "jO"


def test_two_escapes_are_two() -> None:
    line = Line()
    assert line.keyboard.feed("\x1b\x1b") + line.after(ALONE) == ESCAPE_KEY * 2


def test_a_sequence_that_never_ends_is_dropped_and_the_next_key_is_one() -> None:
    line = Line()
    assert line.keyboard.feed("\x1b[1;") + line.after(UNFINISHED) == ""
    assert line.keyboard.feed("j") == "j"
    assert line.keyboard.feed("\x1b]" + "x" * LONGEST) == ""
    assert line.keyboard.feed("j") == "j"


def test_text_that_is_pasted_stays_together() -> None:
    line = Line()
    paste = "\x1b[200~one\x1b\ntwo\x1b[201~"
    seen = "".join(line.keyboard.feed(character) + line.after(0.0) for character in paste)
    assert seen == paste


def test_the_parser_reads_the_escape_key() -> None:
    keys = [event for event in XTermParser().feed(ESCAPE_KEY) if isinstance(event, events.Key)]
    assert [key.key for key in keys] == ["escape"]
