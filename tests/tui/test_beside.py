"""Work beside the screen lets whoever types go first."""

from __future__ import annotations

import pytest

from console.tui.beside import PATIENCE, REACH, Hand


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_nothing_waits_while_nobody_types() -> None:
    clock = Clock()
    Hand(clock, clock.sleep).let_pass()
    assert clock.slept == []


def test_work_keeps_still_until_a_key_has_been_seen_to() -> None:
    clock = Clock()
    hand = Hand(clock, clock.sleep)
    hand.typed()
    clock.now += REACH / 3
    hand.let_pass()
    assert clock.slept == [pytest.approx(REACH * 2 / 3)]
    hand.let_pass()
    assert len(clock.slept) == 1


def test_a_key_that_is_held_down_does_not_keep_work_for_ever() -> None:
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.sleep(min(seconds, REACH / 2))
        hand.typed()

    hand = Hand(clock, sleep)
    hand.typed()
    hand.let_pass()
    assert clock.now == pytest.approx(100.0 + PATIENCE)
