"""Services of a sandbox: started, taken over from an engine that is gone, ended."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import anyio

from console.errors import BackendError
from console.sandbox.command import Place, holds, signal_group
from console.sandbox.document import Ready, Service

GRACE = 3.0
"""Seconds between TERM and KILL for a service."""

POLL = 0.02
"""Seconds between two looks at a service that is not ready yet."""


@dataclass(slots=True)
class Process:
    """A service's process, started by us or taken over from an engine that is gone. Its end is
    watched by a pidfd, which serves both."""

    pid: int
    fd: int
    note: Path
    child: subprocess.Popen[bytes] | None = None

    @property
    def ended(self) -> bool:
        return bool(select.select([self.fd], [], [], 0)[0])

    async def end(self) -> None:
        """TERM to the group, grace, KILL."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.ended:
                break
            signal_group(self.pid, number)
            with anyio.move_on_after(GRACE):
                await anyio.wait_readable(self.fd)
        if self.child:  # not reaped yet, so its number still names its group, and what is left of it
            signal_group(self.pid, signal.SIGKILL)
            self.child.wait()
        os.close(self.fd)
        self.note.unlink(missing_ok=True)


def _birth(pid: int) -> str:
    """When a process began, in clock ticks since boot; with the pid it names one process."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def _adopt(note: Path) -> Process | None:
    """The service that an earlier engine left running, if it does."""
    try:
        pid, birth = note.read_text().split()
        fd = os.pidfd_open(int(pid))
    except (OSError, ValueError):
        return None
    try:
        if _birth(int(pid)) == birth:
            return Process(int(pid), fd, note)
    except OSError:
        pass
    os.close(fd)
    return None


async def start(service: Service, place: Place) -> Process:
    state = place.workspace / ".sandbox"
    note = state / f"{service.name}.pid"
    process = _adopt(note)
    if process is None:
        with (state / f"{service.name}.log").open("ab") as log:
            child = subprocess.Popen(  # noqa: ASYNC220 - it outlives this call; a spawn takes a millisecond
                ["sh", "-c", f"exec {service.run}"],
                cwd=place.workspace,
                env=place.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        process = Process(child.pid, os.pidfd_open(child.pid), note, child)
        note.write_text(f"{child.pid} {_birth(child.pid)}")
    try:
        await _until_ready(service, place, process)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await process.end()
        raise
    return process


async def _until_ready(service: Service, place: Place, process: Process) -> None:
    why = f"was not ready within {service.ready.within:g} s"
    with anyio.move_on_after(service.ready.within):
        while not process.ended:
            if await _is_ready(service.ready, place):
                return
            with anyio.move_on_after(POLL):
                await anyio.wait_readable(process.fd)
        why = "ended before it was ready"
    raise BackendError(
        f"the service {why}",
        where=f"sandbox service {service.name}",
        kept=f"the workspace {place.workspace} is as it left it",
        todo=f"See .sandbox/{service.name}.log there",
    )


async def _is_ready(ready: Ready, place: Place) -> bool:
    if ready.file and not (place.workspace / ready.file).exists():
        return False
    if ready.port:
        try:
            async with await anyio.connect_tcp("127.0.0.1", int(place.env[ready.port])):
                pass
        except OSError:
            return False
    return not ready.run or await holds(ready.run, place)
