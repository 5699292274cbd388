"""What the lexer finds in a script: its placeholders, its simple commands, and their words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}")
"""Go-template words such as `{{.Names}}` are not placeholders: they stay as they are."""

SLOT = "\0"
"""Stands for a placeholder in `Word.text`; a script cannot hold this character."""

EXPANSION = "\1"
"""Stands for an expansion of the shell's own (`$x`, `$(...)`) in `Word.text`."""

Quote = Literal["", '"', "'"]


@dataclass(slots=True)
class Slot:
    """One placeholder in the script. `bare`: its value begins an argument, so that a value with a
    leading "-" would be read as an option."""

    name: str
    quote: Quote
    at: int
    in_function: bool = False
    bare: bool = False


@dataclass(slots=True)
class Word:
    """A word of a command. `text` is what is known of it, quotes removed; `slots` and `names` are
    the placeholders and variables in it, those inside `$(...)` included."""

    text: str
    at: int
    slots: list[Slot]
    names: list[str]
    quoted: bool = False


@dataclass(slots=True)
class SimpleCommand:
    """Words up to a separator. `piped_slots` and `piped_names` are what comes before it in its pipeline."""

    at: int
    kind: Literal["command", "for", "case", "pattern"] = "command"
    words: list[Word] = field(default_factory=list)
    targets: list[Word] = field(default_factory=list)
    here: list[str] = field(default_factory=list)
    piped_slots: list[Slot] = field(default_factory=list)
    piped_names: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Scan:
    """What the lexer found in a script. `refusals` are (offset, reason) for placeholders that stand where
    they cannot be filled; `dialects` for text that shells read differently, which makes every
    placeholder doubtful."""

    pieces: list[str | Slot] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    commands: list[SimpleCommand] = field(default_factory=list)
    arithmetic: list[tuple[int, str]] = field(default_factory=list)
    refusals: list[tuple[int, str]] = field(default_factory=list)
    dialects: list[tuple[int, str]] = field(default_factory=list)
