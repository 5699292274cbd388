"""Work beside the screen lets whoever types go first."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

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


class Slow:
    """Work that goes on when it is let."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._begun, self._go_on, self._then = threading.Event(), threading.Event(), then

    def __call__(self) -> None:
        self._begun.set()
        assert self._go_on.wait(10)
        self._then()

    async def begin(self) -> asyncio.Task[None]:
        task = asyncio.create_task(beside(self))
        assert await asyncio.to_thread(self._begun.wait, 10)
        return task

    def go_on(self) -> None:
        self._go_on.set()


@pytest.mark.anyio
async def test_one_piece_of_work_is_done_after_the_other() -> None:
    order: list[str] = []
    slow = Slow(lambda: order.append("first"))
    one = await slow.begin()
    other = asyncio.create_task(beside(lambda: order.append("second")))
    await asyncio.sleep(0)
    slow.go_on()
    await asyncio.gather(one, other)
    assert order == ["first", "second"]


@pytest.mark.anyio
async def test_work_that_nobody_waits_for_ends_at_its_next_pause() -> None:
    done: list[str] = []

    def rest() -> None:
        hand.let_pass()
        done.append("slow")

    slow = Slow(rest)
    one = await slow.begin()
    waiting = asyncio.create_task(beside(lambda: done.append("waiting")))
    await asyncio.sleep(0)
    one.cancel()
    waiting.cancel()
    await asyncio.gather(one, waiting, return_exceptions=True)
    slow.go_on()
    await beside(lambda: done.append("last"))
    assert done == ["last"]


@pytest.mark.anyio
async def test_what_goes_wrong_beside_the_screen_is_told_to_whoever_waits() -> None:
    def wrong() -> None:
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        await beside(wrong)
