"""Commands that serve other programs over the Model Context Protocol."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.common import Env, RiskName, Tools
from console.errors import UsageError
from console.service.peer import GUEST

if TYPE_CHECKING:
    import socket

    from mcp.server.lowlevel import Server
    from mcp.server.mcpserver import MCPServer
    from starlette.applications import Starlette

    from console.catalog.spec import Catalog, ToolSpec
    from console.service.order import Order
    from console.task import Task

Http = Annotated[
    str,
    typer.Option(
        "--http",
        metavar="HOST:PORT",
        help="Serve over HTTP on this machine alone, with a bearer token, not over standard input.",
        show_default=False,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        help="With --http: the token's file, made when it is not there; without one it is printed once.",
        show_default=False,
        dir_okay=False,
    ),
]


TaskFolder = Annotated[
    Path | None,
    typer.Option(
        "--tasks",
        metavar="FOLDER",
        help="A folder of task files that may be submitted by name, besides the samples.",
        file_okay=False,
        show_default=False,
    ),
]
Workspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        help="The folder that steps of submitted runs work in; the current one.",
        file_okay=False,
        show_default=False,
    ),
]
EveryRun = Annotated[
    bool, typer.Option("--every-run", help="Let clients look at runs that a person started, too.")
]


def mcp(
    tools: Tools = None,
    tasks: TaskFolder = None,
    workspace: Workspace = None,
    env: Env = None,
    every_run: EveryRun = False,
    http: Http = "",
    token_file: TokenFile = None,
) -> int:
    """Serve other programs: they may submit a task or a plan, look at it, and ask for a rollback.

    A submitted run waits until a person approves it (plandeck attach RUN); no client can approve. Started
    by an MCP client it speaks the protocol over standard input and output.

    Example: plandeck mcp --tools tools.yaml
    Example: plandeck mcp --http 127.0.0.1:8931 --token-file token
    """
    _become_guest()
    import anyio

    from console.commands.ordering import Front, order_for, planned_by, tool_files
    from console.service.parts import check_workspace
    from console.serving.clerk import Clerk, Terms
    from console.serving.runs import server_of
    from console.serving.transport import listen, serve_http, token_of

    folder = (workspace or Path.cwd()).absolute()
    check_workspace(folder)
    if tasks is not None and not tasks.is_dir():
        raise UsageError("there is no such folder of tasks", where=str(tasks))

    def make(task: Task, files: list[str]) -> Order:
        # Asked for like a screen: whoever attaches later is asked, nothing is answered beforehand.
        place = None if task.sandbox is not None else folder
        return order_for(
            planned_by(task, ""), Front(screen=True), tools=files or None, workspace=place, env=env
        )

    terms = Terms(
        workspace=folder,
        tools=tool_files(tools),
        tasks=tasks.absolute() if tasks else None,
        every_run=every_run,
    )
    server = server_of(Clerk(terms, make))
    if not http:
        # The library's thread waits for a line, and would outlive an interrupt that Python handles. Nothing
        # is lost with this process: runs have processes of their own.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        anyio.run(server.run_stdio_async)
        return 0
    listener, token = listen(http), token_of(token_file)
    return anyio.run(serve_http, partial(_app, server), listener, token)


def serve_tools(
    files: list[str],
    *,
    up_to: RiskName | None,
    workspace: Path | None,
    env: list[str] | None,
    http: str,
    token_file: Path | None,
) -> int:
    """`plandeck tools serve FILE...`"""
    import anyio

    from console.catalog.load import load
    from console.catalog.spec import Risk
    from console.commands.ordering import tool_files
    from console.service.parts import check_workspace
    from console.serving.calls import callable_tools
    from console.serving.transport import listen, tell, token_of

    folder = (workspace or Path.cwd()).absolute()
    check_workspace(folder)
    catalog = load(tool_files(files))
    bound = Risk(up_to or RiskName.REVERSIBLE)
    allowed, refused = callable_tools(catalog, bound)
    for tool in refused:
        tell(f"{tool.name} is {tool.risk} and is left out (--up-to {tool.risk} would serve it)")
    for tool in catalog.tools.values():
        if tool.agent is not None:
            tell(f"the agent {tool.name} is left out: agents work in runs only")
    for server in catalog.servers:
        tell(f"the tools of the server {server} are left out: a client can call that server itself")
    if not allowed:
        raise UsageError(f"no tool is {bound} or milder", todo="Say with --up-to what may be called")
    reached = (listen(http), token_of(token_file)) if http else None
    return anyio.run(_serve_tools, catalog, allowed, folder, tuple(env or ()), reached)


async def _serve_tools(
    catalog: Catalog,
    allowed: dict[str, ToolSpec],
    workspace: Path,
    env: tuple[str, ...],
    reached: tuple[socket.socket, str] | None,
) -> int:
    from console.serving.calls import Calls
    from console.serving.ending import until_signal
    from console.serving.pipes import serve_stdio
    from console.serving.tools import server_of
    from console.serving.transport import serve_http

    async with Calls(catalog, workspace=workspace, caller=os.environ, env=env) as calls:
        server = server_of(allowed, calls, name="plandeck tools")
        if reached is None:
            return await until_signal(partial(serve_stdio, server))
        return await serve_http(partial(_app, server), *reached)


def _app(server: Server[Any] | MCPServer[Any], path: str, host: str) -> Starlette:
    return server.streamable_http_app(streamable_http_path=path, host=host)


def _become_guest() -> None:
    """Let the kernel's list of processes show what this one is: a run's process looks there, and takes no
    answer from a guest (service/peer.py). A variable that is set later does not show."""
    if os.environ.get(GUEST):
        return
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | {GUEST: "mcp"})  # noqa: S606
