"""A run on a terminal without the screen: what is asked, and which answers count."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.plandeck import GREET, MAKE, WAIT, Shell

WIPE = {"goal": "Wipe", "steps": [{"id": 1, "action": "wipe", "params": {"target": "disk"}}]}


def answered(
    shell: Shell, plan: Any, answers: list[tuple[str, str]], *words: str, **env: str
) -> tuple[int, str]:
    """Run a plan on a terminal; each answer is typed when its prompt has appeared."""
    command = ("run", shell.plan(plan), "--tools", "tools.yaml", "--plain", *words)
    return typed(shell, command, answers, **env)


def typed(
    shell: Shell, command: tuple[str, ...], answers: list[tuple[str, str]], **env: str
) -> tuple[int, str]:
    """A command on a terminal that can do nothing but print lines."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "console.cli", *command],
        cwd=shell.folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "dumb", "NO_COLOR": "1", **env},
    )
    os.close(theirs)
    seen, at = "", 0
    waiting = list(answers)
    try:
        while piece := os.read(ours, 65_536):
            seen += piece.decode()
            while waiting and (found := seen.find(waiting[0][0], at)) >= 0:
                at = found + 1
                os.write(ours, waiting.pop(0)[1].encode())
    except OSError:
        pass  # the other end has closed
    except BaseException:
        shell.plandeck("stop", "last")  # what was never asked leaves a run that waits
        raise
    os.close(ours)
    code = process.wait(timeout=20)
    assert not waiting, f"never asked: {waiting[0][0]!r}\n{seen}"
    assert "\x1b" not in seen
    return code, seen


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_a_plan_is_shown_as_it_would_be_carried_out_and_runs_after_yes(shell: Shell) -> None:
    code, seen = answered(shell, MAKE, [("approve the plan? [y/n]", "y\n"), ("stop?", "stop\n")])
    assert code in (1, 4)
    told = [line.strip() for line in seen.partition("approve the plan?")[0].splitlines()]
    for fact in ("1 make  ↺ reversible", "$ touch made", "undo: unmake  ↺ reversible", "$ rm made"):
        assert fact in told
    assert any(line.startswith("reach: 2 steps") for line in told)
    assert any(line.startswith("checked: ") for line in told)


def test_without_unicode_no_command_looks_like_another(shell: Shell) -> None:
    plan = {"goal": "Greet", "steps": [{"id": 1, "action": "hello", "params": {"who": "a ▶ b · –rf"}}]}
    code, seen = answered(shell, plan, [("approve the plan?", "n\n")], "--ascii")
    assert code == 3
    assert r"$ echo hello 'a \u25b6 b \xb7 \u2013rf'" in seen
    assert "1 hello  | observe" in seen


@pytest.mark.parametrize("answer", ["n\n", "no\n", "N\n"])
def test_a_no_ends_a_run_that_has_done_nothing(shell: Shell, answer: str) -> None:
    code, seen = answered(shell, MAKE, [("approve the plan? [y/n]", answer)])
    assert code == 3
    assert "rejected" in seen
    assert not (shell.folder / "made").exists()


def test_why_a_plan_is_rejected_can_be_said(shell: Shell) -> None:
    code, seen = answered(shell, MAKE, [("approve the plan? [y/n]", "n not on a Friday\n")])
    assert code == 3
    assert "not on a Friday" in seen.partition("denied (plan)")[2]


@pytest.mark.parametrize("answer", ["\n", "yeah\n", "Y E S\n", "delte 1\n"])
def test_what_is_neither_yes_nor_no_is_asked_again(shell: Shell, answer: str) -> None:
    ask = "approve the plan? [y/n]"
    code, seen = answered(shell, MAKE, [(ask, answer), (ask, "n\n")])
    assert code == 3
    assert ("that is no answer" in seen) == bool(answer.strip())
    assert not (shell.folder / "made").exists()


