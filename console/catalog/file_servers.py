"""An MCP server of a tool file, and the file's own words on some of its tools."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from console.catalog import clauses
from console.catalog.clauses import Entry
from console.catalog.contract import variables
from console.catalog.file_tools import risk_of
from console.catalog.reading import Reading
from console.catalog.spec import McpServer, McpTool

SERVER_KEYS = ("command", "args", "env", "url", "headers", "tools", "timeout")
SERVER_TOOL_KEYS = (
    "risk", "requires", "provides", "removes", "forbids", "vars", "writes", "on_failure", "recovery", "undo",
    "verify", "probe", "idempotent", "timeout", "duration", "cost",
)  # fmt: skip

SERVER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")


def read_server(reading: Reading, name: str, entry: Entry) -> None:
    """Put the server called `name` into `reading.out`."""
    what = f"the server {name}"
    reading.unknown(entry, SERVER_KEYS, what)
    if not SERVER_NAME.fullmatch(name):
        reading.fault(entry.path, f"{name!r:.80} cannot be the name of a server", "letters, digits, _ and -")
    if bool(entry.text("command")) == bool(entry.text("url")):
        reading.fault(entry.path, f"{what} needs command or url, one of them")
    if (url := entry.text("url")) and not _is_address(url):
        reading.fault(
            (*entry.path, "url"),
            f"the url of {what} is not an address",
            "http:// or https://, and a host",
        )
    fields = {
        "command": entry.text("command") or None,
        "args": entry.strings("args"),
        "env": entry.texts("env"),
        "url": entry.text("url") or None,
        "headers": entry.texts("headers"),
        "tools": dict(_server_tools(reading, name, entry)),
        "timeout": entry.seconds("timeout") or 30.0,
        "file": reading.file,
        "line": reading.document.line_of(entry.path),
    }
    server = reading.made(McpServer, fields, entry.path, what)
    if server is not None:
        reading.out.servers[name] = server


def _server_tools(reading: Reading, server: str, entry: Entry) -> Iterator[tuple[str, McpTool]]:
    """The file's words on some of a server's tools. Which parameters they have is known when the
    server has been asked (console/catalog/mcp.py looks then)."""
    for name, inner in entry.named("tools"):
        what = f"{server}.{name}"
        reading.unknown(inner, SERVER_TOOL_KEYS, what)
        fields: dict[str, Any] = {
            "contract": clauses.contract(inner, _named_in(inner), what),
            "recovery": inner.flag("recovery"),
            "undo": clauses.undo(inner, what),
            "verify": inner.text("verify") or None,
            "probe": inner.text("probe") or None,
            "idempotent": inner.flag("idempotent"),
            "timeout": inner.seconds("timeout"),
            "duration": inner.seconds("duration"),
            "cost": inner.number("cost"),
        }
        if inner.text("risk"):
            fields["risk"] = risk_of(reading, inner, what)["risk"]
        tool = reading.made(McpTool, fields, inner.path, what)
        if tool is not None:
            yield name, tool


def _is_address(url: str) -> bool:
    """Whether an MCP server can be reached there; a password in it would stand in every record."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def _named_in(entry: Entry) -> list[str]:
    """Every variable that the clauses of a tool name."""
    keys = ("requires", "provides", "removes", "forbids", "writes")
    patterns = [fact for key in keys for fact in clauses.facts(entry, key)]
    if failing := entry.mapping("on_failure"):
        patterns += [fact for key in ("adds", "removes") for fact in clauses.facts(failing, key)]
    return sorted(variables(patterns))
