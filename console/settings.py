"""Where things are kept, with which modes, and what the operator has configured.

    $XDG_STATE_HOME/plandeck/runs/RUN/     one folder a run: journal.db, order.json, sock, steps/
    $XDG_STATE_HOME/plandeck/plandeck.log  what went wrong in commands, with tracebacks
    $XDG_CONFIG_HOME/plandeck/config.yaml  the operator's settings; PLANDECK_* variables overrule it

Folders are made 0700 and files 0600 by their mode, never by a later chmod. The process's umask is
left alone, because steps inherit it. A folder of ours that is a link, is somebody else's or is open
to others is refused: whoever can write there can write the journal.

Nothing heavy is imported here: every command comes by.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from console.errors import Fault, InvalidDocument, PlandeckError, UsageError
from console.model_file import absolute

CONFIG_LIMIT = 256 * 1024
"""Bytes; a larger config file is a mistake."""

RUN_ID_TRIES = 64

IN_BROWSER = "PLANDECK_IN_BROWSER"
"""A variable in the environment of a console that is shown in a browser."""


class UnsafePlace(PlandeckError):
    """A folder or file of ours cannot be made, or is not ours alone."""

    exit_code = 4


# ── places ───────────────────────────────────────────────────────────────────────────────────────


def _base(variable: str, default: str) -> Path:
    # The XDG rule: a relative path in the variable counts as not set.
    given = os.environ.get(variable, "")
    try:
        return Path(given) if given.startswith("/") else Path.home() / default
    except RuntimeError:
        raise UnsafePlace("there is no home folder", todo=f"Set {variable} to a folder of yours") from None


def state_dir() -> Path:
    """`$XDG_STATE_HOME/plandeck`; not made here."""
    return _base("XDG_STATE_HOME", ".local/state") / "plandeck"


def config_file() -> Path:
    """`$XDG_CONFIG_HOME/plandeck/config.yaml`, which need not exist."""
    return _base("XDG_CONFIG_HOME", ".config") / "plandeck" / "config.yaml"


def log_file() -> Path:
    """Where commands leave what a person does not need to see; its folder is made."""
    return private_dir(state_dir()) / "plandeck.log"


def runs_dir() -> Path:
    """The folder that holds a folder for each run, made when it is not there."""
    private_dir(state_dir())
    return private_dir(state_dir() / "runs")


def private_dir(path: Path) -> Path:
    """`path` as a folder of ours alone, made 0700 with its parents where it is not there.

    Raises `UnsafePlace` when it cannot be made, is a link, belongs to somebody else or is open to
    others.
    """
    try:
        _make(path)
        found = path.lstat()
    except OSError as error:
        raise UnsafePlace(
            f"cannot make this folder: {_reason(error)}",
            where=str(path),
            todo="Set XDG_STATE_HOME to a folder that you can write to",
        ) from None
    _check(path, found, folder=True)
    return path


def _make(path: Path) -> None:
    missing = []
    for folder in (path, *path.parents):
        if folder.is_dir() or folder.is_symlink():
            break
        missing.append(folder)
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)


def _check(path: Path, found: os.stat_result, *, folder: bool) -> None:
    kind = "folder" if folder else "file"
    if stat.S_ISLNK(found.st_mode):
        raise UnsafePlace(f"this {kind} is a link", where=str(path), todo="Put a real one there")
    if not (stat.S_ISDIR if folder else stat.S_ISREG)(found.st_mode):
        raise UnsafePlace(f"this is not a {kind}", where=str(path), todo="Move it away")
    if found.st_uid != os.geteuid():
        raise UnsafePlace(
            f"this {kind} belongs to user {found.st_uid}, not to you",
            where=str(path),
            todo="Set XDG_STATE_HOME to a folder of yours",
        )
    loose = stat.S_IMODE(found.st_mode) & 0o077
    if loose:
        wanted = "700" if folder else "600"
        raise UnsafePlace(
            f"this {kind} is open to others (mode {stat.S_IMODE(found.st_mode):04o})",
            where=str(path),
            todo=f"chmod {wanted} it after looking who wrote there",
        )


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def write_private(path: Path, text: str) -> None:
    """Write a new file of ours (0600), in place of an old one, whole or not at all."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UnsafePlace(f"cannot write this file: {_reason(error)}", where=str(path)) from None


