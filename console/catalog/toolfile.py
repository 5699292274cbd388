"""One tool file: its text -> tools, goals, servers, and everything that is wrong with it.

A key that is not known is a warning with the nearest known one: a file written for another reader
may say more than this one understands. Everything else that is not as it should be is a fault, with
its line. What a file claims about its own harmlessness (`read_only`) is not believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from console.catalog import agents, clauses
from console.catalog.clauses import Entry
from console.catalog.command import unbound
from console.catalog.contract import variable
from console.catalog.parameters import schema_problem
from console.catalog.request import request_faults
from console.catalog.shell import ShellRefused, compile_shell, refuse_args
from console.catalog.spec import (
    Agent,
    Fact,
    Goal,
    Http,
    McpServer,
    McpTool,
    Parameter,
    Risk,
    Script,
    Spec,
    ToolSpec,
)
from console.catalog.words import PLACEHOLDER
from console.errors import Fault
from console.plan import strict
from console.plan.faults import nearest
from console.plan.model import NOTE

FILE_KEYS = (
    "name", "description", "version", "server", "tools", "agents", "goals", "mcp_servers", "environment",
)  # fmt: skip
TOOL_KEYS = (
    "name", "description", "parameters", "script", "http", "function", "environment", "risk", "requires",
    "provides", "removes", "forbids", "vars", "writes", "on_failure", "recovery", "undo", "verify", "probe",
    "idempotent", "check", "secrets", "duration", "cost", "destructive", "read_only", "readOnly",
)  # fmt: skip
AGENT_KEYS = (
    "name", "description", "prompt", "model", "tools", "limits", "risk", "requires", "provides", "removes",
    "forbids", "vars", "duration", "cost",
)  # fmt: skip
AGENT_LIMITS = ("steps", "tokens", "time", "cost_usd")
PARAMETER_KEYS = ("name", "type", "description", "required", "default", "allow_dash", "schema")
SCHEMA_KEYS = (
    "enum", "const", "pattern", "format", "items", "prefixItems", "contains", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems",
    "uniqueItems", "properties", "required_properties", "additionalProperties", "minProperties",
    "maxProperties", "anyOf", "oneOf", "allOf", "not", "title", "examples",
)  # fmt: skip
SCRIPT_KEYS = ("shell", "command", "args", "working_dir", "timeout")
HTTP_KEYS = ("method", "url", "headers", "body", "timeout", "extract_json", "allow_private")
SERVER_KEYS = ("command", "args", "env", "url", "headers", "tools", "timeout")
SERVER_TOOL_KEYS = (
    "risk", "requires", "provides", "removes", "forbids", "vars", "writes", "on_failure", "recovery", "undo",
    "verify", "probe", "idempotent", "timeout", "duration", "cost",
)  # fmt: skip

SERVER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_FUNCTION = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")

_Made = TypeVar("_Made", bound=Spec)


@dataclass
class ToolFile:
    """What one file holds."""

    tools: list[ToolSpec] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    servers: dict[str, McpServer] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read_tool_file(data: str | bytes, *, file: str = "") -> ToolFile:
    """Read the text of one file; `file` is its name in messages."""
    return _Reader(data, file).read()


class _Reader:
    def __init__(self, data: str | bytes, file: str) -> None:
        self.document = strict.read(data, file=file)
        self.file = file
        self.out = ToolFile()

    def fault(self, path: strict.Path, message: str, hint: str = "", *, below: int = 0) -> None:
        line = self.document.line_of(path) + below
        self.out.faults.append(Fault(line, "", message, hint, self.file))

    def read(self) -> ToolFile:
        for blot in self.document.blots:
            line = blot.line or self.document.line_of(blot.path or ())
            self.out.faults.append(Fault(line, "", blot.message, "", self.file))
        if self.document.broken:
            return self.out
        if not isinstance(self.document.value, dict):
            self.fault((), "a tool file is a mapping with a key tools")
            return self.out
        top = Entry(self.document.value, (), self.fault)
        self.unknown(top, FILE_KEYS, "the file")
        for number, entry in enumerate(self.entries(top, "tools")):
            self.tool(entry, number)
        for number, entry in enumerate(self.entries(top, "agents")):
            self.agent(entry, number)
        for entry in top.entries("goals"):
            self.goal(entry)
        for name, entry in top.named("mcp_servers"):
            self.server(name, entry)
        if not ({"tools", "agents", "mcp_servers"} & set(top.value)):
            self.fault((), "it declares no tools", "begin with tools:")
        return self.out

    def unknown(self, entry: Entry, known: Iterable[str], what: str) -> None:
        for key in entry.value:
            if key not in known:
                line = self.document.line_of((*entry.path, key))
                hint = nearest(key, list(known))
                place = f"{self.file}:{line}" if self.file else f"line {line}"
                self.out.warnings.append(
                    f"{place}: {what} has a key {key} that is not used" + (f" ({hint})" if hint else "")
                )

    def entries(self, entry: Entry, key: str) -> Iterator[Entry]:
        """A list of mappings with a `name`, or a mapping of mappings by name."""
        if isinstance(entry.value.get(key), dict):
            for name, inner in entry.named(key):
                yield Entry({"name": name, **inner.value}, inner.path, self.fault)
        else:
            yield from entry.entries(key)

    # ── tools ────────────────────────────────────────────────────────────────────────────────────

    def named(self, entry: Entry, what: str) -> str:
        name = entry.text("name")
        if not name:
            self.fault(entry.path, f"{what} has no name")
        elif name == NOTE or not clauses.TOOL_NAME.fullmatch(name):
            self.fault(
                (*entry.path, "name"),
                f"{name!r:.80} cannot be the name of a tool",
                "letters, digits, _ - and .",
            )
        return name

    def tool(self, entry: Entry, number: int) -> None:
        name = entry.text("name")
        what = f"the tool {name}" if name else f"tool {number + 1}"
        self.named(entry, what)
        self.unknown(entry, TOOL_KEYS, what)
        parameters = tuple(self.parameters(entry, what))
        fields: dict[str, Any] = {
            "name": name or "unnamed",
            "description": entry.text("description").strip(),
            "parameters": parameters,
            "environment": entry.texts("environment"),
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
            "file": self.file,
            "line": self.document.line_of(entry.path),
        }
        fields |= self.risk(entry, what) | self.carried_out(entry, what)
        tool = self.made(ToolSpec, fields, entry.path, what)
        if tool is not None:
            self.placeholders(tool, entry, what)
            self.out.tools.append(tool)

    def made(self, kind: type[_Made], fields: dict[str, Any], path: strict.Path, what: str) -> _Made | None:
        try:
            return kind.model_validate(fields)
        except ValidationError as error:
            for detail in error.errors():
                key = ".".join(map(str, detail["loc"]))
                self.fault((*path, *detail["loc"][:1]), f"{key} of {what}: {detail['msg'].lower()}")
            return None

    def risk(self, entry: Entry, what: str) -> dict[str, Any]:
        """`destructive: true` can only raise a risk, `read_only: true` changes nothing."""
        said, known = entry.text("risk"), [str(risk) for risk in Risk]
        risk = Risk(said) if said in known else Risk.DISRUPTIVE
        if said and said not in known:
            self.fault(
                (*entry.path, "risk"), f"{said!r:.40} is no risk", nearest(said, known) or ", ".join(known)
            )
        destructive = entry.flag("destructive")
        for key in ("read_only", "readOnly"):
            if entry.flag(key) and not said:
                line = self.document.line_of((*entry.path, key))
                claim = f"{what} claims to be {key}; it counts as {risk} until it says risk: observe"
                self.out.warnings.append(f"{self.file}:{line}: {claim}")
        return {"risk": Risk.DESTRUCTIVE if destructive else risk, "risk_known": bool(said) or destructive}

    def carried_out(self, entry: Entry, what: str) -> dict[str, Any]:
        ways = [way for way in ("script", "http", "function") if entry.value.get(way) is not None]
        if len(ways) != 1:
            said = " and ".join(ways) or "nothing"
            self.fault(
                entry.path, f"{what} says {said} of how it is carried out", "one of script, http, function"
            )
            return {}
        if ways == ["function"]:
            function = entry.text("function")
            if not _FUNCTION.fullmatch(function):
                self.fault(
                    (*entry.path, "function"), f"{function!r:.80} names no function", "package.module:name"
                )
            return {"function": function}
        inner = entry.mapping(ways[0])
        if inner is None:
            return {}
        return (
            {"script": self.script(inner, what)} if ways == ["script"] else {"http": self.http(inner, what)}
        )

    def script(self, entry: Entry, what: str) -> Script | None:
        self.unknown(entry, SCRIPT_KEYS, f"the script of {what}")
        shell, command = entry.text("shell"), entry.text("command")
        if bool(shell.strip()) == bool(command.strip()):
            self.fault(entry.path, f"the script of {what} needs shell or command, one of them")
            return None
        if PLACEHOLDER.search(command):
            self.fault((*entry.path, "command"), f"the command of {what} is a placeholder: name the program")
        fields = {
            "shell": shell or None,
            "command": command or None,
            "args": entry.strings("args"),
            "working_dir": entry.text("working_dir") or None,
            "timeout": entry.seconds("timeout") or 30.0,
        }
        return self.made(Script, fields, entry.path, f"the script of {what}")

    def http(self, entry: Entry, what: str) -> Http | None:
        self.unknown(entry, HTTP_KEYS, f"the http of {what}")
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
            self.fault(entry.path, f"the http of {what} has no url")
        made = self.made(Http, fields, entry.path, f"the http of {what}")
        for key, why, hint in request_faults(made) if made else ():
            self.fault((*entry.path, key), f"the http of {what}: {why}", hint)
        return made

    def parameters(self, tool: Entry, what: str) -> Iterator[Parameter]:
        seen: set[str] = set()
        for entry in self.entries(tool, "parameters"):
            name = entry.text("name")
            here = f"the parameter {name} of {what}"
            self.unknown(entry, (*PARAMETER_KEYS, *SCHEMA_KEYS), here)
            if name in seen:
                self.fault(entry.path, f"{here} is there twice")
            seen.add(name)
            parameter = self.made(Parameter, self.parameter(entry, name), entry.path, here)
            if parameter is None:
                continue
            if problem := schema_problem(parameter):
                self.fault(entry.path, f"{here}: {problem}")
            yield parameter

    def parameter(self, entry: Entry, name: str) -> dict[str, Any]:
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

    # ── agents ───────────────────────────────────────────────────────────────────────────────────

    def agent(self, entry: Entry, number: int) -> None:
        """A profile: a tool with the parameters `task` and `context`, whose risk is what it may do without
        asking."""
        name = entry.text("name")
        what = f"the agent {name}" if name else f"agent {number + 1}"
        self.named(entry, what)
        self.unknown(entry, AGENT_KEYS, what)
        if not entry.strings("tools"):
            self.fault(entry.path, f"{what} has no tools", "name those that it may call")
        if "risk" in entry.value and entry.text("risk") not in ("observe", "reversible"):
            why = f"{what} can be trusted with observe or reversible calls only; any other call asks"
            self.fault((*entry.path, "risk"), why)
            return
        agent = self.made(Agent, self.profile(entry, what), entry.path, what)
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
            "file": self.file,
            "line": self.document.line_of(entry.path),
        }
        tool = self.made(ToolSpec, fields, entry.path, what)
        if tool is not None:
            self.out.tools.append(tool)

    def profile(self, entry: Entry, what: str) -> dict[str, Any]:
        limits = entry.mapping("limits") or Entry({}, entry.path, self.fault)
        self.unknown(limits, AGENT_LIMITS, f"limits of {what}")
        given = {
            "risk": entry.text("risk"),
            "timeout": limits.seconds("time"),
            "cost_usd": limits.number("cost_usd"),
            **{key: limits.number(key) for key in ("steps", "tokens")},
        }
        return {
            "prompt": entry.text("prompt").strip(),
            "model": entry.text("model"),
            "tools": entry.strings("tools"),
            **{key: value for key, value in given.items() if value not in (None, "")},
        }

    # ── placeholders ─────────────────────────────────────────────────────────────────────────────

    def placeholders(self, tool: ToolSpec, entry: Entry, what: str) -> None:
        """Scripts that would evaluate a value, and placeholders that no parameter fills."""
        safe = True
        for path, text in self.shell_texts(tool):
            below = 1 if "\n" in text else 0
            try:
                compile_shell(text)
            except ShellRefused as refused:
                safe = False
                for refusal in refused.refusals:
                    self.fault(
                        (*entry.path, *path), f"{what}: {refusal.reason}", below=below * (1 + refusal.line)
                    )
        if tool.script and tool.script.command:
            try:
                refuse_args(tool.script.command, tool.script.args)
            except ShellRefused as refused:
                safe = False
                self.fault((*entry.path, "script"), f"{what}: {refused}")
        known = [p.name for p in tool.parameters]
        for name in unbound(tool) if safe else ():
            hint = nearest(name, known) or "declare it under parameters"
            self.fault(entry.path, f"{what} has no parameter for {{{{{name}}}}}", hint)

    def shell_texts(self, tool: ToolSpec) -> Iterator[tuple[strict.Path, str]]:
        if tool.script and tool.script.shell:
            yield ("script", "shell"), tool.script.shell
        if tool.probe:
            yield ("probe",), tool.probe
        if tool.check:
            yield ("check",), tool.check

    # ── goals and servers ────────────────────────────────────────────────────────────────────────

    def goal(self, entry: Entry) -> None:
        self.unknown(entry, ("pattern", "want"), "a goal")
        pattern, want = entry.text("pattern"), clauses.facts(entry, "want")
        if not pattern.strip() or not want:
            self.fault(entry.path, "a goal needs a pattern and want")
            return
        words = {variable(word.strip(".,;:!?")) for word in pattern.split()}
        for name in _variables(want) - words:
            self.fault(entry.path, f"the goal {pattern!r} wants ${name}, which its pattern does not name")
        self.out.goals.append(Goal(pattern=pattern, want=want))

    def server(self, name: str, entry: Entry) -> None:
        what = f"the server {name}"
        self.unknown(entry, SERVER_KEYS, what)
        if not SERVER_NAME.fullmatch(name):
            self.fault(entry.path, f"{name!r:.80} cannot be the name of a server", "letters, digits, _ and -")
        if bool(entry.text("command")) == bool(entry.text("url")):
            self.fault(entry.path, f"{what} needs command or url, one of them")
        if (url := entry.text("url")) and not _is_address(url):
            self.fault(
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
            "tools": dict(self.server_tools(name, entry)),
            "timeout": entry.seconds("timeout") or 30.0,
            "file": self.file,
            "line": self.document.line_of(entry.path),
        }
        server = self.made(McpServer, fields, entry.path, what)
        if server is not None:
            self.out.servers[name] = server

    def server_tools(self, server: str, entry: Entry) -> Iterator[tuple[str, McpTool]]:
        """The file's words on some of a server's tools. Which parameters they have is known when the
        server has been asked (console/catalog/mcp.py looks then)."""
        for name, inner in entry.named("tools"):
            what = f"{server}.{name}"
            self.unknown(inner, SERVER_TOOL_KEYS, what)
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
                fields["risk"] = self.risk(inner, what)["risk"]
            tool = self.made(McpTool, fields, inner.path, what)
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
    return sorted(_variables(patterns))


def _variables(facts: Iterable[Fact]) -> set[str]:
    return {name for fact in facts for word in fact if (name := variable(word))}
