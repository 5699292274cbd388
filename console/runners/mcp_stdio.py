"""MCP over the pipes of a process: one JSON-RPC message a line, nothing believed about the other side.

A line that is no message (a banner, a stray print) goes to the server's log, as its standard error does;
too many of them, or one that is too long, end the connection. The process is started under a guard
(mcp_guard.py), so that nothing of it outlives the connection or this process.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import ExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.lowlevel
from anyio.abc import Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from console.runners.mcp_log import ServerLog

FRAME_LIMIT = 32 * 1024 * 1024
"""Bytes of the longest message."""

JUNK_LIMIT = 1_000
"""Lines that are no messages, after which nothing more is read."""

FLUSH = 0.2  # seconds in which what was sent last may leave, and its last words may come
LEAVE = 0.3  # from the end of its input to TERM
SWEPT = 3.0  # from TERM until the guard has ended everything

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]
"""What is read from the server, and what is written to it."""

_ROOT = str(Path(__file__).parents[2])
_GUARD = str(Path(__file__).with_name("mcp_guard.py"))
_PIECE = 1 << 18
_LEFT = 4  # pieces of its standard error that are read after its end: the pipe held no more


@dataclass(frozen=True, slots=True)
class Program:
    """What to start, resolved. `log` takes what it says besides messages."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    log: ServerLog


@dataclass(slots=True)
class Conduct:
    """How the other side behaved: lines that were no messages, what ended the connection, the last line it
    said besides messages, and over HTTP the status it answered last with. All of it is safe text."""

    junk: int = 0
    first_junk: str = ""
    ended: str = ""
    last_words: str = ""
    status: str = ""
    on_end: list[Callable[[], None]] = field(default_factory=list)

    def end(self, why: str) -> None:
        self.ended = self.ended or why
        for callback in self.on_end:
            callback()


@asynccontextmanager
async def stdio(program: Program, conduct: Conduct) -> AsyncIterator[Streams]:
    """Start the server and talk to it. Raises `OSError` when the guard cannot be started."""
    with ExitStack() as stack:
        pipes = _Pipes(stack)
        process = await _started(program, pipes)
        # Nothing is awaited between the start and the task group that owns the process.
        into, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write, out = anyio.create_memory_object_stream[SessionMessage](0)
        written, quiet = anyio.Event(), anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_receive, pipes.from_server, into, conduct, program.log, quiet)
            tasks.start_soon(_listen, pipes.from_errors, conduct, program.log, quiet)
            tasks.start_soon(_send, pipes.to_server, out, written, conduct)
            try:
                yield read, write
            finally:
                with anyio.CancelScope(shield=True):
                    read.close()
                    write.close()
                    with anyio.move_on_after(FLUSH):
                        await written.wait()
                    tasks.cancel_scope.cancel()
                    await written.wait()
                    pipes.close(pipes.to_server)
                    await _end(process)
                    _hear_out(pipes.from_errors, conduct, program.log)


class _Pipes:
    """The pipes to the server: our ends, and its ends until it has them."""

    def __init__(self, stack: ExitStack) -> None:
        self.for_input, self.to_server = os.pipe()
        self.from_server, self.for_output = os.pipe()
        self.from_errors, self.for_errors = os.pipe()
        self._open = {self.for_input, self.to_server, self.from_server, self.for_output}
        self._open |= {self.from_errors, self.for_errors}
        stack.callback(self.close, *self._open)
        for fd in (self.to_server, self.from_server, self.from_errors):
            os.set_blocking(fd, False)
        with suppress(OSError):  # larger pipes only make large results faster
            fcntl.fcntl(self.from_server, fcntl.F_SETPIPE_SZ, _PIECE)

    def close(self, *fds: int) -> None:
        for fd in self._open & set(fds):
            self._open.discard(fd)
            os.close(fd)


async def _started(program: Program, pipes: _Pipes) -> Process:
    try:
        return await anyio.open_process(
            [sys.executable, "-I", "-S", _GUARD, _ROOT, str(os.getpid()), *program.argv],
            env=program.env,
            cwd=program.cwd,
            stdin=pipes.for_input,
            stdout=pipes.for_output,
            stderr=pipes.for_errors,
            start_new_session=True,
        )
    finally:
        pipes.close(pipes.for_input, pipes.for_output, pipes.for_errors)


async def _pieces(fd: int) -> AsyncGenerator[bytes]:
    while True:
        try:
            piece = os.read(fd, _PIECE)
        except BlockingIOError:
            await anyio.wait_readable(fd)
            continue
        except OSError:
            return
        if not piece:
            return
        yield piece
        await anyio.lowlevel.checkpoint()


async def _listen(fd: int, conduct: Conduct, log: ServerLog, quiet: anyio.Event) -> None:
    """Read its standard error, until the last one that writes to it has gone."""
    async with aclosing(_pieces(fd)) as pieces:
        async for piece in pieces:
            log.write(piece)
            conduct.last_words = log.last_line
    quiet.set()


def _hear_out(fd: int, conduct: Conduct, log: ServerLog) -> None:
    """What is left of its standard error after its end."""
    with suppress(OSError):
        for _ in range(_LEFT):
            log.write(os.read(fd, _PIECE))
    log.close()
    conduct.last_words = log.last_line


async def _receive(
    fd: int,
    into: MemoryObjectSendStream[SessionMessage | Exception],
    conduct: Conduct,
    log: ServerLog,
    quiet: anyio.Event,
) -> None:
    pending: list[bytes] = []
    size = 0
    with into, suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        async with aclosing(_pieces(fd)) as pieces:
            async for piece in pieces:
                *lines, rest = piece.split(b"\n")
                for line in lines:
                    message = _message(b"".join([*pending, line]), conduct, log)
                    pending, size = [], 0
                    if message is not None:
                        await into.send(message)
                pending.append(rest)
                size += len(rest)
                if size > FRAME_LIMIT:
                    conduct.end(f"it sent a message of more than {FRAME_LIMIT // 2**20} MiB")
                    return
                if conduct.junk > JUNK_LIMIT:
                    conduct.end(f"it printed more than {JUNK_LIMIT} lines that are no messages")
                    return
        with anyio.move_on_after(FLUSH):  # why it ended may still be on its way
            await quiet.wait()
    conduct.end("")


def _message(line: bytes, conduct: Conduct, log: ServerLog) -> SessionMessage | None:
    if not line.strip():
        return None
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        conduct.junk += 1
        shown = log.note("not a message", line)
        conduct.first_junk = conduct.first_junk or shown
        return None


async def _send(
    fd: int, out: MemoryObjectReceiveStream[SessionMessage], written: anyio.Event, conduct: Conduct
) -> None:
    try:
        with out:
            async for each in out:
                text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
                await _write(fd, memoryview(text.encode() + b"\n"))
    except OSError:
        conduct.end("it reads no more messages")
    finally:
        written.set()


async def _write(fd: int, data: memoryview) -> None:
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            await anyio.wait_writable(fd)


async def _end(process: Process) -> None:
    """Its input is closed. Then TERM for the guard, which ends everything; the guard itself at the last."""
    for ask, seconds in ((None, LEAVE), (process.terminate, SWEPT), (process.kill, SWEPT)):
        with suppress(ProcessLookupError):
            if ask is not None:
                ask()
        with anyio.move_on_after(seconds):
            await process.wait()
            return
