"""Work beside the screen: in a thread that nobody waits for when the console is left. One piece of work
after the other, since each more of them at a time would leave a key less of the interpreter.

The event loop's own threads are joined at the end, which would keep an operator who leaves waiting for
work whose outcome nobody will see.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

REACH = 0.15
"""Seconds after a key in which all that is done for it has been painted, mostly."""

PATIENCE = 1.0
"""Seconds that a piece of work is put off at most."""


class Abandoned(Exception):
    """Nobody waits any more for what a thread works out."""


class Hand:
    """Whoever types goes first: two threads that work at once have half of the interpreter each."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ):
        self._clock, self._sleep = clock, sleep
        self._typed = float("-inf")
        self._own = threading.local()

    def typed(self) -> None:
        """A key has come."""
        self._typed = self._clock()

    def let_pass(self) -> None:
        """Called in a thread between two pieces of work: keep still while keys come, but not for ever.
        Raises `Abandoned` where nobody waits for the rest."""
        end = self._clock() + PATIENCE
        while (now := self._clock()) < min(end, until := self._typed + REACH):
            self._sleep(min(end, until) - now)
        if getattr(self._own, "is_abandoned", lambda: False)():
            raise Abandoned

    def works(self, is_abandoned: Callable[[], bool]) -> None:
        """This thread does, for somebody who may not wait to the end."""
        self._own.is_abandoned = is_abandoned


hand = Hand()
"""There is one terminal."""

_lane = threading.Lock()


async def beside(work: Callable[[], T]) -> T:
    """What `work` gives, or the exception it raises; when this is cancelled, work that lets keys pass ends at
    the next pause, and what has not begun never does."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: the console was left
            loop.call_soon_threadsafe(settle)

    def give(value: T) -> None:
        if not outcome.done():
            outcome.set_result(value)

    def fail(error: BaseException) -> None:
        if not outcome.done():
            outcome.set_exception(error)

    def run() -> None:
        hand.works(outcome.cancelled)
        try:
            with _lane:
                if outcome.cancelled():
                    return
                value = work()
        except BaseException as error:  # noqa: BLE001 (handed to whoever awaits it)
            reason = error
            tell(lambda: fail(reason))
        else:
            tell(lambda: give(value))

    threading.Thread(target=run, daemon=True).start()
    return await outcome
