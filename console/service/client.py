"""A front end's side of a run: executed by another process, only kept, or exported to a file.

    async with attach(directory, ui=True) as session:      # a run that a process executes
    session = Kept(directory)                              # a run's record, nobody executing it
    session = Replay(read_exported(file), file.parent)     # an exported run

All three are a `Session` (run/control.py). An `Attached` one also says who holds the control.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from console.errors import ControlRefused, UsageError
from console.run import journal
from console.run.control import Approve, ChangePlan, RunControl, Wish
from console.run.events import Record
from console.run.sharing import Sharing
from console.service import wire
from console.service.link import Link
from console.service.server import SOCKET
from console.service.signature import sign
from console.service.wire import BadFrame, Message, Wire

if TYPE_CHECKING:
    from console.service.exported import Exported

LOT = 2000
"""Rows read from the journal at a time. A record is made of each where it is used: as many decoded events
would have left the processor's cache before the first of them is looked at."""

FEW = 100
"""Rows up to which their records are made beside whoever asks: one of them may hold a large plan."""


class NotExecuted(UsageError):
    """No process executes this run."""


class Refused(UsageError):
    """The run's process does not let us in."""


def who_am_i() -> str:
    """How the others see this front end: user, terminal, process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"user {os.geteuid()}"
    try:
        place = os.ttyname(0).removeprefix("/dev/")
    except OSError:
        place = "no terminal"
    return f"{user} ({place}, pid {os.getpid()})"


class Attached:
    """A session of a run that another process executes. Made by `attach`.

    `holder` names who holds the control ("" for nobody), `asker` who asks for it, `others` the screens
    besides this one; `has_control` says whether it is us, `kept` why it was not given to us when we asked
    last. `on_control` is called when any of that changes. `gone` says why there is no connection any more.
    With a `key` every yes is signed.
    """

    def __init__(self, directory: Path, *, ui: bool, who: str = "", key: Path | None = None) -> None:
        self.key = key
        self.run = directory.name
        self.directory = directory
        self.ui = ui
        self.who = who or who_am_i()
        self.holder = ""
        self.asker = ""
        self.others: tuple[str, ...] = ()
        self.has_control = False
        self.kept = ""
        self.pid = 0
        self.gone = ""
        self.on_control: Callable[[], None] = lambda: None
        self._head = 0
        self._news = anyio.Event()
        self._answers: dict[int, _Answer] = {}
        self._number = 0
        self._wire: Wire | None = None
        self._sharing = Sharing()
        self._sending = anyio.Lock()

    @property
    def control(self) -> RunControl | None:
        return None if self.gone else self

    @property
    def head(self) -> int:
        """The number of the last record that is known to be written."""
        return self._head

    async def wish(self, wish: Wish, *, by: str = "", person: str | None = None) -> Any:
        """Say `wish` and wait for the answer. Who says it the engine finds out itself."""
        if self.key is not None and isinstance(wish, Approve):
            wish = await to_thread.run_sync(sign, wish, self.run, self.key)
        if isinstance(wish, ChangePlan):
            self._sharing.expect(wish.plan)
        self._number += 1
        answer = self._answers[self._number] = _Answer()
        try:
            await self._say(wire.pack_wish(wish, self._number, by or self.who))
            await answer.done.wait()
        finally:
            self._answers.pop(self._number, None)
        if answer.error is not None:
            raise answer.error
        return answer.value

    async def take_control(self) -> None:
        """Take the control from whoever holds it; both are told."""
        await self._say({"say": "take_control"})
        while not (self.has_control or self.gone):
            await self._news.wait()

    async def ask_control(self) -> None:
        """Ask whoever holds the control for it; `has_control` or `kept` is the answer, when it comes."""
        self.kept = ""
        await self._say({"say": "ask_control"})

    async def answer_control(self, *, yes: bool) -> None:
        """Give the control to whoever asks for it, or keep it."""
        await self._say({"say": "answer_control", "yes": yes})

    async def records(self, after: int = 0) -> AsyncGenerator[Record, None]:
        """The journal, then what comes, until the process that executes the run is gone.

        A run whose last record is not `run_finished` then has lost its process.
        """
        async with aclosing(self.lots(after)) as lots:
            async for lot in lots:
                for record in lot:
                    yield record

    async def lots(self, after: int = 0) -> AsyncGenerator[Iterable[Record], None]:
        """The same, as many at a time as are there."""
        while True:
            gone = bool(self.gone)
            made, after = await _next(self.directory, after, self._sharing)
            if made:
                yield made
                continue
            if gone:
                return
            while self._head <= after and not self.gone:
                await self._news.wait()

    async def last(self) -> int:
        return self._head

    async def verify(self) -> str:
        return await to_thread.run_sync(_problem_of, self.directory)

    async def _say(self, message: Message) -> None:
        if self._wire is None or self.gone:
            raise _lost(self.run)
        try:
            async with self._sending:
                await self._wire.send(message)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise _lost(self.run) from None

    # ── the connection ───────────────────────────────────────────────────────────────────────────

    async def _open(self) -> None:
        """Connect and be let in. Raises `NotExecuted` or `Refused`."""
        link = Wire(Link(_connect(self.directory)))
        try:
            # Who is sent away at the door is told why, and cannot say anything any more.
            with suppress(anyio.BrokenResourceError):
                await link.send({"say": "hello", "version": wire.VERSION, "ui": self.ui, "who": self.who})
            first = await link.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError, BadFrame):
            link.close()
            raise NotExecuted("the process that executed this run has just gone", where=self.run) from None
        except BaseException:
            link.close()
            raise
        if first["say"] == "bye":
            link.close()
            raise Refused(f"the run does not let this process in: {first.get('reason')}", where=self.run)
        self.pid, self._head, self._wire = int(first["pid"]), int(first["head"]), link
        self._wake()

    async def _listen(self) -> None:
        """Take in what the engine says. A lost connection is made again once: the engine sends
        clients away that were stopped for long."""
        while True:
            assert self._wire is not None
            try:
                reason = await self._take_in(self._wire)
            finally:
                self._wire.close()
            if not reason:
                try:
                    await self._open()
                    continue
                except (NotExecuted, Refused) as error:
                    reason = str(error)
            self._end(reason)
            return

    async def _take_in(self, link: Wire) -> str:
        while True:
            try:
                message = await link.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, BadFrame):
                self._fail_answers()
                return ""
            if message["say"] == "bye":
                return str(message.get("reason"))
            self._hear(message)

    def _hear(self, message: Message) -> None:
        match message["say"]:
            case "head":
                self._head = max(self._head, int(message["seq"]))
            case "control":
                self.holder, self.has_control = str(message["holder"]), bool(message["yours"])
                self.asker = str(message.get("asker", ""))
                self.others = tuple(map(str, message.get("others", ())))
                self.on_control()
            case "kept":
                self.kept = str(message["why"])
                self.on_control()
            case "reply" | "refused":
                answer = self._answers.get(int(message["id"]))
                if answer:
                    answer.hear(message)
        self._wake()

    def _end(self, reason: str) -> None:
        self.gone, self.has_control, self.holder = reason or "the connection was closed", False, ""
        self.asker, self.others = "", ()
        self._fail_answers()
        self._wake()
        self.on_control()

    def _fail_answers(self) -> None:
        for answer in self._answers.values():
            if not answer.done.is_set():
                answer.error = _lost(self.run, "; whether the wish was granted shows in its record")
                answer.done.set()

    def _wake(self) -> None:
        self._news.set()
        self._news = anyio.Event()


class _Answer:
    """The answer to one wish, when it comes."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.value: Any = None
        self.error: Exception | None = None

    def hear(self, message: Message) -> None:
        if message["say"] == "reply":
            self.value = wire.unpack_value(message.get("value"))
        else:
            self.error = wire.unpack_error(message["error"])
        self.done.set()


