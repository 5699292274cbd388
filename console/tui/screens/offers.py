"""What a field of the form may be completed to: references to earlier results with the fields known of them,
and files of the workspace.

What a result has is told by the schema that its step expects or its tool declares, by the result itself
where the step has run, or by what its tool gave in past runs. Names that a path could not take as they stand
are left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from console.catalog.spec import Catalog
from console.plan import strict
from console.plan.model import Step, StepId
from console.plan.shape import DEPTH, NAME, parts_of
from console.text import one_line, reveal

Offers = Sequence[tuple[str, str]]
"""Completions as (value, words about it)."""

Past = Mapping[str, Sequence[str]]
"""Paths into the results that tools gave in past runs, by tool."""

FIELDS = 40
"""Fields that are offered of one result."""

FILES = 300
FOLDERS = 2
"""Files that are offered of a workspace, and levels of folders that are looked into."""

_PATH = re.compile(r"(^|_)(file|path|dir|directory|folder|filename|script)s?($|_)", re.IGNORECASE)


def references(
    before: Iterable[Step],
    first: Iterable[StepId],
    catalog: Catalog,
    results: Mapping[StepId, str],
    past: Past | None = None,
) -> list[tuple[str, str]]:
    """References to the results of `before`, those of the steps `first` before the others; after each whole
    result its fields. `results` are beginnings of results, by step; `past` what tools gave in past runs."""
    near = set(first)
    leaves = sorted((step for step in before if not step.is_phase), key=lambda step: step.id not in near)
    found = []
    for step in leaves:
        found.append((f"{{step_{step.id}_result}}", f"the result of {step.id} {step.action}"))
        fields = islice(fields_of(step, catalog, results.get(step.id, ""), past or {}), FIELDS)
        found += [(f"{{step_{step.id}_result{path}}}", about) for path, about in fields]
    return found


def fields_of(step: Step, catalog: Catalog, result: str, past: Past) -> Iterator[tuple[str, str]]:
    """Paths into the result of a step, with what is known of each."""
    tool = catalog.get(step.action)
    expected = step.expect.json_schema if step.expect else None
    schema = expected or (tool.output_schema if tool else None)
    if schema:
        yield from _of_schema(schema, "", DEPTH)
    elif result:
        try:
            value = strict.parse_json(result)
        except ValueError:
            return
        yield from _of_value(value)
    else:
        yield from ((path, "as in past runs") for path in past.get(step.action, ()))


def _of_schema(schema: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if not isinstance(schema, dict) or not depth:
        return
    properties = schema.get("properties")
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        if isinstance(inner, dict) and NAME.fullmatch(name):
            said = (inner.get("type"), inner.get("description"))
            yield f"{path}.{name}", " · ".join(one_line(s, 60) for s in said if isinstance(s, str))
            yield from _of_schema(inner, f"{path}.{name}", depth - 1)
    if schema.get("items") and path:
        yield f"{path}[0]", "the first of them"
        yield from _of_schema(schema["items"], f"{path}[0]", depth - 1)


def _of_value(value: Any) -> Iterator[tuple[str, str]]:
    for path, inner in parts_of(value):
        if path.endswith("]"):
            yield path, "the first of them"
        else:
            yield path, "" if isinstance(inner, dict | list) else f"now {one_line(str(inner), 40)}"


def is_path(name: str, type: str) -> bool:
    """Whether a parameter called so takes the path of a file."""
    return type == "string" and bool(_PATH.search(name))


def files_in(folder: Path) -> list[tuple[str, str]]:
    """The files of a folder, by their paths from there; hidden ones and names that cannot be typed are left
    out. Reads the disk: not for the screen's own thread."""
    found = list(islice(_walk(folder, "", FOLDERS), FILES))
    return [(name, "a folder" if name.endswith("/") else "") for name in found]


def _walk(folder: Path, lead: str, levels: int) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        name = f"{lead}{entry.name}"
        if entry.name.startswith(".") or reveal(name) != name:
            continue
        is_folder = entry.is_dir(follow_symlinks=False)
        yield f"{name}/" if is_folder else name
        if is_folder and levels:
            yield from _walk(folder / entry.name, f"{name}/", levels - 1)
