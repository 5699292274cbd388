"""Paths that begin in somebody's home folder."""

from __future__ import annotations

from pathlib import Path


def from_home(path: str) -> Path:
    """`path` with `~` and `~NAME` as home folders. Where nobody is called so it stays as it is written: a
    goal in words may begin with a tilde."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
