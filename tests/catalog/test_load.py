"""Tool files: what is read, what is warned about, and that all faults are told together."""

# ruff: noqa: E501 (tables of cases read best with one case on a line)

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.catalog.file_tools import TOOL_KEYS
from console.catalog.load import load, locate, names
from console.catalog.spec import Catalog, Risk
from console.catalog.toolfile import read_tool_file
from console.errors import InvalidCatalog

SHARED = Path(__file__).parents[3] / "shared"

GANTZ = """
name: ops
description: as the original has it
version: 1.0.0
server: {port: 3000}
tools:
  - name: run_migration
    description: Execute a migration file
    parameters:
      - name: file
        type: string
        required: true
      - name: dry
        type: boolean
        default: false
    script:
      shell: psql mydb < {{file}}
      working_dir: db
      timeout: 2m
    environment: {PGUSER: app, RETRIES: 3}
  - name: script
    script: {command: python, args: ["scripts/x.py", "{{arg}}"], timeout: 90}
    parameters: [{name: arg, type: string}]
  - name: ask
    http:
      method: POST
      url: https://example.org/{{id}}
      headers: {Authorization: Bearer $TOKEN}
      body: '{"id": "{{id}}"}'
      timeout: 5s
      extract_json: data.id
    parameters: [{name: id, type: string, required: true}]
"""

OURS = """
tools:
  - name: migrate
    risk: destructive
    parameters:
      - {name: db, required: true, pattern: "^[a-z]+$"}
      - {name: mode, default: fast, enum: [fast, safe]}
    vars: [old]
    requires: [backup $db, version $db $old]
    provides: migrated $db
    removes: ["version $db *"]
    forbids: locked $db
    writes: db $db
    on_failure: {adds: half_migrated $db, removes: [ok $db]}
    recovery: no
    undo: {tool: restore, params: {db: $db}}
    verify: migrated $db
    probe: check.sh {{db}}
    check: migrate.sh --dry {{db}}
    idempotent: yes
    secrets: [PGPASSWORD]
    duration: 1m30s
    cost: 0.5
    script: {shell: "migrate.sh {{db}} {{mode}}"}
  - name: restore
    parameters: [{name: db, required: true}]
    recovery: true
    script: {shell: "restore.sh {{db}}"}
goals:
  - {pattern: "migrate $db", want: [migrated $db]}
mcp_servers:
  files: {command: mcp-files, args: [--root, .], env: {A: "1"}}
  web: {url: "https://example.org/mcp"}
"""


