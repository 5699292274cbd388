"""Where the data that comes with plandeck lies: tool files, themes, sample tasks.

In a checkout (and an editable install of one) the folders stand beside `console/`; a wheel carries
them inside the package, so that nothing but `console` becomes importable. Nobody else may know.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    installed = _PACKAGE / "_bundled"
    return (installed if installed.is_dir() else _PACKAGE.parent) / name


def tools_dir() -> Path:
    """The folder of the tool files (`*.yaml`) that tasks name by their stem."""
    return _folder("tools")


def themes_dir() -> Path:
    """The folder of the themes."""
    return _folder("themes")


def samples_dir() -> Path:
    """The folder of the sample tasks; each is a folder with a `task.yaml`."""
    return _folder("sample_tasks")
