"""Saved tasks, and runs like other runs: both are started again from the command line."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from console.errors import UsageError
from console.plan.model import Plan, Step
from console.task import load, save, saved
from tests.cli.plandeck import GREET, MAKE, Shell

PLAN = Plan(goal="Say $5", steps=(Step(id="1", action="none", params={"text": "five"}),))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def test_a_saved_task_is_a_task_file_that_loads_by_its_name(home: Path) -> None:
    file = save("five", PLAN, goal="Say $5", tools=[], document={"limits": {"parallel": 2}})
    assert saved() == {"five": file}
    task = load("five")
    assert (task.goal, task.plan, task.limits) == ("Say $5", PLAN, {"parallel": 2})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["", "../x", "a b", "deploy"])
def test_a_name_that_is_none_or_is_a_sample_is_refused(home: Path, name: str) -> None:
    with pytest.raises(UsageError, match="nothing was saved"):
        save(name, PLAN, goal="g", tools=[], document={})
    assert saved() == {}


def test_a_saved_task_is_run_by_its_name(home: Path) -> None:
    shell = Shell(home)
    plan = Plan(goal="Greet", steps=(Step(id="1", action="hello", params={"who": "you"}),))
    save("greet", plan, goal="Greet", tools=[str(home / "tools.yaml")], document={})
    done = shell.plandeck("run", "greet", "--yes", "--plain")
    assert done.code == 0, done.err
    assert "hello you" in done.out


def test_a_run_like_another_one_has_its_plan_tools_and_folder(home: Path) -> None:
    shell = Shell(home)
    first = shell.run(GREET, "--yes", "--json", XDG_STATE_HOME=str(home / "state"))
    run = first.fact("run_created")["run"]
    shell.plan(MAKE)
    again = shell.plandeck("run", "--like", run, "--yes", "--json", XDG_STATE_HOME=str(home / "state"))
    assert again.code == 0, again.err
    assert again.fact("run_created")["run"] != run
    assert again.fact("plan_drafted")["plan"] == first.fact("plan_drafted")["plan"]
    assert again.fact("run_created")["workspace"] == first.fact("run_created")["workspace"]


def test_a_task_and_a_run_to_be_like_exclude_each_other(home: Path) -> None:
    done = Shell(home).plandeck("run", "deploy", "--like", "last")
    assert done.code == 2
    assert "--like" in done.err
