"""What MCP servers tell of their tools -> tools of the catalog, called `server.tool`.

A definition is kept as it came over the line (a JSON object) and named by its SHA-256: that is what an
approval pins. Everything in it was written by somebody else. Its text is made safe, its schema is only
used when it is one, and its annotations are claims: one can raise a risk and never lower it. What the
tool file says of a tool counts instead of what the server says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from console.catalog.clauses import TOOL_NAME
from console.catalog.contract import variable
from console.catalog.parameters import plain
from console.catalog.spec import (
    Catalog,
    McpCall,
    McpServer,
    McpTool,
    Parameter,
    ParameterType,
    Risk,
    ToolSpec,
)
from console.json_schema import schema_fault
from console.plan.codec import digest
from console.plan.faults import nearest
from console.text import clean, one_line

MAX_TOOLS = 1_000
"""Tools of one server; the rest are left out."""

MAX_DEFINITION = 256 * 1024
"""The largest definition, in characters, that is used."""

_TYPES: tuple[ParameterType, ...] = ("string", "number", "integer", "boolean", "array", "object")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_SHOWN = ("enum", "const", "format", "minimum", "maximum")
_CLAIMS = (
    ("readOnlyHint", "read only"),
    ("destructiveHint", "destructive"),
    ("idempotentHint", "idempotent"),
    ("openWorldHint", "reaches other systems"),
)


@dataclass(frozen=True, slots=True)
class Listing:
    """What one server answered: the definitions of its tools as they came, or the `problem` that kept it
    from answering."""

    tools: tuple[Mapping[str, Any], ...] = ()
    problem: str = ""


@dataclass(slots=True)
class _Read:
    tools: dict[str, ToolSpec] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def pin_of(definition: Mapping[str, Any]) -> str:
    """SHA-256 of a tool's raw definition. Raises `ValueError` when it is no JSON value."""
    return digest(definition)


def start_of(server: McpServer) -> str:
    """SHA-256 of what is started or called: the declaration as it is written, its variables unexpanded."""
    return digest(server.model_dump(mode="json", include={"command", "args", "env", "url", "headers"}))


def with_tools(catalog: Catalog, listings: Mapping[str, Listing]) -> Catalog:
    """`catalog` with the tools that its servers told. A server that told none, and every tool that cannot
    be used, is a warning."""
    tools, servers, warnings = dict(catalog.tools), dict(catalog.servers), list(catalog.warnings)
    for name, listing in listings.items():
        server = servers[name]
        problem = one_line(listing.problem, 300) if listing.problem else ""
        servers[name] = server.model_copy(update={"asked": True, "problem": problem})
        if problem:
            warnings.append(f"{_place(server)}: {problem}; its tools are missing")
            continue
        read = _read(name, server, listing.tools, tools)
        tools |= read.tools
        warnings += read.warnings
    warnings += _unknown_undos(tools, listings)
    return catalog.model_copy(update={"tools": tools, "servers": servers, "warnings": tuple(warnings)})


def with_definition(catalog: Catalog, name: str, definition: Mapping[str, Any]) -> Catalog:
    """`catalog` with the tool `name` as its server defines it now. Raises `ValueError` when that cannot be
    used."""
    tool = catalog.tools[name]
    assert tool.mcp is not None
    made = _tool(tool.mcp.server, catalog.servers[tool.mcp.server], definition, [])
    return catalog.model_copy(update={"tools": {**catalog.tools, name: made}})


def description_of(definition: Mapping[str, Any]) -> str:
    """What the server says of the tool, as safe text."""
    return clean(_text(definition.get("description") or definition.get("title"))).strip()


def claims_of(definition: Mapping[str, Any]) -> tuple[str, ...]:
    """The annotations that the server sets, in words."""
    annotations = definition.get("annotations")
    if not isinstance(annotations, dict):
        return ()
    return tuple(words for key, words in _CLAIMS if annotations.get(key) is True)


# ── one server ───────────────────────────────────────────────────────────────────────────────────


def _read(
    name: str, server: McpServer, definitions: tuple[Mapping[str, Any], ...], others: Mapping[str, ToolSpec]
) -> _Read:
    read, place = _Read(), _place(server)
    told = [_name_of(definition) for definition in definitions]
    for definition, tool in zip(definitions[:MAX_TOOLS], told, strict=False):
        try:
            if told.count(tool) > 1:
                raise ValueError("the server defines it twice")
            if f"{name}.{tool}" in others:
                raise ValueError("a tool file has a tool of this name")
            made = _tool(name, server, definition, read.warnings)
        except ValueError as error:
            what = one_line(f"{name}.{tool}", 100)
            read.warnings.append(f"{place}: the tool {what} is left out: {one_line(str(error), 200)}")
        else:
            read.tools[made.name] = made
    if len(definitions) > MAX_TOOLS:
        read.warnings.append(
            f"{place}: the server {name} has more than {MAX_TOOLS} tools; the rest is left out"
        )
    for tool in server.tools:
        if tool not in told:
            hint = nearest(tool, told)
            read.warnings.append(
                f"{place}: the server {name} has no tool {tool}" + (f" ({hint})" if hint else "")
            )
    return read


