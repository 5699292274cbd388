"""Facts and contracts: reading, showing, matching, and a tool's contract for given parameters.

A fact is a tuple of words. Written down it is one line, words apart by spaces; a word that holds
spaces of its own (it came from a parameter: a message, a file name) is written as a JSON string, so
that `parse_fact(show(fact)) == fact` for every fact. In a pattern the word `$x` stands for the
parameter or variable `x` and `*` for any word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from console.catalog.parameters import text_of
from console.catalog.spec import Contract, Fact, ToolSpec
from console.plan.model import Params, StepId, Undo

Binding = Mapping[str, str]
"""Words by the name of the parameter or variable they stand for."""

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"(?=\s|$)|\S+', re.DOTALL)
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}")
_OWN_RESULT = re.compile(r"\{step_result(?=[}.\[])")


def parse_fact(text: str) -> Fact:
    """The words of a written fact or pattern."""
    return tuple(_word(match[0]) for match in _WORD.finditer(text))


def _word(text: str) -> str:
    if text.startswith('"'):
        try:
            word = json.loads(text, strict=False)
        except ValueError:
            return text
        return word if isinstance(word, str) else text
    return text


def show(fact: Fact) -> str:
    """A fact as one line that `parse_fact` reads back."""
    return " ".join(word if re.fullmatch(r'[^\s"]\S*', word) else json.dumps(word) for word in fact)


def variable(word: str) -> str:
    """The name a pattern's word stands for; "" when it stands for itself."""
    return word[1:] if len(word) > 1 and word[0] == "$" else ""


def variables(facts: Iterable[Fact]) -> set[str]:
    """The names that the words of `facts` stand for."""
    return {name for fact in facts for word in fact if (name := variable(word))}


def bind_pattern(pattern: Fact, binding: Binding) -> Fact:
    """`pattern` with every `$x` that `binding` knows replaced; others stay."""
    return tuple(binding.get(variable(word), word) for word in pattern)


def match(pattern: Fact, fact: Fact, binding: Binding) -> dict[str, str] | None:
    """`binding` extended so that `pattern` becomes `fact`; `None` when it cannot."""
    if len(pattern) != len(fact):
        return None
    bound = dict(binding)
    for word, value in zip(pattern, fact, strict=True):
        name = variable(word)
        if name:
            if bound.setdefault(name, value) != value:
                return None
        elif word not in ("*", value):
            return None
    return bound


def bindings(patterns: Sequence[Fact], facts: Iterable[Fact], binding: Binding) -> Iterator[dict[str, str]]:
    """Every extension of `binding` under which all `patterns` are among `facts`, in the facts' order."""
    known = list(facts)

    def go(rest: Sequence[Fact], bound: dict[str, str]) -> Iterator[dict[str, str]]:
        if not rest:
            yield bound
            return
        for fact in known:
            extended = match(rest[0], fact, bound)
            if extended is not None:
                yield from go(rest[1:], extended)

    return go(patterns, dict(binding))


def binding_of(tool: ToolSpec, params: Params) -> dict[str, str]:
    """The words that the tool's parameters stand for, defaults filled in."""
    return {k: text_of(v) for k, v in tool.with_defaults(params).items() if v is not None}


def ground(tool: ToolSpec, params: Params, facts: Iterable[Fact] = ()) -> Contract:
    """The tool's contract for these parameters. Its `vars` are bound through `requires` against
    `facts` (the first binding in their sorted order that meets all of them, else as many as can be
    bound one by one); what nothing binds stays a `$x`."""
    contract = tool.contract
    binding = binding_of(tool, params)
    if contract.vars:
        known = sorted(facts)
        whole = next(bindings(contract.requires, known, binding), None)
        binding = whole if whole is not None else _as_far_as_possible(contract.requires, known, binding)
    changed: dict[str, Any] = {
        name: tuple(bind_pattern(pattern, binding) for pattern in getattr(contract, name)) for name in _FACTS
    }
    return contract.model_copy(update=changed)


_FACTS = ("requires", "provides", "removes", "forbids", "writes", "fails_adding", "fails_removing")


def _as_far_as_possible(patterns: Sequence[Fact], facts: Sequence[Fact], binding: Binding) -> dict[str, str]:
    bound = dict(binding)
    for pattern in patterns:
        bound = next(bindings([pattern], facts, bound), bound)
    return bound


def undo_of(tool: ToolSpec, params: Params, step: StepId) -> Undo | None:
    """The compensation that the tool's file offers for the step `step` with these parameters.

    In the file, a parameter that is exactly `$x` or `{{x}}` becomes that parameter's value (its type
    is kept; one without a value is left out), `{{x}}` inside text becomes its text, and
    `{step_result}` becomes the reference to the step's own result.
    """
    if tool.undo is None:
        return None
    values = tool.with_defaults(params)
    filled = {name: _fill(value, values, step) for name, value in tool.undo.params.items()}
    return Undo(action=tool.undo.action, params={k: v for k, v in filled.items() if v is not None})


def _fill(value: Any, values: Params, step: StepId) -> Any:
    if isinstance(value, dict):
        return {key: _fill(item, values, step) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, values, step) for item in value]
    if not isinstance(value, str):
        return value
    whole = _PLACEHOLDER.fullmatch(value)
    name = whole[1] if whole else variable(value)
    if name and (whole or re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name)):
        return values.get(name)
    parts = _PLACEHOLDER.split(value)
    own = [_OWN_RESULT.sub(f"{{step_{step}_result", text) for text in parts[::2]]
    names = [text_of(values.get(name, "")) for name in parts[1::2]]
    return own[0] + "".join(value + text for value, text in zip(names, own[1:], strict=True))
