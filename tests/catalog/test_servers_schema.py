"""Schemas of servers: used as far as they can be checked here, and never able to hold anybody up."""

from __future__ import annotations

from typing import Any

import pytest

from console.catalog.mcp import Listing, with_tools
from console.catalog.parameters import Checker
from console.catalog.spec import Catalog, McpServer, ToolSpec


def told(schema: dict[str, Any]) -> ToolSpec:
    server = Catalog(servers={"s": McpServer(command="s")})
    catalog = with_tools(server, {"s": Listing(({"name": "t", "inputSchema": schema},))})
    assert catalog.warnings == ()
    return catalog.tools["s.t"]


@pytest.mark.parametrize("pattern", [r"^\p{L}+$", "(?<year>[0-9]{4})", "^(a+)+$", "["])
def test_patterns_are_the_servers_business(pattern: str) -> None:
    schema = {
        "type": "object",
        "properties": {
            "pattern": {"type": "string", "pattern": pattern},
            "more": {
                "type": "object",
                "properties": {"kind": {"enum": ["a", "b"]}},
                "patternProperties": {pattern: {"type": "string", "pattern": pattern}},
                "additionalProperties": False,
            },
            "ref": {"anyOf": [{"$ref": "#/$defs/pattern"}]},
        },
        "required": ["pattern"],
        "$defs": {"pattern": {"type": "string", "pattern": pattern, "maxLength": 3}},
        "additionalProperties": False,
    }
    tool, checker = told(schema), Checker()
    given = {"pattern": "a" * 60 + "!", "more": {"kind": "a", "a" * 60 + "!": 1}, "ref": "abc"}
    assert list(checker.problems(tool, given)) == []
    wrong = {"patern": "x", "more": {"kind": "c"}, "ref": "abcd"}
    assert [what for what, _ in checker.problems(tool, wrong)] == [
        "s.t has no parameter patern",
        "s.t needs the parameter pattern",
        "the parameter more of s.t does not fit: 'c' is not one of ['a', 'b']",
        "the parameter ref of s.t does not fit: 'abcd' is not valid under any of the given schemas",
    ]
    assert tool.input_schema == schema
