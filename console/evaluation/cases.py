"""The tasks of an evaluation: the task files of a folder, or sample tasks by name, with their references."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from console.catalog import fit
from console.catalog.spec import Catalog
from console.errors import Fault, InvalidDocument, InvalidPlan, InvalidTask, UsageError
from console.homes import from_home
from console.plan import codec, strict
from console.plan.model import Plan
from console.service.parts import catalog_of
from console.task import Task, load

SUFFIXES = (".yaml", ".yml", ".json")

_GOAL = re.compile(rb"""^[\s{]*["']?goal["']?\s*:""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """One task to plan, with its tools, and a plan that is held to be good, where there is one."""

    name: str
    task: Task
    catalog: Catalog
    reference: Plan | None = None


def cases(places: Iterable[str], tools: tuple[Path, ...] = ()) -> tuple[Case, ...]:
    """The tasks that `places` name: folders, task files, samples. Raises `UsageError` when there are
    none and `InvalidTask` with the faults of all."""
    found: list[Case] = []
    faults: list[Fault] = []
    for what, name in _named(places):
        try:
            found.append(_case(load(what), name, tools))
        except InvalidDocument as error:
            faults += error.faults
    if faults:
        raise InvalidTask(faults, todo="Mend the files and try again")
    twice = next((case.name for i, case in enumerate(found) if case.name in [c.name for c in found[:i]]), "")
    if twice:
        raise UsageError(f"two tasks are named {twice!r}", todo="Give one of them another name")
    return tuple(found)


def _named(places: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What to load, and its name in the tables."""
    for place in places:
        folder = from_home(place)
        if not folder.is_dir():
            yield place, folder.parent.name if folder.name == "task.yaml" else folder.stem
            continue
        found = (file for file in folder.rglob("*") if file.suffix in SUFFIXES)
        files = sorted(file for file in found if not _is_hidden(file, folder) and _is_task(file))
        if not files:
            raise UsageError("there is no task in this folder", where=place, todo="A task file has a goal")
        for file in files:
            inner = file.relative_to(folder).with_suffix("")
            name = (inner.parent if inner.name == "task" else inner).as_posix()
            yield str(file), folder.resolve().name if name == "." else name


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _is_task(file: Path) -> bool:
    """A mapping with a goal and no steps: neither a plan nor a tool file. What cannot be read and names a
    goal was meant as one: it is told when it is loaded."""
    if not file.is_file():
        return False
    raw = file.read_bytes()
    document = strict.read(raw, file=str(file))
    if document.broken:
        return _GOAL.search(raw) is not None
    value = document.value
    return isinstance(value, dict) and "goal" in value and "steps" not in value


def _case(task: Task, name: str, tools: tuple[Path, ...]) -> Case:
    catalog = catalog_of(task, tools)
    file = task.reference or _beside(task)
    reference = task.plan if file is None else codec.load(file.read_bytes(), file=str(file))
    if reference is not None:
        reference = fit.bind(reference, catalog)
        if misfits := fit.faults(reference, catalog):
            raise InvalidPlan(misfits, file=str(file or name))
    return Case(name, task.model_copy(update={"plan": None}), catalog, reference)


def _beside(task: Task) -> Path | None:
    """`reference.json` beside a `task.yaml`, `NAME.reference.json` beside another task file."""
    if task.directory is None:
        return None
    is_folder = task.name == task.directory.name and (task.directory / "task.yaml").is_file()
    stem = "reference" if is_folder else f"{task.name}.reference"
    return next((file for s in SUFFIXES if (file := task.directory / f"{stem}{s}").is_file()), None)
