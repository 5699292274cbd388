"""Servers over HTTP: the newest protocol from the library itself, and one that misbehaves."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from console.catalog.spec import McpServer
from tests.mcp.calling import HERE, bench

pytestmark = pytest.mark.anyio


@pytest.fixture
def modern_url() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, str(HERE / "modern_server.py"), str(port)], stderr=subprocess.DEVNULL
    )
    due = time.monotonic() + 40
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert time.monotonic() < due, "the server does not listen"
            time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/mcp"
    server.terminate()
    server.wait(10)


async def test_the_newest_protocol_over_http(tmp_path: Path, modern_url: str) -> None:
    async with bench(tmp_path, {"m": McpServer(url=modern_url)}) as b:
        assert (await b.call("m.add", first=1, second=2)).out == '{"total": 3}'
        assert (await b.call("m.work")).err == "progress: 1/2 half\n"
        assert (await b.call("m.fail")).event.kind == "step_failed"


TROUBLES = ("hello", "flood", "away", "broken", "denied", "garbled", "page")


class Rogue(BaseHTTPRequestHandler):
    """Plain JSON answers in the old protocol, and troubles by the tool's name."""

    protocol_version = "HTTP/1.1"
    seen: list[dict[str, str]]

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if (trouble := self.path.strip("/")) in TROUBLES:
            self.call(body.get("id"), trouble)
            return
        self.seen.append({name.lower(): value for name, value in self.headers.items()})
        method, number = body["method"], body.get("id")
        tools = [{"name": name, "inputSchema": {"type": "object"}} for name in TROUBLES]
        info = {"name": "rogue", "version": "1"}
        if number is None:
            self.reply(202, b"")
        elif method == "initialize":
            offers = {"protocolVersion": "2025-03-26", "capabilities": {"tools": {}}, "serverInfo": info}
            self.result(number, offers)
        elif method == "tools/list":
            self.result(number, {"tools": tools})
        elif method == "tools/call":
            self.call(number, body["params"]["name"])
        else:
            error = {"jsonrpc": "2.0", "id": number, "error": {"code": -32601, "message": "no"}}
            self.reply(200, json.dumps(error).encode())

    def call(self, number: Any, tool: str) -> None:
        match tool:
            case "hello":
                self.result(number, {"content": [{"type": "text", "text": "hello"}]})
            case "flood":
                self.flood()
            case "away":
                self.reply(307, b"", {"Location": "http://169.254.169.254/latest"})
            case "broken":
                self.reply(500, b"")
            case "denied":
                self.reply(401, b"who are you?", {"Content-Type": "text/plain"})
            case "garbled":
                self.reply(200, b'{"jsonrpc":')
            case "page":
                self.reply(200, b"<html>Sorry</html>", {"Content-Type": "text/html"})

    def do_GET(self) -> None:
        self.reply(405, b"")

    do_DELETE = do_GET

    def result(self, number: Any, result: dict[str, Any]) -> None:
        self.reply(200, json.dumps({"jsonrpc": "2.0", "id": number, "result": result}).encode())

    def flood(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(200 << 20))
        self.end_headers()
        try:
            for _ in range(200):
                self.wfile.write(b"x" * (1 << 20))
        except OSError:
            self.close_connection = True

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def rogue() -> Iterator[ThreadingHTTPServer]:
    Rogue.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Rogue)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


async def test_an_old_server_over_http_its_secret_header_and_its_troubles(
    tmp_path: Path, rogue: ThreadingHTTPServer
) -> None:
    url = f"http://127.0.0.1:{rogue.server_address[1]}/mcp"
    server = McpServer(url=url, headers={"Authorization": "Bearer $CANARY"})
    async with bench(tmp_path, {"r": server}, {"CANARY": "c4n4ry-value"}) as b:
        assert (await b.call("r.hello")).out == "hello"
        assert {headers["authorization"] for headers in Rogue.seen} == {"Bearer c4n4ry-value"}
        told = {name: (await b.call(f"r.{name}", timeout=20)).error for name in TROUBLES[1:]}
        assert (await b.call("r.hello")).out == "hello"
        assert "32 MiB" in told.pop("flood")
        assert told.pop("away").startswith(
            "r refused the call: Redirect to http://169.254.169.254/latest not"
        )
        assert told == {
            "broken": "r refused the call: it answered 500 Internal Server Error",
            "denied": "r refused the call: it answered 401 Unauthorized",
            "garbled": "r refused the call: what it answered is no message of the protocol",
            "page": "r refused the call: Unexpected content type: text/html",
        }
        kept = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert not [path for path in kept if b"c4n4ry" in path.read_bytes()]


def test_a_server_that_talks_nonsense_is_one_line_on_the_terminal(
    tmp_path: Path, rogue: ThreadingHTTPServer
) -> None:
    url = f"http://127.0.0.1:{rogue.server_address[1]}"
    names = ("garbled", "denied")
    servers = {name: {"url": f"{url}/{name}", "timeout": 20} for name in names}
    (tmp_path / "tools.yaml").write_text(json.dumps({"mcp_servers": servers}))
    argv = [sys.executable, "-m", "console.cli", "tools", "check", "tools.yaml", "--ask"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    why = ("what it answered is no message of the protocol", "it answered 401 Unauthorized")
    assert [line.partition(" failed: ")[2] for line in done.stdout.splitlines()[:2]] == [
        f"it cannot be used: {each}; its tools are missing" for each in why
    ]
