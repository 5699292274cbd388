"""A catalog served to any MCP client: real attempts, bounded by risk, ended when the client says so."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest
from anyio import run_process
from mcp import MCPError
from mcp_types import LoggingMessageNotificationParams

from console.settings import state_dir
from tests.serving.clients import client, refusal, said, value

pytestmark = pytest.mark.anyio

MORE = """
tools:
  - name: pair
    description: Show two numbers.
    risk: observe
    parameters: [{name: a, type: integer, required: true}, {name: b, type: integer, default: 1}]
    script: {shell: "echo pairing >&2; printf '{\\"a\\": %s, \\"b\\": %s}' {{a}} {{b}}"}
  - name: slow
    description: Wait.
    risk: observe
    script: {shell: "echo $$ > pid; echo begun; sleep 99", timeout: 90s}
  - {name: brief, description: Wait too long., risk: observe, script: {shell: "sleep 99", timeout: 0.2s}}
  - {name: tell, description: Tell., risk: observe, secrets: [KEY], script: {shell: "echo key=$KEY; pwd"}}
"""


async def test_tools_come_with_their_schemas_and_do_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(MORE)
    heard: list[LoggingMessageNotificationParams] = []
    shown: list[str | None] = []

    async def hear(params: LoggingMessageNotificationParams) -> None:
        heard.append(params)

    async def show(progress: float, total: float | None, message: str | None) -> None:
        shown.append(message)

    words = ("tools", "serve", "tools.yaml", "more.yaml")
    env = {"KEY": "s3cret-of-mine"}
    async with client(tmp_path, *words, env=env, logging_callback=hear, log_level="info") as one:
        tools = {tool.name: tool for tool in (await one.list_tools()).tools}
        assert "erase" not in tools
        assert tools["pair"].input_schema["required"] == ["a"]
        hints = [
            (t.annotations.read_only_hint, t.annotations.destructive_hint)
            for t in (tools["pair"], tools["make"])
            if t.annotations
        ]
        assert hints == [(True, False), (False, False)]

        pair = await one.call_tool("pair", {"a": 2}, progress_callback=show)
        assert (said(pair), value(pair)) == ('{"a": 2, "b": 1}', {"a": 2, "b": 1})
        assert [(m.level, m.data["stream"], m.data["text"]) for m in heard if m.level == "warning"] == [
            ("warning", "err", "pairing\n")
        ]
        assert "pairing" in shown
        assert said(await one.call_tool("tell", {})) == f"key=<secret:KEY>\n{tmp_path}"

        assert refusal(await one.call_tool("boom", {})) == "exit code 3\noops"
        assert "pair needs the parameter a" in refusal(await one.call_tool("pair", {}))
        assert "it took too long" in refusal(await one.call_tool("brief", {}))
        with pytest.raises(MCPError, match="there is no tool 'erase'"):
            await one.call_tool("erase", {})
        assert not (tmp_path / "erased").exists()
    assert "plandeck: erase is destructive and is left out" in (tmp_path / "err").read_text()
    assert [one.name for one in (state_dir() / "serving").iterdir()] == ["lock"]


async def test_a_client_that_gives_a_call_up_ends_the_tool(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(MORE)
    begun = anyio.Event()

    async def hear(_: Any) -> None:
        begun.set()

    async with client(
        tmp_path, "tools", "serve", "more.yaml", logging_callback=hear, log_level="info"
    ) as one:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.call_tool, "slow", {})
            await begun.wait()
            pid = int((tmp_path / "pid").read_text())
            process = psutil.Process(pid)
            tasks.cancel_scope.cancel()
        await anyio.to_thread.run_sync(process.wait, 20)
        assert value(await one.call_tool("pair", {"a": 1})) == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["tools", "serve"], 2, "which tool files?"),
        (["tools", "serve", "nothing"], 3, "there is no tool file 'nothing'"),
        (["tools", "serve", "worst.yaml"], 2, "no tool is reversible or milder"),
        (["tools", "--up-to", "observe"], 2, "go with `plandeck tools serve`"),
        (["mcp", "--http", "0.0.0.0:0"], 2, "it serves on this machine alone"),
        (["mcp", "--http", "here"], 2, "it is written HOST:PORT"),
        (["mcp", "--tasks", "tasks"], 2, "there is no such folder of tasks"),
    ],
)
async def test_what_cannot_be_served_is_one_line(
    tmp_path: Path, words: list[str], code: int, why: str
) -> None:
    worst = {"name": "x", "risk": "destructive", "description": "d", "script": {"shell": "true"}}
    (tmp_path / "worst.yaml").write_text(json.dumps({"tools": [worst]}))
    done = await run_process([sys.executable, "-m", "console.cli", *words], cwd=tmp_path, check=False)
    lines = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout) == (code, b"")
    assert why in lines[-1]
