"""Between a session and the screen: records come in and are folded, wishes go out.

The records are folded here as they come; the screen is told that something changed at once, but at most
every `PAUSE` seconds, and reads the state itself. A run with 10,000 events costs a few repaints.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from textual.message import Message

from console.errors import ControlRefused, IllegalEvent, PlandeckError
from console.plan.model import StepId
from console.run.control import Session, Wish
from console.run.events import Record, StepEvent
from console.run.state import RunState
from console.tui.records import Records

PAUSE = 0.06
"""Seconds between two tellings."""

BATCH = 200
"""Records that are folded before others get their turn."""


class RunChanged(Message):
    """The run is not as it was: look at the bridge's state. Holds nothing, so that one stands for many."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RunChanged)


@runtime_checkable
class Shared(Protocol):
    """A session that several consoles may have: one of them holds the control, another may ask for it."""

    holder: str
    asker: str
    others: tuple[str, ...]
    has_control: bool
    kept: str
    on_control: Callable[[], None]

    async def take_control(self) -> None:
        """Take the control from whoever holds it."""

    async def ask_control(self) -> None:
        """Ask whoever holds the control for it."""

    async def answer_control(self, *, yes: bool) -> None:
        """Give the control to whoever asks for it, or keep it."""


@runtime_checkable
class Headed(Protocol):
    """A session that knows how far its record goes before it gives any of it: nothing is told of a state
    that was over before we came."""

    async def last(self) -> int:
        """The number of the last record that is written."""


@runtime_checkable
class InLots(Protocol):
    """A session that gives as many records at a time as are there."""

    def lots(self, after: int = 0) -> AsyncGenerator[Iterable[Record], None]:
        """As `Session.records`."""


@runtime_checkable
class Chained(Protocol):
    """A session whose record is a chain of hashes."""

    async def verify(self) -> str:
        """What is wrong with the chain; empty when it holds."""


@dataclass(frozen=True, slots=True)
class Company:
    """Who else looks at the run: the screens besides this one (`others`), who of them holds the control
    (`holder`, "" where it is ours or nobody's) and who asks for it; `kept` is why ours was not granted."""

    others: tuple[str, ...] = ()
    holder: str = ""
    asker: str = ""
    kept: str = ""
    ours: bool = True


