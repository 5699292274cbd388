"""The themes: YAML files with colours and the inks of the panes; a file that is wrong is told, not fatal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from console.bundled import themes_dir
from console.errors import UsageError

PREFIX = "plandeck-"
DEFAULT = f"{PREFIX}dark"

INK_DEFAULTS: Mapping[str, str] = {
    "ink-ok": "#7fbf7a",
    "ink-bad": "#f0837b",
    "ink-warn": "#e0b356",
    "ink-busy": "#6fb7e6",
    "ink-doubt": "#d49ae0",
    "ink-undo": "#b7a3f0",
    "ink-accent": "#7fc8c2",
    "ink-quiet": "#94a1b0",
    "ink-dim": "#7b8795",
    "ink-bad-style": "none",
    "ink-doubt-style": "none",
    "ink-warn-style": "none",
    "ink-busy-style": "none",
    "ink-undo-style": "none",
    "cursor": "#293847",
    "cursor-style": "none",
    "frame": "#3a4450",
    "frame-focus": "#7fc8c2",
}
"""Variables that every theme has, with the values of those that do not say them."""


def ink_style(name: str, variables: Mapping[str, str]) -> Style:
    """The style of an ink, of the cursor's row or of a match, in a theme with these variables. Not a rule of
    the style sheet: those are matched for every pane whenever a class or the focus changes."""
    if name in ("strong", "match"):
        return Style(bold=name == "strong" or None, reverse=name == "match" or None)
    key = name if name == "cursor" else f"ink-{name}"
    colour = Color.parse(variables[key]).rich_color
    shade = Style(bgcolor=colour) if name == "cursor" else Style(color=colour)
    return shade + Style.parse(variables.get(f"{key}-style", "none"))


def load_themes(*more: Path) -> Iterator[Theme]:
    """The themes that come with plandeck, then those in the folders `more`."""
    for folder in (themes_dir(), *more):
        for file in sorted(folder.glob("*.yaml")):
            yield read_theme(file)


def find_theme(name: str, *more: Path) -> Theme | None:
    """The theme with this registered name, reading no other file where the file is called like it."""
    for file in (folder / f"{name.removeprefix(PREFIX)}.yaml" for folder in (themes_dir(), *more)):
        if file.is_file() and (theme := read_theme(file)).name == name:
            return theme
    return next((theme for theme in load_themes(*more) if theme.name == name), None)


def read_theme(file: Path) -> Theme:
    """One theme. Raises `UsageError` naming the file when it is not one."""
    try:
        fields: Any = yaml.safe_load(file.read_text())
        return Theme(**fields)
    except (OSError, yaml.YAMLError, TypeError) as error:
        raise UsageError(f"this is no theme: {error}", where=str(file)) from None


def full_name(name: str) -> str:
    """The registered name of a theme as people call it: `dark`, `16`, `plandeck-mono`, `nord`."""
    return f"{PREFIX}{name}" if name in ("dark", "light", "16", "mono", "colour-blind") else name
