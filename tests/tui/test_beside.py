"""Work beside the screen lets whoever types go first."""

from __future__ import annotations

import asyncio
import threading

import pytest

from console.tui.beside import PATIENCE, REACH, Hand, beside, hand


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


@pytest.mark.anyio
async def test_one_piece_of_work_is_done_after_the_other() -> None:
    begun, go_on, order = threading.Event(), threading.Event(), []

    def first() -> None:
        begun.set()
        assert go_on.wait(10)
        order.append("first")

    one = asyncio.create_task(beside(first))
    await asyncio.to_thread(begun.wait, 10)
    other = asyncio.create_task(beside(lambda: order.append("second")))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(one, other)
    assert order == ["first", "second"]


@pytest.mark.anyio
async def test_work_that_nobody_waits_for_ends_at_its_next_pause() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def long() -> None:
        begun.set()
        assert go_on.wait(10)
        hand.let_pass()
        done.append("long")

    one = asyncio.create_task(beside(long))
    await asyncio.to_thread(begun.wait, 10)
    waiting = asyncio.create_task(beside(lambda: done.append("waiting")))
    await asyncio.sleep(0)
    one.cancel()
    waiting.cancel()
    await asyncio.gather(one, waiting, return_exceptions=True)
    go_on.set()
    await beside(lambda: done.append("last"))
    assert done == ["last"]


@pytest.mark.anyio
async def test_what_goes_wrong_beside_the_screen_is_told_to_whoever_waits() -> None:
    def wrong() -> None:
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        await beside(wrong)
