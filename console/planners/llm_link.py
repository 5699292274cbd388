"""The engine's end of the pipe to the model's worker: starts it, asks it, ends it.

The worker is started at the first question and lives until `close`, so that rounds of one planning
share its slow import. Whatever goes wrong in a call, a cancellation too, ends the worker: nothing of an
abandoned call is ever taken for an answer to the next. Standard error goes to a log of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

import anyio
import anyio.to_thread
from pydantic import ValidationError

from console.planners import llm_callbacks as callbacks
from console.planners import llm_wire as wire
from console.settings import load_settings, private_dir, state_dir

START_SECONDS = 120.0
"""Loading litellm takes two seconds, and a minute on a machine that is short of everything."""

GRACE = 5.0
"""Seconds beyond the longest silence, in which the worker notices it by itself."""

LOG_LIMIT = 1024 * 1024

PARTING = "model-worker-parting"
"""The thread that sees a worker with callbacks end."""

HeardFrom = Callable[[wire.Heard], Awaitable[None]]

QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # no look-up on the network; "1" is not understood
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_MODE": "PRODUCTION",  # reads no .env file
    "LITELLM_LOG": "ERROR",
}


class AttemptFailed(Exception):
    """One attempt gave no reply; `failure` says why."""

    def __init__(self, failure: wire.Failure) -> None:
        super().__init__(failure.kind)
        self.failure = failure


class Line(Protocol):
    """Somebody who can ask a model once."""

    async def open(self) -> None:
        """Get ready, which may take seconds. Raises `AttemptFailed`."""

    async def attempt(self, ask: wire.Ask, heard: HeardFrom) -> wire.Answer:
        """The reply. Raises `AttemptFailed`."""

    def close(self) -> None:
        """End what belongs to it."""


class Link:
    """A worker process. `environ` is where it finds its keys."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = dict(os.environ if environ is None else environ)
        self._callbacks = (
            self._environ.get(callbacks.VARIABLE) or load_settings(self._environ).model_callbacks
        )
        self._process: subprocess.Popen[bytes] | None = None

    async def open(self) -> None:
        """Start the worker if there is none. Raises `AttemptFailed`."""
        if self._process is not None:
            return
        try:
            try:
                await anyio.to_thread.run_sync(self._start)
            except OSError as error:
                why = wire.Failure(kind="worker", detail=error.strerror or str(error))
                raise AttemptFailed(why) from None
            await self._said(START_SECONDS)
        except BaseException:
            self.close(now=True)
            raise

    async def attempt(self, ask: wire.Ask, heard: HeardFrom) -> wire.Answer:
        """Ask once; `ask.timeout` is the longest silence, in seconds. Raises `AttemptFailed`."""
        try:
            said = await self._attempt(ask, heard)
        except BaseException:
            self.close(now=True)
            raise
        if isinstance(said, wire.Failure):
            raise AttemptFailed(said)
        return said

    async def look(self, model: str, api_base: str = "") -> wire.Known:
        """What can be told of a model without asking it. Raises `AttemptFailed`."""
        await self._tell(wire.Look(model=model, api_base=api_base))
        said = await self._said(START_SECONDS)
        if isinstance(said, wire.Known):
            return said
        raise AttemptFailed(wire.Failure(kind="worker"))

    async def _tell(self, frame: wire.Frame) -> None:
        await self.open()
        with anyio.move_on_after(START_SECONDS) as silence:
            await anyio.to_thread.run_sync(self._write, frame, abandon_on_cancel=True)
        if silence.cancelled_caught:
            raise AttemptFailed(wire.Failure(kind="stall"))

    def _write(self, frame: wire.Frame) -> None:
        """In a thread: a prompt is larger than a pipe, and a worker may stand still."""
        process = self._process
        try:
            if process and process.stdin:
                wire.write(process.stdin, frame)  # type: ignore[arg-type]  # a buffered writer is binary
        except (OSError, ValueError):  # it has ended, or was closed while this thread waited
            raise AttemptFailed(wire.Failure(kind="worker")) from None

    async def _attempt(self, ask: wire.Ask, heard: HeardFrom) -> wire.Answer | wire.Failure:
        await self._tell(ask)
        while True:
            said = await self._said(ask.timeout + GRACE)
            if isinstance(said, wire.Heard):
                await heard(said)
            elif isinstance(said, wire.Failure | wire.Answer):
                return said

    async def _said(self, longest: float) -> wire.Frames:
        body: bytes | None = None
        with anyio.move_on_after(longest) as silence:
            body = await anyio.to_thread.run_sync(self._read, abandon_on_cancel=True)
        if silence.cancelled_caught:
            raise AttemptFailed(wire.Failure(kind="stall"))
        try:
            return wire.SAID.validate_json(body or b"")
        except ValidationError:
            raise AttemptFailed(wire.Failure(kind="worker")) from None

    def _read(self) -> bytes | None:
        process = self._process
        try:
            return wire.read(process.stdout) if process and process.stdout else None  # type: ignore[arg-type]
        except (OSError, ValueError):  # it was closed while this thread waited
            return None

    def _start(self) -> None:
        # Owned from its first moment: whoever waits for this thread may be cancelled meanwhile.
        with _log().open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "console.planners.llm_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                env={
                    **{name: value for name, value in self._environ.items() if value},
                    **QUIET,
                    callbacks.VARIABLE: self._callbacks,
                },
                start_new_session=True,
            )

    def close(self, *, now: bool = False) -> None:
        """End the worker, at once. One with callbacks is let go, to tell them of the last call, unless it
        must end `now`."""
        process, self._process = self._process, None
        if process is None:
            return
        if self._callbacks and not now:
            threading.Thread(target=_let_go, args=(process,), name=PARTING, daemon=True).start()
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:  # unsent bytes for a worker that is gone
                pass


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """Tell a worker that nothing more comes, and see it end."""
    with process:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(callbacks.GRACE + 5)
        except subprocess.TimeoutExpired:
            process.kill()


def log_file() -> Path:
    """Where the worker's libraries leave what nobody needs to see."""
    return state_dir() / "model.log"


def _log() -> Path:
    private_dir(state_dir())
    path = log_file()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        if os.fstat(descriptor).st_size > LOG_LIMIT:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)
    return path
