"""An MCP server that misbehaves as its arguments say, in plain JSON-RPC over its standard input and output.

It writes what happens to it (its pid, every call, every cancellation) into files of its folder, and reads
from there how its tools are defined now (`definitions`, a JSON object of changes by name).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
NONE = {"type": "object", "properties": {}}
TOOLS: dict[str, dict[str, Any]] = {
    "echo": {
        "description": "Give the text back.",
        "inputSchema": TEXT,
        "annotations": {"readOnlyHint": True},
    },
    "wait": {"description": "Never answer.", "inputSchema": NONE},
    "die": {
        "description": "End in the middle.",
        "inputSchema": NONE,
        "annotations": {"destructiveHint": True},
    },
    "leave": {"description": "Answer, then end.", "inputSchema": NONE},
    "lie": {"description": "Say success and mean failure.", "inputSchema": NONE},
    "fail": {"description": "Say that it failed.", "inputSchema": NONE},
    "twice": {"description": "Answer twice, and to somebody else.", "inputSchema": NONE},
    "flood": {"description": "Answer with very much.", "inputSchema": NONE},
    "tell": {"description": "Tell of progress and log.", "inputSchema": NONE},
    "secret": {"description": "Give a secret away.", "inputSchema": NONE},
    "mutter": {"description": "Give a secret away where nobody looks.", "inputSchema": NONE},
    "picture": {"description": "Give a picture and a file.", "inputSchema": NONE},
    "ask": {"description": "Ask the client for things.", "inputSchema": NONE},
    "offspring": {"description": "Start a process of its own session.", "inputSchema": NONE},
    "refuse": {"description": "Answer with a protocol error.", "inputSchema": NONE},
    "half": {"description": "Answer with half a character.", "inputSchema": NONE},
    "nonsense": {"description": "Answer with what is no result.", "inputSchema": NONE},
}


def note(name: str, text: str) -> None:
    with Path(name).open("a") as file:
        file.write(f"{text}\n")


def send(**message: Any) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": words}], **more}


def definitions() -> list[dict[str, Any]]:
    changes = json.loads(Path("definitions").read_text()) if Path("definitions").exists() else {}
    return [{"name": name, **tool, **changes.get(name, {})} for name, tool in TOOLS.items()]


def call(number: Any, name: str, arguments: dict[str, Any], token: Any) -> None:
    note("calls", name)
    if name == "echo":
        send(id=number, result=text(arguments["text"]))
    elif name == "die":
        os._exit(3)
    elif name == "leave":
        send(id=number, result=text("gone"))
        os._exit(0)
    elif name == "lie":
        send(id=number, result=text("Database error: no such table"))
    elif name == "fail":
        send(id=number, result=text("no such \x1b[31mfile", isError=True))
    elif name == "twice":
        send(id=9_999, result=text("to nobody"))
        send(id="strange", error={"code": -1, "message": "to nobody"})
        send(id=number, result=text("once"))
        send(id=number, result=text("twice"))
    elif name == "flood":
        for _ in range(200):
            sys.stdout.write("x" * (1 << 20))
            sys.stdout.flush()
    elif name == "tell":
        for done in (1, 2):
            params = {"progressToken": token, "progress": done, "total": 2, "message": f"part {done}"}
            send(method="notifications/progress", params=params)
        send(method="notifications/message", params={"level": "warning", "data": {"disk": "nearly full"}})
        send(id=number, result=text("told"))
    elif name == "secret":
        send(id=number, result=text(f"the key is {os.environ['FAKE_KEY']}, path {os.environ['PATH'][:1]}"))
    elif name == "mutter":
        sys.stderr.write(f"\x1b]0;mine\x07the key is {os.environ['FAKE_KEY']}\n")
        sys.stderr.flush()
        print(f"\x1b[2Jand here {os.environ['FAKE_KEY']}", flush=True)
        send(id=number, result=text("said nothing"))
    elif name == "picture":
        blob = {"uri": "file:///etc/../../x/re port.bin", "mimeType": "application/x-y", "blob": "AAEC"}
        blocks = [
            {"type": "text", "text": "here"},
            {"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png"},
            {"type": "resource", "resource": blob},
            {"type": "image", "data": "%%%", "mimeType": "image/png"},
        ]
        send(id=number, result={"content": blocks})
    elif name == "ask":
        send(id="s1", method="sampling/createMessage", params={"messages": [], "maxTokens": 1})
        send(id="s2", method="roots/list")
        send(id=number, result=text("asked"))
    elif name == "offspring":
        child = subprocess.Popen(["sleep", "300"], start_new_session=True, stdin=subprocess.DEVNULL)
        send(id=number, result=text(str(child.pid)))
    elif name == "half":
        sys.stdout.write(
            '{"jsonrpc": "2.0", "id": ' + str(number) + ', "result": {"content": [{"text": "\\ud800"}]}}\n'
        )
        sys.stdout.flush()
    elif name == "refuse":
        send(id=number, error={"code": -32602, "message": "that is not how to call it"})
    elif name == "nonsense":
        send(id=number, result={"content": "not a list"})


def main(ways: set[str]) -> None:
    note("pids", str(os.getpid()))
    if "stubborn" in ways:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "banner" in ways:
        print("Welcome to the fake server!", flush=True)
    if "die" in ways:
        sys.exit("cannot read its configuration")
    while "junk" in ways:
        print("all work and no play", flush=True)
    if "prompt" in ways:
        sys.stderr.write("Ok to install? (y) ")
        sys.stderr.flush()
        time.sleep(300)
    if "pretty" in ways:
        print(json.dumps({"jsonrpc": "2.0", "id": 0, "result": {}}, indent=2), flush=True)
        time.sleep(300)
    if "hang" in ways:
        time.sleep(300)
    version = next((way.partition("=")[2] for way in ways if way.startswith("version=")), "2024-11-05")
    for line in sys.stdin:
        message = json.loads(line)
        method, number, params = message.get("method"), message.get("id"), message.get("params") or {}
        if method == "initialize":
            info = {"name": "fake", "version": "1"}
            offers: dict[str, Any] = {"tools": {}, "logging": {}}
            send(id=number, result={"protocolVersion": version, "capabilities": offers, "serverInfo": info})
        elif method == "tools/list":
            send(id=number, result={"tools": definitions()})
        elif method == "logging/setLevel":
            send(id=number, result={})
        elif method == "tools/call":
            call(
                number,
                params["name"],
                params.get("arguments") or {},
                params.get("_meta", {}).get("progressToken"),
            )
        elif method == "notifications/cancelled":
            note("cancelled", str(params.get("requestId")))
        elif method and number is not None and "fragile" in ways:
            sys.exit("never heard of it")
        elif method and number is not None:
            send(id=number, error={"code": -32601, "message": "Method not found"})
        elif number is not None:
            note("replies", json.dumps(message))
    while "stubborn" in ways:
        time.sleep(1)


if __name__ == "__main__":
    main(set(sys.argv[1:]))
