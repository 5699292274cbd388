"""An agent profile of a tool file: a tool that is carried out by a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from console.catalog import agents, clauses
from console.catalog.clauses import Entry
from console.catalog.reading import Reading
from console.catalog.spec import Agent, ToolSpec
from console.model_file import absolute

AGENT_KEYS = (
    "name", "description", "prompt", "model", "tools", "limits", "risk", "requires", "provides", "removes",
    "forbids", "vars", "duration", "cost",
)  # fmt: skip
AGENT_LIMITS = ("steps", "tokens", "time", "cost_usd")


def read_agent(reading: Reading, entry: Entry, number: int) -> None:
    """Put a profile into `reading.out`: a tool with the parameters `task` and `context`, whose risk is what
    it may do without asking."""
    name = entry.text("name")
    what = f"the agent {name}" if name else f"agent {number + 1}"
    reading.check_name(entry, what)
    reading.unknown(entry, AGENT_KEYS, what)
    if not entry.strings("tools"):
        reading.fault(entry.path, f"{what} has no tools", "name those that it may call")
    if "risk" in entry.value and entry.text("risk") not in ("observe", "reversible"):
        why = f"{what} can be trusted with observe or reversible calls only; any other call asks"
        reading.fault((*entry.path, "risk"), why)
        return
    agent = reading.made(Agent, _profile(reading, entry, what), entry.path, what)
    if agent is None:
        return
    fields = {
        "name": name or "unnamed",
        "description": entry.text("description").strip(),
        "parameters": agents.PARAMETERS,
        "agent": agent,
        "risk": agent.risk,
        "risk_known": True,
        "contract": clauses.contract(entry, [p.name for p in agents.PARAMETERS], what),
        "duration": entry.seconds("duration"),
        "cost": entry.number("cost"),
        "file": reading.file,
        "line": reading.document.line_of(entry.path),
    }
    tool = reading.made(ToolSpec, fields, entry.path, what)
    if tool is not None:
        reading.out.tools.append(tool)


def _profile(reading: Reading, entry: Entry, what: str) -> dict[str, Any]:
    limits = entry.mapping("limits") or Entry({}, entry.path, reading.fault)
    reading.unknown(limits, AGENT_LIMITS, f"limits of {what}")
    given = {
        "risk": entry.text("risk"),
        "timeout": limits.seconds("time"),
        "cost_usd": limits.number("cost_usd"),
        **{key: limits.number(key) for key in ("steps", "tokens")},
    }
    return {
        "prompt": entry.text("prompt").strip(),
        "model": absolute(entry.text("model"), Path(reading.file).parent),
        "tools": entry.strings("tools"),
        **{key: value for key, value in given.items() if value not in (None, "")},
    }
