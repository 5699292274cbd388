"""The fork server's supervisors: each has one step at a time, and then waits for the next.

A fork of even a small interpreter costs more than starting `true`, in page faults mostly, so a
supervisor is kept when its step has left nothing behind. Only its memory is shared between steps that
follow each other. It lives on what comes through its line: when the fork server is gone, it ends its
step and then itself.
"""

# pathlib is not loaded here
# ruff: noqa: PTH102

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import socket
import struct
import sys
from contextlib import suppress

from console.runners.order import take_frame, to_frame, unpack
from console.runners.processes import SIGNALS, become_subreaper
from console.runners.supervisor import CLAIM, LOCK, Supervisor

IDLE = 16  # supervisors that are kept with nothing to do
_PATIENCE = 5.0  # seconds for a supervisor to take an order in; one that is stopped never does
_PIECE = 1 << 18
_DONE = b"."
_INT = struct.Struct("i")
_HELD = 3  # descriptors that come with an order
_LINE_FD = 3

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is not loaded here
    from typing import NoReturn


class Worker:
    """A supervisor as the fork server sees it. `name` is what it has in hand."""

    def __init__(self, pid: int, line: socket.socket) -> None:
        self.pid = pid
        self.line = line
        self.name = b""

    def give(self, name: bytes, body: bytes, held: list[int]) -> bool:
        """Hand it an attempt with its directory, lock and claim; False when it cannot take it."""
        frame = to_frame(body)
        self.line.settimeout(_PATIENCE)
        try:
            sent = socket.send_fds(self.line, [frame], held)
            self.line.sendall(memoryview(frame)[sent:])
        except OSError:
            return False
        finally:
            self.line.setblocking(False)
        self.name = name
        return True

    def hear(self) -> bytes | None:
        """`_DONE`; nothing when it is gone; `None` when it has said nothing: a descriptor's number can
        pass to another line between the poll and this."""
        try:
            return self.line.recv(1)
        except BlockingIOError:
            return None
        except OSError:
            return b""


class Pool:
    """All supervisors, by the descriptor of their line; `poller` is told which to listen to. `made` counts
    them, the dead too."""

    def __init__(self, poller: select.poll) -> None:
        self._poller = poller
        self._all: dict[int, Worker] = {}
        self._idle: list[Worker] = []
        self.made = 0

    def is_busy(self) -> bool:
        return len(self._all) > len(self._idle)

    def at(self, fd: int) -> Worker | None:
        return self._all.get(fd)

    def take(self) -> Worker:
        """One with nothing to do. Raises `OSError` when no process is to be had."""
        return self._idle.pop() if self._idle else self.fork()

    def rest(self, worker: Worker) -> None:
        """It has done: keep it, unless there are enough."""
        worker.name = b""
        if len(self._idle) < IDLE:
            self._idle.append(worker)
        else:
            self.bury(worker)

    def bury(self, worker: Worker) -> None:
        """Take leave of a supervisor that is dead, stuck or not needed."""
        if worker in self._idle:
            self._idle.remove(worker)
        self._poller.unregister(worker.line)
        del self._all[worker.line.fileno()]
        worker.line.close()
        os.kill(worker.pid, signal.SIGKILL)
        os.waitpid(worker.pid, 0)

    def fork(self) -> Worker:
        """A new one. Raises `OSError` when no process is to be had."""
        ours, theirs = socket.socketpair()
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            pid = os.fork()
            if not pid:
                supervise(theirs)
        except OSError:
            ours.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            theirs.close()
        ours.setblocking(False)
        self.made += 1
        worker = self._all[ours.fileno()] = Worker(pid, ours)
        self._poller.register(ours, select.POLLIN)
        return worker


def supervise(line: socket.socket) -> NoReturn:
    """The life of a supervisor, in the forked child. No descriptor of the fork server stays open: its
    end, and its lock, must not wait for a step."""
    status = os.EX_SOFTWARE
    try:
        os.dup2(line.fileno(), _LINE_FD, inheritable=False)
        close_from(_LINE_FD + 1)
        line = socket.socket(fileno=_LINE_FD)
        become_subreaper()
        while given := _receive(line):
            body, held = given
            if not Supervisor(unpack(body), *held).run():
                break
            for fd in held:
                os.close(fd)
            line.send(_DONE)
        status = os.EX_OK
    except (BrokenPipeError, ConnectionResetError):  # the fork server is gone; so is the need for this
        status = os.EX_OK
    except BaseException:  # noqa: BLE001 - nothing may climb up into the server's loop
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _receive(line: socket.socket) -> tuple[bytes, list[int]] | None:
    """The next order, with its directory, lock and claim; `None` when there will be none."""
    # not socket.recv_fds: it drops the flag, and the command would inherit the lock
    data, ancillary, _, _ = line.recvmsg(_PIECE, socket.CMSG_LEN(_HELD * _INT.size), socket.MSG_CMSG_CLOEXEC)
    held = [fd for _, _, packed in ancillary for (fd,) in _INT.iter_unpack(packed)]
    inbox = bytearray(data)
    while data:
        body = take_frame(inbox)
        if body is not None:
            return body, held
        data = line.recv(_PIECE)
        inbox += data
    return None


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


def close_from(first: int) -> None:
    """Close every descriptor from `first` on."""
    os.closerange(first, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