def open_log(path: Path) -> int:
    """A file descriptor that appends to a log file of ours (0600), made when it is not there."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UnsafePlace(f"cannot write this file: {_reason(error)}", where=str(path)) from None
    try:
        _check(path, os.fstat(fd), folder=False)
    except UnsafePlace:
        os.close(fd)
        raise
    return fd


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────


def new_run_dir() -> Path:
    """A fresh folder for a run; its name is the run's id, four hexadecimal digits, more when crowded."""
    folder = runs_dir()
    for tried in range(RUN_ID_TRIES):
        path = folder / secrets.token_hex(2 if tried < RUN_ID_TRIES // 2 else 4)
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        except OSError as error:
            raise UnsafePlace(f"cannot make a run: {_reason(error)}", where=str(path)) from None
        return path
    raise UnsafePlace("no free name for a run", where=str(folder), todo="Remove old runs from this folder")


def run_ids() -> list[str]:
    """The ids of the runs that are kept, last started first. A missing folder holds none."""
    found = []
    try:
        for entry in os.scandir(state_dir() / "runs"):
            if entry.is_dir(follow_symlinks=False) and Path(entry.path, "journal.db").is_file():
                with suppress(FileNotFoundError):  # it was removed meanwhile
                    found.append((_started(Path(entry.path)), entry.name))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UnsafePlace(f"cannot read the runs: {_reason(error)}", where=str(state_dir())) from None
    return [name for _, name in sorted(found, reverse=True)]


def _started(directory: Path) -> int:
    # Only a start writes the order; the folder itself changes when somebody reads the journal.
    order = directory / "order.json"
    return (order if order.is_file() else directory).stat().st_mtime_ns


def find_run(name: str) -> Path:
    """The folder of the run with this id, or with an id that begins so; `last` is the newest.

    Raises `UsageError` with the nearest ids when there is none or more than one.
    """
    ids = run_ids()
    if name == "last" and ids:
        return state_dir() / "runs" / ids[0]
    hits = [run for run in ids if run == name] or [run for run in ids if name and run.startswith(name)]
    if len(hits) == 1:
        return state_dir() / "runs" / hits[0]
    if hits:
        raise UsageError(f"{name!r} could be any of the runs {', '.join(sorted(hits))}")
    near = get_close_matches(name, ids, 1, 0.5)
    todo = f"Did you mean {near[0]}?" if near else "`plandeck runs` lists them"
    raise UsageError(f"there is no run {name!r}", todo=todo)


# ── settings ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Limits:
    """Defaults for a task's limits: steps at once, revisions, seconds, US dollars."""

    parallel: int | None = None
    replans: int | None = None
    time: float | None = None
    cost_usd: float | None = None

    def given(self) -> dict[str, float]:
        """Those that are set, by name."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class NotifyTool:
    """A tool that calls somebody: its name, the tool file it is in (by name or path), and its parameters but
    `message`."""

    tool: str
    file: str = "notify"
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator has configured.

    `keys` maps an action's id to the keys that do it ("run.approve": "ctrl+y"). `editor` is a shell
    command; empty means `$VISUAL` or `$EDITOR`. `notify` is a command, in words and no shell line,
    or a tool, that is run with a message when a run waits and nobody looks at it. `model` is a litellm model
    name, `executor_model` the one for steps that are agents, `prompt` a version of the prompts; what
    `model_...` mean is told in planners/llm_settings.py. An empty `theme` is the default one.
    """

    theme: str = ""
    ascii: bool = False
    planner: str = "auto"
    model: str = ""
    executor_model: str = ""
    prompt: str = ""
    model_api_base: str = ""
    model_form: str = ""
    model_price: str = ""
    model_context: str = ""
    model_timeout: str = ""
    model_callbacks: str = ""
    editor: str = ""
    notify: str | NotifyTool = ""
    limits: Limits = field(default_factory=Limits)
    keys: Mapping[str, str] = field(default_factory=dict)


PLANNERS = ("auto", "offline", "llm", "recorded")


def planner_names() -> list[str]:
    """Who can be named to plan: those that come with plandeck, then what other packages bring."""
    from importlib.metadata import entry_points  # it looks into every installed package

    return list(dict.fromkeys([*PLANNERS, *sorted(one.name for one in entry_points(group=PLUGGED_PLANNERS))]))


PLUGGED_PLANNERS = "plandeck.planners"
"""The group of entry points by which packages bring planners (console/plugins.py)."""

_TRUTH = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}

_NUMBERS = ("model_price", "model_context", "model_timeout")
"""Settings that may be written as text or as a number."""

_MODELS = frozenset({"model", "executor_model"})
"""Settings that may name a model in a file."""

