"""A step as a form: what each field shows, and what is read back from it.

Pure: texts in, a `Step` and reasons out. A field that was not touched gives back exactly what was
there, however it was shown (values.py says how).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from console.catalog.parameters import Checker
from console.catalog.spec import Catalog, Parameter
from console.plan import strict
from console.plan.codec import nearest
from console.plan.graph import Graph
from console.plan.model import NOTE, NOTE_TEXT, Expect, Gate, Plan, Retry, Step, StepId, Undo
from console.plan.references import find, path_fault
from console.text import reveal
from console.tui.screens import offers
from console.tui.screens.values import (
    ON_FAILURE,
    duration,
    on_failure,
    pattern,
    text_of,
    undo_text,
    value_of,
    whole,
    words_of,
)

PARAM = "param "
"""What the key of a parameter's field begins with."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class FieldSpec:
    """One field: its key, its label, what is said about it, what stands in it while it is empty, and
    the values it may be completed to, as (value, words about it). `is_path`: files of the workspace too."""

    key: str
    label: str
    help: str = ""
    placeholder: str = ""
    completions: Sequence[tuple[str, str]] = ()
    locked: bool = False
    is_path: bool = False


@dataclass
class Reading:
    """What a form says: the step, unless there are `errors`, by field."""

    step: Step | None
    errors: dict[str, str] = field(default_factory=dict)


