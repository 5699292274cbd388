"""Make the guide's generated pages and pictures from the program itself.

    python docs/make.py             renew everything (pictures need rsvg-convert)
    python docs/make.py --pages     renew the text pages alone
    python docs/make.py --check     say which text pages are stale; exit code 1 when one is

keys.md comes from the registry of actions, words.md from the words of the plain front end, commands.md
from the command line, life.md from the tables of run/life.py, events.md from run/events.py,
tool-files.md from the tool files that are shipped.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from pathlib import Path
from typing import Any, get_args, get_type_hints

HERE = Path(__file__).resolve().parent
NOTE = "<!-- Made by docs/make.py: change the program, not this page. -->\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def words(name: str) -> str:
    return name.replace("_", " ")


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def keys() -> str:
    from console.tui.actions import ACTIONS
    from console.tui.keys import key_names
    from console.tui.screen_keys import EVERYWHERE, SCREENS

    parts = [
        "# Keys\n",
        "`?` shows the keys of the screen that is there, with the reason where one cannot be used now;",
        "where what is pressed is typed, `F1` and `Ctrl+p` do. On the main screen `:` finds any action by",
        "its name.\n",
        "In the config file an action is bound again by its id, to one key or to several:",
        '`keys: {"run.approve": "Ctrl+y", "run.down": "n, down"}`. A key that is given away is taken from',
        "the action that has it here; those that move go with `run.down` and its like on every screen. What",
        "cannot be followed is said when the console begins, and by `plandeck doctor`.\n",
    ]
    for group, actions in groupby(ACTIONS, key=lambda action: action.group):
        rows = [(_keys(key_names(a.keys)), a.title, f"`{a.binding_id}`") for a in actions]
        parts += [f"## {group}\n", table(("keys", "does", "id"), rows)]
    for name, of_screen in (*SCREENS.items(), ("Every screen over the main one", EVERYWHERE)):
        told = [(_keys(key_names(k.keys)), k.title, f"`{k.id}`" if k.id else "") for k in of_screen]
        parts += [f"## {name}\n", table(("keys", "does", "id"), told)]
    return "\n".join(parts)


def _keys(names: str) -> str:
    return " ".join(f"`{key}`" for key in names.split()) or "palette"


# ── words ────────────────────────────────────────────────────────────────────────────────────────


def typed_words() -> str:
    from console.commands.words.table import TABLE

    rows = [
        (f"`{word}`", word.told, " ".join(f"`{action}`" for action in word.does.split()))
        for word in TABLE.values()
    ]
    return "\n".join(
        [
            "# Words\n",
            "With `--plain` on a terminal, whatever can be done on the screen is done by words.\n"
            "A line that is no such word answers the question that is open. A step is named by its id;\n"
            "a name or value with blanks stands in quotes, and `-` empties a field.\n",
            table(("word", "does", "on the screen"), rows),
        ]
    )


# ── commands ─────────────────────────────────────────────────────────────────────────────────────


def commands() -> str:
    from console.cli import app

    parts = [
        "# Commands\n",
        "Every command has `--help`. A run is named by its id, by the beginning of its id, or by `last`.\n",
        table(("exit code", "means"), EXIT_CODES.items()),
    ]
    grouped = [(str(group.name), one) for group in app.registered_groups for one in _commands_of(group)]
    for prefix, command in [*(("", command) for command in app.registered_commands), *grouped]:
        options = [_Option(name, *hint) for name, hint in _hints(command.callback)]
        named = f"{prefix} {command.name}".strip()
        usage = ["plandeck", named, *(option.name for option in options if option.is_argument)]
        parts += [f"## {named}\n", f"`{' '.join(usage)}`\n", _prose(command.callback)]
        parts.append(table(("option", "does"), [option.row for option in options if option.told]))
    return "\n".join(parts)


def _commands_of(group: Any) -> Sequence[Any]:
    return list(group.typer_instance.registered_commands)


EXIT_CODES = {
    "0": "the run succeeded; the command did what it should",
    "1": "the run failed; `check` has findings",
    "2": "the command line is wrong, or the state of the run does not allow it",
    "3": "the plan, task or tool file is not there or not valid, no plan came out, or the plan was rejected",
    "4": "the run was stopped, or goes on without you; its record cannot be trusted",
    "5": "the rollback is incomplete, or something irreversible happened",
    "6": "everything was rolled back",
    "129, 130, 143": "ended by a signal: the terminal is gone, Ctrl+C or a closed pipe, TERM",
}


def _hints(command: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The parameters of a command's function: name, and (type, typer's description)."""
    hints = get_type_hints(command, include_extras=True)
    for name in inspect.signature(command).parameters:
        kind, told = get_args(hints[name])[:2]
        yield name, (kind, told)


