"""How a server ends: when its work is over, or by a signal, with everything cleaned up."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable

import anyio

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def until_signal(work: Callable[[], Awaitable[None]], end: Callable[[], None] | None = None) -> int:
    """Do `work` until it is over; gives the exit code. A signal calls `end`, after which the work must come
    to an end by itself, or cancels it; a second one ends the process at once."""
    code = 0
    with anyio.open_signal_receiver(*SIGNALS) as signals:
        async with anyio.create_task_group() as tasks:

            async def watch() -> None:
                nonlocal code
                async for number in signals:
                    code = 128 + number
                    for one in SIGNALS:
                        signal.signal(one, signal.SIG_DFL)
                    (end or tasks.cancel_scope.cancel)()

            tasks.start_soon(watch)
            await work()
            tasks.cancel_scope.cancel()
    return code