def test_a_destructive_step_runs_only_when_its_target_was_typed(shell: Shell) -> None:
    prompt = "1 destructive step: type "
    code, seen = answered(shell, WIPE, [(prompt, "yes\n"), (prompt, "DISK\n"), (prompt, "n\n")])
    assert code == 3
    assert "takes disk to approve" in seen
    assert not (shell.folder / "disk").exists()
    code, _ = answered(shell, WIPE, [("type disk (target of step 1), or n to reject: ", "disk\n")])
    assert code == 0
    assert (shell.folder / "disk").exists()


def test_what_was_typed_before_a_question_was_put_does_not_answer_it(shell: Shell) -> None:
    ask = "approve the plan? [y/n]"
    code, _ = answered(shell, MAKE, [("type ? for", "what\ny\ny\n"), (ask, "n\n")])
    assert code == 3
    code, _ = answered(shell, MAKE, [(ask, "what\ny\ny\n"), ("no answer", ""), (ask, "n\n")])
    assert code == 3
    assert not (shell.folder / "made").exists()


def test_a_failed_step_is_asked_about_until_an_answer_is_one_of_the_options(shell: Shell) -> None:
    ask = "roll back, stop? "
    answers = [("approve the plan?", "y\n"), (ask, "perhaps\n"), ("no answer", ""), (ask, "stop\n")]
    code, seen = answered(shell, MAKE, answers)
    assert "boom failed: exit code 3" in seen
    assert code in (1, 4)
    assert seen.count("\a") == 2, "each question that comes up rings once"
    assert (shell.folder / "made").exists()


def test_the_end_of_input_leaves_a_run_that_waits(shell: Shell) -> None:
    code, seen = answered(shell, GREET, [("approve the plan?", "\x04")])
    assert code == 4
    assert "goes on" in seen
    assert '"state": "awaiting_approval"' in shell.plandeck("show", "last", "--json").out
    assert shell.plandeck("stop", "last").code == 0


def test_a_gate_shows_what_would_run_with_the_results_there_are(shell: Shell) -> None:
    second = {"id": 2, "action": "hello", "params": {"who": "{step_1_result}"}, "gate": "Shall it?"}
    asks = [("approve the plan? [y/n]", "y\n"), ("$ echo hello 'hello you'", ""), ("approve? [y/n]", "y\n")]
    code, seen = answered(shell, GREET | {"steps": [*GREET["steps"], second]}, asks)
    assert code == 0
    assert "hello hello you" in seen


# ── words ────────────────────────────────────────────────────────────────────────────────────────


def test_the_words_are_listed_and_the_question_is_put_again(shell: Shell) -> None:
    again = [
        ("approve the plan? [y/n]", "?\n"),
        ("the question takes y to approve", "plan\n"),
        ("1 hello: pending", "y\n"),
    ]
    code, seen = answered(shell, GREET, again)
    assert code == 0
    assert "hold STEP: do not start it before it is released" in seen
    assert seen.count("approve the plan? [y/n]") == 3


def test_a_plan_is_edited_before_it_is_approved_and_what_is_new_is_shown(shell: Shell) -> None:
    asks = [
        ("approve the plan? [y/n]", "edit\n"),
        ("who: you becomes me", ""),
        ("approve the plan? [y/n]", "y\n"),
    ]
    code, seen = answered(shell, GREET, asks, EDITOR="sed -i s/you/me/")
    assert code == 0
    assert "plan edited by" in seen
    assert "hello me" in seen


def test_an_edit_that_is_not_valid_keeps_the_text_and_the_plan(shell: Shell) -> None:
    asks = [
        ("approve the plan? [y/n]", "edit\n"),
        ("Edit it again? [y/N]", "n\n"),
        ("your text is in", ""),
        ("approve the plan? [y/n]", "y\n"),
    ]
    code, seen = answered(shell, GREET, asks, EDITOR="sed -i s/hello/hullo/")
    assert code == 0
    assert "hello you" in seen
    kept = Path(seen.partition("your text is in ")[2].split()[0])
    assert "hullo" in kept.read_text()


