"""Planners and tools that other installed packages bring, found by their entry points.

    [project.entry-points."plandeck.planners"]
    graph = "my_package.planning:planner"       called as planner(model, environ), gives a planner

    [project.entry-points."plandeck.tools"]
    lab = "my_package.tools:tools"              the path of a tool file, its text as a mapping, or a function
                                                without parameters that gives one of the two

Names are read without loading anything. A planner is loaded where a run is planned. Tools are told by a
process of their own: what a package does while it loads is not done here, and one that hangs or prints
harms nothing. Whatever is wrong with a plugin is one line that names the distribution it came with.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from console.errors import NoPlanner, PlandeckError, UsageError
from console.settings import PLUGGED_PLANNERS, private_dir, state_dir, write_private

PLANNERS = PLUGGED_PLANNERS
TOOLS = "plandeck.tools"

PATIENCE = 60.0
"""Seconds in which a plugin must have told its tools."""


class BrokenPlugin(UsageError):
    """An installed package says that it brings something, and does not."""


def names(group: str) -> list[str]:
    """The names in a group, sorted."""
    return sorted({entry.name for entry in entry_points(group=group)})


def origin(group: str, name: str) -> str:
    """Which distribution brings `name`, and what it points at: for lists and messages."""
    return _where(_entry(group, name))


def planner(name: str, model: str, environ: Mapping[str, str]) -> Any:
    """The planner that a plugin brings. Raises `NoPlanner` when none has this name, and `BrokenPlugin`."""
    if name not in names(PLANNERS):
        known = ", ".join(names(PLANNERS)) or "none"
        raise NoPlanner(
            f"there is no planner {name!r}", kept="nothing was started", todo=f"Installed plugins: {known}"
        )
    entry = _entry(PLANNERS, name)
    try:
        made = entry.load()(model, environ)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code; its fault is told as one line
        raise _broken(entry, _line(error)) from None
    missing = [part for part in ("name", "model", "prompt", "plan", "replan") if not hasattr(made, part)]
    if missing:
        raise _broken(entry, f"it gave {type(made).__name__}, which has no {' and no '.join(missing)}")
    return made


def tool_file(name: str) -> Path:
    """The tool file that a plugin brings; where it gives its tools as a mapping, they are written to a
    file of ours. Raises `BrokenPlugin`."""
    entry = _entry(TOOLS, name)
    code, out, err = _asked(entry)
    try:
        told = json.loads(out)
    except ValueError:
        raise _broken(entry, _last_line(err) or f"its process ended with {code}") from None
    if "error" in told:
        raise _broken(entry, told["error"])
    if "file" in told:
        path = Path(told["file"])
        if not path.is_file():
            raise _broken(entry, f"there is no file {path}")
        return path
    folder = private_dir(private_dir(state_dir()) / "plugins")
    written = folder / f"{name}.json"
    text = json.dumps(told["tools"], ensure_ascii=False, indent=1)
    if not written.is_file() or written.read_text(encoding="utf-8") != text:
        write_private(written, text)
    return written


def _asked(entry: EntryPoint) -> tuple[int, bytes, bytes]:
    """The exit code of the process that asks a plugin, and what it wrote: to files, because a process that
    the plugin leaves behind would keep a pipe open."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _TELL, entry.value],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise _broken(entry, f"it did not tell its tools within {PATIENCE:.0f} seconds") from None
        finally:
            # Together with what it has started; it is not reaped yet, so its number is its own.
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        out.seek(0)
        err.seek(0)
        return code, out.read(), err.read()


def _tell(value: str) -> None:
    """In the process that asks a plugin: say as JSON what `value` gives. Its prints go to the errors."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        given = EntryPoint("tools", value, TOOLS).load()
        given = given() if callable(given) else given
        if isinstance(given, str | os.PathLike):
            told: dict[str, Any] = {"file": os.fspath(given)}
        elif isinstance(given, dict):
            told = {"tools": given}
        else:
            told = {"error": f"it gave {type(given).__name__}, not a mapping with tools or a path"}
        text = json.dumps(told, ensure_ascii=False)
    except BaseException as error:  # noqa: BLE001 - as above
        text = json.dumps({"error": _line(error)})
    with out:
        out.write(text)


_TELL = "import sys; from console.plugins import _tell; _tell(sys.argv[1])"


def _entry(group: str, name: str) -> EntryPoint:
    found = list(entry_points(group=group, name=name))
    # One distribution that is seen twice (installed, and on the path) is no conflict.
    if len({(entry.value, _distribution(entry)) for entry in found}) > 1:
        who = " and ".join(sorted({_distribution(entry) for entry in found}))
        raise BrokenPlugin(
            f"{name!r} is brought by more than one package: {who}", todo="Remove one of them, or rename it"
        )
    return found[0]


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown package"


def _where(entry: EntryPoint) -> str:
    version = f" {entry.dist.version}" if entry.dist else ""
    return f"{_distribution(entry)}{version} ({entry.value})"


def _broken(entry: EntryPoint, why: str) -> PlandeckError:
    kind = entry.group.rpartition(".")[2]
    return BrokenPlugin(
        f"the plugin {entry.name!r} for {kind} cannot be used: {why}",
        where=_where(entry),
        kept="nothing was started",
        todo="Mend or remove that package",
    )


def _line(error: BaseException) -> str:
    said = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _last_line(data: bytes) -> str:
    lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
