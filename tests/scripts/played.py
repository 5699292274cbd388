"""The session scripts that are played: those that come along, and those that only show screens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from console.tui.scripts.model import Script
from console.tui.scripts.reader import load_script, scripts

SHIPPED = scripts()
SCRIPTS: Mapping[str, Path] = {
    **SHIPPED,
    **{file.stem: file for file in sorted((Path(__file__).parent / "sessions").glob("*.yaml"))},
}

CAPTIONED = frozenset({"captions"})
"""Scripts whose captions are in the pictures."""


def load(name: str) -> Script:
    return load_script(str(SCRIPTS[name]))
