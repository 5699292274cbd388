"""Real clients of the real command, over standard input and output."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters, stdio_client
from mcp_types import CallToolResult, Implementation, TextContent

from console.errors import ControlRefused
from console.run.control import Stop
from console.service.client import NotExecuted, attach
from console.settings import find_run, run_ids
from tests.cli.plandeck import TOOLS

NAME = "the tester"


@asynccontextmanager
async def client(
    folder: Path, *words: str, env: dict[str, str] | None = None, **options: Any
) -> AsyncIterator[Client]:
    """A client of `plandeck WORDS`, started in `folder`; what the server says on its errors goes to `err`
    there."""
    (folder / "tools.yaml").write_text(TOOLS)
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "console.cli", *words],
        env={**os.environ, **(env or {})},
        cwd=folder,
    )
    with (folder / "err").open("w") as err:
        about = Implementation(name=NAME, version="1")
        try:
            async with Client(stdio_client(server, errlog=err), client_info=about, **options) as one:
                yield one
        finally:
            await stop_all()


async def stop_all() -> None:
    """End every run that still waits: a run outlives whoever submitted it."""
    for directory in map(find_run, run_ids()):
        with suppress(NotExecuted):
            async with attach(directory) as session:
                await session.take_control()
                with suppress(ControlRefused):
                    await session.wish(Stop())
                async for _ in session.records():
                    pass


def value(result: CallToolResult) -> dict[str, Any]:
    """What a call that went well answered."""
    assert not result.is_error, said(result)
    assert isinstance(result.structured_content, dict)
    return result.structured_content


def said(result: CallToolResult) -> str:
    return "".join(part.text for part in result.content if isinstance(part, TextContent))


def refusal(result: CallToolResult) -> str:
    """Why a call was refused."""
    assert result.is_error, said(result)
    return said(result)
