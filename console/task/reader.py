"""One task file, read: every fault of it is told, with its line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeGuard

from console.catalog import agents
from console.catalog import load as tools
from console.catalog.spec import Fact
from console.errors import Fault, InvalidDocument, InvalidPlan, InvalidTask
from console.model_file import absolute
from console.plan import codec, strict
from console.plan.model import Plan, StepId
from console.settings import PLANNERS, planner_names
from console.task.model import OUTPUT, Planning, ProbedFact, Task, Wanted

KEYS = (
    "goal", "inputs", "tools", "facts", "want", "fallback", "plan", "reference", "planner", "exploratory",
    "limits", "sandbox",
)  # fmt: skip
LIMITS = ("parallel", "replans", "time", "cost_usd")

_INPUT = re.compile(r"\$(?:\$|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?")
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class Reader:
    """Reads one task file and gathers every fault of it."""

    def __init__(self, path: Path, document: strict.Document) -> None:
        self.path = path
        self.folder = path.parent.absolute()
        self.document = document
        self.faults: list[Fault] = []
        self.values: dict[str, Any] = {}
        self.lines: dict[StepId, tuple[str, int]] = {}
        for blot in document.blots:
            line = blot.line or document.line_of(blot.path or ())
            self.faults.append(Fault(line, "", blot.message, file=str(path)))

    def task(self, sets: dict[str, str]) -> Task:
        value = self.document.value
        if self.document.broken or not isinstance(value, dict):
            if not self.faults:
                what = "a task is a mapping with a goal, a plan is a list of steps"
                self.faults.append(Fault(1, "", what, file=str(self.path)))
            # What cannot be read at all may have been meant as a plan.
            raise InvalidDocument(self.faults)
        self._keys(value)
        self.values = self._inputs(value.get("inputs"), sets)
        facts, probes = self._facts(value.get("facts"))
        made: dict[str, Any] = {
            "goal": self._goal(value.get("goal"), has_plan="plan" in value),
            "name": self.folder.name if self.path.name == "task.yaml" else self.path.stem,
            "inputs": self.values,
            "tools": self._tools(value.get("tools")),
            "facts": facts,
            "probes": probes,
            "want": self._wanted("want", value.get("want")),
            "fallback": self._wanted("fallback", value.get("fallback")),
            "plan": self._plan(value.get("plan")),
            "reference": self._reference(value.get("reference")),
            "planner": self._planner(value.get("planner")),
            "exploratory": self._exploratory(value.get("exploratory"), has_plan="plan" in value),
            "limits": self._limits(value.get("limits")),
            "sandbox": self._mapping(("sandbox",), value.get("sandbox")),
            "directory": self.folder,
            "document": value,
        }
        made["lines"] = self.lines
        if self.faults:
            self.faults.sort(key=lambda fault: fault.line)
            raise InvalidTask(self.faults, todo="Mend the file and try again")
        if made["plan"] is not None and not made["goal"]:
            made["goal"] = made["plan"].goal or self.path.stem
        return Task(**made)

    def _fault(self, path: strict.Path, message: str, hint: str = "") -> None:
        self.faults.append(Fault(self.document.line_of(path), "", message, hint, str(self.path)))

    def _near(self, path: strict.Path, message: str, name: str, known: Iterable[str]) -> None:
        near = get_close_matches(name, list(known), 1)
        self._fault(path, message, f"did you mean {near[0]!r}?" if near else "")

    def _keys(self, value: dict[str, Any]) -> None:
        for key in value.keys() - KEYS:
            self._near((key,), f"unknown key {key!r}", key, KEYS)

    def _goal(self, goal: Any, *, has_plan: bool) -> str:
        if goal is None and has_plan:
            return ""
        if not isinstance(goal, str) or not goal.strip():
            self._fault(("goal",), "a task needs a goal: one line of text")
            return ""
        return str(self._fill(("goal",), goal.strip()))

    # ── inputs ───────────────────────────────────────────────────────────────────────────────────

    def _inputs(self, declared: Any, sets: dict[str, str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        inputs = self._mapping(("inputs",), declared) or {}
        missing = []
        for name, spec in inputs.items():
            default = self._default(name, spec)
            if name in sets:
                values[name] = self._converted(name, sets[name], default)
            elif default is None:
                missing.append(name)
                values[name] = ""
            else:
                values[name] = default
        if missing:
            hint = "give " + " ".join(f"--set {name}=…" for name in missing)
            self._fault(("inputs", missing[0]), f"no value for the input {', '.join(missing)}", hint)
        for name in sets.keys() - inputs.keys():
            self._near(("inputs",), f"--set {name}: the task has no such input", name, inputs)
        return values

    def _default(self, name: str, spec: Any) -> Any:
        if not _NAME.fullmatch(name):
            self._fault(("inputs", name), f"the input {name!r} needs a name of letters, digits and _")
        if not isinstance(spec, dict):
            if isinstance(spec, list):
                self._fault(("inputs", name), f"the input {name!r} cannot be a list")
                return ""
            return spec
        for key in spec.keys() - {"default", "description"}:
            self._near(("inputs", name, key), f"unknown key {key!r}", key, ("default", "description"))
        if isinstance(spec.get("default"), (dict, list)):
            self._fault(("inputs", name, "default"), f"the input {name!r} is one value")
            return ""
        return default_of(spec)

    def _converted(self, name: str, text: str, default: Any) -> Any:
        """A value from the command line, of the default's kind."""
        if not isinstance(default, (bool, int, float)):
            return text
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        fits = type(value) is type(default) or (isinstance(default, float) and type(value) is int)
        if not fits:
            kind = {bool: "true or false", int: "a whole number", float: "a number"}[type(default)]
            self._fault(("inputs", name), f"--set {name}: {text!r} is not {kind}")
        return value

    def _fill(self, path: strict.Path, text: str) -> Any:
        """`text` with its inputs; a text that is just one input keeps the value's type."""
        whole = _INPUT.fullmatch(text)
        name = whole and (whole[1] or whole[2])
        if name and name in self.values:
            return self.values[name]

        def one(found: re.Match[str]) -> str:
            name = found[1] or found[2]
            if not name:
                return "$"
            if name not in self.values:
                self._near(path, f"${name} is not among the inputs", name, self.values)
                return ""
            return _text(self.values[name])

        return _INPUT.sub(one, text)

    def _filled(self, path: strict.Path, value: Any) -> Any:
        if isinstance(value, str):
            return self._fill(path, value)
        if isinstance(value, list):
            return [self._filled((*path, index), one) for index, one in enumerate(value)]
        if isinstance(value, dict):
            return {key: self._filled((*path, key), one) for key, one in value.items()}
        return value

    # ── facts ────────────────────────────────────────────────────────────────────────────────────

    def _fact(self, path: strict.Path, text: Any) -> Fact:
        if not isinstance(text, str) or not text.split():
            self._fault(path, "a fact is some words, such as: deployed production v2")
            return ()
        # Words first, values second: a value with a space in it stays one word.
        return tuple(word if word == OUTPUT else _text(self._fill(path, word)) for word in text.split())

    def _facts(self, value: Any) -> tuple[tuple[Fact, ...], tuple[ProbedFact, ...]]:
        facts: list[Fact] = []
        probes: list[ProbedFact] = []
        for path, one in self._items(("facts",), value):
            if not isinstance(one, dict):
                facts.append(self._fact(path, one))
            elif one.keys() != {"fact", "probe"} or not isinstance(one["probe"], str):
                self._fault(path, "a fact that is looked up has two keys, fact and probe (a command)")
            else:
                probes.append(ProbedFact(fact=self._fact(path, one["fact"]), probe=one["probe"]))
        for index, fact in enumerate(facts):
            if OUTPUT in fact:
                self._fault(("facts", index), f"{OUTPUT} stands for what a probe prints; there is none")
        return tuple(facts), tuple(probes)

    def _wanted(self, key: str, value: Any) -> tuple[Wanted, ...]:
        wanted = []
        for path, one in self._items((key,), value):
            if isinstance(one, str):
                one = {"fact": one}
            if not isinstance(one, dict) or "fact" not in one:
                self._fault(path, "a wanted fact is text, or has the key fact")
                continue
            for name in one.keys() - {"fact", "after", "params"}:
                self._near((*path, name), f"unknown key {name!r}", name, ("fact", "after", "params"))
            after = self._items((*path, "after"), one.get("after"))
            params = self._mapping((*path, "params"), one.get("params")) or {}
            wanted.append(
                Wanted(
                    fact=self._fact((*path, "fact"), one["fact"]),
                    after=tuple(self._fact(at, fact) for at, fact in after),
                    params=self._filled((*path, "params"), params),
                )
            )
        return tuple(wanted)

    # ── files, planner, limits ───────────────────────────────────────────────────────────────────

    def _tools(self, value: Any) -> tuple[Path, ...]:
        found = []
        for path, one in self._items(("tools",), value):
            if not isinstance(one, str):
                self._fault(path, "a tool file is named by text")
                continue
            file = tools.locate(one, self.folder)
            if file is None:
                self._near(
                    path, f"there is no tool file {one!r}, by name or in {self.folder}", one, tools.nameable()
                )
            else:
                found.append(file)
        return tuple(found)

    def _plan(self, value: Any) -> Plan | None:
        if value is None:
            return None
        if not isinstance(value, str) or "\0" in value:
            self._fault(("plan",), "plan is the name of a file beside the task")
            return None
        file = self.folder / value
        try:
            raw = file.read_bytes()
            plan = codec.load(raw, file=value)
            self.lines = {step: (value, line) for step, line in lines_of(strict.read(raw, file=value))}
            return plan
        except OSError as error:
            self._fault(("plan",), f"cannot read the plan {value!r}: {error.strerror}")
        except InvalidPlan as error:
            self.faults += error.faults
        return None

    def _reference(self, value: Any) -> Path | None:
        if value is None:
            return None
        if not isinstance(value, str) or not (self.folder / value).is_file():
            self._fault(("reference",), "reference is the name of a plan file beside the task")
            return None
        return self.folder / value

    def _planner(self, value: Any) -> Planning:
        if value is None:
            return Planning()
        spec = {"use": value} if isinstance(value, str) else self._mapping(("planner",), value) or {}
        for key in spec.keys() - Planning.model_fields.keys():
            self._near(("planner", key), f"unknown key {key!r}", key, Planning.model_fields)
        for key in spec.keys() & Planning.model_fields.keys():
            if not isinstance(spec[key], str):
                self._fault(("planner", key), f"{key} must be text")
                return Planning()
        use = spec.get("use", "recorded" if "recording" in spec else "auto")
        if use not in PLANNERS and use not in (known := planner_names()):
            self._near(("planner",), f"there is no planner {use!r}", use, known)
            return Planning()
        recording = self.folder / spec["recording"] if "recording" in spec else None
        if recording and not recording.is_file():
            self._fault(("planner", "recording"), f"there is no file {spec['recording']!r} beside the task")
        prompt = spec.get("prompt", "")
        if "/" in prompt or prompt.endswith(".md"):
            prompt = str(self.folder / prompt)
        model = absolute(spec.get("model", ""), self.folder)
        return Planning(use=use, model=model, prompt=prompt, recording=recording)

    def _exploratory(self, value: Any, *, has_plan: bool) -> str:
        """`true` for the agent that is always there, or an agent's name."""
        if value is None or value is False:
            return ""
        if value is not True and not isinstance(value, str):
            self._fault(("exploratory",), "exploratory is true, or the name of an agent")
            return ""
        if has_plan:
            self._fault(
                ("exploratory",), "a task with a ready plan is not exploratory", "leave one of them out"
            )
        return agents.DEFAULT if value is True else str(value)

    def _limits(self, value: Any) -> dict[str, float]:
        limits: dict[str, float] = {}
        for key, one in (self._mapping(("limits",), value) or {}).items():
            path = ("limits", key)
            number = duration(one) if key == "time" else one
            if key not in LIMITS:
                self._near(path, f"unknown limit {key!r}", key, LIMITS)
            elif not _is_amount(number):
                wanted = "a time such as 90s, 10m or 1h" if key == "time" else "a number, 0 or more"
                self._fault(path, f"{key} must be {wanted}")
            elif key in ("parallel", "replans") and (number != int(number) or number < (key == "parallel")):
                self._fault(path, f"{key} must be a whole number" + (" above 0" if key == "parallel" else ""))
            else:
                limits[key] = float(number)
        return limits

    # ── shapes ───────────────────────────────────────────────────────────────────────────────────

    def _items(self, path: strict.Path, value: Any) -> Iterator[tuple[strict.Path, Any]]:
        if value is None:
            return
        if not isinstance(value, list):
            self._fault(path, f"{path[-1]} must be a list")
            return
        for index, one in enumerate(value):
            yield (*path, index), one

    def _mapping(self, path: strict.Path, value: Any) -> dict[str, Any] | None:
        if value is not None and not isinstance(value, dict):
            self._fault(path, f"{path[-1]} must be a mapping")
            return None
        return value


def default_of(spec: Any) -> Any:
    """The value that a task file gives an input; `None` when it must be asked for."""
    return spec.get("default") if isinstance(spec, dict) else spec


def lines_of(document: strict.Document, path: strict.Path = ()) -> Iterator[tuple[StepId, int]]:
    """Where each step of a plan's document stands."""
    value: Any = document.value
    for key in path:
        value = value[key]
    if isinstance(value, dict):
        if "id" in value:
            yield str(value["id"]), document.line_of(path)
        path, value = (*path, "steps"), value.get("steps")
    for index, step in enumerate(value) if isinstance(value, list) else ():
        if isinstance(step, dict):
            yield from lines_of(document, (*path, index))


def duration(value: Any) -> float | None:
    """Seconds from a number or from text such as `90s`, `10m`, `1h`, `1d`; `None` when it is neither."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    return float(found[1]) * _SECONDS[found[2] or ""] if found else None


def _is_amount(value: Any) -> TypeGuard[int | float]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value >= 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
