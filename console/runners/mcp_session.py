"""The session with one MCP server, kept for the run and opened again when it is lost.

A session lives in a task of its own, from its opening to its end: what the protocol library enters
there, it leaves there. Callers wait for `connected`, which opens one when there is none, at most four
times with growing pauses. A server's trouble is a `ServerTrouble`, one line that names the server.

Servers may ask for sampling, roots or the operator's input: none of it is offered, so they are refused.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import anyio
from anyio.abc import TaskGroup, TaskStatus
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    INVALID_REQUEST,
    PARSE_ERROR,
    CallToolResult,
    Implementation,
    ListToolsRequest,
    LoggingMessageNotificationParams,
    PaginatedRequestParams,
    PaginatedResult,
)
from pydantic import ValidationError

from console.catalog.mcp import pin_of
from console.catalog.spec import McpServer
from console.catalog.surroundings import expanded, usual
from console.errors import PlandeckError
from console.redact import Redactor, apart
from console.runners.mcp_log import ServerLog
from console.runners.mcp_stdio import Conduct, Program, stdio

PAUSES = (0.2, 0.8, 2.0)
"""Seconds before each further try to open a session."""

PAGES = 100
"""Pages of a list of tools; a server that has more goes on for ever."""

RELIST = 10.0
"""Seconds for the list of tools before a call."""

_NO_WORDS = "Server returned an error response"
"""What the library says of a status without a message."""

# Its log goes to the terminal where nobody has said otherwise, with tracebacks of what servers send.
logging.getLogger("mcp").addHandler(logging.NullHandler())

Said = Callable[[str, str], None]
"""Takes what a server tells on the way: a kind ("progress", "info", "error" ...) and a text."""


class _RawTools(PaginatedResult):
    """A page of a list of tools, each as it came."""

    tools: list[dict[str, Any]]


class ServerTrouble(PlandeckError):
    """The server did not do its part. `is_final`: another try would end the same."""

    def __init__(self, what: str, *, is_final: bool = False) -> None:
        super().__init__(what)
        self.is_final = is_final


class ToolChanged(PlandeckError):
    """The tool is not defined as it was when its call was approved; `definition` is what it is now, `None`
    when it is gone."""

    def __init__(self, what: str, definition: Mapping[str, Any] | None) -> None:
        super().__init__(what)
        self.definition = definition


class Place(NamedTuple):
    """Where a server runs: its folder, the caller's environment, and the folder of the logs."""

    cwd: Path
    caller: Mapping[str, str]
    logs: Path


@dataclass(slots=True)
class _Connection:
    client: Client
    conduct: Conduct
    closing: anyio.Event = field(default_factory=anyio.Event)
    absorbed: str = ""

    @property
    def is_lost(self) -> bool:
        return self.closing.is_set()


