"""The commands in processes of their own: exit codes, what they print, what they leave behind."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console import cli
from tests.cli.plandeck import ERASE, GREET, MAKE, SEE, WAIT, Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The command in this process: exit code, output, errors."""
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    captured = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, captured.out, captured.err


# ── carrying out ─────────────────────────────────────────────────────────────────────────────────


def test_a_run_that_succeeds_exits_with_0_and_tells_every_fact(shell: Shell) -> None:
    done = shell.run(GREET, "--yes", "--json")
    assert (done.code, done.err) == (0, "")
    assert [fact["seq"] for fact in done.facts] == list(range(1, len(done.facts) + 1))
    assert done.fact("step_succeeded")["preview"] == "hello you"
    assert done.facts[-1] == done.fact("run_finished") | {"exit_code": 0, "outcome": "succeeded"}


def test_the_plain_lines_say_the_same(shell: Shell) -> None:
    done = shell.run(GREET, "--yes", "--plain")
    assert done.code == 0
    assert "✓ step 1 hello succeeded" in done.out
    assert "the run ended: succeeded, exit code 0" in done.out


def test_without_approval_nothing_runs_and_the_exit_code_is_3(shell: Shell) -> None:
    done = shell.run(MAKE, "--json")
    assert done.code == 3
    assert "approve it with --yes" in done.fact("run_finished")["reason"]
    assert not (shell.folder / "made").exists()
    shown = json.loads(shell.plandeck("show", "last", "--json").out)
    assert (shown["state"], shown["steps"][0]["state"]) == ("rejected", "pending")


def test_approval_up_to_a_risk_does_not_reach_beyond_it(shell: Shell) -> None:
    refused = shell.run(ERASE, "--approve-up-to", "disruptive", "--json")
    assert refused.code == 3
    assert not (shell.folder / "erased").exists()
    assert shell.run(ERASE, "--approve-up-to", "destructive", "--json").code == 0
    assert (shell.folder / "erased").exists()


def test_a_failed_step_stops_the_run_where_nobody_is_asked(shell: Shell) -> None:
    done = shell.run(MAKE, "--yes", "--json")
    assert done.code == 1
    assert done.fact("step_failed")["exit_code"] == 3
    assert (shell.folder / "made").exists()


def test_a_failed_step_rolls_the_run_back_where_that_was_said(shell: Shell) -> None:
    plan = {
        **MAKE,
        "steps": [
            MAKE["steps"][0],
            {
                "id": 2,
                "action": "hello",
                "params": {"who": "x"},
                "depends_on": [1],
                "expect": {"matches": "bye"},
            },
        ],
    }
    done = shell.run(plan, "--yes", "--json", "--on-failure", "rollback")
    assert done.fact("rollback_finished")["undone"][0] == "1"
    assert done.code == done.fact("run_finished")["exit_code"] in (5, 6)
    assert not (shell.folder / "made").exists()


def test_what_ran_is_shown_verified_exported_and_replayed(shell: Shell) -> None:
    live = shell.run(GREET, "--yes", "--json")
    run = live.facts[0]["run"]
    shown = json.loads(shell.plandeck("show", run, "--json").out)
    assert shown["state"] == "succeeded"
    assert shown["steps"][0]["result"] == "hello you"
    assert shown["steps"][0]["attempts"][0]["exit_code"] == 0
    assert shown["rollback"] is None
    verified = json.loads(shell.plandeck("verify", run, "--json").out)
    assert verified == {
        "run": run,
        "ok": True,
        "records": len(live.facts),
        "head": shown["head"],
        "problem": "",
    }
    assert shell.plandeck("export", run, "-o", "run.jsonl").code == 0
    assert stat.S_IMODE((shell.folder / "run.jsonl").stat().st_mode) == 0o600
    replayed = shell.plandeck("replay", "run.jsonl", "--json")
    assert replayed.facts == live.facts
    listed = json.loads(shell.plandeck("runs", "--json").out)
    assert [(one["run"], one["state"], one["exit_code"]) for one in listed] == [(run, "succeeded", 0)]


