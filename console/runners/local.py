"""Steps as processes on this machine.

The backend owns no step. A fork server of the run, detached, starts a supervisor for each; the files
of the attempt say what became of it. So the engine may be killed and started again: the next backend
finds the fork server, or starts another, and takes up the steps that still run or have ended since.

What was started over this connection is waited for through the fork server's word, one event a step;
what was started before it, by the pidfd of its supervisor. Nothing is polled but a spool that
somebody watches.

`unknown` means "certainly never started" within one boot. Claims are not synced to the disk, so after
a restart of the machine an attempt without a claim is `lost`.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from io import FileIO
from pathlib import Path
from time import time
from types import TracebackType
from typing import Literal, NamedTuple, Self

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from console.errors import BackendError, NeverStarted
from console.run.control import spool
from console.runners import attempt
from console.runners.backend import Chunk, Spec, Status, StepBackend, Worker
from console.runners.link import PATIENCE, Link, Wanted, connect
from console.runners.order import FRAME_LIMIT, Order
from console.runners.supervisor import CLAIM

BUSY_PAUSES = (0.1, 0.4, 1.6)
"""Seconds before another try when no process could be had."""

FOLLOW = 0.05
"""Seconds between two looks at a spool that somebody watches."""

RECHECK = 0.5
"""Seconds before another look at an attempt of which nobody will tell."""

_KEY = re.compile(r"[A-Za-z0-9][\w-]*/[A-Za-z0-9][\w-]*/[A-Za-z0-9][\w-]*", re.ASCII)
_HERE = (None, "local", "localhost", attempt.HOST)
_PIECE = 65_536
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class _Place(NamedTuple):
    """An attempt's directory, and its name as the fork server knows it."""

    directory: Path
    name: str


@lru_cache(maxsize=1024)
def _locate(run_dir: Path, key: str) -> _Place:
    if not _KEY.fullmatch(key):
        raise BackendError(f"{key!r} does not name an attempt: it is not run/step/attempt")
    directory = spool(run_dir, key)
    return _Place(directory, f"{directory.parent.name}/{directory.name}")


