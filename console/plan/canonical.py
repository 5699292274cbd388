"""One byte string per JSON value, so that what was approved can be named by a hash.

Keys are sorted, nothing is escaped that need not be, floats that are integers are written as integers,
strings are kept byte for byte (no Unicode normalisation).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from console.plan.model import Step


def canonical(value: Any) -> bytes:
    """The canonical JSON of `value`. Raises `ValueError` for NaN, infinity and lone surrogates,
    `TypeError` for what is no JSON value."""
    text = json.dumps(
        _plain(value), ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    return text.encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def decisive(step: Step) -> dict[str, Any]:
    """What decides what happens for a step, a phase with all it holds: everything but the descriptions,
    the reasons for dependencies and their order. Defaults are left out, so that a key added to the
    format one day does not change the hash of plans that do not use it."""
    decides = step.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude={"description", "explain", "steps"}
    )
    decides["params"] = step.params
    decides["depends_on"] = sorted(step.depends_on)
    if step.undo is not None:
        decides["undo"] = {"action": step.undo.action, "params": step.undo.params}
    if step.steps:
        decides["steps"] = [decisive(child) for child in step.steps]
    return decides


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a key is not text")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
