"""One tool file: its text -> tools, goals, servers, and everything that is wrong with it."""

from __future__ import annotations

from console.catalog import clauses
from console.catalog.clauses import Entry
from console.catalog.contract import variable, variables
from console.catalog.file_agents import read_agent
from console.catalog.file_servers import read_server
from console.catalog.file_tools import read_tool
from console.catalog.reading import Reading, ToolFile
from console.catalog.spec import Goal
from console.errors import Fault

FILE_KEYS = (
    "name", "description", "version", "server", "tools", "agents", "goals", "mcp_servers", "environment",
)  # fmt: skip


def read_tool_file(data: str | bytes, *, file: str = "") -> ToolFile:
    """Read the text of one file; `file` is its name in messages."""
    reading = Reading(data, file)
    for blot in reading.document.blots:
        line = blot.line or reading.document.line_of(blot.path or ())
        reading.out.faults.append(Fault(line, "", blot.message, "", file))
    if not reading.document.broken:
        _read(reading)
    return reading.out


def _read(reading: Reading) -> None:
    if not isinstance(reading.document.value, dict):
        reading.fault((), "a tool file is a mapping with a key tools")
        return
    top = Entry(reading.document.value, (), reading.fault)
    reading.unknown(top, FILE_KEYS, "the file")
    reading.environment = top.texts("environment")
    for number, entry in enumerate(reading.entries(top, "tools")):
        read_tool(reading, entry, number)
    for number, entry in enumerate(reading.entries(top, "agents")):
        read_agent(reading, entry, number)
    for entry in top.entries("goals"):
        _goal(reading, entry)
    for name, entry in top.named("mcp_servers"):
        read_server(reading, name, entry)
    if not ({"tools", "agents", "mcp_servers"} & set(top.value)):
        reading.fault((), "it declares no tools", "begin with tools:")


def _goal(reading: Reading, entry: Entry) -> None:
    reading.unknown(entry, ("pattern", "want"), "a goal")
    pattern, want = entry.text("pattern"), clauses.facts(entry, "want")
    if not pattern.strip() or not want:
        reading.fault(entry.path, "a goal needs a pattern and want")
        return
    words = {variable(word.strip(".,;:!?")) for word in pattern.split()}
    for name in variables(want) - words:
        reading.fault(entry.path, f"the goal {pattern!r} wants ${name}, which its pattern does not name")
    reading.out.goals.append(Goal(pattern=pattern, want=want))
