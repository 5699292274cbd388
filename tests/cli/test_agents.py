"""Steps that think, from the command line: a model on the loopback, the real worker, real tools."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.cli.plandeck import Shell

EXPLORE = """
goal: Find out who is there
exploratory: true
tools: [./tools.yaml]
"""


@contextmanager
def model(*replies: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that streams these replies as OpenAI's does; its address, and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            text = json.dumps(replies[min(len(asked), len(replies)) - 1])
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
            parts = [
                chunk | {"choices": [{"index": 0, "delta": {"role": "assistant", "content": text}}]},
                chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
                chunk
                | {"choices": [], "usage": {"prompt_tokens": 90, "completion_tokens": 9, "total_tokens": 99}},
            ]
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for part in parts:
                self.wfile.write(f"data: {json.dumps(part)}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_an_exploratory_task_goes_straight_to_an_agent(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text(EXPLORE)
    turns = (
        {"thought": "who?", "call": {"action": "hello", "params": {"who": "you"}}, "finish": None},
        {"thought": "can I?", "call": {"action": "erase", "params": {}}, "finish": None},
        {"thought": "so it is", "call": None, "finish": "you are there"},
    )
    with model(*turns) as (address, asked):
        shell = Shell(tmp_path)
        done = shell.plandeck(
            "run",
            "task.yaml",
            "--yes",
            "--json",
            "--record",
            "turns.yaml",
            PLANDECK_EXECUTOR_MODEL="openai/m",
            PLANDECK_MODEL_API_BASE=address,
        )
    assert done.code == 0, done.err
    drafted = done.fact("plan_drafted")
    assert drafted["planner"] == "exploratory"
    assert "marked exploratory" in drafted["reason"]
    assert [(s["id"], s["action"]) for s in drafted["plan"]["steps"]] == [("1", "agent")]
    succeeded = [f for f in done.facts if f["event"] == "step_succeeded"]
    assert [(f["step"], f["preview"]) for f in succeeded] == [("1-a1", "hello you"), ("1", "you are there")]
    thoughts = [f for f in done.facts if f["event"] == "agent_thought"]
    assert [(f["thought"], f["tokens"], f["model"]) for f in thoughts] == [
        ("who?", 99, "openai/m"),
        ("can I?", 99, "openai/m"),
        ("so it is", 99, "openai/m"),
    ]
    # What may destroy is not among the tools of an exploratory task.
    assert "there is no tool 'erase'" in thoughts[1]["error"]
    assert not (tmp_path / "erased").exists()
    assert "hello you" in asked[1]["messages"][-1]["content"]
    # What the agent said was kept, and says the same again without a model.
    (tmp_path / "task.yaml").write_text(EXPLORE + "planner: {use: offline, recording: turns.yaml}\n")
    again = shell.plandeck("run", "task.yaml", "--yes", "--json")
    assert again.code == 0, again.err
    assert [told(f) for f in again.facts if f["event"] == "agent_thought"] == [told(f) for f in thoughts]


def told(thought: dict[str, Any]) -> list[Any]:
    return [thought[key] for key in ("thought", "call", "finish", "error", "model", "tokens")]


def test_without_a_model_an_exploratory_task_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text(EXPLORE)
    done = Shell(tmp_path).plandeck("run", "task.yaml", "--yes", "--plain")
    assert done.code == 3
    assert "no model is named that could think for its agent" in done.err
    assert "--planner" in done.err


def test_whoever_names_a_planner_has_an_exploratory_task_planned(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text(EXPLORE + "want: [somebody there]\n")
    (tmp_path / "tools.yaml").write_text("")
    shell = Shell(tmp_path)
    tools = (tmp_path / "tools.yaml").read_text()
    (tmp_path / "tools.yaml").write_text(
        tools.replace("description: Say hello.", "provides: [somebody there]").replace(
            'required: true}]\n    script:\n      shell: "echo hello',
            'default: you}]\n    script:\n      shell: "echo hello',
        )
    )
    done = shell.plandeck("run", "task.yaml", "--planner", "offline", "--yes", "--json")
    assert done.code == 0, done.err
    assert [s["action"] for s in done.fact("plan_drafted")["plan"]["steps"]] == ["hello"]
