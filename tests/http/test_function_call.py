"""Python functions as steps: what they get, what comes of them, and what they cannot break."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from console.runners.router import Router
from tests.http.calling import Outcome, call, tool_of

pytestmark = pytest.mark.anyio

MODULE = """
import os, sys, threading, time

def add(a, b=1):
    print("adding")
    os.system("echo and a child")
    return a + b

def as_it_is(text): return text
def nothing(): pass
def wrong(): raise ValueError("no\\nluck")
def leaves(): sys.exit(3)
def odd(): return {1, 2}
def nan(): return float("nan")
def half(): return "\\ud83d"
def half_within(): return ["\\ud83d"]
def sees(): return {"cwd": os.getcwd(), "stdin": sys.stdin.read(), "env": os.environ.get("GIVEN")}
def hangs(): time.sleep(60)
class Kept:
    @staticmethod
    def inside(): return [1]
number = 3
"""


async def run(backend: Router, run_dir: Path, function: str, timeout: float = 20, **params: Any) -> Outcome:
    (run_dir / "my_tools.py").write_text(MODULE)
    (run_dir / "broken.py").write_text("raise RuntimeError('while loading')")
    names = ", ".join(f"{{name: {name}, schema: {{type: [string, integer]}}}}" for name in params)
    text = (
        f"tools: [{{name: f, parameters: [{names}], function: '{function}', environment: {{GIVEN: here}}}}]"
    )
    tool = tool_of(text, file=str(run_dir / "tools.yaml"))
    return await call(backend, tool, run_dir, timeout=timeout, **params)


@pytest.mark.parametrize(
    ("function", "params", "out"),
    [
        ("my_tools:add", {"a": 2, "b": 3}, "5"),
        ("my_tools:as_it_is", {"text": 'no "quotes" — ü'}, 'no "quotes" — ü'),
        ("my_tools:nothing", {}, ""),
        ("my_tools:Kept.inside", {}, "[1]"),
        ("json:dumps", {"obj": "installed"}, '"installed"'),
    ],
)
async def test_the_result_is_what_the_function_gives_back(
    backend: Router, run_dir: Path, function: str, params: dict[str, Any], out: str
) -> None:
    came = await run(backend, run_dir, function, **params)
    assert (came.status.exit_code, came.out) == (0, out)


async def test_what_a_function_prints_is_no_part_of_its_result(backend: Router, run_dir: Path) -> None:
    came = await run(backend, run_dir, "my_tools:add", a=1)
    assert came.out == "2"
    assert sorted(came.err.splitlines()) == ["adding", "and a child"]


@pytest.mark.parametrize(
    ("function", "why"),
    [
        ("my_tools:wrong", "my_tools:wrong failed: ValueError: no luck"),
        ("my_tools:leaves", "my_tools:leaves left with 3 instead of an answer"),
        ("my_tools:odd", "what it gave back cannot be written as JSON: TypeError: "),
        ("my_tools:nan", "what it gave back cannot be written as JSON: ValueError: "),
        ("my_tools:half", "what it gave back holds half a character (a lone surrogate)"),
        ("my_tools:half_within", "what it gave back holds half a character (a lone surrogate)"),
        ("my_tools:number", "my_tools:number is not a function"),
        ("my_tools:gone", "my_tools:gone cannot be loaded: AttributeError: "),
        ("gone:gone", "gone:gone cannot be loaded: ModuleNotFoundError: No module named 'gone'"),
        ("broken:x", "broken:x cannot be loaded: RuntimeError: while loading"),
    ],
)
async def test_a_failure_is_one_line_at_the_end_and_exit_code_1(
    backend: Router, run_dir: Path, function: str, why: str
) -> None:
    came = await run(backend, run_dir, function)
    assert (came.status.exit_code, came.out) == (1, "")
    assert came.err.splitlines()[-1].startswith(why)


async def test_a_function_has_the_place_of_a_step(backend: Router, run_dir: Path) -> None:
    came = await run(backend, run_dir, "my_tools:sees")
    assert json.loads(came.out) == {"cwd": str(run_dir), "stdin": "", "env": "here"}


async def test_a_function_that_hangs_is_ended_by_the_timeout(backend: Router, run_dir: Path) -> None:
    assert (await run(backend, run_dir, "my_tools:hangs", timeout=0.5)).status.timed_out


async def test_a_module_of_the_workspace_is_not_taken_for_one_of_ours(backend: Router, run_dir: Path) -> None:
    (run_dir / "json.py").write_text("raise SystemExit('hijacked')")
    tool = tool_of("tools: [{name: f, function: 'os.path:basename', parameters: [{name: p}]}]")
    assert (await call(backend, tool, run_dir, p="a/b")).out == "b"


@pytest.mark.parametrize("name", ["os.system", "os:", ":f", "a b:c", "os:system()"])
def test_what_names_no_function_is_a_fault_of_its_file(name: str) -> None:
    from console.catalog.toolfile import read_tool_file

    (fault,) = read_tool_file(f"tools: [{{name: f, function: {json.dumps(name)}}}]").faults
    assert fault.message == f"{name!r} names no function"
