"""A catalog as an MCP server: each of its tools with its JSON Schema, called as a supervised attempt.

What a tool prints while it runs is told as log messages (and as progress where the client asked for it);
its standard output is the result, as text and, when it is a JSON object, as structured content. A failed
call says why in its text. A client that cancels ends the tool.
"""

from __future__ import annotations

import warnings
from importlib.metadata import version
from typing import Any, Literal

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    EmptyResult,
    ListToolsResult,
    PaginatedRequestParams,
    SetLevelRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from console.catalog.spec import Risk, ToolSpec
from console.plan.faults import nearest
from console.plan.strict import parse_json
from console.serving.calls import Answer, Calls
from console.text import one_line

Context = ServerRequestContext[Any, Any]

PROGRESS = 200
"""Columns of the line that a progress message shows."""

SHARE = 8
"""Calls at once; more wait for their turn."""


def server_of(tools: dict[str, ToolSpec], calls: Calls, *, name: str) -> Server[Any]:
    """The server that offers `tools`, called through `calls`."""
    desk = _Desk(tools, calls)
    server: Server[Any] = Server(
        name, version=version("plandeck"), on_list_tools=desk.list_tools, on_call_tool=desk.call_tool
    )
    # Said here and not in the constructor, which warns of a part of the protocol that old clients still use.
    server.add_request_handler("logging/setLevel", SetLevelRequestParams, desk.set_level)
    return server


class _Desk:
    """Answers what clients ask."""

    def __init__(self, tools: dict[str, ToolSpec], calls: Calls) -> None:
        self._tools = tools
        self._calls = calls
        self._turns = anyio.Semaphore(SHARE)
        self._shown = ListToolsResult(tools=[described(tool) for _, tool in sorted(tools.items())])

    async def list_tools(self, ctx: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        return self._shown

    async def call_tool(self, ctx: Context, params: CallToolRequestParams) -> CallToolResult:
        tool = self._tools.get(params.name)
        if tool is None:
            hint = nearest(params.name, list(self._tools))
            text = f"there is no tool {params.name!r:.80}"
            raise MCPError(INVALID_PARAMS, f"{text} ({hint})" if hint else text)
        given = dict(params.arguments or {})
        async with self._turns:
            return result_of(await self._calls.call(tool, given, Telling(ctx, tool.name).said))

    async def set_level(self, ctx: Context, params: SetLevelRequestParams) -> EmptyResult:
        return EmptyResult()


def described(tool: ToolSpec) -> Tool:
    """A tool as clients see it. Its hints come from its file's words, not from the tool."""
    return Tool(
        name=tool.name,
        description=tool.description or None,
        input_schema=tool.schema_of_parameters,
        annotations=ToolAnnotations(
            read_only_hint=tool.risk is Risk.OBSERVE,
            destructive_hint=tool.risk.rank >= Risk.DISRUPTIVE.rank,
            idempotent_hint=tool.idempotent or tool.risk is Risk.OBSERVE,
            open_world_hint=tool.http is not None,
        ),
    )


def result_of(answer: Answer) -> CallToolResult:
    if answer.error:
        return CallToolResult(content=[TextContent(text=answer.error)], is_error=True)
    return CallToolResult(content=[TextContent(text=answer.text)], structured_content=_object_in(answer.text))


def _object_in(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = parse_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


class Telling:
    """Tells the client of one call what its tool prints."""

    def __init__(self, ctx: Context, tool: str) -> None:
        self._ctx = ctx
        self._tool = tool
        self._pieces = 0

    async def said(self, stream: Literal["out", "err"], text: str) -> None:
        self._pieces += 1
        last = text.rstrip("\n").rpartition("\n")[2]
        await self._ctx.session.report_progress(self._pieces, message=one_line(last, PROGRESS))
        with warnings.catch_warnings():
            # Newer versions of the protocol do without log messages; clients of older ones show them.
            warnings.simplefilter("ignore", MCPDeprecationWarning)
            await self._ctx.session.send_log_message(
                "info" if stream == "out" else "warning",
                {"stream": stream, "text": text},
                logger=self._tool,
                related_request_id=self._ctx.request_id,
            )
