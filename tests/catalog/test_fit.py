"""Does a plan fit its catalog?"""

# ruff: noqa: E501 (tables of cases read best with one case on a line)

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from console.catalog.fit import bind, faults, input_of
from console.catalog.load import load
from console.catalog.mcp import Listing, with_tools
from console.catalog.spec import Catalog
from console.catalog.toolfile import read_tool_file
from console.plan import codec
from console.plan.model import Compensation, Plan, Step, Undo

SHARED = Path(__file__).parents[3] / "shared"

TOOLS = """
tools:
  build: {parameters: [{name: tag, required: true, pattern: "^v"}], script: {shell: "b {{tag}}"}}
  keep: {parameters: [{name: count, type: integer, default: 3}, {name: dir}], script: {shell: "k --n={{count}}"}}
  test: {script: {shell: "make test"}}
  search: {parameters: [{name: query, required: true}, {name: top, type: integer, default: 5}], script: {shell: "s {{query}} {{top}}"}}
  echo: {parameters: [{name: input}, {name: to, required: true}], script: {shell: "e {{to}}"}}
"""
NO_PROCESS = """
tools:
  get_page: {parameters: [{name: url, required: true}], http: {url: "{{url}}"}}
  count: {function: "words:count"}
  keep: {script: {shell: "k"}, undo: {action: count}}
mcp_servers: {files: {command: serve}}
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(tools={tool.name: tool for tool in read_tool_file(TOOLS).tools})


def said(catalog: Catalog, *steps: Step, rollback: tuple[Compensation, ...] = ()) -> list[str]:
    return [str(fault) for fault in faults(Plan(steps=steps, rollback=rollback), catalog)]


def call(action: str, **params: Any) -> Step:
    return Step(id="1", action=action, params=params)


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (call("biuld", tag="v1"), "step 1: there is no tool biuld (nearest is build)"),
        (call("qqqqq"), "step 1: there is no tool qqqqq (the tools are build, keep, test, search, echo)"),
        (call("build"), "step 1: build needs the parameter tag"),
        (call("build", tag="v1", tga=2), "step 1: build has no parameter tga (nearest is tag)"),
        (call("test", x=2), "step 1: test has no parameter x (it takes none)"),
        (call("build", tag=3), "step 1: the parameter tag of build does not fit: 3 is not of type 'string'"),
        (call("build", tag="1"), "step 1: the parameter tag of build does not fit: '1' does not match '^v'"),
        (call("keep", count="3"), "step 1: the parameter count of keep does not fit: '3' is not of type 'integer'"),
        (call("keep", count=True), "step 1: the parameter count of keep does not fit: True is not of type 'integer'"),
        (call("search", query="-x"), 'step 1: the parameter query of search cannot be passed: it begins with "-" and would be read as an option'),
        (call("search", query="a\0"), "step 1: the parameter query of search cannot be passed: it holds a NUL byte"),
        (Step(id="1"), "step 1: it names no action (name a tool, or none for a note)"),
        (Step(id="1", action="test", undo=Undo(action="keep", params={"n": 1})), "step 1: undo: keep has no parameter n (it takes count, dir)"),
    ],
)  # fmt: skip
def test_a_misfit_is_told_with_its_step_and_the_nearest_name(
    catalog: Catalog, step: Step, fault: str
) -> None:
    assert said(catalog, step) == [fault]


READ = {"name": "read", "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}}}


@pytest.mark.parametrize(
    ("listing", "told"),
    [
        (None, []),
        (Listing(problem="the server files failed: it ended before it was ready"), ["step 1: files.raed cannot be carried out: the server files failed: it ended before it was ready (mend the server)"]),
        (Listing((READ,)), ["step 1: the server files has no tool raed (nearest is files.read)"]),
    ],
)  # fmt: skip
def test_a_tool_that_its_server_does_not_have_is_told_once_the_server_was_asked(
    tmp_path: Path, listing: Listing | None, told: list[str]
) -> None:
    (tmp_path / "tools.yaml").write_text(NO_PROCESS)
    catalog = load([tmp_path / "tools.yaml"])
    if listing is not None:
        catalog = with_tools(catalog, {"files": listing})
    assert said(catalog, call("files.raed")) == told


def test_all_misfits_are_told_in_reading_order(catalog: Catalog) -> None:
    phase = Step(id="p", steps=(Step(id="2", action="nope"), Step(id="3", action="build")))
    rollback = (Compensation(action="test"), Compensation(action="undo_it"))
    told = said(catalog, call("test", x=1), phase, Step(id="4", expand=True), rollback=rollback)
    assert [line.split(": ")[0] for line in told] == ["step 1", "step 2", "step 3", "rollback item 2"]


@pytest.mark.parametrize(
    "step",
    [
        call("build", tag="{step_0_result}"),
        call("keep", count="{step_0_result.count}"),
        call("keep", count=None),
        call("search", query="see {step_0_result}"),
        call("none", text="a note"),
        call("none", anything=["goes"]),
    ],
)
def test_references_and_notes_are_not_checked_before_they_are_resolved(catalog: Catalog, step: Step) -> None:
    assert said(catalog, step) == []


def test_the_lone_input_of_the_second_notation_gets_its_tools_name(catalog: Catalog) -> None:
    plan = Plan(
        steps=(
            Step(id="1", action="search", params={"input": "x"}),
            Step(id="p", steps=(Step(id="2", action="build", params={"input": "{step_1_result}"}),)),
            Step(id="3", action="echo", params={"input": "x"}),
            Step(id="4", action="unknown", params={"input": "x"}),
        )
    )
    assert [leaf.params for leaf in bind(plan, catalog).leaves()] == [
        {"query": "x"}, {"tag": "{step_1_result}"}, {"input": "x"}, {"input": "x"},
    ]  # fmt: skip
    assert [input_of(tool) for tool in catalog.tools.values()] == ["tag", "", "", "query", ""]


@pytest.mark.skipif(not (SHARED / "ops").is_dir(), reason="the runbooks are not here")
@pytest.mark.parametrize("job", ["site_deploy", "nginx_config"])
def test_the_runbooks_plans_fit_their_catalogs(job: str) -> None:
    folder = SHARED / "ops" / job
    plan = codec.load((folder / "plan.json").read_text())
    assert faults(plan, load([folder / "tools.yaml"])) == ()
    assert json.loads((folder / "plan.json").read_text())["goal"] == plan.goal
