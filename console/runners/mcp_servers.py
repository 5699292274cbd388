"""The MCP servers of one run, or of one look at a catalog: each is started when it is first needed.

The protocol library is loaded with the first server, and not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
from anyio.abc import TaskGroup

from console.catalog.mcp import Listing
from console.catalog.spec import McpServer

if TYPE_CHECKING:
    from console.runners.mcp_session import ServerSession


class Servers:
    """The servers by name. `cwd` is the folder they run in, `caller` the environment their declarations may
    name variables of, `logs` the folder for what they say on standard error.

    Leaving it ends every session, and every process with it.
    """

    def __init__(
        self, servers: Mapping[str, McpServer], *, cwd: Path, caller: Mapping[str, str], logs: Path
    ) -> None:
        self._servers, self._cwd, self._caller, self._logs = servers, cwd, caller, logs
        self._sessions: dict[str, ServerSession] = {}
        self._tasks: TaskGroup

    async def __aenter__(self) -> Self:
        self._tasks = await anyio.create_task_group().__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions.values():
            session.close()
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)  # `error` is not its own: it would be wrapped

    def session(self, name: str) -> ServerSession | None:
        """The session with a server; `None` when none is declared by this name."""
        if name not in self._servers:
            return None
        if name not in self._sessions:
            from console.runners.mcp_session import Place, ServerSession

            self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
            place = Place(self._cwd, self._caller, self._logs)
            self._sessions[name] = ServerSession(name, self._servers[name], place, self._tasks)
        return self._sessions[name]

    async def ask(self) -> dict[str, Listing]:
        """What every server tells of its tools; all are asked at once."""
        listings: dict[str, Listing] = {}

        async def ask(name: str) -> None:
            from console.runners.mcp_session import ServerTrouble

            session = self.session(name)
            assert session is not None
            try:
                listings[name] = Listing(await session.definitions())
            except ServerTrouble as trouble:
                listings[name] = Listing(problem=str(trouble))

        async with anyio.create_task_group() as tasks:
            for name in self._servers:
                tasks.start_soon(ask, name)
        return {name: listings[name] for name in self._servers}
