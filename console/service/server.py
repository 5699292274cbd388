"""The engine's side of a run's socket.

Several clients may watch; one of them holds the control: the first screen that attached, until
another takes it, it gives it to one that asks, or it leaves. Everybody is told who holds it, who asks
for it and who watches. Nothing a client does or fails to do
makes the engine wait: a client gets a short queue of its own, and one that is too slow, too many,
not ours, or does not speak the language is sent away with the reason, which also goes to the log.
"""

from __future__ import annotations

import logging
import os
import socket
import stat
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup, TaskStatus

from console.errors import ControlRefused, PlandeckError, UsageError
from console.run.control import Approve, Countersign, RequestRollback, Session
from console.service import wire
from console.service.link import Link
from console.service.peer import is_guest, peer_of, refusal
from console.service.person import person_of
from console.service.signature import signer_of
from console.service.wire import BadFrame, Message, Wire

log = logging.getLogger("plandeck.service")

SOCKET = "sock"
CLIENTS = 64
QUEUE = 256
"""Answers that may wait for one client; one that does not fetch them is sent away."""

WISHES = 64
"""Wishes of one client that may be under way at once."""

HELLO_SECONDS = 5.0
STALL_SECONDS = 60.0
"""A client that has not read for so long is sent away; it may come back and misses nothing."""

ACCEPT_PAUSE = 0.2
NAME_LENGTH = 100


def listen(directory: Path) -> socket.socket:
    """A socket in a run's own folder, 0600 from its first moment, in place of a stale one.

    The caller holds the run's journal, so nobody else can be listening there. It is bound through
    a descriptor of the folder: a path of any length will do.
    """
    path = directory / SOCKET
    try:
        found = path.lstat()
    except FileNotFoundError:
        pass
    else:
        if not stat.S_ISSOCK(found.st_mode):
            raise UsageError("something that is not a socket is in the way", where=str(path), todo="Move it")
        path.unlink()
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchmod(server.fileno(), 0o600)
        server.bind(f"/proc/self/fd/{folder}/{SOCKET}")
        server.listen(CLIENTS)
        server.setblocking(False)
    except OSError as error:
        server.close()
        raise UsageError(f"cannot listen here: {error.strerror}", where=str(path)) from None
    finally:
        os.close(folder)
    return server


class _Sent(Exception):
    """A client is sent away; the text is the reason."""


class _Client:
    """One connection. `outbox` holds what it must still be told, besides how far the journal is."""

    def __init__(self, connection: socket.socket, pid: int, *, guest: bool) -> None:
        self.wire = Wire(Link(connection))
        self.pid = pid
        self.guest = guest
        self.person = person_of(pid)
        self.who = f"pid {pid}"
        self.ui = False
        self.outbox: deque[Message] = deque()
        self.news = anyio.Event()
        self.told = 0
        self.pending = 0
        self.full = False

    def tell(self, message: Message) -> None:
        """Put a message in its queue; never waits."""
        if len(self.outbox) >= QUEUE:
            self.full = True
        else:
            self.outbox.append(message)
        self.news.set()


