"""A tool and the parameters of one step -> the process that will be started, or the call that will be made.

What comes out holds no placeholder and is not looked up or substituted again. `display` shows it as
shell text with every value quoted in its place: what is approved is what runs.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from console.catalog import agents
from console.catalog import request as http
from console.catalog.parameters import Checker, resolved, text_of
from console.catalog.shell import assigned, bare_args, compile_shell
from console.catalog.spec import Script, ToolSpec
from console.catalog.words import PLACEHOLDER
from console.errors import NeverStarted
from console.plan.model import Params

_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*))")
_ENVIRONMENT = re.compile(
    rf"(?P<placeholder>{PLACEHOLDER.pattern})|\$(?:(?P<plain>[A-Za-z_]\w*)|\{{(?P<braced>[A-Za-z_]\w*)\}})"
)
_checker = Checker()
_template = lru_cache(maxsize=4096)(compile_shell)


@dataclass(frozen=True, slots=True)
class Command:
    """A process, resolved. `timeout` is in seconds. `env` is what the tool adds to the environment;
    `shown` is the shell text a person reads. Secrets are in none of these.

    What is no process has a `call` (JSON-able, with its `kind`) that its backend understands; `argv` then
    only says it, for the record.
    """

    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 30.0
    shown: str = ""
    call: Mapping[str, object] | None = None


def command(
    tool: ToolSpec, params: Params, *, workspace: str, caller: Mapping[str, str] | None = None
) -> Command:
    """The process, or the call, of a step. `params` are resolved: no references are left in them.

    A relative `working_dir` starts at `workspace`. `caller` is the environment of whoever started the
    run (this process's own when not given): of it the process gets the variables that the tool's file
    names. Raises `NeverStarted`, naming the parameter, when a value is missing, does not fit the
    tool's schema, or cannot be passed as it is.
    """
    values = _values(tool, params)
    if tool.script is None:
        return _call(tool, params, values, workspace, caller)
    if tool.script.shell is not None:
        return _shell(tool, tool.script.shell, values, workspace, caller)
    argv = tuple(_argv(tool.script, values))
    return _finished(tool, argv, shlex.join(argv), values, workspace, caller)


def probe_command(
    tool: ToolSpec, params: Params, *, workspace: str, caller: Mapping[str, str] | None = None
) -> Command | None:
    """The process that tells whether the step's effect is there; `None` when the tool has no probe."""
    return _shell(tool, tool.probe, _values(tool, params), workspace, caller) if tool.probe else None


def check_command(
    tool: ToolSpec, params: Params, *, workspace: str, caller: Mapping[str, str] | None = None
) -> Command | None:
    """The process that rehearses the step; `None` when the tool has no check."""
    return _shell(tool, tool.check, _values(tool, params), workspace, caller) if tool.check else None


def display(command: Command) -> str:
    """The command as a person reads it: shell text that does exactly what will run. It still holds
    whatever characters the values hold; screens make it safe (console/text.py)."""
    return command.shown


def variables(tool: ToolSpec) -> frozenset[str]:
    """The environment variables that the tool's file names and does not set itself; a step that uses
    the tool gets these from the caller."""
    named = {
        plain or braced for text in tool.environment.values() for plain, braced in _VARIABLE.findall(text)
    }
    for text in _shell_texts(tool):
        named |= {plain or braced for plain, braced in _VARIABLE.findall(text)} - assigned(text)
    if tool.http:
        named |= http.variables(tool.http)
    return frozenset(named - set(tool.environment) - set(tool.secrets))


def unbound(tool: ToolSpec) -> list[str]:
    """The placeholders of the tool that none of its parameters fills, in order."""
    known = {p.name for p in tool.parameters}
    texts = [*_texts(tool), *_args(tool)]
    named = dict.fromkeys(name for text in texts for name in PLACEHOLDER.findall(text))
    return [name for name in named if name not in known]


def unfilled(tool: ToolSpec, params: Params) -> Iterator[tuple[str, str]]:
    """What would keep the tool's commands from being made of `params`: (parameter, reason). Values
    that hold references are for the caller to leave out of `params` or accept as they stand."""
    given = resolved(tool, params)
    texts = _texts(tool)
    optional = {m[1] for arg in _args(tool) if (m := PLACEHOLDER.fullmatch(arg))}
    for name in dict.fromkeys(name for text in texts for name in PLACEHOLDER.findall(text)):
        if name not in given:
            yield name, "it has no value and no default"
    for name in optional - set(given):
        if any(p.name == name and p.required for p in tool.parameters):
            yield name, "it has no value and no default"
    dashes = {p.name for p in tool.parameters if p.allow_dash}
    for name in sorted(_bare(tool) - dashes):
        if name in given and text_of(given[name]).startswith("-"):
            yield name, 'it begins with "-" and would be read as an option'
    for name, value in given.items():
        if "\0" in text_of(value):
            yield name, "it holds a NUL byte"
        elif not _encodable(text_of(value)):
            yield name, "it holds half a character (a lone surrogate)"


def _values(tool: ToolSpec, params: Params) -> dict[str, str]:
    """Every parameter's value as text, checked. Raises `NeverStarted`."""
    given = resolved(tool, params)
    wrong = [f"{what} ({hint})" if hint else what for what, hint in _checker.problems(tool, given)]
    wrong += [
        f"the parameter {name} of {tool.name} cannot be passed: {why}" for name, why in unfilled(tool, params)
    ]
    if wrong:
        raise NeverStarted("; ".join(dict.fromkeys(wrong)), kept="nothing was started")
    return {name: text_of(value) for name, value in given.items()}


def _shell(
    tool: ToolSpec, text: str, values: Mapping[str, str], workspace: str, caller: Mapping[str, str] | None
) -> Command:
    template = _template(text)
    return _finished(tool, template.argv(values), template.display(values), values, workspace, caller)


def _call(
    tool: ToolSpec,
    params: Params,
    values: Mapping[str, str],
    workspace: str,
    caller: Mapping[str, str] | None,
) -> Command:
    given = resolved(tool, params)
    if tool.http is not None:
        call = _request(tool, given)
        shown = http.shown(call)
        made = _finished(tool, tuple(shown.split("\n", 1)[0].split(" ", 1)), shown, values, workspace, caller)
        return replace(made, call=call)
    said = json.dumps(given, ensure_ascii=False)
    if tool.mcp is not None:
        call = {"kind": "mcp", **tool.mcp.model_dump(exclude={"timeout"}), "params": given}
        name = f"{tool.mcp.server}.{tool.mcp.tool}"
    elif tool.agent is not None:
        made = _finished(tool, (tool.name, said), agents.shown(tool, said), values, workspace, caller)
        return replace(made, call={"kind": "agent", "params": given})
    else:
        name = tool.function or ""
        call = {"kind": "function", "function": name, "beside": _folder(tool), "params": given}
    return replace(
        _finished(tool, (name, said), f"{name} {said}", values, workspace, caller),
        call=call,
    )


def _request(tool: ToolSpec, given: Params) -> dict[str, Any]:
    try:
        return http.request(tool, given)
    except ValueError as error:
        raise NeverStarted(str(error), kept="nothing was started") from None


def _folder(tool: ToolSpec) -> str:
    return str(Path(tool.file).parent) if tool.file else ""


def _finished(
    tool: ToolSpec,
    argv: tuple[str, ...],
    shown: str,
    values: Mapping[str, str],
    workspace: str,
    caller: Mapping[str, str] | None,
) -> Command:
    around = os.environ if caller is None else caller
    where = PLACEHOLDER.sub(lambda m: values[m[1]], tool.script.working_dir or "") if tool.script else ""
    env = {name: around[name] for name in sorted(variables(tool)) if name in around}
    env |= {name: _expand(text, values, around) for name, text in tool.environment.items()}
    return Command(argv, str(Path(workspace) / where), env, tool.timeout, shown.strip())


def _expand(text: str, values: Mapping[str, str], caller: Mapping[str, str]) -> str:
    """An `environment` value: placeholders and the caller's variables replaced, in one pass."""

    def replacement(match: re.Match[str]) -> str:
        if match["placeholder"]:
            return values[PLACEHOLDER.findall(match[0])[0]]
        return caller.get(match["plain"] or match["braced"], "")

    return _ENVIRONMENT.sub(replacement, text)


def _argv(script: Script, values: Mapping[str, str]) -> Iterator[str]:
    yield script.command or ""
    for arg in script.args:
        whole = PLACEHOLDER.fullmatch(arg)
        if whole and whole[1] not in values:
            continue
        yield PLACEHOLDER.sub(lambda m: values[m[1]], arg)


def _args(tool: ToolSpec) -> tuple[str, ...]:
    return tool.script.args if tool.script and tool.script.shell is None else ()


def _texts(tool: ToolSpec) -> list[str]:
    """Every text whose placeholders must have a value; of a shell script, a comment's need none."""
    texts = list(tool.environment.values())
    for text in _shell_texts(tool):
        texts += [f"{{{{{name}}}}}" for name in _template(text).names]
    if tool.script:
        texts += [tool.script.working_dir or ""]
        texts += [arg for arg in _args(tool) if not PLACEHOLDER.fullmatch(arg)]
    if tool.http:
        texts += [tool.http.url, tool.http.body or "", *tool.http.headers.values()]
    return texts


def _shell_texts(tool: ToolSpec) -> list[str]:
    shell = tool.script.shell if tool.script else None
    return [text for text in (shell, tool.probe, tool.check) if text]


def _bare(tool: ToolSpec) -> frozenset[str]:
    names: frozenset[str] = frozenset()
    for text in _shell_texts(tool):
        names |= _template(text).bare
    if _args(tool) and tool.script:
        names |= bare_args(tool.script.command or "", tool.script.args)
    return names


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
