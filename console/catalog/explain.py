"""A catalog in plain text, for `plandeck tools`: one row per tool, and everything about one tool.

Plain lines, no markup; whoever prints them makes them safe (console/text.py).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from console.catalog.contract import show
from console.catalog.mcp import claims_of, description_of
from console.catalog.parameters import text_of
from console.catalog.spec import Agent, Catalog, Contract, McpServer, Parameter, ToolSpec


@dataclass(frozen=True, slots=True)
class Row:
    """One tool in a list: `risk` has a question mark when its file does not say it; `takes` are its
    parameters, optional ones in brackets; `about` is the first sentence of its description."""

    name: str
    risk: str
    takes: str
    about: str


def summary(catalog: Catalog) -> tuple[Row, ...]:
    """The tools by name."""
    return tuple(_row(tool) for _, tool in sorted(catalog.tools.items()))


def servers(catalog: Catalog) -> tuple[Row, ...]:
    """The MCP servers by name, each with how it is reached and how many tools it told."""
    return tuple(_server(name, server, catalog) for name, server in sorted(catalog.servers.items()))


def _server(name: str, server: McpServer, catalog: Catalog) -> Row:
    count = sum(1 for tool in catalog.tools.values() if tool.mcp and tool.mcp.server == name)
    state = "no answer" if server.problem else f"{count} tools" if server.asked else "not asked"
    how = server.url or shlex.join((server.command or "", *server.args))
    return Row(name, "server", state, f"MCP server: {how}")


def changes(tool: ToolSpec, definition: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What differs between a tool as it was approved and as its server defines it now: what, before, now."""
    was = tool.mcp.claims if tool.mcp else ()
    before = (tool.description, _json(tool.input_schema), ", ".join(was))
    claims = ", ".join(claims_of(definition))
    after = (description_of(definition), _json(definition.get("inputSchema")), claims)
    for what, old, new in zip(("description", "parameters", "it says"), before, after, strict=True):
        if old != new:
            yield what, old or "nothing", new or "nothing"


def explain(tool: ToolSpec) -> str:
    """Everything about one tool, as lines."""
    return "\n".join(_lines(tool))


def _row(tool: ToolSpec) -> Row:
    takes = " ".join(p.name if p.required and p.default is None else f"[{p.name}]" for p in tool.parameters)
    about = " ".join(tool.description.split("\n\n")[0].split())
    return Row(tool.name, _risk(tool), takes, about)


def _risk(tool: ToolSpec) -> str:
    return f"{tool.risk}" if tool.risk_known else f"{tool.risk}?"


def _lines(tool: ToolSpec) -> Iterator[str]:
    yield tool.name
    if tool.description:
        yield from (f"  {line}".rstrip() for line in tool.description.splitlines())
    yield ""
    if tool.parameters:
        yield "parameters"
        yield from (f"  {line}" for line in map(_parameter, tool.parameters))
    yield f"risk        {tool.risk}" + ("" if tool.risk_known else " (its file does not say)")
    yield from _contract(tool.contract)
    yield from _behaviour(tool)
    yield from _how(tool)
    yield f"file        {tool.file}:{tool.line}" if tool.file else "file        none"


def _parameter(parameter: Parameter) -> str:
    facts: list[str] = [parameter.type]
    facts += [f"{key} {_json(value)}" for key, value in parameter.json_schema.items()]
    if parameter.default is not None:
        facts.append(f"default {_json(parameter.default)}")
    else:
        facts.append("required" if parameter.required else "optional")
    if parameter.allow_dash:
        facts.append('may begin with "-"')
    about = " ".join(parameter.description.split())
    return f"{parameter.name}: {', '.join(facts)}" + (f". {about}" if about else "")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _contract(contract: Contract) -> Iterator[str]:
    for label, patterns in (
        ("requires", contract.requires),
        ("forbids", contract.forbids),
        ("provides", contract.provides),
        ("removes", contract.removes),
        ("writes", contract.writes),
        ("failing adds", contract.fails_adding),
        ("failing removes", contract.fails_removing),
    ):
        if patterns:
            yield f"{label:<11} {', '.join(map(show, patterns))}"


def _behaviour(tool: ToolSpec) -> Iterator[str]:
    if tool.undo:
        given = " ".join(f"{name}={shlex.quote(text_of(value))}" for name, value in tool.undo.params.items())
        yield f"undo        {tool.undo.action} {given}".rstrip()
    for label, value in (("verify", tool.verify), ("probe", tool.probe), ("check", tool.check)):
        if value:
            yield from _block(label, value)
    words = [
        word
        for word, is_so in (("idempotent", tool.idempotent), ("for recovery only", tool.recovery))
        if is_so
    ]
    if words:
        yield f"it is       {', '.join(words)}"
    if tool.secrets:
        yield f"secrets     {', '.join(tool.secrets)}"
    if tool.duration is not None:
        yield f"takes about {tool.duration:g} s"
    if tool.cost is not None:
        yield f"costs about {tool.cost:g} USD"


def _how(tool: ToolSpec) -> Iterator[str]:
    if tool.script:
        text = tool.script.shell or shlex.join((tool.script.command or "", *tool.script.args))
        yield from _block("command", text.strip())
        if tool.script.working_dir:
            yield f"in          {tool.script.working_dir}"
    elif tool.http:
        yield f"request     {tool.http.method} {tool.http.url}"
    elif tool.mcp:
        yield f"server      {tool.mcp.server}, tool {tool.mcp.tool}"
        yield f"it says     {', '.join(tool.mcp.claims) or 'nothing about the risk'} (a claim, not believed)"
        yield f"definition  SHA-256 {tool.mcp.pin}"
    elif tool.function:
        yield f"function    {tool.function}"
    elif tool.agent:
        yield from _agent(tool.agent)
    for name, value in tool.environment.items():
        yield f"environment {name}={value}"
    yield f"timeout     {tool.timeout:g} s"


def _agent(agent: Agent) -> Iterator[str]:
    yield f"model       {agent.model or 'the executor model of the run'}"
    yield f"may call    {', '.join(agent.tools)}"
    yield f"asks        for each call above {agent.risk}"
    cost = f", {agent.cost_usd:g} USD" if agent.cost_usd is not None else ""
    yield f"limits      {agent.steps} calls, {agent.tokens} tokens{cost}"
    if agent.prompt:
        yield from _block("prompt", agent.prompt)


def _block(label: str, text: str) -> Iterator[str]:
    lines = text.splitlines()
    if len(lines) == 1:
        yield f"{label:<11} {lines[0]}"
        return
    yield label
    yield from (f"  {line}" for line in lines)
