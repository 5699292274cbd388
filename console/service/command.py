"""A command whose output is wanted whole, and that ends with whoever waits for it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import anyio


async def output_of(
    argv: Sequence[str], stream: Literal["stdout", "stderr"], *, cwd: str | Path, env: Mapping[str, str]
) -> tuple[int, bytes]:
    """Its exit code and what it wrote to `stream`; the other one, and its input, lead nowhere. Raises
    `OSError` when it cannot be started. A command that is not waited for any more is killed, but its start is
    not cut short: asyncio would leave the pipe open, for ever.
    """
    with anyio.CancelScope(shield=True):
        process = await anyio.open_process(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if stream == "stdout" else subprocess.DEVNULL,
            stderr=subprocess.PIPE if stream == "stderr" else subprocess.DEVNULL,
            cwd=cwd,
            env=env,
            start_new_session=True,
        )
    async with process:
        written = process.stdout if stream == "stdout" else process.stderr
        assert written is not None
        pieces = [piece async for piece in written]
        return await process.wait(), b"".join(pieces)
