"""Each attempt to the backend that can carry it out.

Requests and functions become processes, calls of MCP servers go to their client, everything else is a
process already. Whoever carried an attempt out, its files say what became of it in the same way; so
what no living client has in hand is looked up like a process of long ago.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from console.errors import NeverStarted
from console.runners.backend import Chunk, Spec, Status, StepBackend, Worker
from console.runners.calls import PROCESSES, as_process
from console.runners.mcp_backend import McpCalls


class Router(StepBackend):
    """`processes` carries out what is a process, or becomes one; `calls` what MCP servers are asked."""

    def __init__(self, processes: StepBackend, calls: McpCalls | None = None) -> None:
        self._processes, self._calls = processes, calls

    async def submit(self, spec: Spec) -> bool:
        if spec.call is None:
            return await self._processes.submit(spec)
        kind = str(spec.call.get("kind", ""))
        if kind in PROCESSES:
            return await self._processes.submit(as_process(spec))
        if kind == "mcp" and self._calls is not None:
            return await self._calls.submit(spec)
        raise NeverStarted(f"nothing here can make a call of the kind {kind!r}", where=f"step {spec.key}")

    async def status(self, key: str, wait: float | None = 0) -> Status:
        if self._calls is not None and self._calls.has(key) and wait != 0:
            await self._calls.wait(key, wait)
            wait = 0
        return await self._processes.status(key, wait)

    def output(self, key: str, offset: int = 0) -> AsyncIterator[Chunk]:
        return self._processes.output(key, offset)

    async def cancel(self, key: str) -> None:
        if self._calls is not None and self._calls.has(key):
            self._calls.cancel(key)
        else:
            await self._processes.cancel(key)

    async def abandon(self, key: str) -> None:
        await self._processes.abandon(key)
        if self._calls is not None and self._calls.has(key):
            self._calls.cancel(key)

    async def workers(self) -> list[Worker]:
        return await self._processes.workers()
