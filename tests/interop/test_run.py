"""The examples of the guide, carried out: a LangGraph graph plans, LangChain and LlamaIndex tools work, and
everything is approved, recorded and rolled back here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.plandeck import Done, Shell

pytestmark = pytest.mark.timeout(240)  # each of these libraries takes seconds to load, in every process

PATIENCE = 200.0

GOAL = "Count the words of the motto"
WITH = (
    "--planner", "example-graph", "--tools", "example-langchain", "--tools", "example-llamaindex",
    "--env", "PYTHONPATH", "--json",
)  # fmt: skip


def plandeck(folder: Path, *words: str) -> Done:
    with Shell(folder).start(*words) as process:
        out, err = process.communicate(timeout=PATIENCE)
    return Done(process.returncode, out, err)


def test_a_graph_plans_and_foreign_tools_carry_it_out(examples: Path, tmp_path: Path) -> None:
    done = plandeck(tmp_path, "run", GOAL, *WITH, "--yes")
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "motto.txt").read_text() == '{"words": 4}\n'
    assert done.fact("plan_drafted")["planner"] == "example-graph"
    undone = plandeck(tmp_path, "rollback", "last", "--yes", "--json")
    assert undone.code == 6
    assert not (tmp_path / "motto.txt").exists()


def test_the_graph_replans_after_a_failure(examples: Path, tmp_path: Path) -> None:
    (tmp_path / "motto.txt").write_text("mine\n")
    done = plandeck(tmp_path, "run", GOAL, *WITH, "--yes", "--on-failure", "replan")
    assert (done.code, done.err) == (0, "")
    assert done.fact("step_failed")["error"] == "exit code 1"
    assert "FileExistsError: motto.txt is there already" in done.fact("step_failed")["tail"]
    assert (tmp_path / "motto-2.txt").read_text() == '{"words": 4}\n'
    assert (tmp_path / "motto.txt").read_text() == "mine\n"


def test_the_examples_are_well(examples: Path, tmp_path: Path) -> None:
    looks = json.loads(plandeck(tmp_path, "doctor", "--json").out)
    said = [(look["name"], look["state"]) for look in looks if look["name"].endswith("plugin")]
    assert said == [("planner plugin", "ok"), ("tool plugin", "ok"), ("tool plugin", "ok")]
