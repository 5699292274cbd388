"""References: `{step_N_result}` and `{step_N_result.rows[0].id}` inside string parameters.

N is a step's id; what follows is a JMESPath into a JSON result. A string that is exactly one
reference becomes the value itself; a reference inside other text becomes text. Substitution is one
pass: what came out of a step is never expanded again, because it is data and may be hostile. Every
other `{...}`, `$...` or `<...>` is literal, and so are the keys of a mapping.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from console.errors import ReferenceFailed
from console.plan import strict
from console.plan.model import Params, Step, StepId

Lookup = Callable[[StepId], Any] | Mapping[StepId, Any]
"""Where results come from; raises `KeyError` for a step that has none."""

MAX_PATH = 256
"""The longest path of a reference; what is longer is no reference."""

_HEAD = re.compile(r"\{step_([A-Za-z0-9][A-Za-z0-9_-]{0,63}?)_result(?=[}.\[])")
_INSIDE = re.compile(r"""[^{}'"`]+|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`""", re.DOTALL)
_NAME = re.compile(r"[^\s.\[\]{}()\"'`|&@*?!<>=,:\\\d][^.\[\]{}()\"'`|&@*?!<>=,:\\]*")
_DOTTED = re.compile(rf"{_NAME.pattern}(?:\[-?[0-9]+\])*(?:\.{_NAME.pattern}(?:\[-?[0-9]+\])*)*")
_PATH_ERRORS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What the JMESPath library raises, its own errors (all `ValueError`) and others, on odd paths and values."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference: the step it names, the JMESPath ("" for the whole result), and its `text` as
    it stands in the parameter, braces included."""

    step: StepId
    path: str
    text: str


def find(value: Any) -> tuple[Reference, ...]:
    """Every reference in the strings of a JSON value, in reading order."""
    return tuple(reference for text in _strings(value) for reference, _, _ in _scan(text))


def referred(step: Step) -> tuple[StepId, ...]:
    """The steps whose results `step` needs, each once. Its undo may use its own result, which needs
    nothing; its parameters may not, so there its own id is told too."""
    if not may_refer(step):
        return ()
    ids = [reference.step for reference in find(step.params)]
    if step.undo is not None:
        ids += [reference.step for reference in find(step.undo.params) if reference.step != step.id]
    return tuple(dict.fromkeys(ids))


def may_refer(step: Step) -> bool:
    """Whether it is worth looking for references in a step; mostly it is not."""
    params: Params
    for params in (step.params, step.undo.params) if step.undo is not None else (step.params,):
        for value in params.values():
            if not isinstance(value, str) or "{step_" in value:
                return True
    return False


def resolve(value: Any, lookup: Lookup) -> Any:
    """`value` with every reference replaced. Raises `ReferenceFailed` naming the reference."""
    if isinstance(value, str):
        return _resolve_text(value, lookup)
    if isinstance(value, Mapping):
        return {key: resolve(item, lookup) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(item, lookup) for item in value]
    return value


def renamed(value: Any, ids: Mapping[StepId, StepId]) -> Any:
    """`value` with its references to the steps in `ids` pointing to their new ids."""
    if isinstance(value, str):
        parts: list[str] = []
        done = 0
        for reference, start, end in _scan(value):
            head = len("{step_") + len(reference.step)
            parts += (
                value[done:start],
                "{step_",
                ids.get(reference.step, reference.step),
                reference.text[head:],
            )
            done = end
        return "".join((*parts, value[done:]))
    if isinstance(value, Mapping):
        return {key: renamed(item, ids) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [renamed(item, ids) for item in value]
    return value


def path_fault(path: str) -> str:
    """Why `path` is no JMESPath, or "" when it is one."""
    try:
        _expression(path)
    except ValueError as error:
        return str(error)
    return ""


@lru_cache(maxsize=1024)
def _expression(path: str) -> Any:
    """The compiled JMESPath. A dotted path with names that JMESPath wants in quotes (`Exchange Rate`,
    `content-type`) is taken as it is meant. Raises `ValueError`."""
    import jmespath  # not needed by most plans, and start-up must be light

    try:
        with warnings.catch_warnings(action="ignore"):  # it warns of an old way to quote that is in wide use
            return jmespath.compile(path)
    except _PATH_ERRORS as error:
        reason = _one_line(error)
    if _DOTTED.fullmatch(path):
        return jmespath.compile(_NAME.sub(lambda name: json.dumps(name[0]), path))
    raise ValueError(reason)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _scan(text: str) -> Iterator[tuple[Reference, int, int]]:
    """The references of one string with their bounds. A head without its closing brace is literal."""
    if "{step_" not in text:
        return
    at = 0
    while head := _HEAD.search(text, at):
        end = _closing(text, head.end())
        at = end or head.end()
        if end:
            path = text[head.end() : end - 1].removeprefix(".")
            yield Reference(head[1], path, text[head.start() : end]), head.start(), end


def _closing(text: str, at: int) -> int:
    """The index after the brace that closes what was opened before `at`, quotes skipped; 0 if none does
    within `MAX_PATH` characters, so that hostile text costs no more than its length."""
    window = text[at : at + MAX_PATH + 1]
    depth, here = int("}" in window), 0
    while depth and here < len(window):
        inside = _INSIDE.match(window, here)
        if inside is not None:
            here = inside.end()
            continue
        depth += {"{": 1, "}": -1}.get(window[here], 0)
        here += 1
    return 0 if depth or not here else at + here


def _resolve_text(text: str, lookup: Lookup) -> Any:
    parts: list[str] = []
    done = 0
    for reference, start, end in _scan(text):
        value = _value(reference, lookup)
        if end - start == len(text):
            return value
        parts += text[done:start], value if isinstance(value, str) else _as_text(value)
        done = end
    return "".join((*parts, text[done:]))


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _value(reference: Reference, lookup: Lookup) -> Any:
    try:
        result = lookup(reference.step) if callable(lookup) else lookup[reference.step]
    except KeyError:
        raise ReferenceFailed(f"{reference.text}: step {reference.step} has no result") from None
    return _follow(reference, result) if reference.path else result


def _follow(reference: Reference, result: Any) -> Any:
    if isinstance(result, str):
        try:
            result = strict.parse_json(result)
        except ValueError as error:
            raise ReferenceFailed(
                f"{reference.text}: the result of step {reference.step} is text, not JSON ({error})"
            ) from None
    try:
        value = _expression(reference.path).search(result)
    except _PATH_ERRORS as error:
        raise ReferenceFailed(f"{reference.text}: the path cannot be followed: {_one_line(error)}") from None
    if value is None:
        raise ReferenceFailed(f"{reference.text}: the result of step {reference.step} has nothing there")
    return value
