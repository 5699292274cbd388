"""Plans in the text grammar of LLMCompiler (Kim et al., 2023, arXiv:2312.04511):

    1. search("height of K2")
    2. calculate("convert", $1)
    3. join()

Arguments stand by position or by name; `$1` is the result of step 1. `join()` ends the plan and is no
step; a text without it breaks off.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from console.plan.reply.audit import Changed
from console.plan.reply.literal import Doubled, NotLiteral, value_of

_STEP = re.compile(r"^[ \t]*(\d{1,6})\.[ \t]*([A-Za-z_][\w.-]*)\(", re.MULTILINE)
_RESULT = re.compile(r"\$\{?(\d{1,6})\}?")
_TEXT = (
    r"\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}"
    r"|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
)
_TEXT_OR_RESULT = re.compile(rf"({_TEXT})|\$\{{?(\d{{1,6}})\}}?", re.DOTALL)
_TEXT_OR_MARK = re.compile(rf"{_TEXT}|[()\[\]{{}}\"']", re.DOTALL)
_END = re.compile(r"\)[ \t]*(?:<END_OF_PLAN>)?[ \t\r]*(?:#.*)?$", re.MULTILINE)


class BadText(Changed):
    """The text is meant to be such a plan, and is not one."""


def looks_like_it(text: str) -> bool:
    """Whether a line of the text is a numbered call."""
    return _STEP.search(text) is not None


def lines_of(text: str) -> dict[str, int]:
    """The line that each step begins on, as far as the text can be read."""
    lines = {}
    with suppress(BadText):
        for head, _ in _calls(text):
            lines[head[1]] = text.count("\n", 0, head.start()) + 1
    return lines


def read(text: str, parameters: Mapping[str, Sequence[str]]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The plan document, and what was made of it that is not in the text. `parameters` names each
    tool's parameters in their order; values of a tool that is not in there are named `1`, `2`, or `input`
    where there is one. Raises `BadText`."""
    calls = list(_calls(text))
    if calls[-1][0][2] != "join":
        raise BadText("it breaks off: a plan in this notation ends with join()")
    steps: list[dict[str, Any]] = []
    known: set[str] = set()
    repairs = ["it was written in LLMCompiler's notation"]
    for head, arguments in calls[:-1]:
        steps.append(_step(head[1], head[2], arguments, known, parameters, repairs))
        known.add(str(steps[-1]["id"]))
    return {"steps": steps}, tuple(repairs)


def _calls(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each numbered call and what stands between its brackets. Lines between the calls are no part of the
    plan; what looks like a call within a text is none."""
    at = 0
    while head := _STEP.search(text, at):
        at = _closing(text, head)
        if not _END.match(text, at):
            raise BadText(f"step {head[1]}: its arguments cannot be read")
        yield head, text[head.end() : at]


def _closing(text: str, head: re.Match[str]) -> int:
    """Where the bracket that closes the call stands."""
    depth = 1
    for mark in _TEXT_OR_MARK.finditer(text, head.end()):
        if mark[0] in "([{":
            depth += 1
        elif mark[0] in ")]}":
            depth -= 1
        elif mark[0] in "\"'":
            break
        if not depth:
            return mark.start()
    raise BadText(f"step {head[1]}: the call of {head[2]} is not closed")


def _step(
    number: str,
    tool: str,
    arguments: str,
    known: set[str],
    parameters: Mapping[str, Sequence[str]],
    repairs: list[str],
) -> dict[str, Any]:
    used: dict[str, None] = {}

    def result(match: re.Match[str]) -> str:
        if match[1] not in known:
            return match[0]
        used[match[1]] = None
        return f"{{step_{match[1]}_result}}"

    def argument(match: re.Match[str]) -> str:
        if match[1]:
            inside = _RESULT.sub(result, match[1])
            if inside != match[1]:
                repairs.append(f"step {number}: a $ and a number within a text is the result of that step")
            return inside
        if match[2] not in known:
            raise BadText(f"step {number} uses ${match[2]}, and no step before it has that number")
        used[match[2]] = None
        return f'"{{step_{match[2]}_result}}"'

    call = _parsed(f"f({_TEXT_OR_RESULT.sub(argument, arguments)})", number)
    params = _params(call, number, tool, parameters.get(tool, ()))
    return {"id": int(number), "action": tool, "params": params, "depends_on": [int(name) for name in used]}


def _parsed(text: str, number: str) -> ast.Call:
    try:
        body = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        body = None
    if not isinstance(body, ast.Call) or not isinstance(body.func, ast.Name):
        raise BadText(f"step {number}: its arguments cannot be read")
    return body


def _params(call: ast.Call, number: str, tool: str, names: Sequence[str]) -> dict[str, Any]:
    if not names:
        # Whoever reads the tools' parameters gives the values their names (catalog/fit.py).
        names = ("input",) if len(call.args) == 1 else [str(at) for at in range(1, len(call.args) + 1)]
    if len(call.args) > len(names):
        raise BadText(f"step {number}: {tool} is given {len(call.args)} values; it takes {len(names)}")
    params: dict[str, Any] = {}
    given = [*zip(names, call.args, strict=False), *((k.arg, k.value) for k in call.keywords)]
    for name, node in given:
        if name is None:
            raise BadText(f"step {number}: {tool} is given its values by **, not by their names")
        if name in params:
            raise BadText(f"step {number}: {tool} is given {name} twice")
        try:
            params[name] = value_of(node)
        except (NotLiteral, Doubled) as error:
            raise BadText(f"step {number}: {error}") from None
    return params
