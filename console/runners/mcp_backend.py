"""Calls of MCP servers as attempts: the same files as a process leaves, written by this process.

The lock on an attempt's `lock` file is this process's while the call is under way. When it dies, the lock
is free and there is no `exit`: the attempt is `lost`, and nobody knows what the server did. Nothing here
calls twice.

`out` is the result; `err` has, as they come, progress, log messages, and in the end why it failed.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time
from types import TracebackType
from typing import IO, Any, Self

import anyio
from anyio.abc import TaskGroup

from console.errors import NeverStarted
from console.redact import Redactor, apart
from console.runners.backend import CHANGED, Spec
from console.runners.mcp_servers import Servers
from console.runners.supervisor import CLAIM, ERR, EXIT, LOCK, OUT
from console.text import one_line

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_ERROR_WIDTH = 300


@dataclass(slots=True)
class _Call:
    """One call under way. `called`: it went out, so it may have had an effect."""

    spec: Spec
    lock: int
    out: IO[bytes]
    err: IO[bytes]
    redactor: Redactor
    started: float = field(default_factory=time)
    clock: float = field(default_factory=monotonic)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    over: anyio.Event = field(default_factory=anyio.Event)
    is_cancelled: bool = False
    called: bool = False

    def said(self, kind: str, text: str) -> None:
        """Something the server told on the way. A full disk, or the call's end, loses it and nothing else."""
        with suppress(OSError, ValueError):
            line = self.redactor.redact(f"{kind}: {text}")
            self.err.write(line.encode("utf-8", "replace") + b"\n")

    def sending(self) -> None:
        self.called = True


class McpCalls:
    """The calls of one run; `servers` are open as long as this is."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._calls: dict[str, _Call] = {}
        self._tasks: TaskGroup

    async def __aenter__(self) -> Self:
        self._tasks = await anyio.create_task_group().__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Calls under way are given up without a word of their end: nobody knows it."""
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)

    def has(self, key: str) -> bool:
        """Whether the call is under way here."""
        return key in self._calls

    async def submit(self, spec: Spec) -> bool:
        """Claim the attempt and make its call. The same key again is a no-op that answers False."""
        try:
            call = _claimed(spec)
        except OSError as error:
            raise NeverStarted(
                f"the call cannot be written down: {error.strerror}",
                where=f"step {spec.key}",
                kept="it was never started",
            ) from None
        if call is None:
            return False
        self._calls[spec.key] = call
        self._tasks.start_soon(self._carry, call)
        return True

    async def wait(self, key: str, seconds: float | None) -> None:
        """Until the call is over, or `seconds` have passed."""
        with anyio.move_on_after(seconds):
            await self._calls[key].over.wait()

    def cancel(self, key: str) -> None:
        """End the call; the server is told."""
        call = self._calls[key]
        call.is_cancelled = True
        call.scope.cancel()

    # ── one call ─────────────────────────────────────────────────────────────────────────────────

    async def _carry(self, call: _Call) -> None:
        try:
            record: dict[str, Any] | None = None
            with call.scope:
                record = await self._made(call)
            if record is None and call.is_cancelled:
                record = {"cancelled": True, "never_started": not call.called}
                self._doubt(call)
            if record is not None:
                _leave(call, record)
        finally:
            del self._calls[call.spec.key]
            for stream in (call.out, call.err):
                stream.close()
            os.close(call.lock)
            call.over.set()

    def _doubt(self, call: _Call) -> None:
        assert call.spec.call is not None
        if session := self._servers.session(str(call.spec.call["server"])):
            session.doubt()

    async def _made(self, call: _Call) -> dict[str, Any]:
        """What the exit record says of the call."""
        from console.runners.mcp_session import ServerTrouble, ToolChanged

        with anyio.move_on_after(call.spec.timeout):
            try:
                return await self._answered(call)
            except ToolChanged as changed:
                with suppress(OSError):  # without it nobody is asked to trust the change: the step has failed
                    _write(call.spec.spool / CHANGED, json.dumps(changed.definition).encode())
                return self._failed(call, str(changed))
            except ServerTrouble as trouble:
                return self._failed(call, str(trouble))
            except OSError as error:
                return self._failed(call, f"its result cannot be kept: {error.strerror}")
            except Exception as error:  # noqa: BLE001 - the seam to foreign code: its fault fails this step alone
                return self._failed(call, f"the call of {call.spec.tool} broke: {error!r}")
        self._doubt(call)
        assert call.spec.timeout is not None
        server = str((call.spec.call or {})["server"])
        session = self._servers.session(server)
        said = session.said if session else ""
        why = f"the server {server} did not answer within {call.spec.timeout:g} s{said}"
        return {**self._failed(call, why), "timed_out": True}

    async def _answered(self, call: _Call) -> dict[str, Any]:
        from console.runners.mcp_result import read_result

        asked: Mapping[str, Any] = call.spec.call or {}
        session = self._servers.session(asked["server"])
        if session is None:
            return self._failed(call, f"no server {asked['server']} is declared")
        answer = await session.call(asked["tool"], asked["pin"], asked["params"], call.said, call.sending)
        result = read_result(answer, call.spec.spool)
        for note in result.notes:
            call.err.write(call.redactor.redact(f"{note}\n").encode("utf-8", "replace"))
        if result.error:
            return self._failed(call, f"{call.spec.tool}: {result.error}", told=True)
        call.out.write(call.redactor.redact(result.text).encode("utf-8", "replace"))
        return {"exit_code": 0}

    def _failed(self, call: _Call, why: str, *, told: bool = False) -> dict[str, Any]:
        why = call.redactor.redact(why)
        if not told:
            with suppress(OSError):
                call.err.write(f"{why}\n".encode("utf-8", "replace"))
        return {"error": one_line(why, _ERROR_WIDTH), "never_started": not call.called}


def _claimed(spec: Spec) -> _Call | None:
    """The call with its files, or `None` when the attempt is somebody's already. Raises `OSError`, and
    nothing is claimed then."""
    home = spec.spool
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as undo:
        lock = os.open(home / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        undo.callback(os.close, lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            claim = os.open(home / CLAIM, _NEW, 0o600)
        except (BlockingIOError, FileExistsError):
            return None
        undo.callback((home / CLAIM).unlink)
        with os.fdopen(claim, "wb") as stream:
            out, err = (undo.enter_context(_opened(home / name)) for name in (OUT, ERR))
            call = _Call(spec, lock, out, err, Redactor(apart(spec.secrets)))
            stream.write(b"process %d %.6f\n" % (os.getpid(), call.started))
        undo.pop_all()
    return call


def _opened(path: Path) -> IO[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, 0o600), "ab", 0)


def _leave(call: _Call, record: Mapping[str, Any]) -> None:
    """Write the exit record: whole or not at all. Without one, the attempt counts as lost."""
    times = {"started": call.started, "ended": call.started + monotonic() - call.clock}
    with suppress(OSError):
        _write(call.spec.spool / EXIT, json.dumps({"pid": os.getpid(), **times, **record}).encode())


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as stream:
        stream.write(data)
    part.rename(path)