class LocalBackend(StepBackend):
    """The steps of the run whose directory is `run_dir`; an attempt's files are in `spool(run_dir, key)`.

    Leaving it leaves the steps alone. The fork server stays `linger` seconds when nobody needs it, and
    makes supervisors for `ready` steps before anybody asks for one.
    """

    def __init__(self, run_dir: Path, *, linger: float = 10.0, ready: int = 0) -> None:
        self._run_dir = run_dir
        self._wanted = Wanted(linger, ready)
        self._link: Link | None = None
        self._connecting = anyio.Lock()
        self._tasks: TaskGroup
        self._was_rebooted = False

    async def __aenter__(self) -> Self:
        with _files_of(self._run_dir):
            (self._run_dir / "steps").mkdir(mode=0o700, parents=True, exist_ok=True)
            self._was_rebooted = _is_another_boot(self._run_dir / "boot")
        link = await connect(self._run_dir, self._wanted)
        self._tasks = await anyio.create_task_group().__aenter__()
        self._adopt(link)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tasks.cancel_scope.cancel()
        try:
            await self._tasks.__aexit__(None, None, None)  # `error` is not its own: it would be wrapped
        finally:
            if self._link:
                self._link.close()

    # ── the protocol ─────────────────────────────────────────────────────────────────────────────

    async def submit(self, spec: Spec) -> bool:
        """Once it is sent it is also answered: a cancelled caller finds it claimed or not, nothing
        between. One that gets no answer is closed off, so that it cannot start later."""
        place = _locate(self._run_dir, spec.key)
        frame = self._frame(spec, place)
        with anyio.move_on_after(PATIENCE, shield=True):
            return await self._take_on(spec.key, frame, place)
        if self._link:
            self._link.close()
        why = "the process that starts steps does not answer"
        with _files_of(place.directory):
            if attempt.close_off(place.directory, why):
                raise _never(spec.key, why)
        return True

    async def status(self, key: str, wait: float | None = 0) -> Status:
        """An `unknown` attempt is not waited for."""
        place = _locate(self._run_dir, key)
        if wait is None:
            return await self._end(place)
        if wait > 0:
            with anyio.move_on_after(wait):
                return await self._end(place)
        return self._look(place)

    async def output(self, key: str, offset: int = 0) -> AsyncIterator[Chunk]:
        """What is there, then what comes; nothing of an attempt that is unknown."""
        place = _locate(self._run_dir, key)
        with ExitStack() as stack:
            files: dict[Literal["out", "err"], FileIO] = {}
            while True:
                is_over = self._look(place).phase != "running"  # before reading: nothing comes after
                with _files_of(place.directory):
                    _open_streams(place.directory, offset, files, stack)
                while chunks := _read_piece(files):
                    for chunk in chunks:
                        yield chunk
                    await anyio.lowlevel.checkpoint()
                if is_over:
                    return
                with anyio.move_on_after(FOLLOW):
                    await self._end(place)

    async def cancel(self, key: str) -> None:
        """Orders the supervisor to end it; an attempt that does not run is left alone."""
        place = _locate(self._run_dir, key)
        if self._look(place).phase == "running":
            with _files_of(place.directory):
                attempt.ask_to_cancel(place.directory)

    async def abandon(self, key: str) -> None:
        place = _locate(self._run_dir, key)
        with _files_of(place.directory):
            attempt.give_up(place.directory)
        if self._link:
            self._link.release(place.name)

    async def workers(self) -> list[Worker]:
        return [Worker(attempt.HOST, ("local",), time())]

    # ── the attempt ──────────────────────────────────────────────────────────────────────────────

    def _look(self, place: _Place) -> Status:
        with _files_of(place.directory):
            status = attempt.read_status(place.directory)
        if status.phase == "unknown" and self._was_rebooted:
            return replace(status, phase="lost", error="the machine was restarted: it may have run")
        return status

    async def _end(self, place: _Place) -> Status:
        """Wait while it is running."""
        while True:
            event = self._link.ends.get(place.name) if self._link else None
            if event:
                await event.wait()
            status = self._look(place)
            if status.phase != "running":
                return status
            await self._watch(place)

    async def _watch(self, place: _Place) -> None:
        """Wait for the end of an attempt that was not started over this line: the fork server's word,
        or the supervisor's end when it is another one's. Without a line, look again after a while."""
        with _files_of(place.directory):
            supervisor = attempt.open_supervisor(place.directory)
        if supervisor is None:  # it has just ended, or cannot be named
            await anyio.sleep(RECHECK if attempt.is_held(place.directory) else 0)
            return
        ends = self._link.ends if self._link and self._link.is_open else None
        event = anyio.Event() if ends is None else ends.setdefault(place.name, anyio.Event())
        try:
            with anyio.move_on_after(RECHECK if ends is None else None):
                async with anyio.create_task_group() as either:
                    either.start_soon(_set_when_gone, supervisor, event)
                    await event.wait()
                    either.cancel_scope.cancel()
        finally:
            os.close(supervisor)
            event.set()  # another waiter takes the watch over
            if ends is not None and ends.get(place.name) is event:
                del ends[place.name]

    # ── the fork server ──────────────────────────────────────────────────────────────────────────

    def _adopt(self, link: Link) -> None:
        self._link = link
        self._tasks.start_soon(link.listen)

    async def _connected(self) -> Link:
        if self._link and self._link.is_open:
            return self._link
        async with self._connecting:
            if self._link is None or not self._link.is_open:
                self._adopt(await connect(self._run_dir, self._wanted))
        assert self._link
        return self._link

    async def _take_on(self, key: str, frame: bytes, place: _Place) -> bool:
        pauses = iter(BUSY_PAUSES)
        while True:
            link = await self._connected()
            answer = await link.order(place.name, frame)
            if answer.word in ("claimed", "taken"):
                return answer.word == "claimed"
            if answer.word:
                pause = next(pauses, None) if answer.word == "busy" else None
                if pause is None:
                    raise _never(key, f"it cannot be claimed: {answer.reason}")
                await anyio.sleep(pause)
            elif (place.directory / CLAIM).exists():  # the line was cut after it was taken on
                return True

    def _frame(self, spec: Spec, place: _Place) -> bytes:
        """What goes to the fork server. Raises `NeverStarted` for what can never be started."""
        if spec.spool != place.directory:
            raise BackendError(
                "an attempt's directory follows from its key",
                where=f"step {spec.key}",
                todo=f"Give {place.directory}, not {spec.spool}",
            )
        if why := _nonsense(spec):
            raise _never(spec.key, why)
        try:
            frame = _pack(spec, place.name)
        except ValueError as error:
            raise _never(spec.key, f"it cannot be given to a process: {error}") from None
        if len(frame) > FRAME_LIMIT:
            raise _never(spec.key, f"the arguments and the environment are too long ({len(frame)} bytes)")
        return frame


