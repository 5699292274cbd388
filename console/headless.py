"""The line-oriented front end: follows a session and prints every fact, as a line or as JSON.

It decides nothing. What the run asks is put to `answer`, where there is somebody to ask; otherwise
the answer comes from elsewhere (an attached screen), or the engine was told that nobody answers.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from math import inf

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from console.errors import ControlRefused
from console.lines import line_of
from console.run.control import Session, Wish
from console.run.events import Record
from console.run.life import StepStatus
from console.run.standing import Request
from console.run.state import RunState
from console.text import clean, json_shown

Answer = Callable[[Request, RunState], Awaitable[Wish | None]]
"""Asks a person; `None` when they have gone."""

Beside = Callable[["Follower"], Awaitable[None]]
"""Runs beside what is followed, until it ends."""

Say = Callable[[str], None]
"""Puts out one line, at once."""

Show = Callable[[Record, RunState, Record | None], None]
"""Shows a record: with the state it leads to, and the record that came with it, where one did."""

LEFT = 4
"""The exit code of a run that has not ended: it was left and can be resumed."""


def json_lines(say: Say) -> Show:
    """Each record as one JSON object."""

    def show(record: Record, *_: object) -> None:
        say(json_shown(json.dumps(record.to_json(), ensure_ascii=False, separators=(",", ":"))))

    return show


def plain_lines(say: Say) -> Show:
    """Each fact as one line of text."""

    def show(record: Record, state: RunState, then: Record | None) -> None:
        if line := line_of(record, state, then):
            say(line)

    return show


class Follower:
    """Follows `session` and shows every record after number `after`; `follow` gives the exit code."""

    def __init__(
        self,
        session: Session,
        show: Show,
        answer: Answer | None = None,
        *,
        by: str = "",
        after: int = 0,
        beside: Beside | None = None,
        tell: Say | None = None,
    ) -> None:
        self.session = session
        self.state = RunState()
        self._show = show
        self._answer = answer
        self._by = by
        self._after = after
        self._beside = beside
        self._tell = tell
        self._heard = anyio.Event()
        self._scope: anyio.CancelScope | None = None
        self._put: tuple[str, anyio.CancelScope] | None = None

    def leave(self) -> None:
        """Stop following; the run is left as it is."""
        if self._scope is not None:
            self._scope.cancel()

    async def follow(self) -> int:
        """Show what comes until the run's process or the person who answers is gone."""
        with anyio.CancelScope() as self._scope:
            await self._follow()
        return self.state.finished.exit_code if self.state.finished else LEFT

    async def _follow(self) -> None:
        async with anyio.create_task_group() as tasks:
            if self._answer is not None and self.session.control is not None:
                tasks.start_soon(self._ask, self._answer)
            if self._beside is not None:
                tasks.start_soon(self._stand_beside, self._beside)
            told, heard = anyio.create_memory_object_stream[Record](inf)
            tasks.start_soon(self._listen, told)
            await self._take_in(heard)
            tasks.cancel_scope.cancel()

    async def _stand_beside(self, beside: Beside) -> None:
        await beside(self)

    async def _listen(self, told: MemoryObjectSendStream[Record]) -> None:
        async with told, aclosing(self.session.records()) as records:
            async for record in records:
                told.send_nowait(record)

    async def _take_in(self, heard: MemoryObjectReceiveStream[Record]) -> None:
        with heard:
            async for record in heard:
                # Records of one commit come together: what follows at once is there already.
                following: Record | None = record
                while following is not None:
                    following = self._take(following, _next(heard))

    def _take(self, record: Record, then: Record | None) -> Record | None:
        """Take in and show `record`; gives what is next."""
        self.state.apply(record)
        if record.seq > self._after:
            self._show(record, self.state, then)
        if self._put is not None and self._put[0] not in self.state.requests:
            self._put[1].cancel()  # answered elsewhere, or nobody's question any more
        heard, self._heard = self._heard, anyio.Event()
        heard.set()
        return then

    async def heard(self, holds: Callable[[], bool]) -> None:
        """Wait for records until something holds."""
        while not holds():
            await self._heard.wait()

    async def _ask(self, answer: Answer) -> None:
        while True:
            request = self.question()
            if request is None:
                await self._heard.wait()
                continue
            with anyio.CancelScope() as scope:
                self._put = request.id, scope
                wish = await answer(request, self.state)
            self._put = None
            if scope.cancelled_caught:
                continue
            if wish is None:
                self.leave()
                return
            await self._say_wish(wish, request)

    def question(self) -> Request | None:
        """The oldest question, once nothing runs that would print into it."""
        running = [s for s, step in self.state.steps.items() if step.status is StepStatus.RUNNING]
        if not all(self.state.waits_for_a_person(step) for step in running):
            return None
        return next(iter(self.state.requests.values()), None)

    async def _say_wish(self, wish: Wish, request: Request) -> None:
        control = self.session.control
        if control is None:
            await anyio.sleep_forever()  # until the last records have come
        assert control is not None
        try:
            await control.wish(wish, by=self._by)
        except ControlRefused as refused:
            # It was answered elsewhere, or changed meanwhile: what holds now is put again.
            await anyio.lowlevel.checkpoint()
            if self._tell is not None and request.id in self.state.requests:
                self._tell(f"! {clean(str(refused))}")
                return
        while request.id in self.state.requests and not self.state.status.is_final:
            await self._heard.wait()


def _next(heard: MemoryObjectReceiveStream[Record]) -> Record | None:
    """The next record, if it has come."""
    try:
        return heard.receive_nowait()
    except (anyio.WouldBlock, anyio.EndOfStream):
        return None