def test_only_named_variables_of_the_caller_reach_a_step(shell: Shell) -> None:
    seen = shell.run(SEE, "--yes", "--json", SEEN="yes", OTHER="o", MORE="m", LD_PRELOAD="")
    first, names = seen.fact("step_succeeded")["preview"].split("\n", 1)
    assert first == "yes-none"
    assert "PATH" in names.split()
    assert not {"OTHER", "MORE", "LD_PRELOAD", "XDG_STATE_HOME"} & set(names.split())
    named = shell.run(SEE, "--yes", "--json", "--env", "MORE", SEEN="yes", MORE="m")
    assert "MORE" in named.fact("step_succeeded")["preview"].split()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_run_that_can_be_resumed_and_its_steps_go_on(
    shell: Shell, number: signal.Signals
) -> None:
    process = shell.start("run", shell.plan(WAIT), "--tools", "tools.yaml", "--yes", "--json")
    done = shell.leave(process, "step_intended", number)
    assert done.code == 128 + number
    assert done.err == ""
    (shell.folder / "go").touch()
    resumed = shell.plandeck("resume", "last", "--yes", "--json")
    assert resumed.code == 0
    kinds = [fact["event"] for fact in resumed.facts]
    assert [f["attempt"] for f in resumed.facts if f["event"] == "step_intended"] == [1, 1]
    assert "engine_stopped" in kinds


@contextmanager
def building(shell: Shell, *words: str) -> Iterator[tuple[subprocess.Popen[str], Callable[[], bool]]]:
    """A run whose sandbox takes for ever to build, and what waits for the end of the building."""
    os.mkfifo(told := shell.folder / "told")
    box = {"setup": [f"echo $$ > {told}; exec tail -f /dev/null"]}
    task = {"goal": "wait", "plan": shell.plan(GREET), "sandbox": box}
    (shell.folder / "task.json").write_text(json.dumps(task))
    process = shell.start("run", "task.json", "--tools", "tools.yaml", "--yes", *words)
    built = os.pidfd_open(int(told.read_text()))
    yield process, lambda: bool(select.select([built], [], [], 10)[0])
    os.close(built)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_its_world_is_built_leaves_nothing_running(
    shell: Shell, number: signal.Signals
) -> None:
    with building(shell, "--plain") as (process, has_ended):
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (128 + number, "")
        assert err.count("\n") == 1
        assert f"ended by {number.name} before the run began" in err
        assert has_ended()


def test_a_detached_run_can_be_stopped_before_it_has_begun(shell: Shell) -> None:
    with building(shell, "--detach") as (process, has_ended):
        stopped = shell.plandeck("stop", "last")
        assert (stopped.code, stopped.err) == (0, "")
        assert stopped.out.endswith(": called off before it began\n")
        assert process.communicate(timeout=30)[0] == ""
        assert process.returncode == 128 + signal.SIGTERM
        assert has_ended()


def test_who_interrupts_a_start_takes_it_back(shell: Shell) -> None:
    with building(shell, "--detach") as (process, has_ended):
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("", "")
        assert process.returncode == 128 + signal.SIGINT
        assert has_ended()


def test_a_detached_run_is_followed_stopped_and_leaves_no_socket(shell: Shell) -> None:
    run = shell.run(WAIT, "--yes", "--detach").out.strip()
    folder = Path(os.environ["XDG_STATE_HOME"]) / "plandeck/runs" / run
    assert stat.S_ISSOCK((folder / "sock").lstat().st_mode)
    follower = shell.start("attach", run, "--json")
    stopped = shell.plandeck("stop", run, "--json")
    assert json.loads(stopped.out) == {"run": run, "state": "stopped"}
    out, _ = follower.communicate(timeout=20)
    assert json.loads(out.splitlines()[-1])["outcome"] == "stopped"
    assert follower.returncode == 4
    again = shell.plandeck("stop", run)
    assert (again.code, again.err) == (2, f"plandeck: run {run}: the run has ended already: stopped\n")


