"""Keys that the operator has bound anew in the config file.

A key that an action was given is taken from the actions that have it by default; two that were given the
same key share it, and the one that is about something has it. Nobody is given a key that a slow line can
make of an arrow key, for something that acts at once. What cannot be followed is said, and left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from console.text import one_line
from console.tui.actions import ACTIONS, SPLIT_ESCAPE_TAILS, Action
from console.tui.keys import key_names, key_of
from console.tui.screen_keys import SCREEN_IDS

Keymap = Mapping[str, str]
"""Keys by the id of their action ("run.approve"), comma separated."""

_BY_ID = {action.binding_id: action for action in ACTIONS}

_HARMLESS = ("Move", "Panes")
"""Groups of actions that change nothing but what is shown."""


def rebound(keymap: Keymap) -> dict[str, str]:
    """The keys of every action of the main screen as they are now, by Textual's names, "" where none is left;
    and those of the screens over it that were bound anew."""
    bound = given(keymap)
    taken = {
        key
        for id, keys in bound.items()
        if id in _BY_ID
        for key in keys
        if key not in _BY_ID[id].keys.split(",")
    }
    found = {id: ",".join(keys) for id, keys in bound.items()}
    for id, action in _BY_ID.items():
        if id not in bound:
            found[id] = ",".join(key for key in action.keys.split(",") if key not in taken)
    return found


def faults(keymap: Keymap) -> Iterator[str]:
    """What of the operator's keys is not followed, and why."""
    known = {*_BY_ID, *SCREEN_IDS}
    for id, written in keymap.items():
        if id not in known:
            near = get_close_matches(id, known, 1)
            hint = f" (nearest is {near[0]})" if near else ""
            yield f"keys: no action is called {one_line(id, 60)}{hint}"
            continue
        for key in _keys(written):
            if not _may_have(id, key):
                yield (
                    f"keys: {id} is not given {key_names(key)}: a slow line can make one of an arrow key,"
                    " and the action would be done"
                )


def given(keymap: Keymap) -> dict[str, tuple[str, ...]]:
    """What the operator gave that can be followed, by Textual's names of the keys."""
    found = {id: tuple(key for key in _keys(keys) if _may_have(id, key)) for id, keys in keymap.items()}
    return {id: keys for id, keys in found.items() if keys}


def _keys(written: str) -> list[str]:
    return [key_of(key) for key in written.split(",") if key.strip()]


def _may_have(id: str, key: str) -> bool:
    action: Action | None = _BY_ID.get(id)
    is_safe = action is None or action.group in _HARMLESS or key in action.keys.split(",")
    return is_safe or key not in SPLIT_ESCAPE_TAILS
