"""Installed packages, as far as Python can tell: modules and their metadata in a folder on the path."""

from __future__ import annotations

from pathlib import Path


def install(folder: Path, name: str, entries: dict[str, dict[str, str]], **modules: str) -> Path:
    """A distribution `name` 1.0 in `folder`: entry points by group, modules by name."""
    folder.mkdir(exist_ok=True)
    about = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [
        line
        for group, points in entries.items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in points.items()))
    ]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    return folder