@asynccontextmanager
async def attach(
    directory: Path, *, ui: bool = False, who: str = "", key: Path | None = None
) -> AsyncIterator[Attached]:
    """Attach to the process that executes the run in `directory`. `ui` says that this is a screen:
    the first screen holds the control. `key` is an SSH key that every yes is signed with.

    Raises `NotExecuted` when there is no such process and `Refused` when it does not let us in.
    """
    session = Attached(directory, ui=ui, who=who, key=key)
    await session._open()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(session._listen)
        try:
            yield session
        finally:
            tasks.cancel_scope.cancel()
            session._end("this front end has left")


def _connect(directory: Path) -> socket.socket:
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            link.connect(f"/proc/self/fd/{folder}/{SOCKET}")
        finally:
            os.close(folder)
    except (FileNotFoundError, ConnectionRefusedError):
        link.close()
        raise NotExecuted(
            "no process executes this run",
            where=directory.name,
            todo=f"Take it up with: plandeck resume {directory.name}",
        ) from None
    except OSError as error:
        link.close()
        raise Refused(f"cannot reach the run: {error.strerror}", where=directory.name) from None
    return link


def _lost(run: str, more: str = "") -> ControlRefused:
    return ControlRefused(
        f"the connection to the process that executes this run is lost{more}",
        where=f"run {run}",
        todo=f"Attach again with: plandeck attach {run}",
    )


async def _next(directory: Path, after: int, sharing: Sharing) -> tuple[Iterable[Record], int]:
    """The next records after number `after`, and the number of the last of them."""
    rows = await to_thread.run_sync(journal.rows, directory, after, LOT)
    if not rows:
        return (), after
    made: Iterable[Record] = (sharing(journal.parse(row, sharing.decode)) for row in rows)
    if len(rows) <= FEW:
        made = await to_thread.run_sync(list, made)
    return made, rows[-1][0]


def _problem_of(directory: Path) -> str:
    return journal.verify(directory).problem


# ── without an engine ────────────────────────────────────────────────────────────────────────────


class Kept:
    """The record of a run that nobody executes. Nothing can be wished of it."""

    control: RunControl | None = None

    def __init__(self, directory: Path) -> None:
        self.run = directory.name
        self.directory = directory

    async def last(self) -> int:
        return await to_thread.run_sync(journal.last, self.directory)

    async def verify(self) -> str:
        return await to_thread.run_sync(_problem_of, self.directory)

    async def records(self, after: int = 0) -> AsyncGenerator[Record, None]:
        async with aclosing(self.lots(after)) as lots:
            async for lot in lots:
                for record in lot:
                    yield record

    async def lots(self, after: int = 0) -> AsyncGenerator[Iterable[Record], None]:
        """The same, many at a time."""
        sharing = Sharing()
        made, after = await _next(self.directory, after, sharing)
        while made:
            yield made
            made, after = await _next(self.directory, after, sharing)


class Replay:
    """An exported run, told at once from its first record to its last (console/service/playback.py plays
    it in time)."""

    control: RunControl | None = None

    def __init__(self, run: Exported, directory: Path) -> None:
        self.run = str(getattr(run.records[0].event, "run", "")) or "exported"
        self.directory = directory
        self._records = run.records

    async def records(self, after: int = 0) -> AsyncGenerator[Record, None]:
        for record in self._records:
            if record.seq > after:
                yield record


def is_executed(directory: Path) -> bool:
    """Whether a process listens for this run now."""
    try:
        _connect(directory).close()
    except UsageError:
        return False
    return True
