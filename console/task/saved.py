"""Tasks that the operator saved: a plan as it stood on the screen, to be gone on with or started again.

    $XDG_CONFIG_HOME/plandeck/tasks/NAME/task.yaml    the goal, the tool files, what holds and what is wanted
    $XDG_CONFIG_HOME/plandeck/tasks/NAME/plan.yaml    the plan

They are task files like any other: `plandeck run NAME` starts one, and an editor may change it. The
world that a sample builds for itself is not part of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from console.errors import UsageError
from console.plan.codec import dump_yaml
from console.plan.model import Plan
from console.plan.yaml_out import yaml_text
from console.settings import config_file, private_dir, write_private

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_KEPT = ("facts", "want", "fallback", "limits")


def saved_dir() -> Path:
    """Where saved tasks are; not made here."""
    return config_file().parent / "tasks"


def saved() -> dict[str, Path]:
    """The saved tasks: name -> task file."""
    try:
        folders = sorted(saved_dir().iterdir())
    except OSError:
        return {}
    return {folder.name: folder / "task.yaml" for folder in folders if (folder / "task.yaml").is_file()}


def name_fault(name: str) -> str:
    """Why a task cannot be saved under this name; empty when it can."""
    if not _NAME.fullmatch(name):
        return "a name is 1 to 64 letters, digits, - and _, beginning with a letter or digit"
    from console.task.finding import samples

    return f"there is a sample task {name}; choose another name" if name in samples() else ""


def save(name: str, plan: Plan, *, goal: str, tools: Iterable[str], document: Mapping[str, Any]) -> Path:
    """Save `plan` with what its task says (`document`, where it has no inputs) and gives its tools; gives the
    task file. One of the same name is replaced. Raises `UsageError` for a name that is none."""
    if fault := name_fault(name):
        raise UsageError(f"{name!r}: {fault}", kept="nothing was saved")
    said = {} if document.get("inputs") else {key: document[key] for key in _KEPT if key in document}
    files = [tool for tool in dict.fromkeys(tools) if tool and Path(tool).is_file()]
    task = {"goal": _plain(goal), "tools": files, **said, "plan": "plan.yaml"}
    private_dir(saved_dir().parent)
    private_dir(saved_dir())
    folder = private_dir(saved_dir() / name)
    write_private(folder / "plan.yaml", dump_yaml(plan))
    write_private(folder / "task.yaml", yaml_text(task))
    return folder / "task.yaml"


def _plain(text: str) -> str:
    """A goal in which no dollar sign means an input."""
    return text.replace("$", "$$")
