"""What a person reads who has lines and no screen: each thing once, and at the end what can be done next."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.plandeck import GREET, MAKE, WAIT, Shell

GATED = {
    "goal": "Ask first",
    "steps": [
        {"id": 1, "action": "hello", "params": {"who": "a"}, "gate": "go on?"},
        {"id": 2, "action": "hello", "params": {"who": "x" * 300}, "depends_on": [1]},
        {"id": 3, "action": "see", "depends_on": [2]},
    ],
}
FAILS_FIRST = {"goal": "Fail at once", "steps": [{"id": 1, "action": "boom"}]}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_nobody_waits_for_an_answer_that_was_given_beforehand(shell: Shell) -> None:
    done = shell.run(GATED, "--yes", "--plain")
    assert done.code == 0
    assert "waits for an answer" not in done.out
    assert "held" not in done.out
    assert [line.split(" by ")[0][6:] for line in done.out.splitlines() if "approved" in line] == [
        "approved (plan)",
        "approved (gate step 1 hello)",
    ]


def test_a_question_that_nobody_answers_is_told(shell: Shell) -> None:
    done = shell.run(GATED, "--plain")
    assert "waits for an answer (plan)" in done.out


def test_every_step_has_a_line_when_it_starts_and_one_when_it_ends(shell: Shell) -> None:
    done = shell.run(GATED, "--yes", "--plain")
    told = re.findall(r"([▶✓]) step (\d)", done.out)
    assert told == [(mark, step) for step in "123" for mark in "▶✓"]
    assert "▶ step 1 hello: $ echo hello a\n" in done.out


def test_long_commands_and_results_are_cut_with_a_sign(shell: Shell) -> None:
    done = shell.run(GATED, "--yes", "--plain")
    assert all(len(line) < 160 for line in done.out.splitlines() if "step 2" in line)
    started, succeeded = (line for line in done.out.splitlines() if "step 2" in line)
    assert started.endswith("xxx…")
    assert succeeded.endswith("xxx…")
    # A result of several lines is its first one.
    assert re.search(r"✓ step 3 see succeeded in .* s: -none …$", done.out, re.MULTILINE)


def last_lines(out: str) -> list[str]:
    """What follows after the facts of the run."""
    return [line for line in out.splitlines() if not re.match(r"[\d:]+ ", line)]


def head_of(shell: Shell, run: str) -> str:
    return str(json.loads(shell.plandeck("show", run, "--json").out)["head"])


def test_a_failure_ends_with_what_can_be_done_next_and_the_head_of_the_journal(shell: Shell) -> None:
    done = shell.run(MAKE, "--yes", "--plain")
    assert done.code == 1
    run = done.out.split(": ")[0].split()[-1]
    *nexts, journal = last_lines(done.out)
    assert nexts == [
        f"to go on, on a terminal: plandeck resume {run}",
        f"to undo what was done: plandeck rollback {run}",
        f"to look at it: plandeck show {run}",
    ]
    assert journal.endswith(f" records, head {head_of(shell, run)}")


def test_json_is_the_record_and_nothing_else(shell: Shell) -> None:
    assert shell.run(MAKE, "--yes", "--json").facts[-1]["event"] == "run_finished"


def test_a_success_ends_with_the_head_alone(shell: Shell) -> None:
    (line,) = last_lines(shell.run(GATED, "--yes", "--plain").out)
    assert line.startswith("journal of run ")


def test_nothing_is_offered_to_be_undone_where_nothing_was_done(shell: Shell) -> None:
    done = shell.run(FAILS_FIRST, "--yes", "--plain")
    assert "plandeck rollback" not in done.out
    assert "plandeck show" in done.out


def test_a_rollback_with_nothing_to_do_says_so(shell: Shell) -> None:
    done = shell.run(FAILS_FIRST, "--yes", "--plain", "--on-failure", "rollback")
    assert done.code == 6
    assert "↶ rolling back" in done.out
    assert "↺ rollback complete: there was nothing to undo" in done.out
    assert "the run ended: rolled back, exit code 6: there was nothing to undo" in done.out
    assert "there was nothing to undo" in shell.plandeck("show", "last").out


def test_a_rollback_does_not_tell_the_whole_run_again(shell: Shell) -> None:
    shell.run(MAKE, "--yes", "--plain")
    done = shell.plandeck("rollback", "last", "--yes", "--plain")
    facts = [line[6:] for line in done.out.splitlines() if re.match(r"\d\d:\d\d ", line)]
    assert facts[0].startswith("reopened by ")
    assert facts[1].endswith(": 1 to do")
    assert "▶ undo-1 unmake: $ rm made" in facts


def test_a_run_that_is_taken_up_goes_on_telling_where_it_was(shell: Shell) -> None:
    process = shell.start("run", shell.plan(WAIT), "--tools", "tools.yaml", "--yes", "--plain")
    left = shell.leave(process, "▶ step 1 wait", signal.SIGTERM)
    run = left.out.split(": ")[0].split()[-1]
    assert last_lines(left.out)[:2] == [
        f"run {run} is interrupted (no process executes it)",
        f"to go on: plandeck resume {run}",
    ]
    (shell.folder / "go").touch()
    done = shell.plandeck("resume", run, "--yes", "--plain")
    assert done.code == 0
    assert "execution began" not in done.out
    assert re.findall(r"([▶✓]) step (\d)", done.out) == [("✓", "1"), ("▶", "2"), ("✓", "2")]


def test_a_stopped_run_with_a_cancelled_step_is_not_taken_up_where_nobody_says_how(shell: Shell) -> None:
    run = shell.run(WAIT, "--yes", "--detach").out.strip()
    assert shell.plandeck("stop", run).code == 0
    assert f"to go on, on a terminal: plandeck resume {run}" in shell.plandeck("show", run).out
    done = shell.plandeck("resume", run, "--yes", "--plain")
    assert (done.code, done.out) == (2, "")
    assert f"run {run}: the run has ended: stopped. Resume it on a terminal" in done.err


def test_a_failed_run_is_taken_up_without_a_terminal_where_it_is_said_how(shell: Shell) -> None:
    shell.run(MAKE, "--yes", "--plain")
    done = shell.plandeck("resume", "last", "--yes", "--plain", "--on-failure", "rollback")
    assert done.code == 6
    assert not (shell.folder / "made").exists()


def test_an_export_is_replayed_through_a_pipe(shell: Shell) -> None:
    live = shell.run(GATED, "--yes", "--json")
    plandeck = [sys.executable, "-m", "console.cli"]
    with subprocess.Popen([*plandeck, "export", "last"], stdout=subprocess.PIPE) as exporting:
        replayed = subprocess.run(
            [*plandeck, "replay", "-", "--json"], stdin=exporting.stdout, stdout=subprocess.PIPE, check=True
        )
    assert [json.loads(line) for line in replayed.stdout.splitlines()] == live.facts


def test_a_run_without_a_process_is_told_apart_from_one_that_is_executed(shell: Shell) -> None:
    run = shell.run(WAIT, "--yes", "--detach").out.strip()
    assert "interrupted" not in shell.plandeck("show", run).out
    (line,) = shell.plandeck("runs").out.splitlines()
    assert line.split()[:3] == ["▶", run, "running"]
    folder = Path(os.environ["XDG_STATE_HOME"]) / "plandeck/runs" / run
    os.kill(int((folder / "lock").read_text()), signal.SIGKILL)
    shell.plandeck("attach", run, "--plain")
    shown = shell.plandeck("show", run).out.splitlines()
    assert shown[0] == f"run {run}: running, interrupted (no process executes it)"
    assert f"to go on: plandeck resume {run}" in shown
    listed, note = shell.plandeck("runs").out.splitlines()
    assert listed.split()[:3] == [run, "running,", "interrupted"]
    assert note == "interrupted: no process executes it; to go on: plandeck resume RUN"
    assert [one["executed"] for one in json.loads(shell.plandeck("runs", "--json").out)] == [False]


def test_a_run_of_which_nothing_is_recorded_is_one_clear_line(shell: Shell) -> None:
    run = shell.run(WAIT, "--detach", "--yes").out.strip()
    shell.plandeck("stop", run)
    with sqlite3.connect(
        Path(os.environ["XDG_STATE_HOME"]) / "plandeck/runs" / run / "journal.db"
    ) as journal:
        journal.execute("DELETE FROM records")
    journal.close()
    for words in (("show", run), ("rollback", run, "--yes"), ("stop", run)):
        done = shell.plandeck(*words)
        assert (done.code, done.out) == (4, "")
        assert done.err == (
            f"plandeck: run {run}: nothing is recorded: its process ended before it began. "
            f"Start it with: plandeck resume {run}\n"
        )
    assert "unreadable" in shell.plandeck("runs").out


@pytest.mark.parametrize(("words", "env"), [(("--ascii",), {}), ((), {"PYTHONIOENCODING": "ascii"})])
def test_lines_without_unicode_have_the_marks_of_the_screen(
    shell: Shell, words: tuple[str, ...], env: dict[str, str]
) -> None:
    done = shell.run(GREET, "--yes", "--plain", *words, **env)
    assert "> step 1 hello" in done.out
    assert "+ step 1 hello succeeded" in done.out
    assert done.out.isascii()


def test_json_without_unicode_has_the_same_values(shell: Shell) -> None:
    plan = {"goal": "✓ grüßen", "steps": GREET["steps"]}
    done = shell.run(plan, "--yes", "--json", PYTHONIOENCODING="ascii")
    assert done.out.isascii()
    assert done.fact("run_created")["goal"] == "✓ grüßen"
