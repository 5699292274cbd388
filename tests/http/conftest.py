"""A server on the loopback that answers as its path says, and a run's directory to call it from."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from console.runners.local import LocalBackend
from console.runners.router import Router


@dataclass
class Site:
    """What the server was asked, and where it is."""

    address: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    hold: Event = field(default_factory=Event)


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            asked = {
                "method": self.command,
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": self.rfile.read(length).decode(),
            }
            site.asked.append(asked)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            kind = parts.path.strip("/").split("/")[0]
            if kind == "redirect":
                self.reply(int(query.get("status", "302")), b"", {"Location": query["to"]})
            elif kind == "status":
                self.reply(int(query["code"]), b"because\nof \x1b[31mreasons")
            elif kind == "big":
                self.reply(200, b"x" * int(query["bytes"]))
            elif kind == "cut":
                chunked = {"Transfer-Encoding": "chunked"} if "chunked" in query else {}
                self.reply(200, b"[1, 2", chunked, missing=3)
            elif kind == "hang":
                site.hold.wait(30)
            elif kind == "html":
                self.reply(200, b"<html>sorry</html>")
            else:
                self.reply(200, json.dumps(asked).encode())

        def reply(
            self, status: int, body: bytes, headers: dict[str, str] | None = None, *, missing: int = 0
        ) -> None:
            """`missing`: so many bytes are promised and do not come."""
            size = len(body) + missing
            self.close_connection = self.close_connection or bool(missing)
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            if "Transfer-Encoding" in (headers or {}):
                body = b"%x\r\n%b" % (size, body)
            else:
                self.send_header("Content-Length", str(size))
            self.end_headers()
            if self.command != "HEAD":
                try:
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = answer

    return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    server.daemon_threads = True
    site.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    site.hold.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
async def backend(run_dir: Path) -> AsyncIterator[Router]:
    async with LocalBackend(run_dir, linger=0) as processes:
        yield Router(processes)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