def test_a_killed_engine_is_noticed_and_its_run_taken_up(shell: Shell) -> None:
    run = shell.run(WAIT, "--yes", "--detach").out.strip()
    folder = Path(os.environ["XDG_STATE_HOME"]) / "plandeck/runs" / run
    follower = shell.start("attach", run, "--json")
    assert follower.stdout is not None
    while "step_intended" not in follower.stdout.readline():
        pass
    os.kill(int((folder / "lock").read_text()), signal.SIGKILL)
    follower.communicate(timeout=20)
    assert follower.returncode == 4
    (shell.folder / "go").touch()
    assert shell.plandeck("resume", run, "--yes", "--json").code == 0


def test_a_run_that_is_executed_cannot_be_resumed_beside_it(shell: Shell) -> None:
    run = shell.run(WAIT, "--yes", "--detach").out.strip()
    for words in ([], ["--detach"]):
        second = shell.plandeck("resume", run, "--yes", *words)
        assert second.code == 4
        assert "another process executes this run" in second.err
    assert shell.plandeck("stop", run).code == 0


def test_rolling_back_shows_first_and_runs_only_when_agreed(shell: Shell) -> None:
    shell.run(MAKE, "--yes", "--json")
    asked = shell.plandeck("rollback", "last", "--plain")
    assert asked.code == 2
    assert "unmake" in asked.out
    assert "Agree with --yes" in asked.err
    assert (shell.folder / "made").exists()
    done = shell.plandeck("rollback", "last", "--yes", "--json")
    assert done.code in (5, 6)
    assert done.fact("rollback_finished")["undone"] == ["1"]
    assert not (shell.folder / "made").exists()


def test_whoever_reads_us_may_leave_early(shell: Shell) -> None:
    with shell.start("tools", "--json") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 130


# ── making and checking ──────────────────────────────────────────────────────────────────────────


