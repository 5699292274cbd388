"""One tool of a tool file: what its entry says -> a `ToolSpec`.

What a file claims about its own harmlessness (`read_only`) is not believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from console.catalog import clauses
from console.catalog.clauses import Entry
from console.catalog.command import unbound
from console.catalog.parameters import schema_problem
from console.catalog.reading import Reading
from console.catalog.request import credentials, request_faults
from console.catalog.shell import ShellRefused, compile_shell, refuse_args
from console.catalog.spec import Http, Parameter, Risk, Script, ToolSpec
from console.catalog.words import PLACEHOLDER
from console.plan import strict
from console.plan.faults import nearest

TOOL_KEYS = (
    "name", "description", "parameters", "script", "http", "function", "environment", "risk", "requires",
    "provides", "removes", "forbids", "vars", "writes", "on_failure", "recovery", "undo", "verify", "probe",
    "idempotent", "check", "secrets", "duration", "cost", "destructive", "read_only", "readOnly",
)  # fmt: skip
PARAMETER_KEYS = ("name", "type", "description", "required", "default", "allow_dash", "schema")
SCHEMA_KEYS = (
    "enum", "const", "pattern", "format", "items", "prefixItems", "contains", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems",
    "uniqueItems", "properties", "required_properties", "additionalProperties", "minProperties",
    "maxProperties", "anyOf", "oneOf", "allOf", "not", "title", "examples",
)  # fmt: skip
SCRIPT_KEYS = ("shell", "command", "args", "working_dir", "timeout")
HTTP_KEYS = ("method", "url", "headers", "body", "timeout", "extract_json", "allow_private")

_FUNCTION = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


def read_tool(reading: Reading, entry: Entry, number: int) -> None:
    """Put a tool into `reading.out`; `number` counts the tools of the file from 0."""
    name = entry.text("name")
    what = f"the tool {name}" if name else f"tool {number + 1}"
    reading.check_name(entry, what)
    reading.unknown(entry, TOOL_KEYS, what)
    parameters = tuple(_parameters(reading, entry, what))
    fields: dict[str, Any] = {
        "name": name or "unnamed",
        "description": entry.text("description").strip(),
        "parameters": parameters,
        "environment": {**reading.environment, **entry.texts("environment")},
        "contract": clauses.contract(entry, [p.name for p in parameters], what),
        "recovery": entry.flag("recovery"),
        "idempotent": entry.flag("idempotent"),
        "undo": clauses.undo(entry, what),
        "verify": entry.text("verify") or None,
        "probe": entry.text("probe") or None,
        "check": entry.text("check") or None,
        "secrets": entry.strings("secrets"),
        "duration": entry.seconds("duration"),
        "cost": entry.number("cost"),
        "file": reading.file,
        "line": reading.document.line_of(entry.path),
    }
    fields |= risk_of(reading, entry, what) | _carried_out(reading, entry, what)
    if http := fields.get("http"):
        own = (name for name in credentials(http) if name not in fields["environment"])
        fields["secrets"] = tuple(dict.fromkeys((*fields["secrets"], *own)))
    tool = reading.made(ToolSpec, fields, entry.path, what)
    if tool is not None:
        _placeholders(reading, tool, entry, what)
        reading.out.tools.append(tool)


def risk_of(reading: Reading, entry: Entry, what: str) -> dict[str, Any]:
    """The fields of the risk. `destructive: true` can only raise it, `read_only: true` changes nothing."""
    said, known = entry.text("risk"), [str(risk) for risk in Risk]
    risk = Risk(said) if said in known else Risk.DISRUPTIVE
    if said and said not in known:
        reading.fault(
            (*entry.path, "risk"), f"{said!r:.40} is no risk", nearest(said, known) or ", ".join(known)
        )
    destructive = entry.flag("destructive")
    for key in ("read_only", "readOnly"):
        if entry.flag(key) and not said:
            claim = f"{what} claims to be {key}; it counts as {risk} until it says risk: observe"
            reading.warn((*entry.path, key), claim)
    return {"risk": Risk.DESTRUCTIVE if destructive else risk, "risk_known": bool(said) or destructive}


def _carried_out(reading: Reading, entry: Entry, what: str) -> dict[str, Any]:
    ways = [way for way in ("script", "http", "function") if entry.value.get(way) is not None]
    if len(ways) != 1:
        said = " and ".join(ways) or "nothing"
        reading.fault(
            entry.path, f"{what} says {said} of how it is carried out", "one of script, http, function"
        )
        return {}
    if ways == ["function"]:
        function = entry.text("function")
        if not _FUNCTION.fullmatch(function):
            reading.fault(
                (*entry.path, "function"), f"{function!r:.80} names no function", "package.module:name"
            )
        return {"function": function}
    inner = entry.mapping(ways[0])
    if inner is None:
        return {}
    if ways == ["script"]:
        return {"script": _script(reading, inner, what)}
    return {"http": _http(reading, inner, what)}


def _script(reading: Reading, entry: Entry, what: str) -> Script | None:
    reading.unknown(entry, SCRIPT_KEYS, f"the script of {what}")
    shell, command = entry.text("shell"), entry.text("command")
    if bool(shell.strip()) == bool(command.strip()):
        reading.fault(entry.path, f"the script of {what} needs shell or command, one of them")
        return None
    if PLACEHOLDER.search(command):
        reading.fault((*entry.path, "command"), f"the command of {what} is a placeholder: name the program")
    fields = {
        "shell": shell or None,
        "command": command or None,
        "args": entry.strings("args"),
        "working_dir": entry.text("working_dir") or None,
        "timeout": entry.seconds("timeout") or 30.0,
    }
    return reading.made(Script, fields, entry.path, f"the script of {what}")


def _http(reading: Reading, entry: Entry, what: str) -> Http | None:
    reading.unknown(entry, HTTP_KEYS, f"the http of {what}")
    fields = {
        "url": entry.text("url"),
        "method": (entry.text("method") or "GET").upper(),
        "headers": entry.texts("headers"),
        "body": entry.text("body") or None,
        "timeout": entry.seconds("timeout") or 30.0,
        "extract_json": entry.text("extract_json") or None,
        "allow_private": entry.flag("allow_private"),
    }
    if not fields["url"]:
        reading.fault(entry.path, f"the http of {what} has no url")
    made = reading.made(Http, fields, entry.path, f"the http of {what}")
    for key, why, hint in request_faults(made) if made else ():
        reading.fault((*entry.path, key), f"the http of {what}: {why}", hint)
    return made


def _parameters(reading: Reading, tool: Entry, what: str) -> Iterator[Parameter]:
    seen: set[str] = set()
    for entry in reading.entries(tool, "parameters"):
        name = entry.text("name")
        here = f"the parameter {name} of {what}"
        reading.unknown(entry, (*PARAMETER_KEYS, *SCHEMA_KEYS), here)
        if name in seen:
            reading.fault(entry.path, f"{here} is there twice")
        seen.add(name)
        parameter = reading.made(Parameter, _parameter(entry, name), entry.path, here)
        if parameter is None:
            continue
        if problem := schema_problem(parameter):
            reading.fault(entry.path, f"{here}: {problem}")
        yield parameter


def _parameter(entry: Entry, name: str) -> dict[str, Any]:
    schema = entry.mapping("schema")
    keywords = {key: entry.value[key] for key in SCHEMA_KEYS if key in entry.value}
    return {
        "name": name,
        "type": entry.text("type") or "string",
        "description": entry.text("description").strip(),
        "required": entry.flag("required"),
        "default": entry.value.get("default"),
        "allow_dash": entry.flag("allow_dash"),
        "json_schema": {**(schema.value if schema else {}), **keywords},
    }


def _placeholders(reading: Reading, tool: ToolSpec, entry: Entry, what: str) -> None:
    """Scripts that would evaluate a value, and placeholders that no parameter fills."""
    safe = True
    for path, text in _shell_texts(tool):
        below = 1 if "\n" in text else 0
        try:
            compile_shell(text)
        except ShellRefused as refused:
            safe = False
            for refusal in refused.refusals:
                reading.fault(
                    (*entry.path, *path), f"{what}: {refusal.reason}", below=below * (1 + refusal.line)
                )
    if tool.script and tool.script.command:
        try:
            refuse_args(tool.script.command, tool.script.args)
        except ShellRefused as refused:
            safe = False
            reading.fault((*entry.path, "script"), f"{what}: {refused}")
    known = [p.name for p in tool.parameters]
    for name in unbound(tool) if safe else ():
        hint = nearest(name, known) or "declare it under parameters"
        reading.fault(entry.path, f"{what} has no parameter for {{{{{name}}}}}", hint)


def _shell_texts(tool: ToolSpec) -> Iterator[tuple[strict.Path, str]]:
    if tool.script and tool.script.shell:
        yield ("script", "shell"), tool.script.shell
    if tool.probe:
        yield ("probe",), tool.probe
    if tool.check:
        yield ("check",), tool.check