class Bridge:
    """`changed` is called when there is something new. `state` is the fold so far, `records` what it
    was made from; `take_touched` gives the steps that something happened to since it was last asked.
    `ready` says that what there was when we came has been folded, `gone` that no more records will come,
    `fault` why they could not be followed, or must not be trusted."""

    def __init__(self, session: Session, by: str, changed: Callable[[], Any]) -> None:
        self.session = session
        self.by = by
        self.state = RunState()
        self.records = Records()
        self.ready = False
        self.gone = False
        self.fault = ""
        self._changed = changed
        self._touched: set[StepId] = set()
        self._told: asyncio.TimerHandle | None = None
        self._told_last = float("-inf")
        self._behind = False
        self._awaited = 0
        self._arrived = asyncio.Event()
        if isinstance(session, Shared):
            session.on_control = self._tell

    @property
    def read_only(self) -> str:
        """Why nothing can be wished; empty when it can."""
        if self.session.control is None:
            return "this run is only shown here"
        if isinstance(self.session, Shared) and not self.session.has_control:
            return f"{self.session.holder or 'nobody'} holds the control (L asks for it, T takes it)"
        return ""

    @property
    def company(self) -> Company:
        """Who else looks at the run."""
        session = self.session
        if not isinstance(session, Shared) or session.control is None:
            return Company()
        holder = "" if session.has_control else session.holder
        return Company(session.others, holder, session.asker, session.kept, session.has_control)

    @property
    def takeable(self) -> bool:
        """Whether another console holds the control, and it can be taken."""
        session = self.session
        return session.control is not None and isinstance(session, Shared) and not session.has_control

    async def take_control(self) -> None:
        """Take the control from another console. Raises `ControlRefused` where there is none to take."""
        if not isinstance(self.session, Shared):
            raise ControlRefused(self.read_only or "the control is ours")
        await self.session.take_control()

    async def ask_control(self) -> None:
        """Ask another console for the control."""
        if isinstance(self.session, Shared):
            await self.session.ask_control()

    async def answer_control(self, *, yes: bool) -> None:
        """Give the control to the console that asks for it, or keep it."""
        if isinstance(self.session, Shared):
            await self.session.answer_control(yes=yes)

    async def follow(self) -> None:
        """Fold what the session gives, until it gives no more."""
        folded = 0
        try:
            if isinstance(self.session, Headed):
                self._awaited = await self.session.last()
            else:  # what there is comes at one go
                self._told_last = asyncio.get_running_loop().time()
            async with aclosing(_lots(self.session, self.state.seq)) as lots:
                async for lot in lots:
                    for record in lot:
                        self.fold(record)
                        folded += 1
                        if folded % BATCH == 0:
                            self._behind = True
                            await asyncio.sleep(0)
                            self._behind = False
        except (PlandeckError, OSError) as error:
            self.fault = str(error)
        finally:
            self.gone = True
            self._tell()

    async def verify(self) -> None:
        """Have the record's chain looked at, and say what is wrong with it. It takes as long as everything
        before the first picture that is not imported: it comes after."""
        if not isinstance(self.session, Chained):
            return
        try:
            problem = await self.session.verify()
        except PlandeckError as error:
            problem = error.what
        if problem and not self.fault:
            self.fault = f"THE RECORD IS BROKEN, do not trust it: {problem}"
            self._tell()

    def rewind(self) -> None:
        """The session's records begin anew: so does the fold."""
        self._touched.update(self.state.steps)
        self.state, self.records = RunState(), Records()

    def fold(self, record: Record) -> None:
        """Take in one record. Raises `IllegalEvent` when it cannot follow the ones before."""
        try:
            self.state.apply(record)
        except IllegalEvent as error:
            raise IllegalEvent(
                f"record {record.seq} cannot follow the ones before it: {error}",
                kept="the record itself is safe",
                todo="verify it with plandeck verify",
            ) from error
        self.records.append(record)
        self._arrived.set()
        if isinstance(record.event, StepEvent):
            self._touch(record.event.step)
        if self._told is None and self.state.seq >= self._awaited:
            loop = asyncio.get_running_loop()
            self._told = loop.call_at(max(loop.time(), self._told_last + PAUSE), self._tell)

    def _touch(self, step: StepId) -> None:
        self._touched.add(step)
        if self.state.rollback is not None:
            self._touched.update(self.state.rollback.items_undoing(step))

    def _tell(self) -> None:
        if self._told is not None:
            self._told.cancel()
        self._told = None
        self._told_last = asyncio.get_running_loop().time()
        here = bool(self.records) and self.state.seq >= self._awaited and not self._behind
        self.ready = self.ready or self.gone or here
        if self.ready:  # nobody is shown what was true for a moment long ago
            self._changed()

    def take_touched(self) -> set[StepId]:
        touched, self._touched = self._touched, set()
        return touched

    async def until(self, holds: Callable[[], bool], patience: float = 2.0) -> bool:
        """Wait for the records to say so; whether they did within `patience` seconds."""
        try:
            async with asyncio.timeout(patience):
                while not holds():
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    async def wish(self, wish: Wish) -> Any:
        """Say a wish. Raises `ControlRefused` with the reason when it is not granted."""
        return await say_wish(self.session, wish, self.by)


async def say_wish(session: Session, wish: Wish, by: str) -> Any:
    """Say a wish to a session, whether it is shown or not. Raises `ControlRefused`."""
    control = session.control
    if control is None:
        raise ControlRefused("this run is only shown here; nothing can be wished")
    return await control.wish(wish, by=by)


async def _lots(session: Session, after: int) -> AsyncGenerator[Iterable[Record], None]:
    """The records of a session in lots, of those that give them one by one in lots of one."""
    if isinstance(session, InLots):
        async with aclosing(session.lots(after)) as lots:
            async for lot in lots:
                yield lot
        return
    async with aclosing(session.records(after)) as records:
        async for record in records:
            yield (record,)
