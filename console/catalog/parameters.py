"""The values a step gives a tool: checked against the tool's JSON Schema, and written as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from console.catalog.spec import Parameter, ToolSpec
from console.json_schema import schema_fault, validator
from console.plan import references
from console.plan.faults import nearest
from console.plan.model import Params

Problem = tuple[str, str]
"""What is wrong with a parameter, and a hint (or "")."""

_TYPES: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}

_PLAIN: dict[str, tuple[type, ...]] = {"string": (str,), **_TYPES}

_VALUES = ("enum", "const", "default", "examples")
"""Keywords of a schema below which there are no schemas, but values."""

_NAMED = ("properties", "$defs", "definitions", "dependentSchemas")
"""Keywords below which there are schemas by name."""


def text_of(value: Any) -> str:
    """A value as one word of a process: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def resolved(tool: ToolSpec, params: Params) -> Params:
    """`params` with defaults, without parameters that have no value, and with results of processes
    (which are text) read as the number, boolean, array or object that a parameter wants."""
    given = tool.with_defaults({k: v for k, v in params.items() if v is not None})
    types = {p.name: p.type for p in tool.parameters}
    return {name: _read_as(types.get(name, "string"), value) for name, value in given.items()}


def _read_as(wanted: str, value: Any) -> Any:
    if wanted == "string" or not isinstance(value, str):
        return value
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        return value
    fits = isinstance(read, _TYPES[wanted]) and (wanted == "boolean" or not isinstance(read, bool))
    return read if fits else value


class Checker:
    """Checks parameters of the tools of one catalog; keeps each tool's compiled validator."""

    def __init__(self) -> None:
        self._validators: dict[int, tuple[ToolSpec, Any]] = {}

    def problems(self, tool: ToolSpec, params: Params, *, template: bool = False) -> Iterator[Problem]:
        """Everything wrong with `params`: missing, unknown, or not what the schema asks. In a
        `template` a value that holds references is left to be checked when they are resolved; in
        resolved parameters what looks like a reference is text."""
        declared = {p.name: p for p in tool.parameters}
        more = (tool.input_schema or {}).get("additionalProperties", False) is not False
        for name in () if more else params:
            if name not in declared:
                known = nearest(name, list(declared))
                yield f"{tool.name} has no parameter {name}", known or _takes(declared)
        for parameter in tool.parameters:
            missing = params.get(parameter.name) is None and parameter.default is None
            if parameter.required and missing:
                yield f"{tool.name} needs the parameter {parameter.name}", parameter.description
        checked = {k: v for k, v in params.items() if v is not None and (more or k in declared)}
        if template:
            checked = {k: v for k, v in checked.items() if not references.find(v)}
        if tool.input_schema is None:
            checked = {k: v for k, v in checked.items() if not _is_plain(declared[k], v)}
        if checked:
            yield from self._ill_typed(tool, checked)

    def _ill_typed(self, tool: ToolSpec, params: Params) -> Iterator[Problem]:
        from referencing.exceptions import Unresolvable

        try:
            errors = list(self._validator(tool).iter_errors(params))
        except (Unresolvable, RecursionError):
            yield (
                f"the parameters of {tool.name} cannot be checked: its schema refers to what is not in it",
                "",
            )
            return
        for error in errors:
            name = str(error.absolute_path[0]) if error.absolute_path else ""
            wanted = error.schema.get("description", "") if len(error.absolute_path) == 1 else ""
            yield f"the parameter {name} of {tool.name} does not fit: {_short(error.message)}", str(wanted)

    def _validator(self, tool: ToolSpec) -> Any:
        kept = self._validators.get(id(tool))
        if kept is None or kept[0] is not tool:
            schema = tool.schema_of_parameters if tool.input_schema is None else plain(tool.input_schema)
            schema = {**schema, "required": []}
            kept = self._validators[id(tool)] = (tool, validator(schema))
        return kept[1]


def _is_plain(parameter: Parameter, value: Any) -> bool:
    """Whether a parameter asks for no more than a type, and the value is just of it. Nearly all are: they
    need no validator, which takes longer to import than a screen to paint."""
    return not parameter.json_schema and type(value) in _PLAIN[parameter.type]


def plain(schema: Any) -> Any:
    """A schema that somebody else wrote, without its patterns. They are of another language than Python's,
    and one of them could keep this process busy for ever; whoever wrote them looks for himself."""
    if isinstance(schema, list):
        return [plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    left_out = {"pattern", "patternProperties"}
    if "patternProperties" in schema:  # what they would allow is not known then
        left_out |= {"additionalProperties", "unevaluatedProperties"}
    return {key: _plain_value(key, value) for key, value in schema.items() if key not in left_out}


def _plain_value(key: str, value: Any) -> Any:
    if key in _VALUES:
        return value
    if key in _NAMED and isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return plain(value)


def schema_problem(parameter: Parameter) -> str:
    """Why the schema of a parameter cannot be used, or its default does not fit it; else ""."""
    schema = {"type": parameter.type, **parameter.json_schema}
    if fault := schema_fault(schema):
        return f"its schema cannot be used: {_short(fault)}"
    if parameter.default is not None:
        for misfit in validator(schema).iter_errors(parameter.default):
            return f"its default does not fit: {_short(misfit.message)}"
    return ""


def _takes(declared: Mapping[str, Parameter] | Iterable[str]) -> str:
    names = ", ".join(declared)
    return f"it takes {names}" if names else "it takes none"


def _short(message: str) -> str:
    return message if len(message) <= 160 else f"{message[:100]} ... {message[-50:]}"
