"""Schemas of other libraries as the parameters of a tool file; none of those libraries is needed here."""

from __future__ import annotations

from typing import Any

import pytest

from console.interop.schema import parameters_of


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "integer"}, "integer"),
        ({"type": ["integer", "null"]}, "integer"),
        ({"type": ["integer", "string"]}, "string"),
        ({"anyOf": [{"type": "array"}, {"type": "null"}]}, "array"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "string"),
        ({"anyOf": [{"type": ["integer", "string"]}]}, "string"),
        ({"oneOf": [True, {"type": "number"}]}, "string"),
        ({"allOf": [{"type": "number"}, {"type": "number", "minimum": 1}]}, "number"),
        ({"properties": {"a": {}}}, "object"),
        ({"items": {}}, "array"),
        ({}, "string"),
    ],
)
def test_every_schema_has_one_type(schema: dict[str, Any], kind: str) -> None:
    (parameter,) = parameters_of({"properties": {"x": schema}})
    assert parameter["type"] == kind


def test_a_definition_inside_itself_has_an_end() -> None:
    tree = {"type": "object", "properties": {"of": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}
    schema = {"$defs": {"Tree": tree}, "properties": {"t": {"$ref": "#/$defs/Tree"}}, "required": ["t"]}
    (parameter,) = parameters_of(schema)
    assert (parameter["type"], parameter["required"]) == ("object", True)
    assert parameter["schema"]["properties"]["of"]["items"] == {}