def _pack(spec: Spec, name: str) -> bytes:
    secrets = {os.fsencode(variable): os.fsencode(value) for variable, value in spec.secrets.items()}
    return Order(
        name=os.fsencode(name),
        key=os.fsencode(spec.key),
        cwd=os.fsencode(spec.cwd),
        argv=[os.fsencode(word) for word in spec.argv],
        env={os.fsencode(variable): os.fsencode(value) for variable, value in spec.env.items()} | secrets,
        secrets=secrets,
        timeout=spec.timeout,
        grace=spec.grace,
    ).pack()


def _nonsense(spec: Spec) -> str:
    """Why `spec` can never be a process here; empty when it can."""
    if spec.call is not None or not spec.argv:
        return "it is no process: it has no command"
    if spec.on not in _HERE:
        return f"it must run on {spec.on}, and this is {attempt.HOST}"
    if not spec.cwd.startswith("/"):
        return f"the working directory {spec.cwd!r} is not an absolute path"
    for name in (*spec.env, *spec.secrets):
        if not name or "=" in name:
            return f"{name!r} is no name for a variable"
    return next((f"the secret {name} is empty" for name, value in spec.secrets.items() if not value), "")


@contextmanager
def _files_of(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackendError(
            f"the step's files cannot be used: {error.strerror}",
            where=str(error.filename or directory),
            kept="running steps go on",
        ) from None


async def _set_when_gone(supervisor: int, event: anyio.Event) -> None:
    await anyio.wait_readable(supervisor)
    event.set()


def _never(key: str, why: str) -> NeverStarted:
    return NeverStarted(why, where=f"step {key}", kept="it was never started")


def _open_streams(
    directory: Path, offset: int, files: dict[Literal["out", "err"], FileIO], stack: ExitStack
) -> None:
    names: tuple[Literal["out", "err"], ...] = ("out", "err")
    for name in names:
        if name not in files:
            with suppress(FileNotFoundError):
                file = files[name] = stack.enter_context(FileIO(directory / name))
                file.seek(offset)


def _read_piece(files: dict[Literal["out", "err"], FileIO]) -> list[Chunk]:
    """The next piece of each stream that has one: neither can keep the other waiting."""
    chunks = []
    for name, file in files.items():
        offset = file.tell()
        if data := file.read(_PIECE):
            chunks.append(Chunk(name, offset, data))
    return chunks


def _is_another_boot(path: Path) -> bool:
    """Whether the machine was restarted since the run's directory was first used. Once it was, this
    stays so: what an attempt of before the restart did is not known any better later."""
    now = _BOOT_ID.read_text()
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return path.read_text() != now
    with os.fdopen(fd, "w") as file:
        file.write(now)
        file.flush()
        os.fsync(file.fileno())
    home = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(home)
    finally:
        os.close(home)
    return False
