"""Commands of a sandbox, each to its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio

from console.errors import BackendError
from console.text import clean, one_line


@dataclass(frozen=True, slots=True)
class Place:
    """Where commands and services work, and their whole environment."""

    workspace: Path
    env: Mapping[str, str]


async def _run(command: str, place: Place) -> tuple[int, str]:
    """Exit code and the end of what it wrote. Output goes to a file: a process that the command left
    behind must not keep us waiting."""
    log = place.workspace / ".sandbox" / "commands.log"
    with log.open("ab") as out:
        out.write(f"$ {command}\n".encode())
        out.flush()
        start = out.tell()
        with anyio.CancelScope(shield=True):  # cut short, it would leave what the command has started
            process = await anyio.open_process(
                ["sh", "-c", command],
                cwd=place.workspace,
                env=place.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            code = await process.wait()
        except BaseException:
            signal_group(process.pid, signal.SIGKILL)
            with anyio.CancelScope(shield=True):
                await process.wait()
            raise
    with log.open("rb") as done:
        done.seek(start)
        return code, clean(done.read()[-2000:])


async def carry_out(command: str, place: Place, where: str, *, within: float | None = None) -> None:
    """Raises `BackendError` when it fails, or has not ended `within` seconds."""
    code, output = None, ""
    with anyio.move_on_after(within):
        code, output = await _run(command, place)
    if code is None:
        raise BackendError(
            f"{one_line(command, 80)!r} did not end within {within:g} s",
            where=where,
            kept=f"the workspace {place.workspace} is as it left it",
            todo="See .sandbox/commands.log there",
        )
    if code:
        last = one_line(output.rstrip("\n").rpartition("\n")[2], 200)
        raise BackendError(
            f"exit code {code} from {one_line(command, 80)!r}" + (f": {last}" if last else ""),
            where=where,
            kept=f"the workspace {place.workspace} is as it left it",
            todo="See .sandbox/commands.log there",
        )


async def holds(command: str, place: Place) -> bool:
    code, _ = await _run(command, place)
    return code == 0


def signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