def write(folder: Path, text: str, name: str = "tools.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def read(folder: Path, text: str) -> Catalog:
    return load([write(folder, text)])


def told(folder: Path, *texts: str) -> list[str]:
    """The faults of these files, each as `file:line: message (hint)`."""
    paths = [write(folder, text, f"{number}.yaml") for number, text in enumerate(texts)]
    with pytest.raises(InvalidCatalog) as caught:
        load(paths)
    return [str(fault).removeprefix(f"{folder.resolve()}/") for fault in caught.value.faults]


def one(tool: str) -> str:
    return f"tools:\n- name: t\n  script: {{shell: echo}}\n{tool}"


def test_a_gantz_file_works_as_it_is(tmp_path: Path) -> None:
    catalog = read(tmp_path, GANTZ)
    assert catalog.warnings == ()
    migration, script, ask = catalog.tools.values()
    assert migration.script is not None
    assert (migration.script.working_dir, migration.timeout) == ("db", 120)
    assert migration.environment == {"PGUSER": "app", "RETRIES": "3"}
    assert migration.with_defaults({"file": "f"}) == {"file": "f", "dry": False}
    assert script.script is not None
    assert (script.script.command, script.script.args, script.timeout) == (
        "python",
        ("scripts/x.py", "{{arg}}"),
        90,
    )
    assert ask.http is not None
    assert (ask.http.method, ask.http.timeout, ask.http.extract_json) == ("POST", 5, "data.id")
    assert {tool.risk for tool in catalog.tools.values()} == {Risk.DISRUPTIVE}
    assert not any(tool.risk_known for tool in catalog.tools.values())


def test_the_environment_of_a_file_is_that_of_each_tool_unless_it_says_otherwise() -> None:
    text = """
environment: {PGUSER: app, PGHOST: db1}
tools:
  - {name: a, script: {command: psql}, environment: {PGHOST: db2}}
  - {name: b, script: {command: psql}}
"""
    assert [tool.environment for tool in read_tool_file(text).tools] == [
        {"PGUSER": "app", "PGHOST": "db2"},
        {"PGUSER": "app", "PGHOST": "db1"},
    ]
    (fault,) = read_tool_file("environment: [a]\ntools: [{name: a, script: {command: b}}]").faults
    assert (fault.line, fault.message) == (1, "environment must be a mapping of names to texts")


def test_our_own_keys_are_read(tmp_path: Path) -> None:
    catalog = read(tmp_path, OURS)
    assert catalog.warnings == ()
    tool = catalog.tools["migrate"]
    assert (tool.risk, tool.risk_known, tool.idempotent, tool.recovery) == (
        Risk.DESTRUCTIVE,
        True,
        True,
        False,
    )
    assert tool.contract.requires == (("backup", "$db"), ("version", "$db", "$old"))
    assert tool.contract.provides == (("migrated", "$db"),)
    assert tool.contract.removes == (("version", "$db", "*"),)
    assert tool.contract.forbids == (("locked", "$db"),)
    assert tool.contract.fails_adding == (("half_migrated", "$db"),)
    assert tool.contract.vars == ("old",)
    assert tool.undo is not None
    assert (tool.undo.action, tool.undo.params) == ("restore", {"db": "$db"})
    assert (tool.duration, tool.cost, tool.secrets) == (90, 0.5, ("PGPASSWORD",))
    assert tool.parameters[1].json_schema == {"enum": ["fast", "safe"]}
    assert tool.line == 3
    assert catalog.tools["restore"].recovery
    assert catalog.goals[0].want == (("migrated", "$db"),)
    assert catalog.servers["files"].args == ("--root", ".")
    assert catalog.servers["web"].url == "https://example.org/mcp"


def test_tools_and_parameters_may_be_mappings_by_name(tmp_path: Path) -> None:
    catalog = read(
        tmp_path,
        "tools:\n  t:\n    parameters: {a: {type: integer, required: true}}\n    script: {shell: 'e {{a}}'}",
    )
    assert catalog.tools["t"].schema_of_parameters["required"] == ["a"]


@pytest.mark.skipif(not (SHARED / "ops").is_dir(), reason="the runbooks are not here")
@pytest.mark.parametrize("job", ["site_deploy", "nginx_config"])
def test_the_runbooks_files_load(job: str) -> None:
    catalog = load([SHARED / "ops" / job / "tools.yaml"])
    assert not catalog.warnings
    assert any(tool.risk is Risk.DESTRUCTIVE and tool.risk_known for tool in catalog.tools.values())


def test_destructive_can_only_raise_a_risk_and_read_only_is_a_claim(tmp_path: Path) -> None:
    catalog = read(
        tmp_path,
        "tools:\n"
        "- {name: a, risk: observe, destructive: true, script: {shell: x}}\n"
        "- {name: b, risk: observe, destructive: false, script: {shell: x}}\n"
        "- {name: c, read_only: true, script: {shell: x}}\n",
    )
    assert [(t.risk, t.risk_known) for t in catalog.tools.values()] == [
        (Risk.DESTRUCTIVE, True), (Risk.OBSERVE, True), (Risk.DISRUPTIVE, False),
    ]  # fmt: skip
    assert len(catalog.warnings) == 1
    assert "claims to be read_only" in catalog.warnings[0]


def test_an_unknown_key_is_a_warning_with_the_nearest_known_one(tmp_path: Path) -> None:
    (warning,) = read(tmp_path, one("  require: [x]\n")).warnings
    assert warning.endswith(
        "tools.yaml:4: the tool t has a key require that is not used (nearest is requires)"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the document is empty"),
        ("- a", "0.yaml:1: a tool file is a mapping with a key tools"),
        ("name: x", "0.yaml:1: it declares no tools (begin with tools:)"),
        ("tools: 3", "0.yaml:1: tools must be a list"),
        ("tools: [3]", "0.yaml:1: an entry of tools must be a mapping"),
        ("tools:\n- script: {shell: x}", "0.yaml:2: tool 1 has no name"),
        ("tools:\n- {name: none, script: {shell: x}}", "'none' cannot be the name of a tool"),
        ("tools:\n- {name: a b, script: {shell: x}}", "'a b' cannot be the name of a tool"),
        ("tools:\n- name: t", "the tool t says nothing of how it is carried out"),
        ("tools:\n- {name: t, script: {shell: x}, http: {url: y}}", "says script and http of how it is"),
        ("tools:\n- {name: t, script: {}}", "needs shell or command, one of them"),
        ("tools:\n- {name: t, script: {shell: x, command: y}}", "needs shell or command, one of them"),
        ("tools:\n- {name: t, http: {method: GET}}", "the http of the tool t has no url"),
        (one("  risk: observed"), "'observed' is no risk (nearest is observe)"),
        (one("  timeout: x\n  duration: soon"), "0.yaml:5: duration must be a duration above zero"),
        (one("  idempotent: maybe"), "idempotent must be true or false"),
        (one("  provides: [done $x]"), "provides of the tool t: $x is neither a parameter nor one of vars"),
        (one("  provides: [done-$x]"), "the variable does not stand alone"),
        (one("  provides: ['done *']"), "* can only stand in removes"),
        (one("  vars: [x]"), "the variable x of the tool t is bound by nothing"),
        (one("  on_failure: {add: x}"), "on_failure of the tool t has no add"),
        (one("  undo: {params: {}}"), "the undo of the tool t names no tool"),
        (one("  undo: {tool: tt}"), "the undo of t names tt, and no file has such a tool (nearest is t)"),
        (one("  undo: {tool: t, params: {a: 1}}"), "the undo of t gives a, which t does not take"),
        (one("  parameters: [{name: a, type: int}]"), "type of the parameter a of the tool t: input should be"),
        (one("  parameters: [{name: 1a}]"), "name of the parameter 1a of the tool t"),
        (one("  parameters: [{name: a}, {name: a}]"), "the parameter a of the tool t is there twice"),
        (one("  parameters: [{name: a, type: integer, default: x}]"), "its default does not fit"),
        (one("  parameters: [{name: a, pattern: '('}]"), "its schema cannot be used: '(' is not a 'regex'"),
        (one("  parameters: [{name: a, minLength: x}]"), "its schema cannot be used"),
        ("tools:\n- name: t\n  script: {shell: 'echo {{nam}}'}\n  parameters: [{name: name}]", "no parameter for {{nam}} (nearest is name)"),
        ("tools:\n- name: t\n  script:\n    shell: |\n      a\n      eval {{x}}\n  parameters: [{name: x}]", "0.yaml:6: the tool t: {{x}} stands in the words of eval"),
        ("tools:\n- name: t\n  script: {command: sh, args: [-c, 'ls {{x}}']}\n  parameters: [{name: x}]", "stands in the text of sh -c"),
        ("tools:\n- name: t\n  script: {command: '{{x}}'}\n  parameters: [{name: x}]", "name the program"),
        (one("  probe: 'eval {{x}}'\n  parameters: [{name: x}]"), "0.yaml:4: the tool t: {{x}} stands in the words of eval"),
        ("tools: []\ngoals: [{pattern: go}]", "a goal needs a pattern and want"),
        ("tools: []\ngoals: [{pattern: go $x, want: done $y}]", "wants $y, which its pattern does not name"),
        ("mcp_servers: {a: {args: [x]}}", "the server a needs command or url, one of them"),
        ("mcp_servers: {a: {url: 'file:///x'}}", "the url of the server a is not an address"),
        ("mcp_servers: {a: {url: 'https://u:p@x/mcp'}}", "the url of the server a is not an address"),
        ("tools: []\ntools: []", "the key 'tools' is there twice"),
        ("a: &x [1]\nb: *x", "anchors and aliases are not allowed"),
        ("tools: [", "not YAML"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line_and_the_way_out(tmp_path: Path, text: str, fault: str) -> None:
    assert any(fault in line for line in told(tmp_path, text)), told(tmp_path, text)


def test_all_faults_of_all_files_are_told_together(tmp_path: Path) -> None:
    first = "tools:\n- {name: a, script: {shell: x}}\n- {name: b, risk: odd, script: {shell: 'eval {{x}}'}}\n"
    second = "tools:\n- {name: a, script: {shell: y}}\n- {name: c}\n"
    lines = told(tmp_path, first, second)
    assert [line.split(": ")[0] for line in lines] == ["0.yaml:3", "0.yaml:3", "1.yaml:2", "1.yaml:3"]
    assert "a second tool is called a (the first is at" in lines[2]


def test_a_source_that_is_not_there_names_the_nearest_one() -> None:
    with pytest.raises(InvalidCatalog, match="there is no tool file fles \\(nearest is files\\)"):
        load(["fles"])


def test_a_bare_name_is_the_users_file_before_the_one_that_comes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = locate("files")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "plandeck" / "tools"
    folder.mkdir(parents=True)
    own = write(folder, one(""), "files.yaml")
    write(folder, one(""), "own.yaml")
    assert bundled is not None
    assert locate("files") == own.resolve() != bundled
    assert "own" in names()


def test_a_path_starts_beside_the_task_and_a_file_counts_once(tmp_path: Path) -> None:
    write(tmp_path, one(""), "extra.yaml")
    catalog = load(["./extra.yaml", tmp_path / "extra.yaml"], beside=tmp_path)
    assert len(catalog.files) == 1
    assert catalog.tools["t"].file == str((tmp_path / "extra.yaml").resolve())


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (fault,) = told(tmp_path, "# " + "x" * 1024 * 1024)
    assert "larger than" in fault


def test_a_catalog_survives_the_journal(tmp_path: Path) -> None:
    catalog = read(tmp_path, OURS)
    assert Catalog.model_validate_json(catalog.model_dump_json(by_alias=True)) == catalog


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["{{x}}", "$x", "a $x *"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*TOOL_KEYS, "shell", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(tools=st.lists(st.dictionaries(st.sampled_from(TOOL_KEYS), json_values, max_size=6), max_size=3))
def test_whatever_a_file_says_is_read_or_told(tools: list[dict[str, Any]]) -> None:
    found = read_tool_file(json.dumps({"tools": tools}), file="f.json")
    assert found.faults or len(found.tools) == len(tools)
