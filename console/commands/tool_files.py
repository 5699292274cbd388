"""What a tool file holds, and what its MCP servers answer, for the commands about tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from console.commands.common import emit, say
from console.errors import UsageError
from console.text import clean

if TYPE_CHECKING:
    from console.catalog.spec import Catalog


def tell_problems(catalog: Catalog) -> None:
    """Say on standard error which servers did not answer."""
    from console.service.asking import problems

    for problem in problems(catalog):
        typer.echo(f"plandeck: {problem}", err=True)


def check_file(files: list[str], *, ask: bool, as_json: bool) -> int:
    """Tell what a tool file holds; with `ask` its servers are started, and one that does not answer gives
    exit code 1."""
    from console.catalog.load import load
    from console.service.asking import asked

    if len(files) != 1:
        raise UsageError(
            "which file?" if not files else "one file at a time", todo="plandeck tools check FILE"
        )
    catalog = load(files)
    if ask:
        catalog = asked(catalog, Path.cwd())
    if as_json:
        _emit_file(files[0], catalog)
    else:
        _say_file(catalog)
    return int(any(server.problem for server in catalog.servers.values()))


def _emit_file(file: str, catalog: Catalog) -> None:
    servers = {
        name: {
            "asked": server.asked,
            "problem": server.problem,
            "tools": [tool for tool in catalog.tools if tool.startswith(f"{name}.")],
        }
        for name, server in catalog.servers.items()
    }
    told = {"file": file, "tools": list(catalog.tools), "warnings": list(catalog.warnings)}
    emit({**told, "servers": servers} if servers else told)


def _say_file(catalog: Catalog) -> None:
    for warning in catalog.warnings:
        say(f"! {clean(warning)}")
    if waiting := [name for name, server in catalog.servers.items() if not server.asked]:
        say(f"servers that were not asked: {', '.join(waiting)}; --ask starts them")
    say(f"{len(catalog.tools)} tools, no faults")
