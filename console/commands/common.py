"""What the commands share: options, completion, printing."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from console.errors import NoOutput, UsageError
from console.settings import planner_names, run_ids
from console.text import clean, json_shown, token

HUNG_UP = 128 + signal.SIGHUP
"""Exit code of a command whose terminal is gone."""


class RiskName(StrEnum):
    """The risk classes, as the command line writes them (catalog/spec.py is not imported for help)."""

    OBSERVE = "observe"
    REVERSIBLE = "reversible"
    DISRUPTIVE = "disruptive"
    DESTRUCTIVE = "destructive"


class FailureName(StrEnum):
    ASK = "ask"
    REPLAN = "replan"
    ROLLBACK = "rollback"
    STOP = "stop"


# ── completion ───────────────────────────────────────────────────────────────────────────────────


def complete_task(incomplete: str) -> list[str]:
    from console.task import samples, saved

    return [name for name in (*samples(), *saved()) if name.startswith(incomplete)]


def complete_failure(incomplete: str) -> list[str]:
    """The failures of all samples: what stands before an option is not told."""
    from console.commands.ordering import sample_failures
    from console.task import load, samples

    names = {name for file in samples().values() for name in sample_failures(load(str(file)))}
    return sorted(name for name in names if name.startswith(incomplete))


def complete_demo(incomplete: str) -> list[str]:
    from console.task import samples
    from console.tui.scripts.reader import scripts

    return [name for name in [*scripts(), *samples()] if name.startswith(incomplete)]


def complete_run(incomplete: str) -> list[str]:
    return [run for run in ["last", *run_ids()] if run.startswith(incomplete)]


def complete_planner(incomplete: str) -> list[str]:
    return [name for name in planner_names() if name.startswith(incomplete)]


def complete_tool_file(incomplete: str) -> list[str]:
    from console.catalog.load import nameable

    return [name for name in nameable() if name.startswith(incomplete)]


def complete_tool(incomplete: str) -> list[str]:
    from console.service.parts import tools_by_name

    names = sorted({tool.name for tool in tools_by_name()})
    return [name for name in ["check", "serve", *names] if name.startswith(incomplete)]


# ── options ──────────────────────────────────────────────────────────────────────────────────────

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Plain = Annotated[bool, typer.Option("--plain", help="Print one line for each fact; no screen.")]
JsonFacts = Annotated[bool, typer.Option("--json", help="Print one JSON object for each fact; no screen.")]


def _ascii(asked: bool) -> bool:
    """The same as the variable: what is drawn is settled where the settings are read."""
    if asked:
        os.environ["PLANDECK_ASCII"] = "1"
    return asked


def print_ascii() -> None:
    """From now on lines are ASCII alone."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="ascii", errors=sys.stdout.errors)