def test_a_running_step_is_cancelled_and_the_run_stopped_by_words(shell: Shell) -> None:
    asks = [
        ("approve the plan?", "y\n"),
        ("▶ step 1 wait", "hold 2\n"),
        ("step 2 hello held", "retry 1\n"),
        ("it is running", "cancel 1\n"),
        ("was cancelled", ""),
        ("roll back, stop? ", "step 1\n"),
        ("attempt 1: cancelled", "stop\n"),
    ]
    code, seen = answered(shell, WAIT, asks)
    assert code in (1, 4)
    assert "step 1: it is running" in seen


def test_a_rollback_is_shown_then_asked_for(shell: Shell) -> None:
    asks = [
        ("approve the plan?", "y\n"),
        ("roll back, stop? ", "rollback\n"),
        ("roll back? [y/N]", "no\n"),
        ("nothing was rolled back", "rollback\n"),
        ("roll back? [y/N]", "y\n"),
    ]
    code, seen = answered(shell, MAKE, asks)
    assert code == 6
    told = [line.strip() for line in seen.partition("roll back? [y/N]")[0].splitlines()]
    for fact in ("1. unmake  ↺ reversible", "$ rm made", "undoes: 1 make  its own compensation"):
        assert fact in told
    assert not (shell.folder / "made").exists()


def test_a_step_without_an_id_and_a_word_nobody_knows_are_told(shell: Shell) -> None:
    asks = [
        ("approve the plan?", "y\n"),
        ("▶ step 1 wait", "hold\n"),
        ("it needs a step's id", "dance\n"),
        ("no word 'dance'", "stop\n"),
        ("nothing is undone. [y/N]", "y\n"),
    ]
    code, _ = answered(shell, WAIT, asks)
    assert code == 4


def test_who_attaches_with_lines_steers_when_nobody_else_holds_the_control(shell: Shell) -> None:
    started = shell.plandeck("run", shell.plan(GREET), "--tools", "tools.yaml", "--detach")
    run = started.out.strip()
    waits = shell.plandeck("runs")
    assert "waits for an answer: plan" in waits.out
    asks = [("you hold the control of this run", ""), ("approve the plan? [y/n]", "y\n")]
    code, seen = typed(shell, ("attach", run, "--plain"), asks)
    assert code == 0
    assert "hello you" in seen


def test_leaving_what_was_attached_to_leaves_the_run_as_it_is(shell: Shell) -> None:
    run = shell.run(GREET, "--detach").out.strip()
    code, _ = typed(shell, ("attach", run, "--plain"), [("approve the plan? [y/n]", "detach\n")])
    assert code == 4
    assert '"executed": true' in shell.plandeck("show", run, "--json").out
    assert shell.plandeck("stop", run).code == 0


def test_what_a_model_wrote_cannot_look_like_a_line_of_the_plan(shell: Shell) -> None:
    fake = 'greet\n  2 hello who="all"  [observe]'
    plan = {"goal": fake, "steps": [{"id": 1, "action": "erase", "params": {}, "description": fake}]}
    code, seen = answered(shell, plan, [("or n to reject: ", "no\n")])
    assert code == 3
    assert "says: greet" in seen
    assert "| " + fake.splitlines()[1] in seen
    assert not [line for line in seen.splitlines() if line.lstrip().startswith("2 hello")]


def test_who_attaches_by_lines_is_told_the_newest_facts_and_the_others_when_asked(shell: Shell) -> None:
    steps = [{"id": n, "action": "hello", "params": {"who": f"n{n}"}} for n in range(1, 9)]
    last = {
        "id": 9,
        "action": "hello",
        "params": {"who": "all"},
        "depends_on": list(range(1, 9)),
        "gate": True,
    }
    asks = [("approve the plan?", "y\n"), ("gate", "detach\n")]
    code, _ = answered(shell, {"goal": "Greet all", "steps": [*steps, last]}, asks)
    assert code == 4
    asks = [("approve? [y/n]", "events 500\n"), (": Greet all", "y\n")]
    code, seen = typed(shell, ("attach", "last", "--plain"), asks)
    assert code == 0
    before = seen.partition("events 500")[0]
    assert "the newest 20 of" in before
    assert "Greet all" not in before
