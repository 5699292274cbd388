"""How a signal ends the process of a run: what is under way is called off, from the inside outwards.

While a run's world is being built there is nothing to resume: what has been started for it goes, and the
command says that nothing began. Later the run is let go of in good order (service/host.py).
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from console.errors import PlandeckError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class NotBegun(PlandeckError):
    """A signal came before the run had begun; `exit_code` tells which."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(
            f"ended by {number.name} before the run began", kept="no step was started", todo="Run it again"
        )
        self.exit_code = 128 + number


class Ending:
    """`number` is the signal that came. Only the first one counts: what it ends is not cut short."""

    def __init__(self, scope: anyio.CancelScope) -> None:
        self.number: signal.Signals | None = None
        self._scope = scope

    @property
    def exit_code(self) -> int | None:
        return None if self.number is None else 128 + self.number

    def calls_off(self, scope: anyio.CancelScope) -> None:
        """From now on a signal cancels `scope`, and nothing around it."""
        self._scope = scope

    async def watch(self, signals: AsyncIterator[signal.Signals]) -> None:
        async for number in signals:
            if self.number is None:
                self.number = number
                self._scope.cancel()


@asynccontextmanager
async def ending() -> AsyncIterator[Ending]:
    """Signals come to an `Ending` in the block. Raises `NotBegun` when one called the whole block off."""
    block = anyio.CancelScope()
    end = Ending(block)
    with anyio.open_signal_receiver(*SIGNALS) as signals:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(end.watch, signals)
                with block:
                    yield end
                tasks.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None  # the block's: watching raises nothing
    if block.cancelled_caught and end.number is not None:
        raise NotBegun(end.number)
