"""A model's server on the loopback, as OpenAI's clients speak to it, that does as it is told.

Each request takes the next of `script`; a request beyond it gets the last one again. What was asked is
kept in `asked`, headers and all.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """A reply in `pieces`, `tokens` (prompt, reply) as the server counts them. Before the last piece it
    waits until the server's `gate` is open where it `waits`; it never comes to its end where it `stalls`;
    the connection ends in the middle where it is `cut`."""

    text: str | Callable[[Body], str]
    pieces: int = 3
    tokens: tuple[int, int] = (1000, 200)
    finish: str = "stop"
    waits: bool = False
    stalls: bool = False
    cut: bool = False


@dataclass(frozen=True)
class Refusal:
    """A status other than 200."""

    status: int
    message: str = "no"
    headers: tuple[tuple[str, str], ...] = ()
    html: bool = False


@dataclass(frozen=True)
class Page:
    """A web page, with status 200, in place of a reply."""


Act = Reply | Refusal | Page


@dataclass
class Asked:
    """One request."""

    body: Body
    headers: dict[str, str]

    @property
    def prompt(self) -> str:
        return "\n".join(str(message["content"]) for message in self.body["messages"])

    @property
    def form(self) -> str:
        if "tools" in self.body:
            return "tool"
        return str((self.body.get("response_format") or {"type": "text"})["type"])


@dataclass
class ModelServer:
    """`base` is what a client is given as the address."""

    base: str
    script: list[Act] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    heard: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def plays(self, *acts: Act | str) -> None:
        """Begin a new script; a text is a whole reply."""
        self.script = [Reply(act) if isinstance(act, str) else act for act in acts]
        self.asked.clear()
        self.gate.clear()
        self.heard.clear()

    def next_act(self, asked: Asked) -> Act:
        self.asked.append(asked)
        self.heard.set()
        return self.script[min(len(self.asked), len(self.script)) - 1]


@contextmanager
def served() -> Iterator[ModelServer]:
    """A server as long as the block lasts."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    http.daemon_threads = True
    server = ModelServer(f"http://127.0.0.1:{http.server_address[1]}/v1")
    _Handler.servers[http.server_address[1]] = server
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.gate.set()
        http.shutdown()
        thread.join()
        http.server_close()


class _Handler(BaseHTTPRequestHandler):
    servers: dict[int, ModelServer] = {}  # noqa: RUF012 - one per port
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""

    def do_POST(self) -> None:
        server = self.servers[self.server.server_address[1]]  # type: ignore[index]  # an IPv4 pair
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asked = Asked(body, {name.lower(): value for name, value in self.headers.items()})
        act = server.next_act(asked)
        self.close_connection = True
        try:
            if isinstance(act, Page):
                self._whole(200, "text/html", "<!DOCTYPE html><html><body>Sign in</body></html>")
            elif isinstance(act, Refusal):
                self._refuse(act)
            else:
                self._reply(act, asked, server)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has hung up, which is its right

    def _whole(self, status: int, kind: str, text: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        self.send_response(status)
        for name, value in (("content-type", kind), ("content-length", str(len(text))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def _refuse(self, act: Refusal) -> None:
        if act.html:
            self._whole(act.status, "text/html", f"<html><body>{act.message}</body></html>", act.headers)
            return
        error = {"error": {"message": act.message, "type": "refused", "code": None}}
        self._whole(act.status, "application/json", json.dumps(error), act.headers)

    def _reply(self, act: Reply, asked: Asked, server: ModelServer) -> None:
        text = act.text if isinstance(act.text, str) else act.text(asked.body)
        as_tool = asked.form == "tool"
        if not asked.body.get("stream"):
            self._whole(200, "application/json", json.dumps(_complete(act, text, as_tool)))
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        size = max(1, -(-len(text) // act.pieces))
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        for number, piece in enumerate(pieces):
            if number == len(pieces) - 1:
                if act.cut:
                    return
                if act.stalls:
                    server.over.wait()
                    return
                if act.waits:
                    server.gate.wait()
            self._event(_chunk(_delta(piece, as_tool, first=number == 0)))
        self._event(_chunk({}, act.finish))
        self._event({**_chunk({}), "choices": [], "usage": _usage(act)})
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, data: Body) -> None:
        self.wfile.write(f"data: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()


def _usage(act: Reply) -> Body:
    prompt, reply = act.tokens
    return {"prompt_tokens": prompt, "completion_tokens": reply, "total_tokens": prompt + reply}


def _delta(piece: str, as_tool: bool, *, first: bool) -> Body:
    if not as_tool:
        return {"role": "assistant", "content": piece}
    call: Body = {"index": 0, "function": {"arguments": piece}}
    if first:
        call |= {"id": "c1", "type": "function", "function": {"name": "submit_plan", "arguments": piece}}
    return {"role": "assistant", "tool_calls": [call]}


def _chunk(delta: Body, finish: str | None = None) -> Body:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "r", "object": "chat.completion.chunk", "created": 1, "model": "stub", "choices": [choice]}


def _complete(act: Reply, text: str, as_tool: bool) -> Body:
    call = {"id": "c1", "type": "function", "function": {"name": "submit_plan", "arguments": text}}
    message: Body = {"role": "assistant", "content": None if as_tool else text}
    if as_tool:
        message["tool_calls"] = [call]
    choice = {"index": 0, "message": message, "finish_reason": act.finish}
    return {
        "id": "r",
        "object": "chat.completion",
        "created": 1,
        "model": "stub",
        "choices": [choice],
        "usage": _usage(act),
    }
