"""A tool and parameters become a process: values, folders, environment, and what is refused."""

# ruff: noqa: E501 (tables of cases read best with one case on a line)

from __future__ import annotations

import shlex
from typing import Any

import pytest

from console.catalog.command import check_command, command, display, probe_command, variables
from console.catalog.spec import ToolSpec
from console.catalog.toolfile import read_tool_file
from console.errors import NeverStarted


def tool(text: str) -> ToolSpec:
    found = read_tool_file(f"tools:\n- name: t\n{text}", file="f")
    assert not found.faults, [str(fault) for fault in found.faults]
    return found.tools[0]


def argv(text: str, **params: Any) -> tuple[str, ...]:
    return command(tool(text), params, workspace="/w", caller={}).argv


DEPLOY = """  parameters: [{name: env, required: true}, {name: tag, default: v1}]
  script: {shell: "bash deploy.sh {{env}} {{tag}}", working_dir: app, timeout: 5m}
"""
LISTED = """  parameters: [{name: a, required: true}, {name: b}, {name: c, type: array}]
  script: {command: prog, args: ["{{a}}", "{{b}}", "--c={{c}}", "x"]}
"""


def test_a_shell_script_gets_values_as_positional_parameters() -> None:
    made = command(tool(DEPLOY), {"env": "production; id"}, workspace="/w")
    assert made.argv == ("sh", "-c", 'bash deploy.sh "$1" "$2"', "sh", "production; id", "v1")
    assert (made.cwd, made.timeout) == ("/w/app", 300)


def test_what_is_shown_reads_as_it_runs() -> None:
    made = command(tool(DEPLOY), {"env": "production", "tag": "v2.3.1"}, workspace="/w")
    assert display(made) == "bash deploy.sh production v2.3.1"
    made = command(tool(DEPLOY), {"env": "a b", "tag": "$(id)"}, workspace="/w")
    assert display(made) == "bash deploy.sh 'a b' '$(id)'"


def test_an_argument_that_is_an_optional_placeholder_without_a_value_is_left_out() -> None:
    assert argv(LISTED, a="1", c=[1, "é"]) == ("prog", "1", '--c=[1, "é"]', "x")
    assert argv(LISTED, a="1", b="2", c=[]) == ("prog", "1", "2", "--c=[]", "x")
    shown = display(command(tool(LISTED), {"a": "1 2", "c": []}, workspace="/w"))
    assert shlex.split(shown) == ["prog", "1 2", "--c=[]", "x"]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("integer", 3, "3"),
        ("integer", "3", "3"),
        ("number", 0.5, "0.5"),
        ("boolean", True, "true"),
        ("boolean", "false", "false"),
        ("object", {"a": [None]}, '{"a": [null]}'),
        ("array", "[1, 2]", "[1, 2]"),
        ("string", "{step_1_result} {{x}} $1", "{step_1_result} {{x}} $1"),
    ],
)
def test_values_are_written_as_json_and_text_as_it_is(kind: str, value: Any, text: str) -> None:
    made = f"  parameters: [{{name: x, type: {kind}}}]\n  script: {{shell: 'p {{{{x}}}}'}}"
    assert argv(made, x=value)[-1] == text


PICKY = """  parameters:
  - {name: n, type: integer, minimum: 1}
  - {name: s, pattern: "^[a-z]+$"}
  - {name: d, allow_dash: true, default: ""}
  - {name: r, required: true}
  script: {shell: "p {{r}} --s={{s}} -- {{n}}; q {{d}}"}
"""


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"s": "a", "n": 1}, "t needs the parameter r"),
        ({"r": "x", "n": 1}, "the parameter s of t cannot be passed: it has no value and no default"),
        ({"r": "x", "n": 1, "s": "a", "z": 1}, "t has no parameter z"),
        ({"r": "x", "n": "y", "s": "a"}, "the parameter n of t does not fit: 'y' is not of type 'integer'"),
        ({"r": "x", "n": True, "s": "a"}, "the parameter n of t does not fit"),
        ({"r": "x", "n": 0, "s": "a"}, "the parameter n of t does not fit"),
        ({"r": "x", "n": 1, "s": "a\n"}, "the parameter s of t does not fit"),
        ({"r": "x", "n": 1, "s": "{step_1_result}"}, "the parameter s of t does not fit"),
        ({"r": "-rf", "n": 1, "s": "a"}, "the parameter r of t cannot be passed: it begins with"),
        ({"r": "a\0b", "n": 1, "s": "a"}, "the parameter r of t cannot be passed: it holds a NUL byte"),
        ({"r": "\ud800", "n": 1, "s": "a"}, "half a character"),
    ],
)
def test_what_cannot_be_passed_never_starts(params: dict[str, Any], reason: str) -> None:
    with pytest.raises(NeverStarted, match="nothing was started") as refused:
        command(tool(PICKY), params, workspace="/w")
    assert reason in refused.value.what


def test_a_dash_is_allowed_where_the_file_says_so_or_after_two() -> None:
    assert argv(PICKY, r="x", n=1, s="a", d="-z")[-1] == "-z"


def test_the_environment_is_filled_in_one_pass() -> None:
    made = command(
        tool(
            "  parameters: [{name: a, required: true}]\n"
            "  environment: {A: 'x {{a}} $HOME ${NO}', B: $TOKEN}\n"
            "  script: {shell: 'echo $A $SITE ${PORT:-1}'}"
        ),
        {"a": "$HOME {{a}}"},
        workspace="/w",
        caller={"HOME": "/h", "TOKEN": "t", "SITE": "s", "OTHER": "o"},
    )
    assert made.env == {"A": "x $HOME {{a}} /h ", "B": "t", "HOME": "/h", "SITE": "s", "TOKEN": "t"}


def test_only_variables_that_the_file_names_are_passed_on() -> None:
    named = variables(
        tool(
            "  secrets: [KEY]\n  environment: {A: $B}\n  probe: p $C\n  script: {shell: 'x $A $KEY \"${D%/}\" $1 $$'}"
        )
    )
    assert named == {"B", "C", "D"}


def test_a_scripts_own_variables_are_not_the_callers() -> None:
    script = "n=1; for i in a b; do read -r line; echo $n $i $line $SITE; done; PORT=${PORT:-80}"
    assert variables(tool(f"  script: {{shell: '{script}'}}")) == {"SITE", "PORT"}


def test_probe_and_check_are_made_of_the_same_values() -> None:
    made = tool(
        "  parameters: [{name: a, required: true}]\n  probe: 'test -e {{a}}'\n  script: {shell: 'touch {{a}}'}"
    )
    probe = probe_command(made, {"a": "f f"}, workspace="/w")
    assert probe is not None
    assert probe.argv == ("sh", "-c", 'test -e "$1"', "sh", "f f")
    assert display(probe) == "test -e 'f f'"
    assert check_command(made, {"a": "f"}, workspace="/w") is None
    with pytest.raises(NeverStarted):
        probe_command(made, {"a": "-f"}, workspace="/w")


def test_a_tool_that_is_no_process_makes_a_call_that_says_what_it_is() -> None:
    made = command(tool("  http: {url: 'https://example.org/a'}"), {}, workspace="/w")
    assert made.call is not None
    assert (made.call["kind"], made.argv) == ("http", ("GET", "https://example.org/a"))
    made = command(
        tool("  parameters: [{name: n, type: integer}]\n  function: 'm:f'"), {"n": 3}, workspace="/w"
    )
    assert made.call == {"kind": "function", "function": "m:f", "beside": ".", "params": {"n": 3}}
    assert display(made) == 'm:f {"n": 3}'
