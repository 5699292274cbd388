"""The console in a browser: one page, one console process per tab, through textual-serve.

The console approves and rolls back, so the page is let in like a person at the terminal, and nobody else
is: a token that works once, printed where the server was started, is exchanged for a cookie that scripts
cannot read and other sites cannot send. The page lives below a path nobody can guess, because a browser
shows a cookie to every port of a host. Names of hosts and origins are checked, so that no page of another
site can reach it (DNS rebinding). Fonts, scripts and styles come from here alone.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path

from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from console.errors import UsageError
from console.serving.listening import address_of, listen_on
from console.settings import IN_BROWSER

TOKEN_BYTES = 32
TABS = 8
"""Consoles at a time."""
MESSAGE = 1 << 20
"""Bytes of a message of the page, at most: a paste."""
LARGEST = 1000
"""Columns or rows of a page, at most."""
STATIC = {"css/xterm.css": "text/css", "js/textual.js": "text/javascript"}
OWN = {"page.css": "text/css", "page.js": "text/javascript"}
PAGE = Path(__file__).with_name("page")
DRIVER = "console.tui.terminal:Browser"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Tab(AppService):
    """The console of one tab."""

    arguments: Sequence[str] = ()

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        environment = self._build_environment(width=width, height=height)
        environment |= {"TEXTUAL_DRIVER": DRIVER, IN_BROWSER: "1"}
        self._process = process = await asyncio.create_subprocess_exec(
            *self.arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment
        )
        self._stdin = process.stdin
        return process


class Site:
    """What is served at an address. `tell` is given the lines for whoever started it."""

    def __init__(
        self, arguments: Sequence[str], names: Sequence[str], port: int, tell: Callable[[str], None]
    ) -> None:
        self._arguments = arguments
        self._hosts = {_host(name, port) for name in names}
        self._shown = _host(names[0], port)
        self._tell = tell
        self._place = secrets.token_urlsafe(16)
        self._cookie = secrets.token_urlsafe(TOKEN_BYTES)
        self._token = ""
        self._tabs = 0

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        base = f"/{self._place}"
        app.add_routes(
            [
                web.get("/", self._enter),
                web.get(f"{base}/", self._page),
                web.get(f"{base}/ws", self._socket),
                web.get(f"{base}/{{name:page\\.(?:css|js)}}", self._own),
                web.get(f"{base}/static/{{name:.+}}", self._static),
            ]
        )
        return app

    def tell_address(self) -> None:
        """Print an address that lets one browser in, once."""
        self._token = secrets.token_urlsafe(TOKEN_BYTES)
        self._tell(f"open http://{self._shown}/?token={self._token} (it works once)")

    # ── who may come in ──────────────────────────────────────────────────────────────────────────

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.getall("Host", []) not in [[host] for host in self._hosts]:
            raise web.HTTPForbidden(text="this is not the name of this server\n")
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"http://{request.host}":
            raise web.HTTPForbidden(text="another site may not use this server\n")
        if request.path != "/":
            given = request.cookies.get("plandeck", "")
            if not hmac.compare_digest(given.encode(), self._cookie.encode()):
                raise web.HTTPForbidden(text="open the address that plandeck serve has printed\n")
        try:
            response = await handler(request)
        except web.HTTPException as refusal:
            refusal.headers.update(self._headers(request.host))
            raise
        if not response.prepared:
            response.headers.update(self._headers(request.host))
        return response

    def _headers(self, host: str) -> dict[str, str]:
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            f"connect-src 'self' ws://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return {
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }

    async def _enter(self, request: web.Request) -> web.Response:
        """Exchange the token for the cookie. The page is gone to from here, not by a redirect: a browser
        keeps a strict cookie from a redirect that began at another site."""
        given, wanted = request.query.get("token", ""), self._token
        if not wanted or not hmac.compare_digest(given.encode(), wanted.encode()):
            raise web.HTTPForbidden(text="this address has been used, or was never given out\n")
        page = (
            f'<meta http-equiv="refresh" content="0;url=/{self._place}/">'
            '<link rel="icon" href="data:,"><title>plandeck</title>'
        )
        response = web.Response(text=page, content_type="text/html")
        response.set_cookie(
            "plandeck", self._cookie, path=f"/{self._place}/", httponly=True, samesite="Strict"
        )
        self._tell("a browser was let in; for another one:")
        self.tell_address()
        return response

    # ── what is served ───────────────────────────────────────────────────────────────────────────

    async def _page(self, request: web.Request) -> web.Response:
        size = min(max(_number(request.query.get("fontsize", ""), 16), 6), 64)
        text = (PAGE / "page.html").read_text()
        text = text.replace("{{ socket }}", f"ws://{request.host}/{self._place}/ws")
        return web.Response(text=text.replace("{{ size }}", str(size)), content_type="text/html")

    async def _own(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return web.Response(text=(PAGE / name).read_text(), content_type=OWN[name])

    async def _static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in STATIC:
            raise web.HTTPNotFound
        body = files("textual_serve").joinpath("static", name).read_bytes()
        return web.Response(body=body, content_type=STATIC[name], charset="utf-8")

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if "Origin" not in request.headers:
            raise web.HTTPForbidden(text="this is for the page alone\n")
        if self._tabs >= TABS:
            raise web.HTTPServiceUnavailable(text=f"{TABS} consoles are open already\n")
        connection = web.WebSocketResponse(heartbeat=15, max_msg_size=MESSAGE)
        self._tabs += 1
        try:
            await connection.prepare(request)
            await self._attend(connection, *_size(request.query))
        finally:
            self._tabs -= 1
        return connection

    async def _attend(self, connection: web.WebSocketResponse, width: int, height: int) -> None:
        tab = Tab(
            "",
            write_bytes=connection.send_bytes,
            write_str=connection.send_str,
            close=partial(_close, connection),
            download_manager=DownloadManager(),
        )
        tab.arguments = self._arguments
        await tab.start(width, height)
        try:
            async for message in connection:
                if message.type is WSMsgType.TEXT:
                    await _pass_on(tab, connection, message.data)
        finally:
            await asyncio.shield(tab.stop())


async def _close(connection: web.WebSocketResponse) -> None:
    await connection.close()


async def _pass_on(tab: Tab, connection: web.WebSocketResponse, text: str) -> None:
    """What the page says: keys, its size, its focus. Anything else is left out."""
    try:
        kind, *rest = json.loads(text)
    except (ValueError, TypeError):
        return
    match kind, rest:
        case "stdin", [str(keys)]:
            await tab.send_bytes(keys.encode("utf-8", "ignore"))
        case "resize", [dict(size)]:
            await tab.set_terminal_size(*_size(size))
        case "ping", [str(value)]:
            await connection.send_json(["pong", value])
        case "focus", _:
            await tab.focus()
        case "blur", _:
            await tab.blur()


def _size(given: object) -> tuple[int, int]:
    get = getattr(given, "get", dict[str, object]().get)
    return tuple(  # type: ignore[return-value]
        min(max(_number(get(name), usual), 1), LARGEST) for name, usual in (("width", 80), ("height", 24))
    )


def _number(value: object, instead: int) -> int:
    return int(value) if isinstance(value, (int, str)) and str(value).isdecimal() else instead


def _host(name: str, port: int) -> str:
    shown = f"[{name}]" if ":" in name else name
    return shown if port == 80 else f"{shown}:{port}"


def listen(host: str, port: int) -> tuple[socket.socket, list[str], bool]:
    """A socket that listens there, the names it may be called by, and whether only this machine reaches
    it. Raises `UsageError`."""
    try:
        address = address_of(host)
    except ValueError:
        raise UsageError(f"--host {host}: it is an address of this machine", todo="Say 127.0.0.1") from None
    if address.is_unspecified:
        raise UsageError(f"--host {host}: name one address", todo="The page answers to its own name only")
    listener = listen_on(address, port, todo="Choose another --port")
    return listener, [str(address), *(["localhost"] if address.is_loopback else [])], address.is_loopback


async def serve(
    listener: socket.socket, names: Sequence[str], arguments: Sequence[str], tell: Callable[[str], None]
) -> None:
    """Serve the console with these arguments until a signal."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    command = [sys.executable, "-m", "console.cli", *arguments]
    site = Site(command, names, listener.getsockname()[1], tell)
    runner = web.AppRunner(site.app(), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        site.tell_address()
        await ended.wait()
    finally:
        await runner.cleanup()