class StepForm:
    """The form of `step` in `plan`; of a new step when it is `None`, which waits for `after` unless something
    else is picked. `results` are what steps that have run gave, as far as it is known; `past` is what fields
    the results of tools had in past runs."""

    def __init__(
        self,
        plan: Plan,
        step: Step | None,
        catalog: Catalog,
        results: Mapping[StepId, str] | None = None,
        *,
        after: StepId = "",
    ) -> None:
        self.results = results or {}
        self.past: offers.Past = {}
        self.plan = plan
        self.catalog = catalog
        self.is_new = step is None
        waits = (after,) if after else ()
        self.original = step or Step(id=_free_id(plan), action="", depends_on=waits)
        self.before = possible_dependencies(plan, None if self.is_new else self.original.id)
        self._checker = Checker()

    # ── what the fields show ─────────────────────────────────────────────────────────────────────

    def head(self) -> Iterator[FieldSpec]:
        """The fields above the parameters."""
        about = "letters, digits, - and _; it never changes" if self.is_new else "an id never changes"
        yield FieldSpec("id", "id", about, locked=not self.is_new)
        if not self.original.is_phase:
            tools = [(name, tool.description) for name, tool in self.catalog.tools.items()]
            tools.append((NOTE, "a note: calls nothing, its text is its result"))
            yield FieldSpec("action", "tool", "the tool this step calls", "a tool", tools)

    def parameters(self, action: str) -> Iterator[FieldSpec]:
        """One field for each parameter of the tool `action`, and for each the step gives besides."""
        if self.original.is_phase:
            return
        tool = self.catalog.get(action)
        known = {p.name: p for p in tool.parameters} if tool else {}
        if action == NOTE:
            known = {NOTE_TEXT: Parameter(name=NOTE_TEXT, required=True)}
        for parameter in known.values():
            yield self._parameter(parameter)
        extra = self.original.params if action == self.original.action else {}
        for name in extra:
            if name not in known:
                yield FieldSpec(PARAM + name, name, "the tool has no such parameter; empty it to drop it")

    def _parameter(self, parameter: Parameter) -> FieldSpec:
        schema = {"type": parameter.type, **parameter.json_schema}
        values = [(text_of(v, parameter), "") for v in schema.get("enum", ())]
        if parameter.type == "boolean":
            values = [("true", ""), ("false", "")]
        placeholder = "required" if parameter.required else ""
        if parameter.default is not None:
            placeholder = text_of(parameter.default, parameter)
        about = " · ".join(part for part in (parameter.type, parameter.description) if part)
        is_path = not values and offers.is_path(parameter.name, parameter.type)
        return FieldSpec(PARAM + parameter.name, parameter.name, about, placeholder, values, is_path=is_path)

    def tail(self, action: str) -> Iterator[FieldSpec]:
        """The fields below the dependencies, of a step that calls the tool `action`."""
        yield FieldSpec("description", "in words", "for people; it decides nothing")
        yield FieldSpec("gate", "gate", "a question to ask before it starts; yes asks without words")
        on = [(name, "") for name in ON_FAILURE]
        yield FieldSpec("on_failure", "on failure", "replan, ask, stop or continue", "replan", on)
        if self.original.is_phase:
            return
        tool = self.catalog.get(action)
        limit = f"{tool.timeout:g} s" if tool else ""
        yield FieldSpec("timeout", "timeout", "seconds, or 5m, 1h", limit)
        yield FieldSpec("attempts", "attempts", "how often it is tried in all", "1")
        yield FieldSpec(
            "backoff", "backoff", "seconds before the second attempt, doubled before each next", "1"
        )
        tools = [(name, known.description) for name, known in self.catalog.tools.items()]
        theirs = undo_text(tool.undo) if tool and tool.undo else ""
        yield FieldSpec("undo", "undo", "a tool and its parameters: remove_file {file: a.sql}", theirs, tools)
        yield FieldSpec("exit_code", "exit code", "the exit code that means success", "0")
        yield FieldSpec("matches", "matches", "a regular expression that the result must match")
        yield FieldSpec("on", "host", "the label or host of the worker that must run it")

    def texts(self) -> dict[str, str]:
        """What every field of the step shows at the start; parameters of all tools by their name."""
        step = self.original
        expect = step.expect or Expect()
        tool = self.catalog.get(step.action)
        known = {p.name: p for p in tool.parameters} if tool else {}
        shown = {
            "id": step.id,
            "action": step.action,
            "description": text_of(step.description) if step.description else "",
            "gate": "" if step.gate is None else text_of(step.gate.question or "yes"),
            "on_failure": step.on_failure or "",
            "timeout": f"{step.timeout:g}" if step.timeout else "",
            "attempts": f"{step.retry.attempts}" if step.retry else "",
            "backoff": f"{step.retry.backoff:g}" if step.retry else "",
            "undo": undo_text(step.undo) if step.undo else "",
            "exit_code": "" if expect.exit_code is None else f"{expect.exit_code}",
            "matches": text_of(expect.matches) if expect.matches else "",
            "on": text_of(step.on) if step.on else "",
        }
        return shown | {PARAM + k: text_of(v, known.get(k)) for k, v in step.params.items()}

    def references(self, depends_on: Sequence[StepId] = ()) -> list[tuple[str, str]]:
        """References to earlier steps and to the fields of their results, as completions; first those to the
        steps it depends on."""
        return offers.references(self.before, depends_on, self.catalog, self.results, self.past)

    def referred(self, texts: Mapping[str, str]) -> set[StepId]:
        """The steps whose results the parameters use: it waits for them, picked or not."""
        return {r.step for key, text in texts.items() if key.startswith(PARAM) for r in find(text)}

    # ── what the fields say ──────────────────────────────────────────────────────────────────────

    def read(self, texts: Mapping[str, str], depends_on: Sequence[StepId]) -> Reading:
        """The step that the texts and the chosen dependencies make."""
        errors: dict[str, str] = {}
        shown = self.texts()
        changed: dict[str, Any] = {}
        for key, reader in self._readers(texts).items():
            if key in texts and texts[key] != shown.get(key, ""):
                try:
                    changed[key] = reader(texts[key].strip())
                except ValueError as error:
                    errors[key] = str(error)
        fields = {name: getattr(self.original, name) for name in Step.model_fields}
        fields |= {k: v for k, v in changed.items() if k in fields}
        self._combine(fields, changed)
        if not self.original.is_phase:
            fields["params"] = self._params(fields["action"], texts, shown, errors)
        fields["depends_on"] = self._dependencies(depends_on)
        fields["explain"] = {k: v for k, v in self.original.explain.items() if k in fields["depends_on"]}
        self._checkwhole(fields, errors)
        if errors:
            return Reading(None, errors)
        try:
            return Reading(Step(**fields))
        except ValidationError as invalid:
            faults = invalid.errors()
            return Reading(None, {_field_of(str(f["loc"][0])): str(f["msg"]) for f in faults})

    def _readers(self, texts: Mapping[str, str]) -> dict[str, Any]:
        return {
            "id": self._id,
            "action": self._action,
            "description": words_of,
            "gate": lambda text: Gate(question="" if text == "yes" else words_of(text)) if text else None,
            "on_failure": on_failure,
            "timeout": lambda text: duration(text) if text else None,
            "attempts": lambda text: whole(text) if text else None,
            "backoff": lambda text: duration(text) if text else None,
            "undo": lambda text: self._undo(text) if text else None,
            "exit_code": lambda text: whole(text) if text else None,
            "matches": lambda text: pattern(words_of(text)) if text else None,
            "on": lambda text: words_of(text) or None,
        }

    def _combine(self, fields: dict[str, Any], changed: Mapping[str, Any]) -> None:
        """Fields of the form that are parts of one field of the step."""
        if "attempts" in changed or "backoff" in changed:
            old = self.original.retry
            attempts = changed.get("attempts", old.attempts if old else None)
            backoff = changed.get("backoff", old.backoff if old else None)
            given = {"attempts": attempts, "backoff": backoff}
            given = {k: v for k, v in given.items() if v is not None}
            fields["retry"] = _built(Retry, given) if given else None
        if "exit_code" in changed or "matches" in changed:
            old_expect = self.original.expect or Expect()
            parts = {k: changed[k] for k in ("exit_code", "matches") if k in changed}
            new = old_expect.model_copy(update=parts)
            fields["expect"] = None if new == Expect() else new

    def _params(
        self, action: str, texts: Mapping[str, str], shown: Mapping[str, str], errors: dict[str, str]
    ) -> dict[str, Any]:
        tool = self.catalog.get(action)
        known = {p.name: p for p in tool.parameters} if tool else {}
        same_tool = action == self.original.action
        params: dict[str, Any] = {}
        for spec in self.parameters(action):
            name, text = spec.key.removeprefix(PARAM), texts.get(spec.key, "")
            if same_tool and text == shown.get(spec.key, "") and name in self.original.params:
                params[name] = self.original.params[name]
            elif text.strip():
                try:
                    params[name] = value_of(text, known.get(name))
                except ValueError as error:
                    errors[spec.key] = str(error)
                    continue
            if reason := self._param_fault(action, name, params):
                errors[spec.key] = reason
        return params

    def _param_fault(self, action: str, name: str, params: Mapping[str, Any]) -> str:
        tool = self.catalog.get(action)
        known = {p.name: p for p in tool.parameters} if tool else {}
        parameter = known.get(name)
        if name not in params:
            needed = parameter is not None and parameter.required and parameter.default is None
            return "required" if needed or action == NOTE else ""
        if reason := self._reference_fault(params[name]):
            return reason
        if tool is None:
            return ""
        if parameter is None:
            return f"{action} has no parameter {name}: empty it to drop it"
        problems = self._checker.problems(tool, {name: params[name]}, template=True)
        mine = [what for what, _ in problems if what.startswith(f"the parameter {name} ")]
        return mine[0].partition(": ")[2] if mine else ""

    def _reference_fault(self, value: Any) -> str:
        earlier = {step.id for step in self.before}
        present = {step.id for step, _ in self.plan.walk()}
        for reference in find(value):
            if reference.step not in present:
                return f"there is no step {reference.step}"
            if reference.step not in earlier:
                return f"step {reference.step} does not come before this one"
            if reference.path and (why := path_fault(reference.path)):
                return f"{reference.path} is no path into a result: {why}"
        return ""

    def _dependencies(self, chosen: Sequence[StepId]) -> tuple[StepId, ...]:
        """The chosen ones: those that were there keep their order, new ones follow."""
        kept = [step for step in self.original.depends_on if step in chosen]
        return (*kept, *(step for step in chosen if step not in kept))

    def _checkwhole(self, fields: Mapping[str, Any], errors: dict[str, str]) -> None:
        if not self.original.is_phase and not fields["action"]:
            errors.setdefault("action", "required")
        undo: Undo | None = fields["undo"]
        if undo is not None and "undo" not in errors and undo != self.original.undo:
            tool = self.catalog.get(undo.action)
            problems = list(self._checker.problems(tool, undo.params, template=True)) if tool else []
            if problems:
                errors["undo"] = problems[0][0]

    def _id(self, text: str) -> StepId:
        if not _ID.fullmatch(text):
            raise ValueError("1 to 64 letters, digits, - and _, beginning with a letter or digit")
        if any(step.id == text for step, _ in self.plan.walk()):
            raise ValueError(f"there is a step {text} already")
        return text

    def _action(self, text: str) -> str:
        if text and text != NOTE and text not in self.catalog.tools:
            hint = nearest(text, list(self.catalog.tools))
            raise ValueError(f"no tool {reveal(text)}" + (f": {hint}" if hint else ""))
        return text

    def _undo(self, text: str) -> Undo:
        action, _, rest = text.partition(" ")
        if action not in self.catalog.tools:
            hint = nearest(action, list(self.catalog.tools))
            raise ValueError(f"no tool {reveal(action)}" + (f": {hint}" if hint else ""))
        document = strict.read(rest.strip() or "{}")
        if document.blots or not isinstance(document.value, dict):
            why = document.blots[0].message if document.blots else "not {name: value, …}"
            raise ValueError(f"the parameters cannot be read: {why}")
        return Undo(action=action, params=document.value)


