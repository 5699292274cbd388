"""The plan in the operator's editor, from a terminal without the screen."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from anyio import to_thread

from console.commands.common import say
from console.errors import InvalidPlan, PlandeckError
from console.plan.codec import dump_yaml, load
from console.plan.model import Plan
from console.settings import load_settings, write_private
from console.text import clean

Take = Callable[[Plan], Awaitable[None]]
Confirm = Callable[[str], Awaitable[bool]]


async def edited(plan: Plan, take: Take, confirm: Confirm) -> str:
    """Have `plan` changed in the editor and taken; gives what came of it. The text is never lost: where it
    is not taken, the answer says in which file it is."""
    folder = Path(tempfile.mkdtemp(prefix="plandeck-"))
    file, before = folder / "plan.yaml", dump_yaml(plan)
    write_private(file, before)
    while True:
        before_that = signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl+C is the editor's
        try:
            failure = await to_thread.run_sync(_open, file)
        finally:
            signal.signal(signal.SIGINT, before_that)
        if failure:
            return f"{failure}; your text is in {file}"
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
        if text == before:
            shutil.rmtree(folder)
            return "the plan is as it was"
        try:
            new = load(text)
            if new != plan:
                await take(new)
        except InvalidPlan as invalid:
            for fault in invalid.faults:
                say(f"! {clean(str(fault))}")
            if await confirm("the plan is not valid. Edit it again?"):
                continue
            return f"the plan is as it was; your text is in {file}"
        except PlandeckError as refused:
            return f"! {clean(str(refused))}; your text is in {file}"
        shutil.rmtree(folder)
        return "the plan is as it was" if new == plan else "the plan was changed"


def _open(file: Path) -> str:
    """Run the editor (a shell command) on the terminal; gives why that did not go well."""
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", f'{load_settings().editor} "$1"', "sh", str(file)], check=False
        )
    except OSError as error:
        return f"the editor cannot be started: {error.strerror}"
    return f"the editor ended with exit code {done.returncode}" if done.returncode else ""
