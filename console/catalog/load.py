"""Tool files -> a catalog. Files of the gantz form work as they are; every fault of every file is
told together, and nothing of a file with a fault is used.

A source is a path (beside the task that names it), or a bare name: `deploy` is `tools/deploy.yaml` in
the user's configuration folder, else the one that comes with plandeck, else what an installed package
brings under that name (console/plugins.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from console import plugins
from console.bundled import tools_dir
from console.catalog import agents
from console.catalog.reading import ToolFile
from console.catalog.spec import Catalog, Goal, McpServer, ToolSpec
from console.catalog.toolfile import read_tool_file
from console.errors import Fault, InvalidCatalog
from console.homes import from_home
from console.plan.faults import nearest
from console.settings import config_file

MAX_BYTES = 1024 * 1024
"""No tool file is larger; a larger one is not what it seems."""

_NAME = re.compile(r"[A-Za-z0-9_-]+")


def load(sources: Sequence[str | Path], *, beside: Path | None = None) -> Catalog:
    """The catalog of these tool files. `beside` is the folder that relative paths start from (else
    the current one). Raises `InvalidCatalog` with every fault of every file."""
    faults: list[Fault] = []
    files: dict[Path, ToolFile] = {}
    for source in sources:
        path = locate(source, beside)
        if path is None:
            hint = nearest(str(source), nameable()) or "give a path, or one of: " + ", ".join(nameable())
            faults.append(Fault(0, "", f"there is no tool file {source}", hint, str(source)))
        elif path not in files:
            files[path] = _read(path)
            faults += files[path].faults
    tools: dict[str, ToolSpec] = {}
    servers: dict[str, McpServer] = {}
    for file in files.values():
        faults += _put(file, tools, servers)
    faults += [*_undo_faults(tools), *agents.faults(tools, servers)]
    if faults:
        order = {str(path): index for index, path in enumerate(files)}
        faults.sort(key=lambda fault: (order.get(fault.file, -1), fault.line))
        raise InvalidCatalog(faults, todo="plandeck tools check FILE reads one file")
    goals: tuple[Goal, ...] = tuple(goal for file in files.values() for goal in file.goals)
    warnings = [warning for file in files.values() for warning in file.warnings]
    return Catalog(
        tools=tools, servers=servers, goals=goals, files=tuple(map(str, files)), warnings=tuple(warnings)
    )


def locate(source: str | Path, beside: Path | None = None) -> Path | None:
    """The file a source means, or `None` when it is not there."""
    folders = [beside or Path()]
    if isinstance(source, str) and _NAME.fullmatch(source):
        named = [folder / f"{source}.yaml" for folder in _folders()]
        candidates = [*named, *(folder / source for folder in folders)]
        if not any(path.is_file() for path in candidates) and source in plugins.names(plugins.TOOLS):
            candidates = [plugins.tool_file(source)]
    else:
        candidates = [folder / from_home(str(source)) for folder in folders]
    return next((path.resolve() for path in candidates if path.is_file()), None)


def names() -> list[str]:
    """The bare names of the tool files that are here, sorted."""
    return sorted({path.stem for folder in _folders() if folder.is_dir() for path in folder.glob("*.yaml")})


def nameable() -> list[str]:
    """The bare names that can be given as sources, with those that installed packages bring. Only who
    names one of these has it loaded."""
    return [*names(), *plugins.names(plugins.TOOLS)]


def _folders() -> list[Path]:
    return [config_file().parent / "tools", tools_dir()]


def _read(path: Path) -> ToolFile:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return ToolFile(faults=[Fault(0, "", f"it cannot be read: {error.strerror}", "", str(path))])
    if len(data) > MAX_BYTES:
        return ToolFile(faults=[Fault(0, "", f"it is larger than {MAX_BYTES} bytes", "", str(path))])
    return read_tool_file(data, file=str(path))


def _put(file: ToolFile, tools: dict[str, ToolSpec], servers: dict[str, McpServer]) -> Iterator[Fault]:
    """Add the tools and servers of one file; a name that is taken is a fault."""
    for tool in file.tools:
        first = tools.setdefault(tool.name, tool)
        if first is not tool:
            hint = f"the first is at {first.file}:{first.line}"
            yield Fault(tool.line, "", f"a second tool is called {tool.name}", hint, tool.file)
    for name, server in file.servers.items():
        if servers.setdefault(name, server) is not server:
            yield Fault(server.line, "", f"a second server is called {name}", "rename one", server.file)


def _undo_faults(tools: dict[str, ToolSpec]) -> Iterator[Fault]:
    for tool in tools.values():
        if tool.undo is None or "." in tool.undo.action:
            continue
        target = tools.get(tool.undo.action)
        if target is not None and target.agent is not None:
            message = f"the undo of {tool.name} is an agent; what undoes must be known beforehand"
            yield Fault(tool.line, "", message, "name a tool that calls something", tool.file)
            continue
        if target is None:
            message = f"the undo of {tool.name} names {tool.undo.action}, and no file has such a tool"
            yield Fault(tool.line, "", message, nearest(tool.undo.action, list(tools)), tool.file)
            continue
        known = [p.name for p in target.parameters]
        for name in tool.undo.params:
            if name not in known:
                message = f"the undo of {tool.name} gives {name}, which {target.name} does not take"
                yield Fault(tool.line, "", message, nearest(name, known), tool.file)
