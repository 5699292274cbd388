"""The engine's end of the line to the fork server: one connection, one reader, one event a step."""

from __future__ import annotations

import os
import socket
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import anyio

from console.errors import BackendError
from console.runners.shim import HELLO, LOG, READY_FD, SOCKET

PATIENCE = 10.0  # seconds; the fork server answers in microseconds, unless somebody stopped it

_ROOT = Path(__file__).parents[2]
_BOOT = "import sys; sys.path.append(sys.argv[1]); from console.runners.shim import main; main()"
_NEEDED = ("LD_LIBRARY_PATH",)  # a Python of one's own may not start without it
_TRIES = 20
_PIECE = 65_536


class Answer:
    """What the fork server says to one order; `word` is empty when it went away before it said so."""

    def __init__(self) -> None:
        self.ready = anyio.Event()
        self.word = ""
        self.reason = ""


class Link:
    """A connection. `ends` holds an event for every step that was started over it and still runs."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._answers: deque[Answer] = deque()
        self._sending = anyio.Lock(fast_acquire=True)
        self.ends: dict[str, anyio.Event] = {}
        self.is_open = True

    async def order(self, name: str, frame: bytes) -> Answer:
        """Send the order for the attempt `name` and wait for the answer. Must not be cancelled half-way:
        shield it."""
        answer = Answer()
        async with self._sending:
            if not self.is_open:
                return answer
            self._answers.append(answer)
            is_new = name not in self.ends
            self.ends.setdefault(name, anyio.Event())
            await self._send(frame)
        await answer.ready.wait()
        if is_new and answer.word != "claimed":
            self.release(name)
        return answer

    async def _send(self, frame: bytes) -> None:
        view = memoryview(frame)
        while view and self.is_open:
            try:
                view = view[self._line.send(view) :]
            except BlockingIOError:
                with suppress(anyio.ClosedResourceError):
                    await anyio.wait_writable(self._line)
            except OSError:
                self.close()

    async def listen(self) -> None:
        """Read what the fork server says, until the line is cut."""
        rest = b""
        with suppress(anyio.ClosedResourceError):
            while self.is_open:
                await anyio.wait_readable(self._line)
                try:
                    data = self._line.recv(_PIECE)
                except BlockingIOError:
                    continue
                except OSError:
                    data = b""
                if not data:
                    break
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._hear(os.fsdecode(line))
        self.close()

    def _hear(self, line: str) -> None:
        word, _, tail = line.partition(" ")
        name, _, reason = tail.partition(" ")
        if word == "over":
            self.release(name)
            return
        answer = self._answers.popleft()
        answer.word, answer.reason = word, reason
        answer.ready.set()

    def release(self, name: str) -> None:
        """Wake whoever waits for the step's end."""
        if event := self.ends.pop(name, None):
            event.set()

    def close(self) -> None:
        """Cut the line; whoever waits for something over it looks at the files."""
        if not self.is_open:
            return
        self.is_open = False
        anyio.notify_closing(self._line)
        self._line.close()
        while self._answers:
            self._answers.popleft().ready.set()
        for name in list(self.ends):
            self.release(name)


class Wanted(NamedTuple):
    """What a fork server that is started here should do: stay so many seconds when nobody needs it, and have
    so many supervisors ready."""

    linger: float
    ready: int


async def connect(directory: Path, wanted: Wanted) -> Link:
    """A line to the run's fork server, which is started when there is none.

    Raises `BackendError` when it does not start or does not answer.
    """
    why = "the process that starts steps does not answer"
    try:
        for attempt in range(_TRIES):
            if line := await _dial(directory):
                return Link(line)
            if await _start(directory, wanted) != "ok":  # another one is just coming, or just going
                await anyio.sleep(0.01 * (attempt + 1))
    except OSError as error:
        why = f"the process that starts steps cannot be reached: {error.strerror}"
    raise BackendError(
        why, where=str(directory / SOCKET), kept="running steps go on", todo=f"See {directory / LOG}"
    )


async def _dial(directory: Path) -> socket.socket | None:
    """A connection that has been greeted; `None` when nobody is there."""
    line = socket.socket(socket.AF_UNIX)
    line.setblocking(False)
    greeting = b""
    try:
        with suppress(FileNotFoundError, ConnectionError, BlockingIOError), anyio.move_on_after(PATIENCE):
            _call(line, directory)
            while greeting != HELLO:
                await anyio.wait_readable(line)
                if not (data := line.recv(len(HELLO) - len(greeting))):
                    break
                greeting += data
    finally:
        if greeting != HELLO:
            line.close()
    return line if greeting == HELLO else None


def _call(line: socket.socket, directory: Path) -> None:
    """Connect by way of a descriptor: a socket's own path may have about 100 bytes only."""
    home = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        line.connect(f"/proc/self/fd/{home}/{SOCKET}")
    finally:
        os.close(home)


async def _start(directory: Path, wanted: Wanted) -> str:
    """Start the fork server; what it says when it is ready: `ok`, `held` when there is another, and
    nothing when it was killed before it could."""
    ready, theirs = os.pipe()
    word = None
    try:
        try:
            starter = _spawn(directory, wanted, theirs)
        finally:
            os.close(theirs)
        with anyio.move_on_after(PATIENCE, shield=True):
            await anyio.wait_readable(ready)
            word = os.read(ready, 16).decode()
        _reap(starter, os.WNOHANG if word is None else 0)  # it has detached the server, and is over
    finally:
        os.close(ready)
    return word or ""


def _reap(starter: int, flags: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(starter, flags)


def _spawn(directory: Path, wanted: Wanted, ready: int) -> int:
    """The starter's pid. The server gets nothing of this process: no environment, no terminal."""
    argv = [sys.executable, "-I", "-S", "-c", _BOOT, str(_ROOT), str(directory), *map(str, wanted)]
    log = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    return os.posix_spawn(
        sys.executable,
        argv,
        {name: os.environ[name] for name in _NEEDED if name in os.environ},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(directory / LOG), log, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            (os.POSIX_SPAWN_DUP2, ready, READY_FD),
        ],
        setsid=True,
        setsigmask=(),
    )
