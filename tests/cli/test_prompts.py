"""A run on a terminal without the screen: what is asked, and which answers count."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.plandeck import ERASE, GREET, MAKE, Shell


def answered(shell: Shell, plan: Any, answers: list[tuple[str, str]], *words: str) -> tuple[int, str]:
    """Run a plan on a terminal; each answer is typed when its prompt has appeared."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "console.cli",
            "run",
            shell.plan(plan),
            "--tools",
            "tools.yaml",
            "--plain",
            *words,
        ],
        cwd=shell.folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen, at = "", 0
    waiting = list(answers)
    try:
        while piece := os.read(ours, 65_536):
            seen += piece.decode()
            if waiting and (found := seen.find(waiting[0][0], at)) >= 0:
                at = found + 1
                os.write(ours, waiting.pop(0)[1].encode())
    except OSError:
        pass  # the other end has closed
    os.close(ours)
    return process.wait(timeout=20), seen


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_a_plan_is_shown_whole_and_runs_after_yes(shell: Shell) -> None:
    code, seen = answered(shell, GREET, [("approve the plan? [y/N]", "y\n")])
    assert code == 0
    assert '1 hello who="you"  [observe]' in seen


@pytest.mark.parametrize("answer", ["\n", "n\n", "yeah\n", "Y E S\n"])
def test_anything_but_yes_is_a_no(shell: Shell, answer: str) -> None:
    code, seen = answered(shell, MAKE, [("approve the plan? [y/N]", answer)])
    assert code == 3
    assert "rejected" in seen
    assert not (shell.folder / "made").exists()


def test_a_destructive_step_runs_only_when_its_tool_was_typed(shell: Shell) -> None:
    prompt = "type erase to confirm it:"
    code, _ = answered(shell, ERASE, [(prompt, "yes\n")])
    assert code == 3
    assert not (shell.folder / "erased").exists()
    code, _ = answered(shell, ERASE, [(prompt, "erase\n"), ("approve the plan? [y/N]", "yes\n")])
    assert code == 0
    assert (shell.folder / "erased").exists()


def test_a_failed_step_is_asked_about_until_an_answer_is_one_of_the_options(shell: Shell) -> None:
    answers = [("approve the plan?", "y\n"), ("roll back", "perhaps\n"), ("roll back", "stop\n")]
    code, seen = answered(shell, MAKE, answers)
    assert "boom failed: exit code 3" in seen
    assert code in (1, 4)
    assert (shell.folder / "made").exists()


def test_the_end_of_input_leaves_a_run_that_waits(shell: Shell) -> None:
    code, _ = answered(shell, GREET, [("approve the plan?", "\x04")])
    assert code == 4
    assert '"state": "awaiting_approval"' in shell.plandeck("show", "last", "--json").out
