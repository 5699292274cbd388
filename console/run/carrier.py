"""Attempts on their way: from the intent on the record to what the backend says in the end.

Every coroutine here is a task of its own; what it finds out goes to the `Receiver`, which takes it in
with its next turn.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from console.catalog.command import probe_command
from console.catalog.spec import Catalog
from console.errors import BackendError, PlandeckError
from console.plan.model import Step, StepId
from console.run import events as ev
from console.run.attempts import Place, Prepared
from console.run.control import spool
from console.run.state import RunState
from console.runners.backend import Spec, Status, StepBackend

_START_TOLD_AFTER = 0.1  # seconds: nobody sees a delay as short, and no commit goes into it


def started_event(step: StepId, attempt: int, status: Status) -> ev.StepStarted:
    """The start that a backend tells of."""
    return ev.StepStarted(
        step=step, attempt=attempt, pid=status.pid, host=status.host, started=status.started
    )


class Receiver(Protocol):
    """Who is told how attempts go. None of these may block."""

    def ended(self, step: StepId, attempt: int, key: str, status: Status) -> None:
        """An attempt is over."""

    def started(self, step: StepId, attempt: int, status: Status) -> None:
        """An attempt runs, and goes on running."""

    def happened(self, event: ev.Event) -> None:
        """Something else is to be written down."""


class Carrier:
    """Carries attempts out on one backend."""

    def __init__(
        self,
        backend: StepBackend,
        catalog: Catalog,
        directory: Path,
        wall: Callable[[], float],
        receiver: Receiver,
    ) -> None:
        self._backend, self._catalog, self._directory = backend, catalog, directory
        self._wall, self._receiver = wall, receiver

    def use(self, catalog: Catalog) -> None:
        """Take the probes of tools from this catalog from now on."""
        self._catalog = catalog

    async def attempt(self, step: StepId, prepared: Prepared) -> None:
        """Carry out one attempt, from its start to its end."""
        key = prepared.key
        if prepared.spec is None:
            self._take_note(step, prepared)
            return
        try:
            await self._backend.submit(prepared.spec)
            # Most attempts are short: their start is told together with their end.
            status = await self._backend.status(key, wait=_START_TOLD_AFTER)
        except BackendError as error:
            status = Status("exited", error=str(error), never_started=True)
        if status.phase == "running" and status.pid:
            self._receiver.started(step, prepared.number, status)
        await self.follow(step, prepared.number, key, status)

    async def follow(self, step: StepId, attempt: int, key: str, status: Status) -> None:
        """Wait for the end of an attempt that was started, now or by an engine before."""
        try:
            while not status.is_over and status.phase != "unknown":
                status = await self._backend.status(key, wait=None)
        except BackendError as error:
            status = Status("lost", error=str(error))
        if status.phase == "unknown":
            status = Status("exited", error="it was never taken on", never_started=True)
        self._receiver.ended(step, attempt, key, status)

    def _take_note(self, step: StepId, prepared: Prepared) -> None:
        """A note calls nothing: its text is its result."""
        folder, now = spool(self._directory, prepared.key), self._wall()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            out = os.open(folder / "out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(out, "wb") as stream:
                stream.write(prepared.note.encode())
            status = Status("exited", exit_code=0, started=now, ended=now)
        except OSError as error:
            why = f"its text cannot be written to {folder}: {error.strerror}"
            status = Status("exited", error=why, never_started=True)
        self._receiver.ended(step, prepared.number, prepared.key, status)

    async def cancel(self, key: str) -> None:
        """End an attempt; what became of it is told by whoever follows it."""
        try:
            await self._backend.cancel(key)
        except BackendError as error:
            self._receiver.happened(ev.Warned(message=str(error)))

    async def probe(self, step: Step, state: RunState, place: Place) -> None:
        """Look with the probe of the step's tool: exit 0 means done, 1 not done, anything else that
        nobody knows."""
        try:
            verdict = await self._looked(step, state, place)
        except PlandeckError as error:
            verdict = ev.StepProbed(step=step.id, verdict="unknown", detail=str(error))
        self._receiver.happened(verdict)

    async def _looked(self, step: Step, state: RunState, place: Place) -> ev.StepProbed:
        tool, attempt = self._catalog.get(step.action), state.step(step.id).attempt
        call = probe_command(tool, attempt.params, workspace=place.workspace) if tool and attempt else None
        if call is None:
            return ev.StepProbed(step=step.id, verdict="unknown", detail="its tool has no probe")
        key = f"{state.run}/{step.id}/probe-{state.seq}"
        env = {**place.env, **call.env}
        spec = Spec(key, call.argv, call.cwd, spool(self._directory, key), env, timeout=call.timeout)
        await self._backend.submit(spec)
        status = await self._backend.status(key, wait=None)
        if status.timed_out or status.exit_code not in (0, 1):
            detail = f"the probe ended with {status.exit_code}"
            return ev.StepProbed(step=step.id, verdict="unknown", detail=detail)
        return ev.StepProbed(step=step.id, verdict="done" if status.exit_code == 0 else "not_done")
