"""The name of a model that is a file of one's own: `gguf:/srv/models/small.gguf`.

A path in such a name is seen from where the name was written: a task file's folder, a tool file's, the config
file's, or the folder that a command was given in.
"""

from __future__ import annotations

from pathlib import Path

from console.homes import from_home

PREFIX = "gguf:"


def is_local(model: str) -> bool:
    """Whether this name is a model in a file."""
    return model.startswith(PREFIX)


def absolute(model: str, folder: Path) -> str:
    """The name with its path made whole, seen from `folder`; other names as they are."""
    if not is_local(model):
        return model
    return f"{PREFIX}{(folder / from_home(model.removeprefix(PREFIX))).absolute()}"