@dataclass
class _Option:
    """An option or argument of a command."""

    parameter: str
    type: Any
    info: Any

    @property
    def is_argument(self) -> bool:
        return type(self.info).__name__ == "ArgumentInfo"

    @property
    def name(self) -> str:
        if self.is_argument:
            return str(self.info.metavar or self.parameter.upper())
        return ", ".join(f"{name}{self._takes}" for name in self._names)

    @property
    def _names(self) -> Sequence[str]:
        return [*filter(None, [self.info.default]), *(self.info.param_decls or ())] or [
            f"--{self.parameter.replace('_', '-')}"
        ]

    @property
    def _takes(self) -> str:
        kinds = [kind for kind in (get_args(self.type) or [self.type]) if kind is not type(None)]
        kind = next((inner for outer in kinds for inner in get_args(outer)), kinds[0])
        if kind is bool:
            return ""
        choices = isinstance(kind, type) and issubclass(kind, Enum)
        return " " + ("|".join(one.value for one in kind) if choices else self.info.metavar or _PLAIN[kind])

    @property
    def told(self) -> str:
        return str(self.info.help or "")

    @property
    def row(self) -> tuple[str, str]:
        return f"`{self.name}`", self.told


_PLAIN = {str: "TEXT", Path: "PATH", int: "NUMBER", float: "NUMBER"}


def _prose(command: Any) -> str:
    """A command's help: its examples as code, the rest as it is."""
    lines = inspect.cleandoc(command.__doc__ or "").splitlines()
    told = [f"Example: `{line[9:]}`\n" if line.startswith("Example: ") else line for line in lines]
    return "\n".join(told) + "\n"


# ── lives ────────────────────────────────────────────────────────────────────────────────────────


def life() -> str:
    from console.run.life import RUN_LIFE, STEP_LIFE, RunStatus, StepStatus

    parts = [
        "# The lives of a run and of a step\n",
        "What these tables do not hold cannot happen: the record refuses it and nothing changes.\n",
        "## A run\n",
        f"It ends as {', '.join(words(status) for status in RunStatus if status.is_final)}.",
        "A run that has ended can be reopened, to go on or to be rolled back.\n",
        _life(RunStatus, RUN_LIFE, {"run_finished": "the outcome it names"}),
        "## A step\n",
        "`ready` is not in the table: a pending step is ready once everything it depends on has succeeded or",
        "was skipped. The `undo …` rows are what happens to the rollback item that undoes the step.\n",
        _life(StepStatus, STEP_LIFE, {}),
    ]
    return "\n".join(parts)


def _life(statuses: Iterable[Any], lives: Mapping[Any, Any], leads_to: Mapping[str, str]) -> str:
    order = list(statuses)
    entries = sorted(lives.items(), key=lambda entry: order.index(entry[0][0]))
    rows = []
    last = None
    for (status, trigger), then in entries:
        rows.append(
            (words(status) if status != last else "", words(trigger), leads_to.get(trigger, words(then)))
        )
        last = status
    return table(("is", "what happens", "is then"), rows)


# ── events ───────────────────────────────────────────────────────────────────────────────────────

SELF_EVIDENT = {
    "step_held": "The step starts only when it is released.",
    "step_released": "A held step may start.",
    "step_started": "The attempt's process runs.",
    "step_cancelled": "The attempt was ended by the operator, or by the end of the run.",
    "step_skipped": "The step is left out; what waits for it waits for what it would have waited for.",
    "revision_accepted": "The proposed revision is the plan now.",
    "revision_rejected": "The plan stays as it is.",
    "replan_failed": "No revision came out.",
    "rollback_started": "The rollback as it was approved.",
}


