"""A reply that is a Python literal: single quotes, `True`, `None`, a trailing comma.

The syntax tree is read, never evaluated. JSON's `true`, `false` and `null` are taken too, because
models mix them. Sets, bytes, arithmetic and anything that is not data are refused.
"""

from __future__ import annotations

import ast
import warnings
from typing import Any

from console.plan.reply.audit import NAMES, joined

MAX_CHARS = 256 * 1024
"""A longer literal is not read: its syntax tree would take some hundred bytes a character."""


class NotLiteral(ValueError):
    """The text is no literal."""


class Doubled(ValueError):
    """A mapping has a key twice."""


def read_literal(text: str) -> Any:
    """The JSON value of a Python literal. Raises `NotLiteral` or `Doubled`."""
    if len(text) > MAX_CHARS:
        raise NotLiteral(f"it has more than {MAX_CHARS} characters")
    try:
        with warnings.catch_warnings(action="ignore"):  # of escapes Python does not know: they stay
            tree = ast.parse(text.strip(), mode="eval")
        return value_of(tree.body)
    except SyntaxError as error:
        raise NotLiteral(f"line {error.lineno or 1}: {error.msg}") from None
    except (MemoryError, RecursionError):
        raise NotLiteral("it is nested too deeply") from None


def value_of(node: ast.expr) -> Any:
    """The JSON value of one expression. Raises `NotLiteral` or `Doubled`."""
    match node:
        case ast.Constant(value=str(text)):
            return joined(text)
        case ast.Constant(value=bool() | int() | float() | None as value):
            return value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [value_of(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return _mapping(keys, values)
        case ast.Name(id=name) if name in NAMES:
            return NAMES[name]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            if not isinstance(number, bool):
                return -number
    raise NotLiteral(f"line {node.lineno}: it is not data")


def _mapping(keys: list[ast.expr | None], values: list[ast.expr]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in zip(keys, values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            raise NotLiteral("a key is not text")
        name = joined(key.value)
        if name in made:
            raise Doubled(f"the key {name!r:.80} is there twice")
        made[name] = value_of(value)
    return made
