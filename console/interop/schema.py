"""The parameters of a tool as JSON Schema, written as a tool file writes them.

A schema made from type hints says more than `type`: references to definitions, and `anyOf` with null for
what may be left out. References are put in place; null means that the parameter need not be given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TYPES = ("string", "number", "integer", "boolean", "array", "object")


def parameters_of(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The `parameters` of a tool file for the properties of `schema`."""
    definitions = schema.get("$defs") or schema.get("definitions") or {}
    required = schema.get("required", ())
    return [
        _parameter(name, _inlined(one, definitions, ()), required=name in required)
        for name, one in (schema.get("properties") or {}).items()
    ]


def _parameter(name: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    schema, nullable = _without_null(schema)
    kind = schema.get("type")
    if kind not in _TYPES:
        kind = _kind_of(schema)
    parameter: dict[str, Any] = {"name": name, "type": kind}
    if text := str(schema.get("description") or schema.get("title") or ""):
        parameter["description"] = text
    if required and not nullable:
        parameter["required"] = True
    if schema.get("default") is not None:
        parameter["default"] = schema["default"]
    more = {k: v for k, v in schema.items() if k not in ("type", "description", "title", "default")}
    if more:
        parameter["schema"] = more
    return parameter


def _without_null(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    for key in ("anyOf", "oneOf"):
        options = schema.get(key)
        if not isinstance(options, list) or {"type": "null"} not in options:
            continue
        rest = [one for one in options if one != {"type": "null"}]
        around = {k: v for k, v in schema.items() if k != key}
        return ({**rest[0], **around} if len(rest) == 1 else {**around, key: rest}), True
    kinds = schema.get("type")
    if isinstance(kinds, list) and "null" in kinds:
        rest = [kind for kind in kinds if kind != "null"]
        return {**schema, "type": rest[0] if len(rest) == 1 else rest}, True
    return schema, False


def _kind_of(schema: Mapping[str, Any]) -> str:
    """The one type that a schema without one can mean; text where it may be several."""
    options = [one for key in ("anyOf", "oneOf", "allOf") for one in schema.get(key) or ()]
    kinds = {str(one.get("type")) if isinstance(one, dict) else "" for one in options}
    if len(kinds) == 1 and (kind := kinds.pop()) in _TYPES:
        return kind
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _inlined(value: Any, definitions: Mapping[str, Any], above: tuple[str, ...]) -> Any:
    """References put in place. A definition inside itself (`above`) may be anything: it has no end."""
    if isinstance(value, list):
        return [_inlined(one, definitions, above) for one in value]
    if not isinstance(value, dict):
        return value
    around = {key: _inlined(one, definitions, above) for key, one in value.items() if key != "$ref"}
    reference = value.get("$ref")
    if not isinstance(reference, str):
        return around
    name = reference.rpartition("/")[2]
    if name in above or name not in definitions:
        return around
    return {**_inlined(definitions[name], definitions, (*above, name)), **around}
