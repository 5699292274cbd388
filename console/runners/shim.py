"""The fork server: one small process a run that keeps supervisors ready and hands them steps.

`python -I -S`, started once and detached from the engine: it survives a killed engine, and steps
survive it. It takes orders on the Unix socket `shim.sock` in the run's directory, from processes of
the same user; claims the attempt's directory, gives its lock to a supervisor of its own, answers, and
tells when the supervisor has done or died. What became of a step is in its files and nowhere else.

    to it      frames, one order each (order.py)
    from it    lines: `plandeck-shim 1`, then for each order in turn `claimed NAME`, `taken NAME`,
               `busy NAME WHY` (no process to be had now), `failed NAME WHY`; and to everybody,
               at any time, `over NAME`

It keeps nothing: it exits when no engine is connected and no step runs for `linger` seconds. It waits
somewhat longer for its first.
"""

# pathlib is not loaded here
# ruff: noqa: PTH108

from __future__ import annotations

import errno
import fcntl
import gc
import os
import resource
import select
import socket
import struct
import sys
from contextlib import suppress

from console.runners.order import name_of, take_frame
from console.runners.pool import IDLE, Pool, Worker, claim, close_from
from console.runners.supervisor import CLAIM

SOCKET, SERVER_LOCK, LOG = "shim.sock", "shim.lock", "shim.log"
HELLO = b"plandeck-shim 1\n"

READY_FD = 3
"""Where the starter waits for `ok`, or `held` when the run has a fork server already."""

_FIRST_CLIENT = 10.0  # seconds for whoever started this to connect
_CLIENTS = 64
_BACKLOG = 128
_PIECE = 1 << 18
_UNREAD = 1 << 20  # bytes of answers that a client may leave unread before it is dropped
_CRED = struct.Struct("3i")


