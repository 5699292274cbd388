"""An MCP server over HTTP, for this machine alone.

It needs a bearer token, kept in a private file or printed once: every process and every user of the
machine can reach a port of the loopback. Names of hosts are checked, so that a page in a browser cannot.
"""

from __future__ import annotations

import hmac
import os
import secrets
import socket
import stat
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from console.errors import UsageError
from console.serving.ending import until_signal
from console.serving.listening import address_of, listen_on
from console.settings import write_private

PATH = "/mcp"
TOKEN_BYTES = 32
GOODBYE_SECONDS = 2
"""How long open streams may last once the server shall end."""


async def serve_http(make_app: Callable[[str, str], ASGIApp], listener: socket.socket, token: str) -> int:
    """Serve everybody who knows `token`, until a signal; gives the exit code. `make_app` makes the
    application for a path and a host."""
    host, port = listener.getsockname()[:2]
    app = BearerOnly(make_app(PATH, host), token)
    # What an application raises is answered by the application; uvicorn would print it, with tracebacks.
    config = uvicorn.Config(
        app, log_level="critical", access_log=False, lifespan="on", timeout_graceful_shutdown=GOODBYE_SECONDS
    )
    shown = f"[{host}]" if ":" in host else host
    tell(f"serving on http://{shown}:{port}{PATH}")
    server = _Server(config)

    def end() -> None:
        server.should_exit = True

    return await until_signal(partial(server.serve, [listener]), end)


class _Server(uvicorn.Server):
    """Leaves signals alone: uvicorn ends the process by them, before anything is cleaned up around it."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class BearerOnly:
    """Lets nobody through who does not know the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._wanted = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = [value for name, value in scope["headers"] if name == b"authorization"]
            if len(given) != 1 or not hmac.compare_digest(given[0], self._wanted):
                refusal = PlainTextResponse("a bearer token is needed\n", 401, {"WWW-Authenticate": "Bearer"})
                await refusal(scope, receive, send)
                return
        elif scope["type"] != "lifespan":
            return
        await self._app(scope, receive, send)


def listen(address: str) -> socket.socket:
    """A socket that listens on `HOST:PORT` of this machine. Raises `UsageError` for any other."""
    host, _, port = address.rpartition(":")
    todo = "Give 127.0.0.1:PORT; let others in through a tunnel of your own"
    try:
        place, number = address_of(host or "127.0.0.1"), int(port)
    except ValueError:
        raise UsageError(f"--http {address}: it is written HOST:PORT", todo=todo) from None
    if not place.is_loopback:
        raise UsageError(f"--http {address}: it serves on this machine alone", todo=todo)
    return listen_on(place, number, todo="Choose another port")


def token_of(file: Path | None) -> str:
    """The token in `file`, which is made with a new one when it is not there; without a file a new one,
    printed once. Raises `UsageError` for a file that others can read, or that holds no token."""
    if file is None:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        tell(f"bearer token, told this once: {token}")
        return token
    try:
        found = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        write_private(file.absolute(), f"{secrets.token_urlsafe(TOKEN_BYTES)}\n")
        return token_of(file)
    except OSError as error:
        raise UsageError(f"the token cannot be read: {error.strerror}", where=str(file)) from None
    with os.fdopen(found, "rb") as stream:
        about = os.fstat(stream.fileno())
        if about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o077:
            raise UsageError("the token's file is not yours alone", where=str(file), todo=f"chmod 600 {file}")
        token = stream.read(4096).decode("ascii", "replace").strip()
    if len(token) < 16 or not token.isprintable() or " " in token:
        raise UsageError("a token has 16 or more characters", where=str(file), todo="Remove it: one is made")
    return token


def tell(text: str) -> None:
    """A line for whoever started the server; the output belongs to the protocol."""
    print(f"plandeck: {text}", file=sys.stderr, flush=True)  # noqa: T201
