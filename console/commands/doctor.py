"""`plandeck doctor`: what of this machine and configuration would stand in the way, and what to do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from console.commands.common import Json, emit, say, table
from console.errors import PlandeckError

if TYPE_CHECKING:
    from console.planners.llm_wire import Known

LIBRARIES = ("textual", "anyio", "pydantic", "litellm", "mcp")


PATIENCE = 10.0
"""Seconds that a process which does nothing may take."""


@dataclass(frozen=True, slots=True)
class Look:
    """One thing that was looked at. `state` is ok, note (works, but) or bad."""

    name: str
    state: str
    said: str


def doctor(as_json: Json = False) -> int:
    """Look at the machine and the configuration. Exit code 1 when something would not work.

    Example: plandeck doctor
    """
    looks = [look for find in _LOOKS for look in _safely(find)]
    if as_json:
        emit([{"name": look.name, "state": look.state, "said": look.said} for look in looks])
    else:
        marks = {"ok": "✓", "note": "!", "bad": "✗"}
        table([(marks[look.state], look.name, look.said) for look in looks])
        say("all well" if all(look.state != "bad" for look in looks) else "something would not work")
    return 1 if any(look.state == "bad" for look in looks) else 0


def _safely(find: Callable[[], Iterator[Look]]) -> list[Look]:
    try:
        return list(find())
    except PlandeckError as error:
        return [Look(find.__name__.strip("_"), "bad", str(error))]


def _python() -> Iterator[Look]:
    import sqlite3
    from importlib.metadata import PackageNotFoundError, version

    yield Look("python", "ok", f"{sys.version.split()[0]} at {sys.executable}")
    yield Look("sqlite", "ok", sqlite3.sqlite_version)
    for name in LIBRARIES:
        try:
            yield Look(name, "ok", version(name))
        except PackageNotFoundError:
            yield Look(name, "bad", "not installed")


def _places() -> Iterator[Look]:
    from console.settings import runs_dir

    folder = runs_dir()
    free = shutil.disk_usage(folder).free
    state = "ok" if free > 100 * 2**20 else "note"
    yield Look("runs", state, f"{folder}, {free // 2**20} MiB free")
    yield Look("journal", *_wal(folder))


def _wal(folder: Path) -> tuple[str, str]:
    """Whether this file system can hold a journal: SQLite's write-ahead log needs shared memory."""
    import sqlite3

    probe = folder / f".doctor-{os.getpid()}.db"
    try:
        connection = sqlite3.connect(probe)
        try:
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error as error:
        return "bad", f"SQLite does not work here: {error}"
    finally:
        for name in (probe.name, f"{probe.name}-wal", f"{probe.name}-shm"):
            (folder / name).unlink(missing_ok=True)
    if mode != "wal":
        return "bad", "this file system has no write-ahead log; set XDG_STATE_HOME to a local disk"
    return "ok", "write-ahead log works"