class Client:
    """An engine that is connected."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.inbox = bytearray()
        self.outbox = bytearray(HELLO)


class Server:
    """The loop. Clients are heard before new ones are let in: so when a new engine has its greeting,
    every attempt that a dead one managed to order is claimed."""

    def __init__(self, listener: socket.socket, linger: float, ready: int) -> None:
        self._listener = listener
        self._linger = linger
        self._ready = min(ready, IDLE)
        self._clients: dict[int, Client] = {}
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._poller = select.poll()
        self._poller.register(listener, select.POLLIN)
        self._pool = Pool(self._poller)

    def serve(self) -> None:
        """Until nobody needs it any more."""
        patience = max(self._linger, _FIRST_CLIENT)
        while True:
            is_idle = not self._clients and not self._pool.is_busy()
            is_short = bool(self._clients) and self._pool.made < self._ready
            ready = self._poller.poll(0 if is_short else patience * 1000 if is_idle else None)
            if is_short and not ready:
                self._prepare()
                continue
            if is_idle and not ready:
                return
            patience = self._linger
            is_asked = False
            for fd, event in ready:
                if fd == self._listener.fileno():
                    is_asked = True
                elif fd in self._clients:
                    self._attend(self._clients[fd], event)
                elif worker := self._pool.at(fd):
                    self._hear(worker)
            if is_asked:
                self._welcome()

    def _prepare(self) -> None:
        """Make a supervisor while there is nothing else to do: the first steps need not wait for it. One
        that dies is not replaced here: where they cannot live, that would never end."""
        try:
            self._pool.rest(self._pool.fork())
        except OSError:
            self._ready = 0  # a step will ask again, and say why there is none

    # ── clients ──────────────────────────────────────────────────────────────────────────────────

    def _welcome(self) -> None:
        try:
            link, _ = self._listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._refuse()
            return
        link.setblocking(False)
        credentials = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CRED.size)
        if _CRED.unpack(credentials)[1] != os.geteuid() or len(self._clients) >= _CLIENTS:
            link.close()
            return
        client = self._clients[link.fileno()] = Client(link)
        self._poller.register(link, select.POLLIN)
        self._flush(client)

    def _refuse(self) -> None:
        """Close a connection for which there is no descriptor, with the one that is kept for that;
        left in the queue it would wake the loop for ever."""
        os.close(self._spare)
        with suppress(OSError):
            self._listener.accept()[0].close()
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def _attend(self, client: Client, event: int) -> None:
        if event & select.POLLOUT:
            self._flush(client)
        if not event & ~select.POLLOUT:
            return
        while True:
            try:
                data = client.link.recv(_PIECE)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._drop(client)
                return
            client.inbox += data
            try:
                while (body := take_frame(client.inbox)) is not None:
                    self._take(client, body)
            except ValueError:
                self._drop(client)
                return

    def _tell(self, client: Client, line: bytes) -> None:
        if client.link.fileno() >= 0:
            client.outbox += line
            self._flush(client)

    def _flush(self, client: Client) -> None:
        fd = client.link.fileno()
        try:
            del client.outbox[: client.link.send(client.outbox)]
        except BlockingIOError:
            pass
        except OSError:  # it is gone; what it has sent is still heard
            client.outbox.clear()
        if len(client.outbox) > _UNREAD:
            client.outbox.clear()
            client.link.shutdown(socket.SHUT_RDWR)
        self._poller.modify(fd, select.POLLIN | (select.POLLOUT if client.outbox else 0))

    def _drop(self, client: Client) -> None:
        fd = client.link.fileno()
        if fd >= 0:
            self._poller.unregister(fd)
            del self._clients[fd]
            client.link.close()

    # ── steps ────────────────────────────────────────────────────────────────────────────────────

    def _take(self, client: Client, body: bytes) -> None:
        """Claim the attempt and give it to a supervisor, or say why not."""
        name = name_of(body)
        held: list[int] = []
        try:
            if claim(name, held):
                self._hand_out(name, body, held)
                answer = b"claimed %b\n" % name
            else:
                answer = b"taken %b\n" % name
        except OSError as error:
            is_passing = error.errno in (errno.EAGAIN, errno.ENOMEM)
            reason = os.fsencode(error.strerror or "it cannot be claimed")
            answer = b"%b %b %b\n" % (b"busy" if is_passing else b"failed", name, reason)
        finally:
            for fd in held:
                os.close(fd)
        self._tell(client, answer)

    def _hand_out(self, name: bytes, body: bytes, held: list[int]) -> None:
        """Give a claimed attempt to a supervisor. Raises `OSError`, and takes the claim back, when
        none is to be had."""
        home, _, claim_fd = held
        try:
            os.write(claim_fd, b"order %b\n" % name)  # takes the block in which the pids find room
            while True:
                worker = self._pool.take()
                with suppress(OSError):
                    os.write(claim_fd, b"supervisor %d\n" % worker.pid)
                if worker.give(name, body, held):
                    return
                self._pool.bury(worker)  # it was killed, or stopped, while it had nothing to do
        except OSError:
            os.unlink(CLAIM, dir_fd=home)
            raise

    def _hear(self, worker: Worker) -> None:
        """A supervisor has done, or has died."""
        name = worker.name
        said = worker.hear()
        if said is None:
            return
        if said:
            self._pool.rest(worker)
        else:
            self._pool.bury(worker)
        if name:
            for client in list(self._clients.values()):
                self._tell(client, b"over %b\n" % name)


def listen() -> socket.socket:
    """The socket in the current directory, in place of one that a dead server left behind."""
    with suppress(FileNotFoundError):
        os.unlink(SOCKET)
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listener.bind(SOCKET)
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def say(word: bytes) -> None:
    """Tell the starter, if it still lives."""
    with suppress(BrokenPipeError):
        os.write(READY_FD, word)
    os.close(READY_FD)


def main() -> None:
    """`directory linger ready`: detach, and serve the run in `directory`."""
    directory, linger, supervisors = sys.argv[-3:]
    close_from(READY_FD + 1)
    if os.fork():
        os._exit(0)
    os.chdir(directory)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    lock = os.open(SERVER_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(b"held")
        return
    server = Server(listen(), float(linger), int(supervisors))
    say(b"ok")
    gc.collect()
    gc.freeze()  # what is loaded stays shared with every supervisor
    gc.disable()
    server.serve()
    os.unlink(SOCKET)