def events() -> str:
    from console.run.events import Event

    parts = [
        "# Events\n",
        "Every fact of a run, as `--json` and `plandeck export` print it: one JSON object a line. Each has",
        "`seq` (from 1), `time` (seconds since the epoch, UTC), `event` (one of the names below) and `head`",
        "(the hash of the record, which covers the record before it); then its own fields. A new version",
        "may add fields; none goes away.\n",
        "A step's output is in no event. `preview` and `tail` are short pieces of it, made safe to show.",
        "`plandeck export` adds it on lines of their own, after the event that ends an attempt:",
        '`{"event": "output", "step": …, "attempt": …, "out": …, "err": …, "left_out": bytes}`.\n',
    ]
    for kind, cls in Event.kinds.items():
        if kind == "step_event":
            continue
        told = SELF_EVIDENT.get(kind) or inspect.cleandoc(cls.__doc__ or "")
        parts += [f"## {kind}\n", told + "\n", _fields(cls)]
    return "\n".join(parts)


def _fields(cls: Any) -> str:
    schema = cls.model_json_schema(mode="serialization")
    rows = [(f"`{name}`", _type(one, schema)) for name, one in schema.get("properties", {}).items()]
    return table(("field", "type"), rows) if rows else ""


def _type(one: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """A field's JSON type in a few words."""
    if "enum" in one:
        return ", ".join(f"`{value}`" for value in one["enum"])
    if "const" in one:
        return f"`{one['const']}`"
    if "$ref" in one:
        name = str(one["$ref"]).rsplit("/", 1)[-1]
        referred = schema["$defs"][name]
        return _type(referred, schema) if "enum" in referred else NAMED.get(name, name.lower())
    if "anyOf" in one:
        return " or ".join(_type(part, schema) for part in one["anyOf"])
    if one.get("type") == "array":
        return f"list of {_type(one.get('items', {}), schema)}"
    inner = one.get("additionalProperties")
    if isinstance(inner, dict) and inner:
        return f"object of {_type(inner, schema)}"
    return str(one.get("type", "any"))


NAMED = {
    "Plan": "[plan](plans.md)",
    "Catalog": "the tools, as they are hashed",
    "RollbackPlan": "the rollback: `items`, `back_to`, `uncovered`, `irreversible`",
}


# ── tool files ───────────────────────────────────────────────────────────────────────────────────


def tool_files() -> str:
    from console.bundled import tools_dir
    from console.catalog.explain import summary
    from console.catalog.load import load

    parts = [
        "# The tool files that come with plandeck\n",
        "A task names them without path or ending: `tools: [deploy, notify]`. `plandeck tools NAME",
        "--tools FILE` explains one tool.\n",
    ]
    for file in sorted(tools_dir().glob("*.yaml")):
        catalog = load([file])
        rows = [(f"`{row.name}`", str(row.risk), row.takes, row.about) for row in summary(catalog)]
        parts += [f"## {file.stem}\n", table(("tool", "risk", "takes", "does"), rows)]
    return "\n".join(parts)


# ── putting it there ─────────────────────────────────────────────────────────────────────────────

PAGES: Mapping[str, Callable[[], str]] = {
    "keys.md": keys,
    "words.md": typed_words,
    "commands.md": commands,
    "life.md": life,
    "events.md": events,
    "tool-files.md": tool_files,
}


def made() -> dict[Path, str]:
    """Every generated page as it should be."""
    return {HERE / name: f"{NOTE}\n{_tidy(make())}\n" for name, make in PAGES.items()}


def _tidy(text: str) -> str:
    """One empty line between two things, none at the end."""
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n")


def stale() -> list[Path]:
    """The pages that are not as the program is."""
    return [page for page, text in made().items() if not page.is_file() or page.read_text("utf-8") != text]


def main(arguments: Sequence[str]) -> int:
    if arguments == ["--check"]:
        found = stale()
        for page in found:
            sys.stdout.write(f"{page.name} is stale: python docs/make.py --pages\n")
        return 1 if found else 0
    if arguments not in ([], ["--pages"]):
        sys.stderr.write(f"{__doc__}")
        return 2
    for page, text in made().items():
        page.write_text(text, "utf-8")
    if not arguments:
        from pictures import make

        make(HERE / "pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
