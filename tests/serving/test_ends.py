"""How a server of tools ends, and what it leaves behind: nothing that still runs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from console.serving.folder import Folder
from console.settings import state_dir

TOOLS = """
tools:
  - name: slow
    description: Wait.
    risk: observe
    script: {shell: "echo $$ > pid; echo begun; sleep 99", timeout: 90s}
"""
BEGIN = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
SERVE = [sys.executable, "-m", "console.cli", "tools", "serve", "tools.yaml"]


@contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], psutil.Process]]:
    """A server whose client has called the tool, and the tool's process."""
    (folder / "tools.yaml").write_text(TOOLS)
    with subprocess.Popen(SERVE, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def say(method: str, number: int | None = None, **params: Any) -> None:
            message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
            message |= {} if number is None else {"id": number}
            assert server.stdin is not None
            server.stdin.write(json.dumps(message).encode() + b"\n")
            server.stdin.flush()

        try:
            say("initialize", 1, **BEGIN)
            server.stdout.readline()
            say("notifications/initialized")
            say("tools/call", 2, name="slow", arguments={})
            while b"begun" not in server.stdout.readline():
                assert server.poll() is None
            yield server, psutil.Process(int((folder / "pid").read_text()))
        finally:
            server.kill()


@contextmanager
def living() -> Iterator[Path]:
    """The folder of another server."""
    made = Folder()
    try:
        yield made.path
    finally:
        made.leave()


def places() -> list[Path]:
    return [one for one in (state_dir() / "serving").iterdir() if one.is_dir()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_what_it_has_started(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path) as (server, tool):
        server.send_signal(number)
        assert server.wait(20) == 128 + number
        assert not tool.is_running()
        assert places() == []


def test_a_client_that_closes_its_end_ends_the_server_and_what_it_has_started(tmp_path: Path) -> None:
    with serving(tmp_path) as (server, tool):
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait(20) == 0
        assert not tool.is_running()
        assert places() == []


def test_what_a_killed_server_has_left_is_ended_by_the_next_one(tmp_path: Path) -> None:
    with serving(tmp_path) as (server, tool):
        server.kill()
        server.wait(20)
        assert tool.is_running()
        (left,) = places()
        supervisor = tool.parent()
        assert supervisor is not None
        with living() as folder:
            tool.wait(20)
            supervisor.wait(20)
            assert set(places()) == {left, folder}
            with living() as another:
                assert set(places()) == {folder, another}
        assert places() == []
