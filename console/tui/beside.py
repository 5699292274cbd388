"""Work beside the screen: in a thread that nobody waits for when the console is left.

The event loop's own threads are joined at the end, which would keep an operator who leaves waiting for
work whose outcome nobody will see.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def beside(work: Callable[[], T]) -> T:
    """What `work` gives, or the exception it raises."""
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
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 (handed to whoever awaits it)
            reason = error
            tell(lambda: fail(reason))
        else:
            tell(lambda: give(value))

    threading.Thread(target=run, daemon=True).start()
    return await outcome
