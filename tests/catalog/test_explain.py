"""A catalog in plain text."""

from __future__ import annotations

from console.catalog.explain import explain, summary
from console.catalog.load import load, names
from console.catalog.spec import Catalog
from console.catalog.toolfile import read_tool_file

TOOL = """
tools:
- name: migrate
  description: Move the schema on
  risk: destructive
  parameters:
  - {name: db, required: true, description: which one, pattern: "^[a-z]+$"}
  - {name: steps, type: integer, default: 1, allow_dash: true}
  requires: [backup $db]
  provides: [migrated $db]
  undo: {tool: restore, params: {db: $db}}
  idempotent: true
  duration: 90
  script: {shell: "migrate.sh {{db}}", timeout: 2m}
- name: ask
  http: {url: "https://example.org"}
"""


def test_a_tool_is_explained_in_plain_lines() -> None:
    tool = read_tool_file(TOOL, file="t.yaml").tools[0]
    assert explain(tool).splitlines() == [
        "migrate",
        "  Move the schema on",
        "",
        "parameters",
        '  db: string, pattern "^[a-z]+$", required. which one',
        '  steps: integer, default 1, may begin with "-"',
        "risk        destructive",
        "requires    backup $db",
        "provides    migrated $db",
        "undo        restore db='$db'",
        "it is       idempotent",
        "takes about 90 s",
        "command     migrate.sh {{db}}",
        "timeout     120 s",
        "file        t.yaml:3",
    ]


def test_the_list_of_tools_is_sorted_and_says_what_is_not_known() -> None:
    catalog = Catalog(tools={tool.name: tool for tool in read_tool_file(TOOL).tools})
    assert [(row.name, row.risk, row.takes) for row in summary(catalog)] == [
        ("ask", "disruptive?", ""),
        ("migrate", "destructive", "db [steps]"),
    ]


def test_every_tool_that_comes_along_can_be_explained() -> None:
    catalog = load(names())
    assert len(summary(catalog)) == len(catalog.tools)
    for tool in catalog.tools.values():
        assert explain(tool).startswith(tool.name)