class ServerSession:
    """One server, `name`. Its owner tasks run in `tasks`."""

    def __init__(self, name: str, server: McpServer, place: Place, tasks: TaskGroup) -> None:
        self.name = name
        self._server, self._place, self._tasks = server, place, tasks
        self._connection: _Connection | None = None
        self._conduct = Conduct()
        self._opening = anyio.Lock()
        self._listeners: dict[object, Said] = {}
        self._secrets = apart({name: place.caller.get(name, "") for name in server.secrets})
        self._redactor = Redactor(self._secrets)

    @property
    def said(self) -> str:
        """What the server printed instead of messages, in parentheses; "" when it did not."""
        return _said(self._conduct)

    def close(self) -> None:
        """End the session; the server's process ends with it."""
        if self._connection is not None:
            self._connection.closing.set()

    # ── asking and calling ───────────────────────────────────────────────────────────────────────

    async def definitions(self) -> tuple[dict[str, Any], ...]:
        """The raw definitions of its tools. Raises `ServerTrouble`."""
        return (await self._asked())[1]

    async def _asked(self) -> tuple[_Connection, tuple[dict[str, Any], ...]]:
        for last in (False, True):
            connection = await self._connected()
            try:
                with anyio.fail_after(max(RELIST, self._server.timeout)):
                    return connection, await self._listed(connection)
            except TimeoutError:
                connection.closing.set()
                raise self._trouble("it did not tell its tools in time", connection.conduct) from None
            except MCPError as error:
                if last or not self._is_loss(error, connection):
                    why = _words(error, connection.conduct)
                    raise self._trouble(f"it did not tell its tools: {why}", connection.conduct) from None
            except ValidationError:
                raise self._trouble(
                    "what it tells of its tools is not what it must be", connection.conduct
                ) from None
            except Exception as error:  # noqa: BLE001 - the library's seam, as in `_own`
                connection.closing.set()
                raise self._trouble(f"it cannot be asked: {_line(error)}", connection.conduct) from None
        raise AssertionError

    async def call(
        self, tool: str, pin: str, params: Mapping[str, Any], said: Said, sending: Callable[[], None]
    ) -> CallToolResult:
        """Call `tool`, which must still be defined as `pin` says. `said` hears of progress and log messages;
        `sending` is called when the call goes out: before that, nothing has happened.

        Raises `ToolChanged` and `ServerTrouble`. Cancelling the caller, the server is told.
        """
        connection, definitions = await self._asked()
        now = next((each for each in definitions if each.get("name") == tool), None)
        if now is None or pin_of(now) != pin:
            what = "is gone" if now is None else "was changed"
            raise ToolChanged(f"the tool {tool} of the server {self.name} {what} since it was approved", now)

        async def tell(progress: float, total: float | None, message: str | None) -> None:
            of = f"/{total:g}" if total else ""
            said("progress", f"{progress:g}{of}{f' {message}' if message else ''}")

        token = object()
        self._listeners[token] = said
        sending()
        try:
            return await connection.client.call_tool(tool, dict(params), progress_callback=tell)
        except MCPError as error:
            if self._is_loss(error, connection):
                raise self._trouble("it ended during the call", connection.conduct) from None
            why = _words(error, connection.conduct)
            raise ServerTrouble(f"{self.name} refused the call: {why}") from None
        except ValidationError:
            raise ServerTrouble(f"what {self.name} answered is no result of a call") from None
        except RuntimeError as error:  # the library's word for a result that its own schema forbids
            raise ServerTrouble(f"what {self.name} answered cannot be used: {_line(error)}") from None
        finally:
            del self._listeners[token]

    async def _listed(self, connection: _Connection) -> tuple[dict[str, Any], ...]:
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        cursors: list[str | None] = []
        for _ in range(PAGES):
            page = PaginatedRequestParams(cursor=cursor) if cursor else None
            raw = await connection.client.session.send_request(ListToolsRequest(params=page), _RawTools)
            found += raw.tools
            cursors.append(cursor)
            cursor = raw.next_cursor
            if not cursor:
                break
        else:
            raise MCPError(INVALID_REQUEST, f"its list of tools has more than {PAGES} pages")
        # The library keeps what it needs of a list for the calls: once for each list there is.
        if (mark := pin_of({"tools": found})) != connection.absorbed:
            for cursor in cursors:
                page = PaginatedRequestParams(cursor=cursor) if cursor else None
                await connection.client.session.list_tools(params=page)
            connection.absorbed = mark
        return tuple(found)

    def doubt(self) -> None:
        """A call was given up: see whether the server still answers, else end the session."""
        connection = self._connection
        if connection is not None and not connection.is_lost:
            self._tasks.start_soon(self._check, connection)

    async def _check(self, connection: _Connection) -> None:
        try:
            with anyio.fail_after(RELIST / 2):
                await self._listed(connection)
        except Exception:  # noqa: BLE001 - whatever it was, it does not answer as it should
            connection.closing.set()

    def _is_loss(self, error: MCPError, connection: _Connection) -> bool:
        """Whether the error means that this session is over."""
        gone = error.code == CONNECTION_CLOSED or "Session terminated" in error.message
        if gone:
            connection.closing.set()
        return gone or connection.is_lost

    # ── the session ──────────────────────────────────────────────────────────────────────────────

    async def _connected(self) -> _Connection:
        """The session, opened if there is none. Raises `ServerTrouble`."""
        async with self._opening:
            if self._connection is not None and not self._connection.is_lost:
                return self._connection
            with anyio.move_on_after(self._server.timeout):
                return await self._open()
        raise ServerTrouble(
            f"the server {self.name} did not start within {self._server.timeout:g} s{self.said}"
        )

    async def _open(self) -> _Connection:
        """An old server may stumble over the newer way to begin: further tries begin the old way."""
        mode = "auto"
        for pause in (*PAUSES, None):
            opened = await self._tasks.start(self._own, mode)
            if isinstance(opened, _Connection):
                self._connection = opened
                return opened
            if pause is None or opened.is_final:
                raise opened
            await anyio.sleep(pause)
            mode = "legacy"
        raise AssertionError

    async def _own(self, mode: str, *, task_status: TaskStatus[_Connection | ServerTrouble]) -> None:
        """One session, from its opening to its end."""
        connection: _Connection | None = None
        conduct = self._conduct = Conduct()
        closing = anyio.Event()
        conduct.on_end.append(closing.set)
        try:
            with anyio.CancelScope() as scope:
                scope.deadline = anyio.current_time() + self._server.timeout
                async with self._client(conduct, mode) as client:
                    scope.deadline = float("inf")
                    await self._want_log(client)
                    connection = _Connection(client, conduct, closing)
                    task_status.started(connection)
                    await closing.wait()
            if connection is None:
                task_status.started(self._trouble("it did not answer in time", conduct))
        except Exception as error:  # noqa: BLE001 - the library's seam: whatever it raises is data from here on
            closing.set()
            if connection is None:
                task_status.started(self._cannot_open(error, conduct))

    @asynccontextmanager
    async def _client(self, conduct: Conduct, mode: str) -> AsyncIterator[Client]:
        client = Client(
            self._transport(conduct),
            mode=mode,
            logging_callback=self._log_message,
            log_level="info",
            client_info=Implementation(name="plandeck", version="1"),
        )
        async with client:
            yield client

    def _transport(self, conduct: Conduct) -> AbstractAsyncContextManager[Any]:
        server, caller = self._server, self._place.caller
        try:
            env = {name: expanded(text, caller) for name, text in server.env.items()}
            headers = {name: expanded(text, caller) for name, text in server.headers.items()}
        except KeyError as missing:
            what = f"the server {self.name} needs the variable {missing.args[0]}, which is not set"
            raise ServerTrouble(what, is_final=True) from None
        if server.url:
            from console.runners.mcp_http import streamable

            return streamable(server.url, headers, conduct)
        env = usual(caller) | env
        command = server.command or ""
        if shutil.which(command, path=env.get("PATH")) is None and not (self._place.cwd / command).is_file():
            what = f"the server {self.name} cannot be started: there is no program {command}"
            raise ServerTrouble(what, is_final=True)
        argv = (command, *server.args)
        log = ServerLog(self._place.logs / f"{self.name}.log", self._secrets)
        return stdio(Program(argv, env, self._place.cwd, log), conduct)

    async def _want_log(self, client: Client) -> None:
        """Servers of the older protocol send log messages of the level that they were asked for."""
        if client.session.initialize_result is None or client.server_capabilities.logging is None:
            return
        import warnings

        with warnings.catch_warnings(), anyio.move_on_after(2):
            warnings.simplefilter("ignore")  # it is deprecated for the newer protocol only
            try:
                await client.set_logging_level("info")
            except MCPError:
                return

    async def _log_message(self, params: LoggingMessageNotificationParams) -> None:
        """Which of several calls a message belongs to is not said: each of them hears it."""
        text = params.data if isinstance(params.data, str) else _json(params.data)
        for said in list(self._listeners.values()):
            said(params.level, text)

    # ── words ────────────────────────────────────────────────────────────────────────────────────

    def _cannot_open(self, error: BaseException, conduct: Conduct) -> ServerTrouble:
        cause = _heart(error)
        if isinstance(cause, ServerTrouble):
            return cause
        if isinstance(cause, MCPError) and cause.code == CONNECTION_CLOSED:
            return self._trouble("it ended before it was ready", conduct)
        why = _words(cause, conduct) if isinstance(cause, MCPError) else _line(cause)
        return self._trouble(f"it cannot be used: {why}", conduct)

    def _trouble(self, what: str, conduct: Conduct) -> ServerTrouble:
        return ServerTrouble(f"the server {self.name} failed: {self._redactor.redact(what)}{_said(conduct)}")


def _heart(error: BaseException) -> BaseException:
    """The first error inside nested groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _line(error: BaseException) -> str:
    said = " ".join(str(error).split())[:300]
    return said or type(error).__name__


def _said(conduct: Conduct) -> str:
    """What is known of the other side's conduct, to be put after what came of it."""
    said = [conduct.ended] if conduct.ended else []
    if conduct.first_junk:
        said.append(f"it printed what is no message: {conduct.first_junk}")
    elif conduct.last_words:
        said.append(f"its last words: {conduct.last_words}")
    return f" ({'; '.join(said)})" if said else ""


def _words(error: MCPError, conduct: Conduct) -> str:
    """What the other side said, or did instead of saying it."""
    if error.code == PARSE_ERROR:
        return "what it answered is no message of the protocol"
    if error.message == _NO_WORDS and conduct.status:
        return f"it answered {conduct.status}"
    return _line(error)


def _json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, default=str)
