"""When two values are the same: 1, 1.0 and true are three."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


def identical(one: Any, other: Any) -> bool:
    """Whether two values are equal and of one type throughout."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(identical(item, other[key]) for key, item in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(identical, one, other))
    if isinstance(one, BaseModel):
        return all(identical(item, other.__dict__[name]) for name, item in one.__dict__.items())
    return bool(one == other)
