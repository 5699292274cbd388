"""Servers of other makers, from the registries: `.ci/run` installs them from their locks (`.ci/mcp`) and says
where they are. `.ci/servers FOLDER` does the same by hand:

    .ci/servers /tmp/servers && PLANDECK_TEST_SERVERS=/tmp/servers pytest tests/mcp/test_real_servers.py
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from console.catalog.spec import McpServer, McpTool, Risk
from tests.mcp.calling import bench

SERVERS = Path(os.environ.get("PLANDECK_TEST_SERVERS", "/nowhere"))

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        "PLANDECK_TEST_SERVERS" not in os.environ,
        reason="PLANDECK_TEST_SERVERS names no folder with these servers (.ci/servers makes one)",
    ),
]


def python(name: str, *args: str, **more: dict[str, McpTool]) -> McpServer:
    return McpServer(command=str(SERVERS / "python" / "bin" / name), args=args, timeout=40, **more)


def node(name: str, *args: str, **more: dict[str, str]) -> McpServer:
    return McpServer(
        command=str(SERVERS / "node" / "node_modules" / ".bin" / name), args=args, timeout=40, **more
    )


async def test_git(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "-b", "main", "repo"], cwd=tmp_path, check=True)
    (tmp_path / "repo" / "a.txt").write_text("a\n")
    repo = str(tmp_path / "repo")
    tools = {"git_status": McpTool(risk=Risk.OBSERVE)}
    async with bench(tmp_path, {"git": python("mcp-server-git", "--repository", repo, tools=tools)}) as b:
        assert b.catalog.tools["git.git_status"].risk is Risk.OBSERVE
        assert b.catalog.tools["git.git_commit"].risk is Risk.DISRUPTIVE
        assert "a.txt" in (await b.call("git.git_status", repo_path=repo)).out
        added = await b.call("git.git_add", repo_path=repo, files=["a.txt"])
        assert added.event.kind == "step_succeeded"
        outside = await b.call("git.git_status", repo_path=str(tmp_path))
        assert outside.event.kind == "step_failed"
        assert outside.error.startswith("git.git_status: ")
    names = subprocess.run(["git", "ls-files"], cwd=repo, check=True, capture_output=True, text=True)
    assert names.stdout == "a.txt\n"


async def test_time(tmp_path: Path) -> None:
    async with bench(tmp_path, {"time": python("mcp-server-time", "--local-timezone", "UTC")}) as b:
        converted = await b.call(
            "time.convert_time", source_timezone="UTC", time="12:00", target_timezone="Asia/Tokyo"
        )
        assert json.loads(converted.out)["time_difference"] == "+9.0h"
        assert (await b.call("time.get_current_time", timezone="Nowhere/At_All")).event.kind == "step_failed"


async def test_filesystem(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    async with bench(tmp_path, {"files": node("mcp-server-filesystem", str(allowed))}) as b:
        wrote = await b.call("files.write_file", path=str(allowed / "note"), content="three words here")
        assert wrote.event.kind == "step_succeeded"
        assert "three words here" in (await b.call("files.read_text_file", path=str(allowed / "note"))).out
        (allowed / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        picture = await b.call("files.read_media_file", path=str(allowed / "dot.png"))
        kept = picture.spool / "files" / "1.png"
        assert kept.read_bytes() == b"\x89PNG\r\n\x1a\n"
        assert str(kept) in picture.out + picture.err
        assert (await b.call("files.read_text_file", path="/etc/hostname")).event.kind == "step_failed"
    assert (allowed / "note").read_text() == "three words here"


async def test_everything(tmp_path: Path) -> None:
    async with bench(tmp_path, {"all": node("mcp-server-everything")}) as b:
        assert (await b.call("all.echo", message="hello")).out == "Echo: hello"
        weather = await b.call("all.get-structured-content", location="Chicago")
        assert set(json.loads(weather.out)) == {"temperature", "conditions", "humidity"}
        picture = await b.call("all.get-tiny-image")
        assert (picture.spool / "files" / "1.png").read_bytes().startswith(b"\x89PNG")
        told = await b.call("all.trigger-long-running-operation", duration=0.5, steps=2)
        assert told.err.startswith("progress: 1/2")
        cut = await b.call("all.trigger-long-running-operation", timeout=0.5, duration=30, steps=2)
        assert cut.status.timed_out
        assert (await b.call("all.echo", message="again")).out == "Echo: again"


async def test_memory(tmp_path: Path) -> None:
    server = node("mcp-server-memory", env={"MEMORY_FILE_PATH": str(tmp_path / "memory.jsonl")})
    async with bench(tmp_path, {"memory": server}) as b:
        entity = {"name": "web-1", "entityType": "host", "observations": ["runs nginx"]}
        await b.call("memory.create_entities", entities=[entity])
        found = json.loads((await b.call("memory.search_nodes", query="nginx")).out)
        assert found["entities"] == [entity]
    async with bench(tmp_path, {"memory": server}) as b:
        assert "web-1" in (await b.call("memory.read_graph")).out
