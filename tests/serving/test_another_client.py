"""A client of another maker, the TypeScript SDK's, in a process of its own. It comes with the servers that
`.ci/servers FOLDER` installs:

    .ci/servers /tmp/servers && PLANDECK_TEST_SERVERS=/tmp/servers pytest tests/serving/test_another_client.py
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.serving.clients import stop_all

MODULES = Path(os.environ.get("PLANDECK_TEST_SERVERS", "/nowhere"), "node", "node_modules")
CLIENT = Path(__file__).with_name("client.mjs")

pytestmark = pytest.mark.skipif(
    "PLANDECK_TEST_SERVERS" not in os.environ or not shutil.which("node"),
    reason="PLANDECK_TEST_SERVERS names no folder with a client (.ci/servers makes one)",
)

TOOLS = """
tools:
  - name: add
    description: Add two numbers.
    risk: observe
    parameters: [{name: a, type: integer, required: true}, {name: b, type: integer, default: 1}]
    script: {shell: "expr {{a}} + {{b}}"}
"""


def ask(folder: Path, words: list[str], *asked: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What a server that is `plandeck WORDS` says: who it is, then each answer."""
    done = subprocess.run(
        ["node", CLIENT, MODULES, sys.executable, "-m", "console.cli", *words],
        input="".join(f"{json.dumps(one)}\n" for one in asked),
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_served_tools_are_listed_and_called(tmp_path: Path) -> None:
    (tmp_path / "tools.yaml").write_text(TOOLS)
    server, listed, sum_, wrong = ask(
        tmp_path,
        ["tools", "serve", "tools.yaml"],
        ("listTools", {}),
        ("callTool", {"name": "add", "arguments": {"a": 2, "b": 40}}),
        ("callTool", {"name": "add", "arguments": {"b": 40}}),
    )
    assert server["server"]["name"] == "plandeck tools"
    (tool,) = listed["tools"]
    assert (tool["name"], tool["inputSchema"]["required"]) == ("add", ["a"])
    assert sum_["content"] == [{"type": "text", "text": "42"}]
    assert wrong["isError"]
    assert "add needs the parameter a" in wrong["content"][0]["text"]


def test_a_plan_is_submitted_and_nothing_offered_approves_it(tmp_path: Path) -> None:
    (tmp_path / "tools.yaml").write_text(TOOLS)
    plan = {"goal": "Add", "steps": [{"id": 1, "action": "add", "params": {"a": 2}}]}
    try:
        _, listed, submitted = ask(
            tmp_path,
            ["mcp", "--tools", "tools.yaml"],
            ("listTools", {}),
            ("callTool", {"name": "submit_plan", "arguments": {"plan": plan}}),
        )
    finally:
        anyio.run(stop_all)
    assert not [tool["name"] for tool in listed["tools"] if "approve" in tool["name"]]
    assert submitted["structuredContent"]["state"] == "awaiting_approval", submitted
