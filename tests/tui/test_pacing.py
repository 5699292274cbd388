"""A frame waits for the terminal's answer to the one before."""

from __future__ import annotations

import pytest

from console.tui.pacing import LOST, PATIENCE, QUESTIONS, SMALL, UNHEARD, WINDOW, Pace

FRAME = WINDOW * 4


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    """One whose terminal knows the first question."""
    pace = Pace(clock)
    pace.answered("mode")
    return pace


def test_the_first_frame_waits_for_nothing(clock: Clock) -> None:
    assert Pace(clock).wait() == 0


def test_a_frame_waits_for_the_answer_to_a_large_one(pace: Pace, clock: Clock) -> None:
    assert pace.painted(FRAME) == QUESTIONS["mode"]
    clock.now += 1.0
    assert pace.wait() == pytest.approx(PATIENCE - 1.0)
    pace.answered("mode")
    assert pace.wait() == 0
    assert pace.delay == pytest.approx(1.0)


def test_small_changes_go_on_until_the_window_is_full(pace: Pace) -> None:
    for _ in range(3):
        assert pace.wait() == 0
        pace.painted(WINDOW // 3 + 1)
    assert pace.wait() > 0


def test_an_answer_that_is_lost_holds_frames_for_a_while_only(pace: Pace, clock: Clock) -> None:
    pace.painted(FRAME)
    clock.now += PATIENCE
    assert pace.wait() == 0


def test_a_terminal_that_answers_no_more_is_painted_by_the_clock(pace: Pace, clock: Clock) -> None:
    for _ in range(LOST):
        pace.painted(FRAME)
        clock.now += PATIENCE
        pace.wait()
    assert not pace.is_answered
    pace.painted(FRAME)
    assert pace.wait() == pytest.approx(UNHEARD)
    pace.answered("mode")
    assert pace.is_answered


def test_a_terminal_that_answers_nothing_is_asked_nothing(clock: Clock) -> None:
    pace = Pace(clock)
    assert pace.painted(FRAME) == ""
    assert pace.wait() == pytest.approx(UNHEARD)


def test_where_only_the_position_is_told_that_is_asked(clock: Clock) -> None:
    pace = Pace(clock)
    pace.answered("position")
    assert pace.painted(FRAME) == QUESTIONS["position"]
    pace.answered("mode")
    assert pace.painted(FRAME) == QUESTIONS["mode"]


def test_a_clock_that_goes_on_asks_nothing(pace: Pace) -> None:
    assert [pace.painted(SMALL // 4) for _ in range(3)] == ["", "", ""]
    assert pace.painted(SMALL // 4) == QUESTIONS["mode"]
