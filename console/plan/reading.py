"""A parsed document to a plan, in any of the accepted notations, with everything that is wrong in it.

The notations differ in names only; `_ALIASES` lists them. `null` means that a key is not given, except
for the action, where it means that nothing is called. The reader always goes on to the end: what it
cannot read is left out of the plan and told as a fault, so that a plan with faults can be opened and
mended, and no fault hides another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from console.errors import Fault
from console.json_schema import schema_fault
from console.patterns import pattern_fault
from console.plan import references, strict
from console.plan.faults import MAX_FAULTS, faults_of, nearest
from console.plan.model import (
    ID_PATTERN,
    NOTE,
    NOTE_TEXT,
    Compensation,
    Expect,
    Gate,
    Plan,
    Retry,
    Step,
    StepId,
    Undo,
)

_ID = re.compile(ID_PATTERN)
MAX_STEPS = 500
"""Steps of a plan that a model or another program gives."""

FILE_STEPS = 10_000
"""Steps of a plan that a person keeps in a file: as many as the console and the checker are quick with."""

_ALIASES = {
    "step_number": "id",
    "tool": "action",
    "tool_to_use": "action",
    "parameters": "params",
    "args": "params",
    "arguments": "params",
    "param": "params",
    "metadata": "meta",
}
_NOWHERE = ""
"""The written name of the steps of a bare list."""
_STEP_KEYS = (*Step.model_fields, "input")
_PLAN_KEYS = (*Plan.model_fields, "plan", "ready")
_NOT_OF_A_PHASE = ("action", "params", "input", "undo", "expect", "timeout", "retry")
MAX_HINTS = 100
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

Made = TypeVar("Made", bound=BaseModel)


@dataclass(slots=True)
class _Item:
    """A mapping of the document under its canonical keys. `names` are the keys as they were written."""

    path: strict.Path
    step: StepId = ""
    values: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def place(self, *keys: str | int) -> strict.Path:
        """Where in the document the value at these canonical keys stands."""
        written = (self.names.get(key, key) if isinstance(key, str) else key for key in keys)
        return (*self.path, *(key for key in written if key != _NOWHERE))


class Reading:
    """What a document says: `plan` (`None` when there is not even a list of steps) and `faults`. `spares`
    are the ids in `plan` that nobody wrote."""

    def __init__(self, document: strict.Document, *, file: str, max_steps: int) -> None:
        self._document = document
        self._file = file
        self._limit = min(max_steps, FILE_STEPS)
        self._faults: list[Fault] = []
        self._items: dict[StepId, _Item] = {}
        self._spare = 0
        self._spares: list[StepId] = []
        for blot in document.blots:
            line = blot.line or document.line_of(blot.path or ())
            self._faults.append(Fault(line, "", blot.message, "", file))
        self.plan = None if document.broken else self._plan(document.cleaned())
        self.spares = frozenset(self._spares)
        if self.plan is not None:
            self._faults += faults_of(self.plan, line_of=self._line_of, file=file, spare=self.spares)
        self.faults: tuple[Fault, ...] = tuple(sorted(self._faults, key=lambda fault: fault.line))

    # ── faults ───────────────────────────────────────────────────────────────────────────────────

    def _fault(self, item: _Item, message: str, *keys: str | int, hint: str = "") -> None:
        if len(self._faults) >= MAX_FAULTS:
            return
        line = self._document.line_of(item.place(*keys))
        self._faults.append(Fault(line, item.step, message, hint, self._file))

    def _unknown(self, item: _Item, keys: tuple[str | int, ...], known: Sequence[str]) -> None:
        """Tell of a key nobody knows, the last of `keys`; the nearest known one is looked for as long
        as there are few."""
        key = str(keys[-1])
        hint = nearest(key[:80], known) if len(self._faults) < MAX_HINTS else ""
        self._fault(item, f"the key {key!r:.80} is not known", *keys, hint=hint)

    def _line_of(self, step: StepId, place: tuple[str | int, ...]) -> int:
        item = self._items.get(step) or _Item(())
        return self._document.line_of(item.place(*place))

    # ── the plan ─────────────────────────────────────────────────────────────────────────────────

    def _plan(self, value: Any) -> Plan | None:
        root = _Item(())
        if isinstance(value, list):
            root.values, root.names = {"steps": value}, {"steps": _NOWHERE}
        elif isinstance(value, dict):
            self._open(root, value, _PLAN_KEYS)
        else:
            self._fault(root, "a plan is a mapping with steps, or a list of steps")
            return None
        given = root.values
        if "plan" in given:
            key = "steps" if isinstance(given["plan"], list) else "goal"
            given.setdefault(key, given.pop("plan"))
            root.names[key] = "plan"
        steps = self._list(root, "steps")
        if steps is None:
            if "steps" not in given:
                self._fault(root, "it has no steps", hint="a plan has the key steps with a list")
            return None
        if not self._survey(root, steps):
            return None
        meta = self._mapping(root, "meta")
        if "ready" in given:
            meta = {**meta, "ready": given["ready"]}
        return Plan(
            goal=self._text(root, "goal"),
            steps=self._steps(root, steps),
            rollback=tuple(self._rollback(root)),
            expected=self._expected(root),
            meta=meta,
        )

    def _survey(self, root: _Item, steps: list[Any]) -> bool:
        """Count the steps before anything is made of them, and find numbers no step has."""
        count = 0
        todo = [steps]
        while todo:
            for step in todo.pop():
                count += 1
                if not isinstance(step, dict):
                    continue
                for key in ("id", "step_number"):
                    if re.fullmatch("[0-9]{1,15}", text := f"{step.get(key)!s:.20}"):
                        self._spare = max(self._spare, int(text))
                if isinstance(step.get("steps"), list):
                    todo.append(step["steps"])
        if not count:
            self._fault(root, "it has no steps", "steps")
        if count > self._limit:
            self._fault(root, f"it has {count} steps; {self._limit} are the limit", "steps")
        return count <= FILE_STEPS

    def _expected(self, root: _Item) -> tuple[str, ...]:
        value = root.values.get("expected", [])
        lines = [value] if isinstance(value, str) else value
        if isinstance(lines, list) and all(isinstance(line, str) for line in lines):
            return tuple(lines)
        self._fault(root, "expected must be a list of texts", "expected")
        return ()

    def _rollback(self, root: _Item) -> Iterator[Compensation]:
        for index, value in enumerate(self._list(root, "rollback") or ()):
            item = _Item(root.place("rollback", index))
            if not isinstance(value, dict):
                self._fault(item, "a rollback item must be a mapping", hint="{action, params}")
                continue
            self._open(item, value, (*Compensation.model_fields, "input"))
            fields = self._call(item)
            fields["description"] = item.values.get("description", "")
            if "undoes" in item.values:
                fields["undoes"] = self._ids(item, "undoes")
            yield self._made(Compensation, item, fields)

    # ── steps ────────────────────────────────────────────────────────────────────────────────────

    def _steps(self, holder: _Item, values: list[Any]) -> tuple[Step, ...]:
        made = (self._step(value, holder.place("steps", index)) for index, value in enumerate(values))
        return tuple(step for step in made if step is not None)

    def _step(self, value: Any, path: strict.Path) -> Step | None:
        item = _Item(path)
        if not isinstance(value, dict):
            self._fault(item, "a step must be a mapping", hint="{id, action, params, depends_on}")
            return None
        self._name(item, value)
        self._open(item, value, _STEP_KEYS)
        fields: dict[str, Any] = {"id": item.step, "depends_on": self._ids(item, "depends_on")}
        is_phase = item.values.get("steps") or item.values.get("expand") is True
        fields |= self._phase(item) if is_phase else self._call(item)
        read = {*fields, "steps", "input"}
        fields |= {key: self._part(item, key) for key in item.values if key not in read}
        return self._made(Step, item, fields)

    def _name(self, item: _Item, value: dict[str, Any]) -> None:
        """Find the step's id before anything else, so that every fault can name it. A step without a
        usable id gets a spare one: the editor must be able to tell steps apart."""
        key = next((key for key in ("id", "step_number") if value.get(key) is not None), None)
        if key is None:
            self._fault(item, "it has no id")
        else:
            item.step = self._id(item, value[key], key)
        if item.step in self._items:
            self._fault(item, "this id is there twice", key or "id", hint="every step has an id of its own")
        if not item.step or item.step in self._items:
            self._spare += 1
            item.step = str(self._spare)
            self._spares.append(item.step)
        self._items[item.step] = item

    def _phase(self, item: _Item) -> dict[str, Any]:
        for key in _NOT_OF_A_PHASE:
            if item.values.get(key):
                self._fault(item, f"a phase has no {item.names[key]} of its own", key, hint="its steps have")
            item.values.pop(key, None)
        return {"steps": self._steps(item, self._list(item, "steps") or [])}

    def _call(self, item: _Item) -> dict[str, Any]:
        """The action and its parameters, of a step, an undo or a rollback item."""
        action = item.values.get("action", "")
        if action is None:
            action = NOTE
        if not isinstance(action, str):
            self._fault(item, f"{item.names['action']} must be the name of a tool", "action")
            action = NOTE
        params = dict(self._mapping(item, "params"))
        value = item.values.get("input")
        if action == NOTE:
            said = value if value not in (None, "") else item.values.get("description", "")
            params.setdefault(NOTE_TEXT, said)
        elif value is not None:
            inputs = value if isinstance(value, dict) else {"input": value}
            for key in inputs.keys() & params.keys():
                self._fault(item, f"input gives {key!r:.60} a second time", "input")
            params = inputs | params
        return {"action": action, "params": params}

    def _part(self, item: _Item, key: str) -> Any:
        """The value of a step's key as the model wants it, its short forms written out."""
        value = item.values[key]
        if key == "undo":
            return self._undo(item, value)
        if key == "timeout":
            return self._seconds(item, value, key)
        if key == "gate":
            return self._gate(item, value)
        if key == "retry":
            return self._retry(item, value)
        if key == "expect":
            return self._expect(item, value)
        return value

    def _undo(self, item: _Item, value: Any) -> Undo | None:
        if not isinstance(value, dict):
            self._fault(item, "undo must be a mapping", "undo", hint="{action, params}")
            return None
        inner = _Item(item.place("undo"), item.step)
        self._open(inner, value, (*Undo.model_fields, "input"))
        return self._made(Undo, inner, self._call(inner))

    def _gate(self, item: _Item, value: Any) -> Gate | None:
        if value is True or value is False:
            return Gate() if value else None
        if isinstance(value, str):
            return Gate(question=value)
        return self._parted(Gate, item, value, "gate")

    def _retry(self, item: _Item, value: Any) -> Retry | None:
        if isinstance(value, int):
            value = {"attempts": value}
        if isinstance(value, dict) and "backoff" in value:
            seconds = self._seconds(item, value["backoff"], "retry", "backoff")
            value = {key: held for key, held in value.items() if key != "backoff"}
            value |= {} if seconds is None else {"backoff": seconds}
        return self._parted(Retry, item, value, "retry")

    def _expect(self, item: _Item, value: Any) -> Expect | None:
        expect = self._parted(Expect, item, value, "expect")
        if expect is None:
            return None
        if expect.matches is not None and (why := pattern_fault(expect.matches)):
            self._fault(item, f"matches is no regular expression: {why}", "expect", "matches")
        for path in expect.json_paths or ():
            if why := references.path_fault(path):
                self._fault(item, f"{path!r:.60} is not a valid path: {why}", "expect", "json", path)
        if expect.json_schema is not None and (why := schema_fault(expect.json_schema)):
            self._fault(item, f"schema is no JSON Schema: {why:.200}", "expect", "schema")
        return expect

    def _seconds(self, item: _Item, value: Any, *keys: str) -> float | None:
        """Seconds from a number, or from text with a unit as tool files have it ("30s")."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        match = (
            re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)", value)
            if isinstance(value, str)
            else None
        )
        if match is None:
            self._fault(item, f"{keys[-1]} must be a number of seconds", *keys, hint='30 or "30s"')
            return None
        return float(match[1]) * _SECONDS[match[2]]

    # ── the small parts ──────────────────────────────────────────────────────────────────────────

    def _open(self, item: _Item, value: dict[str, Any], allowed: Iterable[str]) -> None:
        """Fill `item` with the keys of `value`; keys nobody knows are faults."""
        known = tuple(allowed)
        for key, held in value.items():
            name = _ALIASES.get(key, key)
            if name not in known:
                spellings = (*known, *(alias for alias, real in _ALIASES.items() if real in known))
                self._unknown(item, (key,), spellings)
            elif name in item.names:
                self._fault(item, f"{key} says the same as {item.names[name]}", key, hint="keep one of them")
            elif held is not None or name == "action":
                item.values[name] = held
                item.names[name] = key

    def _parted(self, model: type[Made], item: _Item, value: Any, key: str) -> Made | None:
        """The value of a key as a part of a step."""
        if isinstance(value, dict):
            return self._made(model, item, value, key)
        self._fault(item, f"{key} must be a mapping", key)
        return None

    def _made(self, model: type[Made], item: _Item, value: dict[str, Any], *keys: str) -> Made:
        """`value` as a part of a plan. What does not fit is told and left out."""
        try:
            return model.model_validate(value)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_context=False)
        known = [field.alias or name for name, field in model.model_fields.items()]
        for one in wrong:
            place = (*keys, *one["loc"])
            name = ".".join(str(part) for part in place)
            if one["type"] == "extra_forbidden":
                self._unknown(item, place, known)
            else:
                self._fault(item, f"{name:.80} {_in_words(one['msg'])}", *place)
        bad = {one["loc"][0] for one in wrong}
        return model.model_validate({key: held for key, held in value.items() if key not in bad})

    def _id(self, item: _Item, value: Any, *keys: str | int) -> StepId:
        """An id as text; "" when it is none."""
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and re.fullmatch(_ID, value):
            return value
        hint = "letters, digits, - and _, at most 64, or a number"
        self._fault(item, f"{value!r:.80} is no id", *keys, hint=hint)
        return ""

    def _ids(self, item: _Item, key: str) -> tuple[StepId, ...]:
        ids = (self._id(item, value, key, index) for index, value in enumerate(self._list(item, key) or ()))
        return tuple(dict.fromkeys(name for name in ids if name))

    def _list(self, item: _Item, key: str) -> list[Any] | None:
        value = item.values.get(key)
        if value is None or isinstance(value, list):
            return value
        hint = f"write [{value}]" if isinstance(value, int) else ""
        self._fault(item, f"{item.names[key]} must be a list", key, hint=hint)
        return None

    def _mapping(self, item: _Item, key: str) -> dict[str, Any]:
        value = item.values.get(key)
        if value is None or isinstance(value, dict):
            return value or {}
        self._fault(item, f"{item.names[key]} must be a mapping", key)
        return {}

    def _text(self, item: _Item, key: str) -> str:
        value = item.values.get(key, "")
        if isinstance(value, str):
            return value
        self._fault(item, f"{item.names[key]} must be text", key)
        return ""


def _in_words(message: str) -> str:
    """The validator's sentence in ours."""
    words = message.replace("Input should be", "must be").replace("a valid dictionary", "a mapping")
    return words.replace("a valid string", "text").replace("a valid boolean", "true or false")
