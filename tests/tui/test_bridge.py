"""Records on their way to the screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from console.run.events import Record
from console.tui.bridge import PAUSE, Bridge
from tests.tui import builders, fakes

pytestmark = pytest.mark.anyio


class Halting(fakes.FakeSession):
    """A session of several consoles that knows its last record, and halts before it until it may go on."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, *fakes.approved())
        self.halted, self.go_on = asyncio.Event(), asyncio.Event()
        self.holder = self.asker = self.kept = ""
        self.others: tuple[str, ...] = ()
        self.has_control = True
        self.on_control: Callable[[], None] = lambda: None

    async def take_control(self) -> None: ...

    async def ask_control(self) -> None: ...

    async def answer_control(self, *, yes: bool) -> None: ...

    async def last(self) -> int:
        return len(self._records)

    async def records(self, after: int = 0) -> AsyncGenerator[Record, None]:
        async for record in super().records(after):
            if record.seq == len(self._records):
                self.halted.set()
                await self.go_on.wait()
            yield record


async def test_nothing_is_told_of_a_state_that_was_over_before_we_came(tmp_path: Path) -> None:
    session, told = Halting(tmp_path), asyncio.Event()
    bridge = Bridge(session, "ada", told.set)
    following = asyncio.create_task(bridge.follow())
    await session.halted.wait()
    session.on_control()
    due: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(2 * PAUSE, due.set_result, None)
    await due  # a telling that had been put on the clock would have come before
    assert bridge.state.seq > 0
    assert not told.is_set()
    assert not bridge.ready
    session.go_on.set()
    await told.wait()
    assert bridge.ready
    assert bridge.state.seq == await session.last()
    following.cancel()


async def test_a_change_is_told_at_once_and_what_follows_at_one_go(tmp_path: Path) -> None:
    records, told = builders.records(fakes.approved()), asyncio.Semaphore(0)
    bridge = Bridge(fakes.FakeSession(tmp_path), "ada", told.release)
    bridge.fold(records[0])
    assert told.locked()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not told.locked()
    await told.acquire()
    bridge.fold(records[1])
    bridge.fold(records[2])
    await told.acquire()
    assert told.locked()