def _steps() -> Iterator[Look]:
    """Whether a process can be started, watched and ended here as a step is."""
    import anyio

    from console.settings import private_dir, state_dir

    folder = private_dir(state_dir() / f".doctor-{os.getpid()}")
    try:
        ended = anyio.run(_one_step, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    yield Look("steps", *(("bad", ended) if ended else ("ok", "a process was started and has ended")))


async def _one_step(folder: Path) -> str:
    """Why a step that does nothing did not go well; empty when it did."""
    from console.run.control import spool
    from console.runners.backend import Spec
    from console.runners.local import LocalBackend

    key = "doctor/1/1"
    env = {"PATH": os.environ.get("PATH", os.defpath)}
    spec = Spec(key=key, argv=("sh", "-c", "exit 0"), env=env, cwd="/", spool=spool(folder, key))
    async with LocalBackend(folder, linger=0) as backend:
        await backend.submit(spec)
        status = await backend.status(key, wait=PATIENCE)
    if status.phase == "exited" and status.exit_code == 0:
        return ""
    return status.error or f"a process that does nothing is {status.phase}, exit code {status.exit_code}"


def _policy() -> Iterator[Look]:
    from console.service.policy_file import load_policy

    loaded = load_policy().loaded
    told = f"{loaded.rules} rules in {', '.join(loaded.files)}" if loaded.files else "no policy file"
    yield Look("policy", "ok", told)


def _configuration() -> Iterator[Look]:
    from console.settings import config_file, load_settings

    settings = load_settings()
    where = str(config_file()) if config_file().is_file() else "no config file, the defaults hold"
    yield Look("configuration", "ok", where)
    editor = settings.editor.split()[0]
    found = shutil.which(editor)
    yield Look("editor", "ok" if found else "note", found or f"{editor} is not there: set EDITOR")
    if settings.keys:
        from console.tui.rebinding import faults

        unheard = [Look("keys", "note", fault.removeprefix("keys: ")) for fault in faults(settings.keys)]
        yield from unheard or [Look("keys", "ok", f"{len(settings.keys)} bound again")]


def _models() -> Iterator[Look]:
    """The models that are configured, and whether their keys are there. Nothing is asked of them."""
    from console.settings import load_settings

    settings = load_settings()
    names = {"model": settings.model, "executor model": settings.executor_model}
    if not any(names.values()):
        yield Look("model", "note", "none: plans come from the offline planner")
        return
    import anyio

    from console.planners.llm_settings import from_settings

    asked = from_settings(settings)
    limited = settings.limits.cost_usd is not None and asked.price_in is None
    told = {name: model for name, model in names.items() if model}
    yield from anyio.run(_looked_at, told, asked.api_base, limited)


async def _looked_at(models: dict[str, str], api_base: str, limited: bool) -> list[Look]:
    from console.planners.llm_link import AttemptFailed, Link, log_file

    link = Link()
    try:
        return [
            Look(name, *_told(await link.look(model, api_base), model, api_base, limited))
            for name, model in models.items()
        ]
    except AttemptFailed:
        return [Look("model", "bad", f"the process that asks a model does not start; see {log_file()}")]
    finally:
        link.close()


def _told(known: Known, model: str, api_base: str, limited: bool) -> tuple[str, str]:
    """What is known of a model: a state, and in words."""
    if not known.provider:
        return "bad", f"{model} is not known: name it provider/model, such as openai/gpt-4o-mini"
    if known.missing:
        return "bad", f"{model}: its key is not there: set {', '.join(known.missing)}"
    where = f"at {api_base}" if api_base else f"of {known.provider}, its key is there"
    window = f", {known.window:,} tokens fit" if known.window else ""
    if known.price_in is None or known.price_out is None:
        unknown = ", its price is not known" + (": set model_price for the limit cost_usd" if limited else "")
        return "note" if limited else "ok", f"{model} {where}{window}{unknown}"
    price = f", ${known.price_in * 1e6:g}/${known.price_out * 1e6:g} per million tokens"
    return "ok", f"{model} {where}{window}{price}"


def _data() -> Iterator[Look]:
    from console.catalog.load import names
    from console.service.parts import tools_by_name
    from console.task import load, samples, saved

    yield Look("tools", "ok", f"{len(tools_by_name())} tools in {len(names())} files")
    yield Look("samples", "ok", ", ".join(samples()) or "none")
    for name, file in saved().items():
        try:
            load(str(file))
        except PlandeckError as error:
            yield Look("saved task", "bad", f"{name} cannot be read: {error}")


def _plugins() -> Iterator[Look]:
    """What other packages bring; a planner is loaded to see whether it can be."""
    from console import plugins
    from console.catalog.load import load

    for name in plugins.names(plugins.PLANNERS):
        try:
            plugins.planner(name, "", os.environ)
            yield Look("planner plugin", "ok", f"{name}, of {plugins.origin(plugins.PLANNERS, name)}")
        except PlandeckError as error:
            yield Look("planner plugin", "bad", str(error))
    for name in plugins.names(plugins.TOOLS):
        try:
            count = len(load([name]).tools)
            yield Look("tool plugin", "ok", f"{name}, {count} tools of {plugins.origin(plugins.TOOLS, name)}")
        except PlandeckError as error:
            yield Look("tool plugin", "bad", str(error))


def _terminal() -> Iterator[Look]:
    if not sys.stdout.isatty():
        yield Look("terminal", "note", "the output is no terminal: only --plain and --json work")
        return
    size = shutil.get_terminal_size()
    small = size.columns < 80 or size.lines < 24
    yield Look(
        "size",
        "note" if small else "ok",
        f"{size.columns}×{size.lines}" + (", 80×24 is wanted" if small else ""),
    )
    term = os.environ.get("TERM", "")
    dumb = term in ("", "dumb")
    yield Look(
        "TERM",
        "note" if dumb else "ok",
        f"{term or 'not set'}" + (": no screen, --plain is used" if dumb else ""),
    )
    encoding = (sys.stdout.encoding or "").lower()
    utf8 = encoding.replace("-", "") == "utf8"
    yield Look("encoding", "ok" if utf8 else "note", encoding if utf8 else f"{encoding}: set ascii: true")


def _traces() -> Iterator[Look]:
    from console.tracing import asked

    if not asked.is_asked(os.environ):
        yield Look("traces", "ok", "off: no OTEL_EXPORTER_OTLP_ENDPOINT")
        return
    problem = asked.hindrance(os.environ)
    content = ", with what models and programs say" if asked.wants_content(os.environ) else ""
    yield Look("traces", "note" if problem else "ok", problem or f"sent by OTLP{content}")


_LOOKS: tuple[Callable[[], Iterator[Look]], ...] = (
    _python,
    _places,
    _steps,
    _configuration,
    _policy,
    _models,
    _data,
    _plugins,
    _traces,
    _terminal,
)