def test_a_plan_is_made_written_and_checked(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    out = shell.folder / "made.yaml"
    assert told(capsys, "plan", "deploy", "--set", "tag=v9", "-o", str(out))[0] == 0
    assert "v9" in out.read_text()
    code, text, _ = told(capsys, "check", str(out), "--tools", "deploy", "--tools", "notify", "--json")
    assert json.loads(text)["valid"] is True
    assert code == (1 if json.loads(text)["findings"] else 0)


def test_an_invalid_plan_exits_with_3_and_every_fault(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = {"steps": [{"id": 1, "action": "helo"}, {"id": 2, "action": "hello", "params": {"whom": "x"}}]}
    path = shell.folder / shell.plan(plan)
    words = ("check", str(path), "--tools", str(shell.folder / "tools.yaml"))
    code, text, err = told(capsys, *words)
    assert (code, text) == (3, "")
    assert "step 1: there is no tool helo" in err
    assert "step 2: " in err
    code, text, _ = told(capsys, *words, "--json")
    assert code == 3
    assert {fault["step"] for fault in json.loads(text)["faults"]} == {"1", "2"}


def test_tools_are_listed_explained_and_checked(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(shell.folder / "tools.yaml")
    assert "hello" in told(capsys, "tools", "--tools", file)[1]
    assert "Say hello." in told(capsys, "tools", "hello", "--tools", file)[1]
    assert told(capsys, "tools", "check", file)[1] == "8 tools, no faults\n"
    (shell.folder / "bad.yaml").write_text("tools:\n  - {name: a, scrpt: {shell: x}}\n")
    code, _, err = told(capsys, "tools", "check", str(shell.folder / "bad.yaml"))
    assert code == 3
    assert "bad.yaml:2" in err


def test_the_doctor_finds_a_folder_that_others_can_read(
    own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, "doctor")[0] == 0
    (own_folders / "state/plandeck").chmod(0o755)
    code, text, _ = told(capsys, "doctor", "--json")
    assert code == 1
    assert any(look["state"] == "bad" and "open to others" in look["said"] for look in json.loads(text))


def test_the_doctor_tries_a_step_and_reads_the_policy_and_the_saved_tasks(
    own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def states() -> dict[str, str]:
        return {look["name"]: look["state"] for look in json.loads(told(capsys, "doctor", "--json")[1])}

    well = states()
    assert (well["steps"], well["policy"]) == ("ok", "ok")
    assert not list((own_folders / "state/plandeck").glob(".doctor*"))
    config = own_folders / "config/plandeck"
    (config / "tasks/old").mkdir(parents=True)
    (config / "tasks/old/task.yaml").write_text("gaol: x\n")
    (config / "policy.yaml").write_text("rules: [{fly: 1}]\n")
    (config / "policy.yaml").chmod(0o600)
    ill = states()
    assert (ill["steps"], ill["policy"], ill["saved task"]) == ("ok", "bad", "bad")


# ── bad input ────────────────────────────────────────────────────────────────────────────────────


BAD = [
    (("fly",), 2, "No such command 'fly'"),
    (("run",), 2, "there is no task"),
    (("run", "deploy", "--fast"), 2, "No such option: --fast"),
    (("run", "nowhere.yaml"), 3, "there is no such task or plan file"),
    (("run", "deploi"), 3, "Did you mean deploy?"),
    (("run", "deploy", "--set", "tag"), 2, "it is written NAME=VALUE"),
    (("run", "deploy", "--set", "tga=1"), 3, "the task has no such input"),
    (("run", "deploy", "--tools", "nowhere.yaml"), 3, "there is no tool file 'nowhere.yaml'"),
    (("run", "deploy", "--workspace", "/nowhere"), 2, "/nowhere: the workspace is not there"),
    (("run", "deploy", "--inject", "fire"), 2, "the task has no failure named 'fire'"),
    (("run", "deploy", "--plain", "--json"), 2, "exclude each other"),
    (("run", "deploy", "--yes", "--approve-up-to", "observe"), 2, "exclude each other"),
    (("run", "deploy", "--on-failure", "pray"), 2, "'pray' is not one of"),
    (("show", "beef"), 2, "there is no run 'beef'"),
    (("attach", "beef"), 2, "there is no run 'beef'"),
    (("stop", "beef"), 2, "there is no run 'beef'"),
    (("verify", "beef"), 2, "there is no run 'beef'"),
    (("replay", "nowhere.jsonl"), 2, "cannot read this file"),
    (("demo", "nothing"), 2, "there is no demo and no sample task 'nothing'"),
    (("tools", "nothing"), 2, "there is no tool 'nothing'"),
    (("tools", "check"), 2, "which file?"),
    (("check", "a goal in words"), 2, "this task has no plan to check"),
    (("check", "~nobody-here/a plan"), 2, "this task has no plan to check"),
    (("run", "~nobody-here"), 3, "'~nobody-here' is no file, no sample and no saved task"),
    (("run", "deploy", "--tools", "~nobody-here/x.yaml"), 3, "no tool file '~nobody-here/x.yaml'"),
    (("eval", "~nobody-here/tasks"), 3, "'~nobody-here/tasks' is no file"),
    (("plan", "deploy", "-o", "nowhere/plan.yaml"), 2, "the folder is not there. nothing was started"),
    (("export", "last", "--otlp", "-o", "x"), 2, "--otlp sends the record, and writes no file"),
    ((), 2, "there is no terminal for the task picker"),
]


@pytest.mark.parametrize(("words", "code", "message"), BAD, ids=[" ".join(words) for words, _, _ in BAD])
def test_bad_input_is_one_line_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], own_folders: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    found, text, err = told(capsys, *words)
    assert (found, text if "--json" not in words else "") == (code, "")
    assert message in err
    assert err.startswith("plandeck: ")
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err
    assert not list((own_folders / "state").glob("plandeck/runs/*"))


def test_streams_that_the_caller_has_closed_lead_nowhere(shell: Shell) -> None:
    run = ("run", shell.plan(GREET), "--tools", "tools.yaml", "--yes")
    closed = ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", sys.executable, "-m", "console.cli", *run]
    assert subprocess.run(closed, cwd=shell.folder, check=False, timeout=50).returncode == 0
    shown = shell.plandeck("show", "last")
    assert (shown.code, shown.err) == (0, "")
    assert "succeeded, exit code 0" in shown.out


def test_what_the_terminals_encoding_does_not_have_is_escaped(shell: Shell) -> None:
    shell.run(GREET | {"goal": "Grüße × 😀"}, "--yes", "--plain")
    done = shell.plandeck("runs", "--json", PYTHONIOENCODING="ascii")
    assert [run["goal"] for run in json.loads(done.out)] == ["Grüße × 😀"]
    plain = shell.plandeck("runs", PYTHONIOENCODING="ascii")
    assert (plain.code, plain.err) == (0, "")
    assert r"Gr\u00fc\u00dfe \u00d7 \ud83d\ude00" in plain.out


def test_an_error_is_json_where_json_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = told(capsys, "show", "beef", "--json")
    fact = json.loads(text)
    assert (code, fact["event"], fact["exit_code"], fact["type"]) == (2, "error", 2, "UsageError")


def test_an_error_of_ours_is_one_line_and_the_rest_is_in_the_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, own_folders: Path
) -> None:
    def broken() -> list[str]:
        raise ZeroDivisionError("by zero\nand more")

    monkeypatch.setattr("console.settings.run_ids", broken)
    code, _, err = told(capsys, "runs")
    assert code == 1
    assert err.startswith("plandeck: internal error: ZeroDivisionError: by zero. This is a fault of plandeck")
    assert len(err.splitlines()) == 1
    log = own_folders / "state/plandeck/plandeck.log"
    assert "Traceback" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_help_and_completion_import_nothing_slow() -> None:
    code = (
        "import sys\n"
        "from console import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "slow = {'textual', 'litellm', 'mcp', 'dbos', 'console.run.engine'} & set(sys.modules)\n"
        "sys.exit(repr(slow) if slow else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


EVIL = "go \x9b2J \u202e\x7f on\n  2 see {} [observe]"
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


def test_what_somebody_wrote_moves_no_cursor_in_json_either(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    note = {"goal": EVIL, "steps": [{"id": 1, "tool": "none", "description": EVIL}]}
    done = shell.plandeck("run", shell.plan(note), "--yes", "--json")
    assert not UNSAFE.search(done.out)
    assert done.fact("run_created")["goal"] == EVIL
    for words in (
        ("runs",),
        ("runs", "--json"),
        ("show", "last"),
        ("show", "last", "--json"),
        ("export", "last"),
    ):
        code, out, _ = told(capsys, *words)
        assert (code, UNSAFE.search(out)) == (0, None)
    code, out, _ = told(capsys, "plan", str(shell.folder / "plan.json"), "--json")
    assert (code, UNSAFE.search(out), json.loads(out)["goal"]) == (0, None, EVIL)


def test_the_doctor_tells_of_keys_that_nothing_is_called_like(
    own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = own_folders / "config/plandeck"
    config.mkdir(mode=0o700, parents=True, exist_ok=True)
    (config / "config.yaml").write_text("keys: {run.aprove: ctrl+y}\n")
    (config / "config.yaml").chmod(0o600)
    assert "run.aprove (nearest is run.approve)" in told(capsys, "doctor")[1]
