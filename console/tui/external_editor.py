"""The plan in the operator's own editor.

The plan goes out as YAML, in a file and folder that only the operator can read. What comes back
unchanged is nothing; what is not valid, or does not fit the tools, is offered again with its faults
written above their lines. The text is never lost: it is kept until the run has taken the plan, and
whoever gives up, or is refused, is told where it is.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from console.errors import Fault, InvalidPlan, PlandeckError
from console.plan import strict
from console.plan.codec import dump_yaml, load
from console.plan.model import Plan
from console.settings import load_settings, private_dir
from console.task.reader import lines_of
from console.text import clean
from console.tui.draft import Draft
from console.tui.screens.confirm import ConfirmScreen

GIVEN = "given.yaml"
"""The text as it was given to the editor."""

SIGN = "#✗ "
"""What a line that tells a fault begins with; such lines are taken out before the text is read."""

_TOLD = re.compile(rf"^[ \t]*{re.escape(SIGN)}.*\n?", re.MULTILINE)

RunEditor = Callable[[Path], Awaitable[str]]
"""Opens a file in an editor and returns when it is closed: "" or why it could not be used."""


def editor_command(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The editor and its arguments: the configured one, $VISUAL, $EDITOR, or vi. Raises `PlandeckError` where
    the configuration cannot be read."""
    return shlex.split(load_settings(environment).editor)


Take = Callable[[Plan], Awaitable[None]]
"""Has the run take a plan. Raises `InvalidPlan` with the faults that can be mended in the text, or
another `PlandeckError` when it is refused."""


async def edit_plan(
    app: App[Any],
    plan: Plan,
    take: Take,
    *,
    draft: Draft | None = None,
    keep: Path | None = None,
    run_editor: RunEditor | None = None,
) -> None:
    """Have `plan` changed in the editor, and taken; with a `draft` its text, faults marked, in place of
    the plan's. The text is in the folder `keep`: one that was not taken, or whose console was lost, is
    offered again the next time.

    Must be called in a worker: it waits for the editor with the screen handed over to it.
    """
    edit = run_editor or (lambda file: _hand_over(app, file))
    folder = private_dir(keep) if keep else Path(tempfile.mkdtemp(prefix="plandeck-"))
    file = folder / "plan.yaml"
    before = without_faults(draft.text) if draft else dump_yaml(plan)
    if not (_is_left_over(folder, before) and await app.push_screen_wait(_go_on(file))):
        _write(file, with_faults(before, draft.faults) if draft else before)
        _write(folder / GIVEN, before)
    while True:
        failure = await edit(file)
        text = _read(file)
        kept = text is not None and without_faults(text) != before
        if failure or text is None:
            what = _told(failure or "the file is gone", file if kept else None)
            app.notify(what, severity="error", markup=False)
            break
        if not kept:
            break
        try:
            await _take(without_faults(text), plan, take)
        except InvalidPlan as invalid:
            _write(file, with_faults(without_faults(text), invalid.faults))
            if await app.push_screen_wait(_again(invalid)):
                continue
            app.notify(_told("The plan is as it was", file), markup=False, timeout=15)
        except PlandeckError as refused:
            app.notify(_told(clean(str(refused)), file), severity="error", markup=False, timeout=15)
        else:
            kept = False
        break
    if not kept:
        shutil.rmtree(folder)


def _is_left_over(folder: Path, before: str) -> bool:
    """Whether the folder has a text that somebody has changed and no run has taken."""
    text, given = _read(folder / "plan.yaml"), _read(folder / GIVEN)
    return text is not None and without_faults(text) not in (given, before)


def _go_on(file: Path) -> ConfirmScreen:
    question = f"A text of yours that was not taken is kept in {file}. Go on with it?"
    return ConfirmScreen(question, "Go on with it", "Begin with the plan, and throw that text away")


async def _take(text: str, plan: Plan, take: Take) -> None:
    """Have the plan in `text` taken, unless it says the same as `plan`. Each fault gets its line."""
    edited = load(text)
    if edited == plan:
        return
    try:
        await take(edited)
    except InvalidPlan as invalid:
        lines = dict(lines_of(strict.read(text)))
        faults = (replace(fault, line=fault.line or lines.get(fault.step, 0)) for fault in invalid.faults)
        raise InvalidPlan(faults) from invalid


async def _hand_over(app: App[Any], file: Path) -> str:
    """Run the editor on the whole terminal. Nothing may be painted meanwhile, and nothing may be raised
    in there: the terminal would not be given back."""
    try:
        command = [*editor_command(), str(file)]
    except (PlandeckError, ValueError) as error:
        return f"no editor can be started: {clean(str(error))}"
    failure = ""
    try:
        with app.batch_update(), app.suspend():
            try:
                done = await asyncio.to_thread(subprocess.run, command, check=False)
            except OSError as error:
                failure = f"the editor {command[0]} cannot be started: {error.strerror or error}"
            else:
                if done.returncode:
                    failure = f"the editor {command[0]} ended with exit code {done.returncode}"
    except SuspendNotSupported:
        return "this terminal cannot be handed to an editor: edit steps with e"
    return failure


def with_faults(text: str, faults: Iterable[Fault]) -> str:
    """`text` with every fault above its line, those without a line on top."""
    by_line: dict[int, list[Fault]] = {}
    lines = text.splitlines()
    for fault in faults:
        by_line.setdefault(fault.line if 0 < fault.line <= len(lines) else 0, []).append(fault)
    told = [f"{SIGN}{_one(fault)}" for fault in by_line.get(0, ())]
    for number, line in enumerate(lines, 1):
        indent = line[: len(line) - len(line.lstrip())]
        told += [f"{indent}{SIGN}{_one(fault)}" for fault in by_line.get(number, ())]
        told.append(line)
    return "\n".join(told) + "\n"


def without_faults(text: str) -> str:
    """`text` without the lines that `with_faults` put in."""
    return _TOLD.sub("", text)


def _one(fault: Fault) -> str:
    """A fault in one line, without the line number, which is where it stands."""
    step = f"step {fault.step}: " if fault.step else ""
    hint = f" ({fault.hint})" if fault.hint else ""
    return clean(f"{step}{fault.message}{hint}").replace("\n", " ")


def _placed(fault: Fault) -> str:
    return f"line {fault.line}, {_one(fault)}" if fault.line else _one(fault)


def _again(invalid: InvalidPlan) -> ConfirmScreen:
    count = len(invalid.faults)
    shown = "\n".join(f"· {_placed(fault)}" for fault in invalid.faults[:5])
    more = f"\n· and {count - 5} more" if count > 5 else ""
    question = f"The plan has {count} fault{'s' if count > 1 else ''}:\n\n{shown}{more}\n"
    return ConfirmScreen(question, "Edit it again, the faults are marked", "Leave the plan as it was")


def _told(what: str, kept: Path | None) -> str:
    what = what.rstrip(".")
    return f"{what}. Your text is kept in {kept}" if kept else f"{what}. Nothing was changed"


def _write(file: Path, text: str) -> None:
    """Replace the file's text; only the operator can read it."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
