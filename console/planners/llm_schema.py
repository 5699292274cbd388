"""The shape a model is held to, as JSON Schema: the plan, with a branch for each tool where it can be.

Providers' strict mode wants every key required and none besides, so what is optional may be null there;
`null` means *not given*. It has no place for parameters of free shape: with such a tool in the catalog
there is no strict schema, and the forms after it are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.catalog.spec import Parameter, ToolSpec
from console.plan.model import NOTE

MAX_BRANCHES = 100
"""Providers limit the size of strict schemas."""

PHASE = "phase"
"""The action of a step that stands for steps which are planned when it is reached."""

_TEXT: dict[str, Any] = {"type": "string"}
_IDS: dict[str, Any] = {"type": "array", "items": _TEXT}


def strict_schema(tools: Sequence[ToolSpec], *, phases: bool = False) -> dict[str, Any] | None:
    """The schema for strict mode; `None` when the tools cannot be put that way. With `phases` a step may be
    one that is planned later."""
    if not tools or len(tools) > MAX_BRANCHES or any(_is_free(p) for t in tools for p in t.parameters):
        return None
    steps = [_closed(_step_keys({"const": t.name, "type": "string"}, _strict_params(t))) for t in tools]
    if phases:
        steps.append(_closed(_step_keys({"const": PHASE, "type": "string"}, _closed({}))))
    undo = [_closed(_undo_keys({"const": t.name, "type": "string"}, _strict_params(t))) for t in tools]
    return _closed(
        {
            "reason": _TEXT,
            "steps": {"type": "array", "items": {"anyOf": steps}},
            "rollback": {"type": "array", "items": {"anyOf": undo}},
        }
    )


def strict_turn(tools: Sequence[ToolSpec]) -> dict[str, Any] | None:
    """The schema of an agent's turn for strict mode; `None` when the tools cannot be put that way."""
    if len(tools) > MAX_BRANCHES or any(_is_free(p) for t in tools for p in t.parameters):
        return None
    calls = [
        _closed({"action": {"const": t.name, "type": "string"}, "params": _strict_params(t)}) for t in tools
    ]
    call = {"anyOf": [*calls, {"type": "null"}]} if calls else {"type": "null"}
    return _closed({"thought": _TEXT, "call": call, "finish": {"type": ["string", "null"]}})


def open_turn(tools: Sequence[ToolSpec]) -> dict[str, Any]:
    """The schema of an agent's turn without a branch per tool."""
    action = {"type": ["string", "null"], "enum": [*(tool.name for tool in tools), None]}
    return {
        "type": "object",
        "properties": {
            "thought": _TEXT,
            "action": action,
            "params": {"type": ["object", "null"]},
            "finish": {"type": ["string", "null"]},
        },
        "required": ["thought"],
    }


def open_schema(tools: Sequence[ToolSpec], *, phases: bool = False) -> dict[str, Any]:
    """The schema without a branch per tool: the names of the tools, parameters of any shape."""
    names = [*(tool.name for tool in tools), NOTE]
    action: dict[str, Any] = {"type": "string", "enum": [*names, PHASE] if phases else names}
    params = {"type": "object"}
    step = {
        "type": "object",
        "properties": _step_keys(action, params),
        "required": ["id", "action", "params"],
    }
    item = _undo_keys({"type": "string", "enum": names}, params)
    return {
        "type": "object",
        "properties": {
            "reason": _TEXT,
            "steps": {"type": "array", "items": step},
            "rollback": {
                "type": "array",
                "items": {"type": "object", "properties": item, "required": ["action", "params"]},
            },
        },
        "required": ["reason", "steps"],
    }


def _step_keys(action: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": _TEXT,
        "action": action,
        "params": params,
        "depends_on": _IDS,
        "description": _TEXT,
        "gate": {"type": ["string", "null"]},
    }


def _undo_keys(action: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    return {"action": action, "params": params, "undoes": _IDS}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _strict_params(tool: ToolSpec) -> dict[str, Any]:
    return _closed({p.name: _strict_parameter(p) for p in tool.parameters})


def _strict_parameter(parameter: Parameter) -> dict[str, Any]:
    """A value of the parameter's type, or text, which may be a reference to a result."""
    optional = not parameter.required or parameter.default is not None
    types = [*dict.fromkeys((parameter.type, "string")), *(("null",) if optional else ())]
    schema: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    if parameter.description:
        schema["description"] = parameter.description
    if parameter.type == "array":
        schema["items"] = parameter.json_schema["items"]
    return schema


def _is_free(parameter: Parameter) -> bool:
    items = parameter.json_schema.get("items")
    simple = isinstance(items, dict) and items.get("type") in ("string", "number", "integer", "boolean")
    return parameter.type == "object" or (parameter.type == "array" and not simple)