def _tool(name: str, server: McpServer, definition: Mapping[str, Any], warnings: list[str]) -> ToolSpec:
    """One tool. Raises `ValueError` with the reason why it cannot be used."""
    tool = _name_of(definition)
    if not TOOL_NAME.fullmatch(f"{name}.{tool}"):
        raise ValueError("its name has other characters than letters, digits, _ - and .")
    schema = definition.get("inputSchema")
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        raise ValueError("its parameters are not a JSON Schema of an object")
    if len(str(definition)) > MAX_DEFINITION:
        raise ValueError(f"its definition is longer than {MAX_DEFINITION} characters")
    if problem := _schema_problem(schema):
        raise ValueError(f"the schema of its parameters cannot be used: {problem}")
    parameters = tuple(_parameters(schema))
    output = definition.get("outputSchema")
    words = server.tools.get(tool, McpTool())
    claims = claims_of(definition)
    return ToolSpec(
        name=f"{name}.{tool}",
        description=description_of(definition),
        parameters=parameters,
        input_schema=schema,
        output_schema=output if isinstance(output, dict) else None,
        mcp=McpCall(
            server=name,
            tool=tool,
            pin=pin_of(definition),
            start=start_of(server),
            claims=claims,
            timeout=words.timeout or McpCall.model_fields["timeout"].default,
        ),
        risk=words.risk or (Risk.DESTRUCTIVE if "destructive" in claims else Risk.DISRUPTIVE),
        risk_known=words.risk is not None,
        secrets=server.secrets,
        file=server.file,
        line=server.line,
        **_said(f"{name}.{tool}", server, words, parameters, warnings),
    )


def _said(
    what: str, server: McpServer, words: McpTool, parameters: tuple[Parameter, ...], warnings: list[str]
) -> dict[str, Any]:
    """What the tool file says of the tool. A contract that names parameters the tool does not have is not
    used: nobody knows what it would promise."""
    said = words.model_dump(exclude={"risk", "timeout", "contract", "undo"})
    said |= {"contract": words.contract, "undo": words.undo}
    known = {p.name for p in parameters} | set(words.contract.vars)
    facts = (fact for key in _FACTS for fact in getattr(words.contract, key))
    strange = sorted({v for fact in facts for word in fact if (v := variable(word))} - known)
    if strange:
        warnings.append(
            f"{_place(server)}: the contract of {what} is not used: it has no parameter {', '.join(strange)}"
        )
        del said["contract"]
    return said


_FACTS = ("requires", "provides", "removes", "forbids", "writes", "fails_adding", "fails_removing")


def _parameters(schema: Mapping[str, Any]) -> Iterator[Parameter]:
    properties, required = schema.get("properties", {}), schema.get("required", ())
    for name, inner in properties.items():
        if not _NAME.fullmatch(name):
            if name in required:
                raise ValueError("a required parameter has a name that a plan cannot write")
            continue
        about = inner if isinstance(inner, dict) else {}
        yield Parameter(
            name=name,
            type=_type(about),
            description=clean(_text(about.get("description"))).strip(),
            required=name in required,
            json_schema={key: about[key] for key in _SHOWN if key in about},
        )


def _type(schema: Mapping[str, Any]) -> ParameterType:
    """The type a value given as text is read as; text where the schema lets it be text, or anything."""
    branches = [
        schema,
        *(b for key in ("anyOf", "oneOf") for b in schema.get(key, ()) if isinstance(b, dict)),
    ]
    said: list[str] = []
    for branch in branches:
        kind = branch.get("type")
        said += kind if isinstance(kind, list) else [kind] if isinstance(kind, str) else []
    if "string" in said:
        return "string"
    return next((known for kind in said for known in _TYPES if known == kind), "string")


def _schema_problem(schema: Mapping[str, Any]) -> str:
    if not isinstance(schema.get("properties", {}), dict):
        return "properties is not an object"
    try:
        return one_line(schema_fault(plain(schema)), 120)
    except RecursionError:
        return "it is nested too deeply"


def _unknown_undos(tools: Mapping[str, ToolSpec], asked: Mapping[str, Listing]) -> Iterator[str]:
    """Compensations that name a tool which an asked server does not have."""
    for tool in tools.values():
        if tool.undo is None or tool.undo.action in tools:
            continue
        server = tool.undo.action.partition(".")[0]
        if tool.mcp is not None or server in asked:
            place = f"{tool.file}:{tool.line}"
            yield f"{place}: the undo of {tool.name} names {tool.undo.action}, which is not there"


def _name_of(definition: Mapping[str, Any]) -> str:
    return _text(definition.get("name"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _place(server: McpServer) -> str:
    return f"{server.file}:{server.line}" if server.file else "mcp_servers"