Ascii = Annotated[bool, typer.Option("--ascii", callback=_ascii, help="Draw with ASCII characters alone.")]
Run = Annotated[
    str,
    typer.Argument(
        help="A run's id, its beginning, or `last`.", autocompletion=complete_run, show_default=False
    ),
]
What = Annotated[
    str,
    typer.Argument(
        help="A task file, a plan file, a sample task's name, or a goal in quotes.",
        autocompletion=complete_task,
        show_default=False,
    ),
]
Tools = Annotated[
    list[str] | None,
    typer.Option(
        "--tools",
        help="A tool file, by path or name; may be given several times.",
        autocompletion=complete_tool_file,
        show_default=False,
    ),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="The value of one of the task's inputs.", show_default=False
    ),
]
Planner = Annotated[
    str,
    typer.Option(
        "--planner",
        metavar="NAME",
        help="Who plans: auto, offline, llm, recorded, or a plugin's name.",
        autocompletion=complete_planner,
        show_default=False,
    ),
]
Model = Annotated[
    str,
    typer.Option(
        "--model", metavar="NAME", help="The model that plans, as litellm names it.", show_default=False
    ),
]
ExecutorModel = Annotated[
    str,
    typer.Option(
        "--executor-model", metavar="NAME", help="The model of steps that are agents.", show_default=False
    ),
]
Prompt = Annotated[
    str,
    typer.Option(
        "--prompt", metavar="NAME", help="The prompts: a version, or a file of your own.", show_default=False
    ),
]
Yes = Annotated[
    bool, typer.Option("--yes", help="Approve the plan, destructive steps and compensations included.")
]
ApproveUpTo = Annotated[
    RiskName | None,
    typer.Option("--approve-up-to", help="Approve what is at most this risky.", show_default=False),
]
OnFailure = Annotated[
    FailureName | None,
    typer.Option(
        "--on-failure", help="What to do when a step fails: ask on a terminal, else stop.", show_default=False
    ),
]
Env = Annotated[
    list[str] | None,
    typer.Option(
        "--env", metavar="NAME", help="Give this variable of yours to the steps.", show_default=False
    ),
]
Inject = Annotated[
    str,
    typer.Option(
        "--inject",
        metavar="NAME",
        help="Put in one of the sample's failures.",
        autocompletion=complete_failure,
        show_default=False,
    ),
]
Foreground = Annotated[
    bool, typer.Option("--foreground", help="Run inside this process; nothing outlives it.")
]
Detach = Annotated[bool, typer.Option("--detach", help="Start the run, print its id and leave it alone.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write to this file.", show_default=False, dir_okay=False),
]


def pairs(sets: Iterable[str] | None) -> dict[str, str]:
    """`NAME=VALUE` options as a mapping. Raises `UsageError`."""
    found: dict[str, str] = {}
    for one in sets or ():
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {one}: it is written NAME=VALUE")
        if name in found:
            raise UsageError(f"--set {name} is given twice")
        found[name] = value
    return found


def must_be_writable(file: Path) -> None:
    """Look at where something will be written before what it takes to make it. Raises `UsageError`."""
    folder = file.absolute().parent
    if not folder.is_dir():
        raise UsageError("the folder is not there", where=str(folder), kept="nothing was started")
    if file.is_dir():
        raise UsageError("this is a folder, not a file", where=str(file), kept="nothing was started")
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise UsageError("it cannot be written to", where=str(file), kept="nothing was started")


def hint(phrase: str) -> str:
    """A fault's hint as the last sentence of an error."""
    return phrase[:1].upper() + phrase[1:]


# ── printing ─────────────────────────────────────────────────────────────────────────────────────


def emit(value: Any) -> None:
    """Print a value as one line of JSON."""
    say(json_shown(json.dumps(value, ensure_ascii=False, separators=(", ", ": "))))


def say(text: str = "") -> None:
    """One line, at once."""
    put(f"{text}\n")


def put(text: str) -> None:
    """A piece of text, at once. That whoever reads us has left, or the terminal is gone, ends the command and
    is no error. Raises `NoOutput`."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise typer.Exit(130) from None
    except OSError as error:
        if error.errno == errno.EIO:
            raise typer.Exit(HUNG_UP) from None
        raise NoOutput(f"what is printed cannot be written: {error.strerror}") from None


def on_terminal() -> bool:
    """Whether a screen can be shown: both ends are a terminal that knows how to move its cursor, or it is
    shown on a page of `plandeck serve`."""
    from console.settings import IN_BROWSER

    if os.environ.get(IN_BROWSER):
        return True
    return sys.stdin.isatty() and has_cursor()


def has_cursor() -> bool:
    """Whether what is printed goes to a terminal that knows how to move its cursor."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def table(rows: Sequence[tuple[str, ...]]) -> None:
    """Rows in columns, the last one as long as it is; whatever a cell holds, it stays one line."""
    if not rows:
        return
    rows = [tuple(clean(cell).replace("\n", token("\n")) for cell in row) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        say("  ".join([*cells, row[-1]]).rstrip())
