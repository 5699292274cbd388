"""The fork server: one small process a run that forks a supervisor for every step.

`python -I -S`, started once and detached from the engine: it survives a killed engine, and the
supervisors survive it. It takes orders on the Unix socket `shim.sock` in the run's directory, from
processes of the same user; claims the attempt's directory (`lock` is taken before `claim` is created
with O_EXCL, so a claim without a held lock is a dead one), forks, answers, and tells when a
supervisor has ended. What became of a step is in its files and nowhere else.

    to it      frames, one order each (order.py)
    from it    lines: `plandeck-shim 1`, then for each order in turn `claimed NAME`, `taken NAME`,
               `busy NAME` (no process to be had now), `failed NAME WHY`; and `over NAME` at any time

It keeps nothing: it exits when no engine is connected and no step runs for `linger` seconds.
"""

# pathlib is not loaded here
# ruff: noqa: PTH

from __future__ import annotations

import errno
import fcntl
import gc
import os
import resource
import select
import signal
import socket
import struct
import sys
from contextlib import suppress

from console.runners.order import name_of, take_frame, unpack
from console.runners.processes import SIGNALS
from console.runners.supervisor import CLAIM, CLAIM_FD, HOME_FD, LOCK, LOCK_FD, Supervisor

SOCKET, SERVER_LOCK, LOG = "shim.sock", "shim.lock", "shim.log"
HELLO = b"plandeck-shim 1\n"

READY_FD = 6
"""Where the starter waits for `ok`, or `held` when the run has a fork server already."""

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
    every order that a dead one managed to send has been carried out."""

    def __init__(self, listener: socket.socket, linger: float) -> None:
        self._listener = listener
        self._linger = linger
        self._clients: dict[int, Client] = {}
        self._steps: dict[int, tuple[bytes, Client]] = {}
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._poller = select.poll()
        self._poller.register(listener, select.POLLIN)
        self._wake, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._poller.register(self._wake, select.POLLIN)

    def serve(self) -> None:
        """Until nobody needs it any more."""
        while True:
            is_idle = not self._clients and not self._steps
            ready = self._poller.poll(self._linger * 1000 if is_idle else None)
            if is_idle and not ready:
                return
            is_asked = False
            for fd, event in ready:
                if fd == self._wake:
                    self._reap()
                elif fd == self._listener.fileno():
                    is_asked = True
                elif fd in self._clients:
                    self._attend(self._clients[fd], event)
            if is_asked:
                self._welcome()

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
        except OSError:
            self._drop(client)
            return
        if len(client.outbox) > _UNREAD:
            self._drop(client)
        else:
            self._poller.modify(fd, select.POLLIN | (select.POLLOUT if client.outbox else 0))

    def _drop(self, client: Client) -> None:
        fd = client.link.fileno()
        if fd >= 0:
            self._poller.unregister(fd)
            del self._clients[fd]
            client.link.close()

    # ── steps ────────────────────────────────────────────────────────────────────────────────────

    def _take(self, client: Client, body: bytes) -> None:
        """Claim the attempt and fork its supervisor, or say why not."""
        name = name_of(body)
        held: list[int] = []
        try:
            if claim(name, held):
                self._steps[fork_supervisor(body, *held)] = name, client
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

    def _reap(self) -> None:
        """Tell which supervisors have ended."""
        with suppress(BlockingIOError):
            os.read(self._wake, _PIECE)
        while self._steps:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            name, client = self._steps.pop(pid)
            self._tell(client, b"over %b\n" % name)


def claim(name: bytes, held: list[int]) -> bool:
    """Make the attempt's directory, take its lock, create its claim. False when it was claimed before.

    `held` gets the descriptors of directory, lock and claim. Raises `OSError` when it cannot be
    claimed; nothing is claimed then.
    """
    with suppress(FileExistsError):
        os.mkdir(name, 0o700)
    home = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    held.append(home)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    held.append(os.open(LOCK, flags, 0o600, dir_fd=home))
    try:
        fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        held.append(os.open(CLAIM, flags | os.O_EXCL | os.O_APPEND, 0o600, dir_fd=home))
    except (BlockingIOError, FileExistsError):
        return False
    return True


def fork_supervisor(body: bytes, home: int, lock: int, claim: int) -> int:
    """The supervisor's pid. Raises `OSError` when there is none; the attempt is not claimed then."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        os.write(claim, b"order %b\n" % name_of(body))  # takes the block in which the pids find room
        pid = os.fork()
        if not pid:
            become_supervisor(body, home, lock, claim)
    except OSError:
        os.unlink(CLAIM, dir_fd=home)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    with suppress(OSError):
        os.write(claim, b"supervisor %d\n" % pid)
    return pid


def become_supervisor(body: bytes, home: int, lock: int, claim: int) -> None:
    """In the child; does not return. No descriptor of the server stays open: its end, and its lock,
    must not wait for a step."""
    status = os.EX_SOFTWARE
    try:
        for fd, place in ((lock, LOCK_FD), (claim, CLAIM_FD), (home, HOME_FD)):
            os.dup2(fd, place, inheritable=False)
        close_from(READY_FD)
        Supervisor(unpack(body)).run()
        status = os.EX_OK
    except BaseException:  # noqa: BLE001 - nothing may climb up into the server's loop
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def close_from(first: int) -> None:
    """Close every descriptor from `first` on."""
    os.closerange(first, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


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


def main() -> None:
    """`directory linger`: detach, and serve the run in `directory`."""
    directory, linger = sys.argv[-2:]
    for place in (LOCK_FD, CLAIM_FD, HOME_FD):  # so that nothing else comes to lie there
        os.dup2(0, place, inheritable=False)
    close_from(READY_FD + 1)
    if os.fork():
        os._exit(0)
    os.chdir(directory)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    lock = os.open(SERVER_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.write(READY_FD, b"held")
        return
    server = Server(listen(), float(linger))
    os.write(READY_FD, b"ok")
    os.close(READY_FD)
    gc.collect()
    gc.freeze()  # what is loaded stays shared with every supervisor
    gc.disable()
    server.serve()
    os.unlink(SOCKET)
