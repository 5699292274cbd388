"""How an attempt goes on a stage (console/service/stage.py)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Act:
    """What an attempt prints while it takes `seconds`, and how it ends: with an exit code, or `lost`, when
    nobody can say."""

    seconds: float = 1.0
    exit_code: int = 0
    out: str = ""
    err: str = ""
    lost: bool = False
