"""What a result is made of: the paths by which a reference gets at its parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

DEPTH = 3
"""Levels of a result that are told of."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""Names of fields that a path takes as they stand; others are left out."""


def parts_of(value: Any, path: str = "", depth: int = DEPTH) -> Iterator[tuple[str, Any]]:
    """Paths into a result, with what stands there: of an object every field, of a list its first item."""
    if isinstance(value, dict) and depth:
        for name, inner in value.items():
            if NAME.fullmatch(name):
                yield f"{path}.{name}", inner
                yield from parts_of(inner, f"{path}.{name}", depth - 1)
    elif isinstance(value, list) and value and path and depth:
        yield f"{path}[0]", value[0]
        yield from parts_of(value[0], f"{path}[0]", depth - 1)
