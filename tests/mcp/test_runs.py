"""Whole runs with servers, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from console import cli
from tests.cli.plandeck import Shell
from tests.mcp.calling import HERE

TOOLS = {
    "mcp_servers": {
        "s": {
            "command": sys.executable,
            "args": ["-I", "-S", str(HERE / "fake_server.py")],
            "env": {"FAKE_KEY": "$CANARY"},
            "tools": {"echo": {"risk": "observe"}},
        }
    }
}
CANARY = "c4n4ry-value"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    (tmp_path / "tools.yaml").write_text(json.dumps(TOOLS))
    return shell


def steps(*calls: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    listed = [
        {"id": number, "action": action, "params": params, "depends_on": [number - 1] if number > 1 else []}
        for number, (action, params) in enumerate(calls, start=1)
    ]
    return {"goal": "call", "steps": listed}


def folder_of(shell: Shell) -> Path:
    return Path(os.environ["XDG_STATE_HOME"]) / "plandeck" / "runs"


def test_results_go_from_call_to_call_and_no_secret_is_kept(shell: Shell) -> None:
    plan = steps(("s.secret", {}), ("s.echo", {"text": "{step_1_result}"}), ("s.mutter", {}))
    done = shell.run(plan, "--yes", "--json", CANARY=CANARY)
    assert (done.code, done.err) == (0, "")
    previews = [fact["preview"] for fact in done.facts if fact["event"] == "step_succeeded"]
    assert sorted(previews) == ["said nothing", *["the key is <secret:CANARY>, path /"] * 2]
    run = done.fact("run_created")["run"]
    kept = [path for path in (folder_of(shell) / run).rglob("*") if path.is_file()]
    assert (folder_of(shell) / run / "servers" / "s.log") in kept
    assert not [path for path in kept if CANARY.encode() in path.read_bytes()]


def test_a_missing_variable_is_told_before_anything_runs(shell: Shell) -> None:
    unset = shell.run(steps(("s.echo", {"text": "x"})), "--yes", "--plain")
    assert unset.code == 3
    assert "the server s needs the variable CANARY, which is not set" in unset.err


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The command in this process: exit code, output, errors."""
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    captured = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, captured.out, captured.err


@pytest.fixture
def here(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(shell.folder)
    return shell.folder


def test_a_declaration_is_checked_without_starting_it_unless_asked(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = told(capsys, "tools", "check", "tools.yaml")
    assert (code, out.split("\n")[0]) == (0, "servers that were not asked: s; --ask starts them")
    assert not (here / "pids").exists()
    code, out, _ = told(capsys, "tools", "check", "tools.yaml", "--ask")
    assert code == 1
    assert "needs the variable CANARY" in out


def test_servers_are_asked_by_tools_and_check(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", CANARY)
    code, out, err = told(capsys, "tools", "--tools", "tools.yaml")
    assert (code, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()][-2:] == [
        ["s.nonsense", "disruptive?"],
        ["s", "server"],
    ]
    assert "17 tools" in out
    _, out, _ = told(capsys, "tools", "s.echo", "--tools", "tools.yaml")
    assert "it says     read only (a claim, not believed)" in out
    (here / "plan.json").write_text(json.dumps(steps(("s.ecko", {"text": "x"}))))
    code, _, err = told(capsys, "check", "plan.json", "--tools", "tools.yaml")
    assert code == 3
    assert "step 1: the server s has no tool ecko (nearest is s.echo)" in err


def test_a_killed_engine_leaves_no_server_and_its_call_in_doubt(shell: Shell) -> None:
    text = (shell.folder / "tools.yaml").read_text()
    (shell.folder / "tools.yaml").write_text(text.replace('fake_server.py"', 'fake_server.py", "stubborn"'))
    plan = steps(("s.echo", {"text": "first"}), ("s.wait", {}))
    with shell.start(
        "run", shell.plan(plan), "--tools", "tools.yaml", "--yes", "--json", CANARY=CANARY
    ) as process:
        assert process.stdout is not None
        run = json.loads(process.stdout.readline())["run"]
        _until(lambda: (shell.folder / "calls").exists() and "wait" in (shell.folder / "calls").read_text())
        os.kill(int((folder_of(shell) / run / "lock").read_text()), signal.SIGKILL)
        process.communicate(timeout=30)
    _until(lambda: not any(map(psutil.pid_exists, _pids(shell))))
    resumed = shell.plandeck("resume", run, "--yes", "--json", CANARY=CANARY)
    assert [fact["step"] for fact in resumed.facts if fact["event"] == "step_in_doubt"] == ["2"]
    assert (shell.folder / "calls").read_text() == "echo\nwait\n"
    assert resumed.fact("run_finished")["outcome"] == "failed"


def _pids(shell: Shell) -> list[int]:
    return [int(line) for line in (shell.folder / "pids").read_text().split()]


def _until(holds: Any) -> None:
    due = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < due
        time.sleep(0.02)


def test_nothing_of_the_protocol_is_loaded_before_a_server_is_needed() -> None:
    code = (
        "import sys, console.service.host, console.commands.make, console.runners.router\n"
        "print({'mcp', 'httpx2', 'mcp_types'} & set(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == "set()\n"