def possible_dependencies(plan: Plan, step: StepId | None) -> list[Step]:
    """The steps that `step` may depend on without a cycle, in the plan's order; all for a new one."""
    everything = [found for found, _ in plan.walk()]
    if step is None:
        return everything
    around = {phase for found, path in plan.walk() if found.id == step for phase in path}
    inside = {found.id for found, path in plan.walk() if step in path}
    try:
        graph = Graph.of(plan)
    except ValueError:  # there is a cycle already: nothing in it may be made worse
        return [found for found in everything if found.id in plan.step(step).depends_on]
    leaves = [name for name in (step, *inside) if name in graph.order]
    below = set().union(*(graph.descendants(name) for name in leaves)) if leaves else set()
    shut = {step} | around | inside | below
    shut |= {found.id for found, _ in plan.walk() if any(child.id in below for child in found.steps)}
    return [found for found in everything if found.id not in shut]


def _built(kind: type[Retry], given: Mapping[str, Any]) -> Any:
    """A `Retry`, or the bare values where they are out of range, for `Step` to refuse."""
    try:
        return kind(**given)
    except ValidationError:
        return dict(given)


def _field_of(name: str) -> str:
    return {"retry": "attempts", "expect": "matches", "params": "action"}.get(name, name)


def _free_id(plan: Plan) -> StepId:
    numbers = [int(step.id) for step, _ in plan.walk() if step.id.isdecimal()]
    return str(max(numbers, default=0) + 1)
