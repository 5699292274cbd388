"""A server written with the protocol library itself: the newest protocol, over its pipes or over HTTP.

Without arguments it talks over its standard input and output, with a port over HTTP on the loopback.
"""

from __future__ import annotations

import sys
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from pydantic import BaseModel

server = MCPServer("modern")


class Sum(BaseModel):
    total: int


@server.tool()
def add(first: int, second: int) -> Sum:
    """Add two numbers."""
    return Sum(total=first + second)


@server.tool()
async def work(context: Context[Any]) -> str:
    """Tell how it goes."""
    await context.report_progress(1, 2, "half")
    return "done"


@server.tool()
def fail() -> str:
    """Raise an exception."""
    raise ValueError("out of order")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", port=int(sys.argv[1]))
    else:
        server.run("stdio")
