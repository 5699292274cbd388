"""A goal in words that says what a saved task is for is that task, with the values of the words."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.errors import InvalidTask, UsageError
from console.task import load
from console.task.template import fitting
from tests.cli.plandeck import Shell

RELEASE = """
goal: Release $tag to ${place} safely
inputs: {tag: {}, place: {default: staging}}
tools: [./greeter.yaml]
want: [greeted $tag]
"""
GREETER = """
tools:
  - name: greet
    parameters: [{name: who, required: true}]
    risk: observe
    provides: [greeted $who]
    script: {shell: "echo hello {{who}}"}
"""


@pytest.fixture
def tasks(own_folders: Path) -> Path:
    """The folder of saved tasks, with one in it."""
    folder = own_folders / "config/plandeck/tasks"
    write(folder, "release", RELEASE)
    (folder / "release/greeter.yaml").write_text(GREETER)
    return folder


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "task.yaml").write_text(text)


def values(words: str) -> dict[str, str] | None:
    found = fitting(words)
    return found.values if found else None


@pytest.mark.usefixtures("tasks")
def test_words_give_the_inputs_their_values() -> None:
    assert values("release  v2.4 to production SAFELY") == {"tag": "v2.4", "place": "production"}
    assert values("Release v2.4 to production") is None
    assert values("Release v2.4 and v2.5 to production safely") is None
    task = load("Release v2.4 to production safely", templates=True)
    assert (task.goal, task.inputs) == (
        "Release v2.4 to production safely",
        {"tag": "v2.4", "place": "production"},
    )
    assert task.taken_as == "taken as the saved task release with tag=v2.4, place=production"
    assert load("Release v2.4 to production safely").want == ()


def test_of_several_the_one_that_says_most_itself_is_meant(tasks: Path) -> None:
    write(tasks, "anything", "goal: Release $what to $where $how\ninputs: {what: {}, where: {}, how: {}}\n")
    write(tasks, "same", "goal: $it and $it\ninputs: {it: {}}\n")
    assert str(fitting("Release v2.4 to production safely")).startswith("taken as the saved task release ")
    assert values("Release v2.4 to production slowly") == {
        "what": "v2.4",
        "where": "production",
        "how": "slowly",
    }
    assert values("x and x") == {"it": "x"}
    assert values("x and y") is None
    write(tasks, "twin", RELEASE)
    with pytest.raises(UsageError, match="release, twin"):
        fitting("Release v2.4 to production safely")


def test_a_ready_plan_and_what_cannot_be_read_are_nobodys_template(tasks: Path) -> None:
    write(tasks, "ready", "goal: Do it now\nplan: plan.yaml\n")
    write(tasks, "broken", "goal: [Do it now\n")
    (tasks / "gone").mkdir()
    (tasks / "gone/task.yaml").symlink_to("nowhere")
    assert fitting("Do it now") is None


def test_a_fault_of_the_task_is_told_at_its_line(tasks: Path) -> None:
    write(tasks, "faulty", "goal: Do $it now\ninputs: {it: {}}\nfact: []\n")
    with pytest.raises(InvalidTask, match="unknown key 'fact'"):
        load("Do that now", templates=True)


@pytest.mark.usefixtures("tasks")
def test_a_run_says_which_task_the_words_were_taken_as(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    done = shell.plandeck("run", "release v2.4 to production safely", "--yes", "--plain")
    assert (done.code, done.err) == (0, "")
    assert "! taken as the saved task release with tag=v2.4, place=production" in done.out
    assert "$ echo hello v2.4" in done.out
    planned = shell.plandeck("plan", "release v2.4 to production safely")
    assert planned.err.startswith("plandeck: taken as the saved task release with tag=v2.4")
    refused = shell.plandeck("run", "release v2.4 to production safely", "--planner", "offline", "--plain")
    assert refused.code == 3
    assert "no goal pattern says" in refused.err
