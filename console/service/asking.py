"""Asking the MCP servers of a catalog for their tools, outside a run: they are started, asked and ended."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from console.catalog.mcp import with_tools
from console.catalog.spec import Catalog
from console.runners.mcp_servers import Servers


def asked(catalog: Catalog, cwd: Path) -> Catalog:
    """`catalog` with the tools of its servers, which run in the folder `cwd`. Without servers nothing is
    started. What keeps a server from answering is its `problem`."""
    return anyio.run(_asked, catalog, cwd) if catalog.servers else catalog


async def _asked(catalog: Catalog, cwd: Path) -> Catalog:
    with TemporaryDirectory(prefix="plandeck-") as logs:
        async with Servers(catalog.servers, cwd=cwd, caller=os.environ, logs=Path(logs)) as servers:
            return with_tools(catalog, await servers.ask())


def problems(catalog: Catalog) -> list[str]:
    """One line for each server that did not answer."""
    return [
        f"{server.problem}; its tools are missing" for server in catalog.servers.values() if server.problem
    ]
