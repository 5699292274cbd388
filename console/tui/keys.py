"""Keys by their names: Textual's for the program (`ctrl+p`, `question_mark`), others for people (`Ctrl+p`,
`?`); and how keys are told of on the help.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from textual.keys import KEY_NAME_REPLACEMENTS

NAMES = {
    "slash": "/",
    "plus": "+",
    "underscore": "_",
    "minus": "-",
    "colon": ":",
    "question_mark": "?",
    "full_stop": ".",
    "comma": ",",
    "at": "@",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "space": "Space",
    "asterisk": "*",
    "enter": "Enter",
    "escape": "Esc",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "backspace": "Backspace",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "home": "Home",
    "end": "End",
    "f1": "F1",
}

_TEXTUALS = {name.casefold(): key for key, name in NAMES.items()}


@dataclass(frozen=True, slots=True)
class ActionInfo:
    """An action as help and palette show it: `keys` for people, `reason` why it is not enabled."""

    id: str
    keys: str
    title: str
    enabled: bool
    reason: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class ScreenKey:
    """Keys of a screen over the main one, by Textual's names, and what they do; `id` where they can be bound
    again."""

    keys: str
    title: str
    id: str = ""


def key_names(keys: str) -> str:
    """Textual key names as people read them: `ctrl+p` -> `Ctrl+p`."""
    return " ".join(_name(key.strip()) for key in keys.split(",") if key.strip())


def _name(key: str) -> str:
    if key in NAMES:
        return NAMES[key]
    *modifiers, last = key.split("+")
    return "+".join([*(m.capitalize() for m in modifiers), NAMES.get(last, last)])


def key_of(written: str) -> str:
    """Textual's name of a key as somebody has written it: `Ctrl+Y`, `?`, `PgDn`, `ctrl+y`."""
    written = written.strip()
    if len(written) == 1:
        return _of_character(written)
    if written.casefold() in _TEXTUALS:
        return _TEXTUALS[written.casefold()]
    *modifiers, last = written.split("+")
    modifiers = [modifier.strip().casefold() for modifier in modifiers]
    if len(last) != 1:
        last = _TEXTUALS.get(last.casefold(), last.casefold())
    elif "ctrl" in modifiers:
        last = last.casefold()  # a terminal does not tell them apart
    return "+".join([*modifiers, last])


def _of_character(character: str) -> str:
    if character.isalnum():
        return character
    name = unicodedata.name(character, character).lower().replace("-", "_").replace(" ", "_")
    return KEY_NAME_REPLACEMENTS.get(name, name)
