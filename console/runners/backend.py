"""How one attempt of one step is carried out: the seam between the engine and the world.

Everything above (graph, retries, approvals, rollback, journal, screens) does not know which
backend runs a step. Attempts are named by a key, `run/step/attempt`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

CHANGED = "changed"
"""In an attempt's directory, where its call was refused because its tool is not defined as it was approved:
how it is defined now, as JSON."""

Phase = Literal["unknown", "queued", "running", "exited", "cancelled", "lost"]


@dataclass(frozen=True, slots=True)
class Spec:
    """One attempt, resolved: nothing in here is substituted or looked up again.

    `argv` is a process; the other kinds of tool have a `call`, which their own backend understands, and
    an `argv` that only says it. `env` is the whole environment; `secrets` are added to it and never
    written down. `spool` is the attempt's own directory, made by the backend (0700): `out` and `err` are
    the raw streams. `timeout` and `grace` are in seconds; the backend enforces both, with or without the
    engine. `on` is the label or host that must run it.
    """

    key: str
    argv: tuple[str, ...]
    cwd: str
    spool: Path
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    grace: float = 5.0
    on: str | None = None
    tool: str = ""
    call: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of an attempt.

    `unknown`: never claimed, it certainly did not start. `lost`: it was claimed and nobody can say
    what became of it. `error` explains an `exited` without an exit code (it could not be started:
    `never_started`). `exit_code` is negative for a signal. Times are seconds since the epoch.
    `stragglers` counts processes the step left behind and that were ended.
    """

    phase: Phase
    exit_code: int | None = None
    pid: int = 0
    host: str = ""
    started: float = 0.0
    ended: float = 0.0
    timed_out: bool = False
    never_started: bool = False
    stragglers: int = 0
    error: str = ""

    @property
    def is_over(self) -> bool:
        return self.phase in ("exited", "cancelled", "lost")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a stream: `offset` is its first byte in the raw stream."""

    stream: Literal["out", "err"]
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Worker:
    """A place where steps can run. `last_seen` is in seconds since the epoch."""

    host: str
    labels: tuple[str, ...] = ()
    last_seen: float = 0.0


class StepBackend(Protocol):
    """Carries out attempts. Every method may raise `BackendError`."""

    async def submit(self, spec: Spec) -> bool:
        """Take the attempt on, durably. The same key again is a no-op that answers False.

        Raises `NeverStarted` when it certainly was not and will not be started.
        """

    async def status(self, key: str, wait: float | None = 0) -> Status:
        """What is known of it. `wait` is how many seconds to wait for its end (`None`: as long as
        it takes)."""

    def output(self, key: str, offset: int = 0) -> AsyncIterator[Chunk]:
        """Its streams from byte `offset` of each, then what comes, until it is over."""

    async def cancel(self, key: str) -> None:
        """End it: TERM to the group, grace, KILL. Done only when `status` says so."""

    async def abandon(self, key: str) -> None:
        """The operator's verdict that its host is gone: it becomes `lost`, late results are fenced."""

    async def workers(self) -> list[Worker]:
        """Where steps can run."""
