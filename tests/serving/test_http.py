"""Over HTTP: on this machine alone, for who knows the token, not for a page in a browser."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.cli.plandeck import TOOLS
from tests.serving.clients import value

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def serving(folder: Path, *words: str) -> AsyncIterator[tuple[str, list[str]]]:
    """`plandeck WORDS` over HTTP: its address, and the lines it printed."""
    (folder / "tools.yaml").write_text(TOOLS)
    command = [sys.executable, "-m", "console.cli", *words, "--http", "127.0.0.1:0"]
    async with await anyio.open_process(command, cwd=folder, env=dict(os.environ)) as process:
        assert process.stderr is not None
        lines: list[str] = []
        try:
            text = ""
            async for data in process.stderr:
                text += data.decode()
                lines = text.splitlines()
                if lines and "serving on " in lines[-1] and text.endswith("\n"):
                    break
            yield lines[-1].rpartition(" ")[2], lines
        finally:
            process.terminate()


async def test_only_who_knows_the_token_is_served(tmp_path: Path) -> None:
    async with serving(tmp_path, "mcp", "--tools", "tools.yaml", "--token-file", "token") as (url, _):
        assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
        token = (tmp_path / "token").read_text().strip()
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        accept = {"accept": "application/json, text/event-stream"}
        async with httpx2.AsyncClient() as http:
            for given in ({}, {"authorization": "Bearer wrong"}, {"authorization": token}):
                answer = await http.post(url, json=ping, headers={**accept, **given})
                assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            bearer = {"authorization": f"Bearer {token}", **accept}
            page = await http.post(url, json=ping, headers={**bearer, "origin": "https://example.com"})
            assert page.status_code == 403
            named = await http.post(url, json=ping, headers={**bearer, "host": "example.com"})
            assert named.status_code == 421
        async with (
            httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}) as http,
            Client(streamable_http_client(url, http_client=http)) as program,
        ):
            plan = {"steps": [{"id": 1, "action": "hello", "params": {"who": "you"}}]}
            told = value(await program.call_tool("check_plan", {"plan": plan, "tools": []}))
            assert (told["valid"], told["risks"]) == (True, {"1": "observe"})


async def test_tools_are_served_over_http_too(tmp_path: Path) -> None:
    async with serving(tmp_path, "tools", "serve", "tools.yaml") as (url, lines):
        token = next(line for line in lines if "bearer token" in line).rpartition(" ")[2]
        async with (
            httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}) as http,
            Client(streamable_http_client(url, http_client=http)) as one,
        ):
            told = await one.call_tool("hello", {"who": "you"})
            assert [part.text for part in told.content if part.type == "text"] == ["hello you"]