class Service:
    """Serves one session to whoever attaches. `head` is the number of the last record there is, `signers`
    the file of those who may sign approvals.

    `await serve()` runs until it is cancelled. `on_company` is called when somebody comes or goes.
    """

    def __init__(
        self, session: Session, *, head: int = 0, engine: int | None = None, signers: Path | None = None
    ) -> None:
        self.session = session
        self.signers = signers
        self.head = head
        self.engine = engine or os.getpid()
        self.clients: list[_Client] = []
        self.holder: _Client | None = None
        self.asker: _Client | None = None
        self.on_company: Callable[[], None] = lambda: None

    @property
    def is_watched(self) -> bool:
        """Whether anybody has a screen on the run."""
        return any(client.ui for client in self.clients)

    async def serve(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Listen in the session's folder, and take the socket away at the end."""
        listener = listen(self.session.directory)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._follow)
                task_status.started()
                await self._accept(listener, tasks)
        finally:
            listener.close()
            (self.session.directory / SOCKET).unlink(missing_ok=True)

    async def _follow(self) -> None:
        async with aclosing(self.session.records(self.head)) as records:
            async for record in records:
                self.head = record.seq
                for client in self.clients:
                    client.news.set()

    async def _accept(self, listener: socket.socket, tasks: TaskGroup) -> None:
        while True:
            await anyio.wait_readable(listener)
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                continue
            except OSError as error:
                # No descriptor is free: those that are attached stay served.
                log.warning("cannot accept a client: %s", error.strerror)
                await anyio.sleep(ACCEPT_PAUSE)
                continue
            tasks.start_soon(self._welcome, connection)

    async def _welcome(self, connection: socket.socket) -> None:
        peer = peer_of(connection)
        client = _Client(connection, peer.pid, guest=is_guest(peer))
        try:
            reason = refusal(peer, self.session.run, self.engine)
            if not reason and len(self.clients) >= CLIENTS:
                reason = f"{CLIENTS} clients are attached already"
            if reason:
                raise _Sent(reason)
            await self._talk(client)
        except (_Sent, BadFrame) as error:
            log.warning("%s was sent away: %s", client.who, error)
            await _farewell(client, str(error))
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            log.info("%s left", client.who)
        finally:
            self._leave(client)
            client.wire.close()

    async def _talk(self, client: _Client) -> None:
        with anyio.move_on_after(HELLO_SECONDS) as patience:
            hello = await client.wire.receive()
        if patience.cancelled_caught:
            raise _Sent(f"it said nothing for {HELLO_SECONDS:.0f} seconds")
        if hello["say"] != "hello" or hello.get("version") != wire.VERSION:
            raise _Sent("it speaks another version; use the plandeck that started the run")
        client.ui = hello.get("ui") is True and not client.guest
        client.who = _name(hello.get("who"), client.who)
        self._join(client)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._write, client)
                await self._read(client, tasks)
        except* (
            _Sent,
            BadFrame,
            anyio.EndOfStream,
            anyio.BrokenResourceError,
            anyio.ClosedResourceError,
        ) as group:
            raise _first(group) from None

    # ── who is there ─────────────────────────────────────────────────────────────────────────────

    def _join(self, client: _Client) -> None:
        self.clients.append(client)
        client.told = self.head
        client.tell(
            {
                "say": "welcome",
                "run": self.session.run,
                "pid": self.engine,
                "head": self.head,
                "version": wire.VERSION,
            }
        )
        if client.ui and self.holder is None:
            self.holder = client
        self._announce()
        log.info("%s attached", client.who)

    def _leave(self, client: _Client) -> None:
        if client not in self.clients:
            return
        self.clients.remove(client)
        if self.asker is client:
            self.asker = None
        if self.holder is client:
            waiting = [self.asker] if self.asker else [other for other in self.clients if other.ui]
            self._hand_to(next(iter(waiting), None))
        else:
            self._announce()

    def _hand_to(self, client: _Client | None) -> None:
        """Who holds the control from now on."""
        self.holder = client
        if self.asker is client:
            self.asker = None
        self._announce()

    def _ask_for_control(self, client: _Client) -> None:
        """Ask whoever holds the control for it; where nobody does it needs no asking. One asks at a time."""
        if self.holder in (None, client):
            self._hand_to(client)
        elif self.asker in (None, client):
            log.info("%s asks for the control", client.who)
            self.asker = client
            self._announce()
        else:
            assert self.asker is not None
            client.tell({"say": "kept", "why": f"{self.asker.who} asks for it already"})

    def _answer_asker(self, client: _Client, *, yes: bool) -> None:
        """The holder's word to whoever asks; of anybody else, or too late, it means nothing."""
        asker = self.asker
        if client is not self.holder or asker is None:
            return
        self.asker = None
        if yes:
            log.info("%s was given the control", asker.who)
            self._hand_to(asker)
        else:
            asker.tell({"say": "kept", "why": f"{client.who} keeps it"})
            self._announce()

    def _announce(self) -> None:
        holder, asker = (one.who if one else "" for one in (self.holder, self.asker))
        for client in self.clients:
            client.tell(
                {
                    "say": "control",
                    "holder": holder,
                    "yours": client is self.holder,
                    "asker": asker,
                    "others": [other.who for other in self.clients if other is not client and other.ui],
                }
            )
        self.on_company()

    # ── talking ──────────────────────────────────────────────────────────────────────────────────

    async def _write(self, client: _Client) -> None:
        while True:
            if client.full:
                raise _Sent("it does not fetch its answers")
            if client.outbox:
                message = client.outbox.popleft()
            elif client.told < self.head:
                client.told = self.head
                message = {"say": "head", "seq": client.told}
            else:
                client.news = anyio.Event()
                await client.news.wait()
                continue
            with anyio.move_on_after(STALL_SECONDS) as patience:
                await client.wire.send(message)
            if patience.cancelled_caught:
                raise _Sent(f"it has read nothing for {STALL_SECONDS:.0f} seconds")

    async def _read(self, client: _Client, tasks: TaskGroup) -> None:
        while True:
            message = await client.wire.receive()
            match message["say"]:
                case "wish":
                    if client.pending >= WISHES:
                        raise _Sent("it has too many wishes at once")
                    client.pending += 1
                    tasks.start_soon(self._grant, client, message)
                case "take_control" | "ask_control" if client.guest:
                    raise _Sent("a guest may not hold the control: only a person may")
                case "take_control":
                    log.info("%s took the control", client.who)
                    self._hand_to(client)
                case "ask_control":
                    self._ask_for_control(client)
                case "answer_control":
                    self._answer_asker(client, yes=message.get("yes") is True)
                case other:
                    raise BadFrame(f"{other[:60]!r} is nothing a client says")

    async def _grant(self, client: _Client, message: Message) -> None:
        number = message.get("id")
        try:
            wish = wire.unpack_wish(message)
            if isinstance(wish, RequestRollback):
                log.info("%s asks for a rollback", client.who)
            elif client.guest:
                raise ControlRefused("a guest may ask for a rollback and wish nothing else")
            elif isinstance(wish, Countersign):
                log.info("%s countersigns as %s", client.who, client.person or "nobody")
            elif client is not self.holder:
                holder = self.holder.who if self.holder else "nobody"
                raise ControlRefused(f"{holder} holds the control of this run", todo="Take the control first")
            if self.session.control is None:
                raise ControlRefused("nothing can be wished of this run any more")
            by = _name(message.get("by"), client.who)
            person = client.person
            if not person and isinstance(wish, Approve) and wish.signature:
                person = await to_thread.run_sync(signer_of, wish, self.session.run, self.signers)
            value = await self.session.control.wish(wish, by=by, person=person)
            client.tell({"say": "reply", "id": number, "value": wire.pack_value(value)})
        except PlandeckError as error:
            client.tell({"say": "refused", "id": number, "error": wire.pack_error(error)})
        finally:
            client.pending -= 1


async def _farewell(client: _Client, reason: str) -> None:
    with anyio.CancelScope(shield=True), anyio.move_on_after(1):
        try:
            await client.wire.send({"say": "bye", "reason": reason})
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            log.info("%s had left", client.who)


def _name(said: object, otherwise: str) -> str:
    """What a client calls itself, short and printable: it is shown to others."""
    text = said if isinstance(said, str) else ""
    return "".join(c for c in text if c.isprintable())[:NAME_LENGTH].strip() or otherwise


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    one: BaseException = group
    while isinstance(one, BaseExceptionGroup):
        one = one.exceptions[0]
    return one
