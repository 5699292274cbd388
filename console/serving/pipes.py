"""An MCP server on standard input and output that ends when it is told to.

The library reads standard input in a thread, and a thread that waits for a line cannot be called off: a
server would outlive every signal, or die of it and leave what its tools have started. Here input is read
when there is some, so that a signal cancels the server like everything else.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any, cast

import anyio
import anyio.lowlevel
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

_PIECE = 65_536


async def serve_stdio(server: Server[Any]) -> None:
    """Serve whoever started this process, until it closes our input."""
    stdin = cast("anyio.AsyncFile[str]", _Lines())
    async with stdio_server(stdin) as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


class _Lines:
    """The lines of standard input, which is turned away from what this process starts."""

    def __init__(self) -> None:
        self._input = os.dup(0)
        nowhere = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        os.dup2(nowhere, 0)
        os.close(nowhere)

    async def __aiter__(self) -> AsyncIterator[str]:
        begun: list[bytes] = []
        while piece := await self._read():
            *ended, rest = piece.split(b"\n")
            for end in ended:
                yield b"".join((*begun, end)).decode("utf-8", "replace")
                begun = []
            begun.append(rest)
        if any(begun):
            yield b"".join(begun).decode("utf-8", "replace")

    async def _read(self) -> bytes:
        try:
            await anyio.wait_readable(self._input)
        except PermissionError:  # a plain file is always readable, and cannot be waited for
            await anyio.lowlevel.checkpoint()
        return os.read(self._input, _PIECE)
