"""A run's directory, its servers, and what comes of calling one of their tools."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.catalog.mcp import with_tools
from console.catalog.spec import Catalog, McpServer
from console.plan.model import Step
from console.run.attempts import Place, spec_of
from console.run.events import StepEvent
from console.run.outcome import judge
from console.runners.backend import Spec, Status
from console.runners.local import LocalBackend
from console.runners.mcp_backend import McpCalls
from console.runners.mcp_servers import Servers
from console.runners.router import Router

HERE = Path(__file__).parent


def fake(*ways: str, timeout: float = 20, **more: Any) -> McpServer:
    """The fake server, with its ways."""
    return McpServer(
        command=sys.executable,
        args=("-I", "-S", str(HERE / "fake_server.py"), *ways),
        timeout=timeout,
        **more,
    )


def modern(**more: Any) -> McpServer:
    """The server of the newest protocol."""
    return McpServer(command=sys.executable, args=(str(HERE / "modern_server.py"),), **more)


@dataclass
class Outcome:
    """What became of one call: as the backend says, as the run says, and its files."""

    status: Status
    event: StepEvent
    out: str
    err: str
    spool: Path

    @property
    def error(self) -> str:
        return str(getattr(self.event, "error", ""))


@dataclass
class Bench:
    """Servers that were asked, and a backend that calls them."""

    catalog: Catalog
    backend: Router
    servers: Servers
    home: Path
    env: Mapping[str, str] = field(default_factory=dict)
    count: int = 0

    def spec(self, action: str, timeout: float = 20, **params: Any) -> Spec:
        """The next attempt."""
        self.count += 1
        tool = self.catalog.tools[action]
        secrets = {name: self.env[name] for name in tool.secrets if name in self.env}
        place = Place(self.home, str(self.home), {"PATH": os.environ["PATH"]}, secrets)
        step = Step(id=str(self.count), action=action, params=params, timeout=timeout)
        return spec_of(step, f"run/{self.count}/1", params, self.catalog, place)

    async def call(self, action: str, timeout: float = 20, expect: Any = None, **params: Any) -> Outcome:
        """Call a tool and wait for its end."""
        spec = self.spec(action, timeout, **params)
        await self.backend.submit(spec)
        return await self.outcome(spec, expect)

    async def outcome(self, spec: Spec, expect: Any = None) -> Outcome:
        status = await self.backend.status(spec.key, wait=None)
        step = Step(id=spec.key.split("/")[1], action=spec.tool, expect=expect)
        event = judge(step, 1, spec.key, status, self.home)
        out, err = ((spec.spool / name).read_text() for name in ("out", "err"))
        return Outcome(status, event, out, err, spec.spool)

    def noted(self, name: str) -> list[str]:
        """What the fake server wrote down."""
        path = self.home / name
        return path.read_text().split("\n")[:-1] if path.exists() else []


@asynccontextmanager
async def bench(
    home: Path, servers: Mapping[str, McpServer], env: Mapping[str, str] | None = None
) -> AsyncIterator[Bench]:
    """`servers`, started in `home` and asked."""
    home.mkdir(mode=0o700, exist_ok=True)
    caller = {**os.environ, **(env or {})}
    async with (
        Servers(servers, cwd=home, caller=caller, logs=home / "servers") as running,
        McpCalls(running) as calls,
        LocalBackend(home, linger=0) as processes,
    ):
        catalog = with_tools(Catalog(servers=dict(servers)), await running.ask())
        yield Bench(catalog, Router(processes, calls), running, home, caller)
