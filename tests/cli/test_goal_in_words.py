"""A goal in words and no tools: what is known is offered, and what is not understood starts nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.commands.ordering import tools_for
from console.service.parts import catalog_of
from console.task import load
from tests.cli.plandeck import Shell

GREETER = """
goals:
  - {pattern: greet $who, want: [greeted $who]}
tools:
  - name: greet
    description: Greet somebody
    parameters: [{name: who, required: true}]
    risk: observe
    provides: [greeted $who]
    script: {shell: "echo hello {{who}}"}
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def mine(own_folders: Path) -> None:
    """A tool file of the operator's own."""
    folder = own_folders / "config/plandeck/tools"
    folder.mkdir(parents=True)
    (folder / "greeter.yaml").write_text(GREETER)


def test_all_known_tools_can_be_used_together() -> None:
    task = load("what time is it")
    catalog = catalog_of(task, tools_for(task, None))
    assert {"tell_time", "deploy_production", "back_up_file"} <= catalog.tools.keys()


@pytest.mark.usefixtures("mine")
def test_a_goal_in_words_is_offered_the_operators_tools_too_and_says_whose(shell: Shell) -> None:
    done = shell.plandeck("run", "please greet ada", "--yes", "--plain")
    assert (done.code, done.err) == (0, "")
    assert "▶ step 1 greet: $ echo hello ada" in done.out
    (said,) = (line for line in done.out.splitlines() if " tools of " in line)
    assert {"clock", "deploy", "greeter"} <= set(said.partition(" of ")[2].split(", "))


@pytest.mark.usefixtures("mine")
def test_a_plan_from_words_says_which_tool_files_it_needs(shell: Shell) -> None:
    made = shell.plandeck("plan", "greet ada", "-o", "plan.yaml")
    assert "the plan needs --tools greeter\n" in made.err
    assert shell.plandeck("run", "plan.yaml", "--tools", "greeter", "--yes", "--plain").code == 0


def test_tools_that_are_given_are_the_only_ones(shell: Shell) -> None:
    done = shell.plandeck("run", "what time is it", "--tools", "tools.yaml", "--yes", "--plain")
    assert done.code == 3
    assert "the tool files have none" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("make coffee",), "no goal pattern says what \"make coffee\" means; known are: "),
        (("what time is it", "--planner", "llm"), "no model is named that could plan"),
        (("what time is it", "--planner", "recorded"), "the recorded planner needs a recording"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", [("run", "--yes", "--plain"), ("plan",)])
def test_what_nobody_can_plan_is_one_line_and_nothing_is_started(
    shell: Shell, own_folders: Path, command: tuple[str, ...], words: tuple[str, ...], message: str
) -> None:
    done = shell.plandeck(*command, *words)
    assert (done.code, done.out) == (3, "")
    (line,) = done.err.splitlines()
    assert message in line
    assert not list((own_folders / "state").glob("plandeck/runs/*"))