FROM_ENVIRONMENT = (
    "theme", "ascii", "planner", "model", "executor_model", "prompt", "model_api_base", "model_form",
    *_NUMBERS, "model_callbacks", "editor",
)  # fmt: skip
"""Settings that a variable PLANDECK_THEME, PLANDECK_ASCII ... overrules."""


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The config file with the environment over it. Raises `InvalidDocument` with all faults."""
    environ = os.environ if environ is None else environ
    path = config_file()
    values = _read_config(path)
    given: dict[str, Any] = {}
    for name in FROM_ENVIRONMENT:
        if value := environ.get(_variable(name), ""):
            given[name] = _TRUTH.get(value.lower(), value) if name == "ascii" else value
    faults = list(_faults({name: value for name, value in values.items() if name not in given}))
    if faults:
        raise InvalidSettings(faults, file=str(path))
    for name, said in given.items():
        if wanted := _not_a(name, said):
            fault = Fault(0, "", f"it must be {wanted}, and is {said!r:.80}")
            raise InvalidSettings([fault], file=_variable(name))
    values |= given
    for name in _MODELS & values.keys():
        values[name] = absolute(values[name], Path.cwd() if name in given else path.parent)
    values |= {name: str(values[name]) for name in _NUMBERS if name in values}
    values["limits"] = Limits(**values.get("limits", {}))
    if isinstance(values.get("notify"), dict):
        values["notify"] = NotifyTool(**values["notify"])
    settings = Settings(**values)
    editors = (settings.editor, environ.get("VISUAL", ""), environ.get("EDITOR", ""), "vi")
    return replace(settings, editor=next(editor for editor in editors if editor.strip()))


def carried(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process of ours in another folder: models in files are named by whole paths."""
    names = [_variable(name) for name in _MODELS if environ.get(_variable(name))]
    return {**environ, **{name: absolute(environ[name], Path.cwd()) for name in names}}


def _variable(name: str) -> str:
    return f"PLANDECK_{name.upper()}"


class InvalidSettings(InvalidDocument):
    """The config file, or a PLANDECK_ variable, is wrong."""

    exit_code = 2
    noun = "configuration"


def _faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with the values of a config file, all of it."""
    limits = values.get("limits", {})
    names = [one.name for one in fields(Settings)]
    known = [*names, *(f"limits.{one.name}" for one in fields(Limits))]
    flat = {name: value for name, value in values.items() if name != "limits"}
    if isinstance(limits, dict):
        flat |= {f"limits.{name}": value for name, value in limits.items()}
    else:
        yield Fault(0, "", "limits: must be a mapping of names to numbers")
    for name, value in flat.items():
        if name not in known:
            near = get_close_matches(name, known, 1)
            yield Fault(0, "", f"unknown key {name!r}", f"did you mean {near[0]!r}?" if near else "")
        elif wanted := _not_a(name, value):
            yield Fault(0, "", f"{name}: must be {wanted}")


def _not_a(name: str, value: Any) -> str:
    """What the value of a setting should be, when it is not."""
    if name.startswith("limits."):
        whole = name in ("limits.parallel", "limits.replans")
        is_number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        least = 1 if name == "limits.parallel" else 0
        kind = "a whole number" if whole else "a number"
        return "" if is_number and least <= value <= 1e9 else f"{kind}, {least} or more"
    if name == "ascii":
        return "" if isinstance(value, bool) else "true or false"
    if name == "planner":
        known = PLANNERS if value in PLANNERS else planner_names()
        return "" if value in known else f"one of {', '.join(known)}"
    if name == "keys":
        is_text = isinstance(value, dict) and all(
            isinstance(part, str) for one in value.items() for part in one
        )
        return "" if is_text else "a mapping of action ids to keys"
    if name == "notify":
        return _not_a_call(value)
    if name in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        return ""
    return "" if isinstance(value, str) else "text"


def _not_a_call(value: Any) -> str:
    """What the value of `notify` should be, when it is not."""
    if isinstance(value, str):
        return "" if _is_words(value) else "a command, with its quotes closed"
    kinds = {"tool": str, "file": str, "params": dict}
    is_call = isinstance(value, dict) and "tool" in value and value.keys() <= kinds.keys()
    if is_call and all(isinstance(value[name], kinds[name]) for name in value):
        return ""
    return "a command, or a tool: {tool: NAME, file: TOOL FILE, params: {NAME: VALUE}}"


def _is_words(text: str) -> bool:
    import shlex  # only who has set it pays for it

    try:
        shlex.split(text)
    except ValueError:
        return False
    return True


def _read_config(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(CONFIG_LIMIT + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"cannot read this file: {_reason(error)}", where=str(path)) from None
    if len(raw) > CONFIG_LIMIT:
        raise InvalidSettings([Fault(0, "", f"larger than {CONFIG_LIMIT // 1024} KiB")], file=str(path))
    import yaml  # only who has a config file pays for it

    try:
        values = yaml.safe_load(raw)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        fault = Fault(line, "", f"not YAML: {error.problem}")
        raise InvalidSettings([fault], file=str(path)) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise InvalidSettings([Fault(0, "", "not YAML")], file=str(path)) from None
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise InvalidSettings([Fault(1, "", "must be a mapping of names to values")], file=str(path))
    return values
