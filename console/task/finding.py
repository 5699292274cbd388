"""What somebody means who names a task: a file, a folder, a sample, a saved task, or a goal in words."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from console import bundled
from console.errors import BadReply, Fault, InvalidPlan, MissingDocument, UsageError
from console.homes import from_home
from console.plan import codec, strict
from console.task.model import Task
from console.task.reader import Reader, default_of, lines_of
from console.task.saved import saved
from console.task.template import fitting

SUFFIXES = (".yaml", ".yml", ".json")


def samples() -> dict[str, Path]:
    """The sample tasks: name -> task file."""
    try:
        folders = sorted(bundled.samples_dir().iterdir())
    except OSError:
        return {}
    return {folder.name: folder / "task.yaml" for folder in folders if (folder / "task.yaml").is_file()}


def load(what: str, sets: Mapping[str, str] | None = None, *, templates: bool = False) -> Task:
    """The task that `what` means: a task file, a plan file, a folder with a `task.yaml`, the name of a sample
    or saved task, or a goal in words. `sets` gives inputs their values. With `templates`, words that say the
    goal of a saved task mean that task.

    Raises `MissingDocument` when nothing of the kind is there, `InvalidTask` or `InvalidPlan` with every
    fault of a file.
    """
    sets = dict(sets or {})
    path = _file_of(what)
    if path is None and templates and (fit := fitting(what)):
        task = load(str(fit.file), {**fit.values, **sets})
        return task.model_copy(update={"taken_as": str(fit)})
    if path is None:
        if sets:
            raise UsageError("a goal in words has no inputs", todo="Leave --set out, or write a task file")
        return Task(goal=what.strip(), document={"goal": what.strip()})
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read this file: {error.strerror}", where=str(path)) from None
    document = strict.read(raw, file=str(path))
    if not document.broken and _is_plan(document.value):
        if sets:
            raise UsageError("a plan has no inputs", where=str(path), todo="Leave --set out")
        plan = codec.load(raw, file=str(path))
        return Task(
            goal=plan.goal or path.stem,
            name=path.stem,
            plan=plan,
            directory=path.parent.absolute(),
            lines={step: (str(path), line) for step, line in lines_of(document)},
        )
    if not path.name.endswith(SUFFIXES) and not isinstance(document.value, dict):
        return _from_reply(path, raw, sets)
    return Reader(path, document).task(sets)


def outline(file: Path) -> tuple[Task, list[str]]:
    """The task in a file as far as it is settled, and the inputs that still need a value: `$name` stands
    in the place of each. Raises what `load` raises."""
    inputs = _inputs_in(strict.read(file.read_bytes(), file=str(file)).value)
    needed = [name for name, spec in inputs.items() if default_of(spec) is None]
    return load(str(file), {name: f"${name}" for name in needed}), needed


def _inputs_in(document: Any) -> Mapping[str, Any]:
    inputs = document.get("inputs") if isinstance(document, dict) else None
    return inputs if isinstance(inputs, dict) else {}


def _from_reply(path: Path, raw: bytes, sets: Mapping[str, str]) -> Task:
    """The task of a plan that stands in a file as a planner said it: between fences, in prose, in
    LLMCompiler's notation. Raises `InvalidPlan`."""
    from console.plan.reply import compiler_text
    from console.plan.reply.parsing import read_reply

    if sets:
        raise UsageError("a plan has no inputs", where=str(path), todo="Leave --set out")
    try:
        read = read_reply(raw)
    except BadReply as error:
        why = error.what.removeprefix("the reply cannot be taken for a plan: ")
        hint = "a task or plan file is YAML or JSON"
        raise InvalidPlan(
            [Fault(0, "", f"this file is no task and no plan: {why}", hint, str(path))]
        ) from None
    document = read.document
    if isinstance(document, dict):
        document = {key: value for key, value in document.items() if key != "reason"}  # for a reader's eyes
    plan = codec.from_document(document, file=str(path), max_steps=codec.FILE_STEPS)
    lines = compiler_text.lines_of(raw.decode(errors="replace")) if read.form == "compiler" else {}
    return Task(
        goal=plan.goal or path.stem,
        name=path.stem,
        plan=plan,
        repairs=read.repairs,
        directory=path.parent.absolute(),
        lines={step: (str(path), line) for step, line in lines.items()},
    )


def _file_of(what: str) -> Path | None:
    """The file that `what` names; `None` when it is a goal in words."""
    if not what.strip():
        raise UsageError("there is no task", todo="Give a task file, a plan file, a sample's name or a goal")
    path = from_home(what)
    try:
        if path.is_dir() and (path / "task.yaml").is_file():
            return path / "task.yaml"
        if path.is_file():
            return path
    except (OSError, ValueError):
        path = Path("-")
    known = samples() | saved()
    if what in known:
        return known[what]
    if path.is_dir():
        raise MissingDocument(
            "this folder has no task.yaml", where=what, todo="Name a task or plan file in it"
        )
    if what.endswith(SUFFIXES):
        near = get_close_matches(path.name, _files_beside(path), 1)
        todo = f"Did you mean {path.with_name(near[0])}?" if near else ""
        raise MissingDocument("there is no such task or plan file", where=what, todo=todo)
    if len(what.split()) > 1:
        return None
    near = get_close_matches(what, known, 1)
    hint = f"Did you mean {near[0]}?" if near else "Put a goal of several words in quotes"
    raise MissingDocument(f"{what!r} is no file, no sample and no saved task", todo=hint)


def _files_beside(path: Path) -> list[str]:
    try:
        return [file.name for file in path.parent.iterdir() if file.suffix in SUFFIXES]
    except OSError:
        return []


def _is_plan(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, dict) and "steps" in value)
