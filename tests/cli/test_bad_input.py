"""What is wrong with the input is told whole, by the real command, before anything is made or started."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.plandeck import GREET, WAIT, Done, Shell

RUN = ("--tools", "tools.yaml", "--yes", "--plain")

SEVERAL = """{"goal": "g", "steps": [
 {"id": 1, "action": "helo", "params": {"who": "x"}},
 {"id": 2, "action": "hello", "params": {"whom": "x"}},
 {"id": 3, "action": "hello", "undo": {"action": "unmakes"}}]}
"""
SHAPELESS = """{"goal": "g", "steps": [
 {"id": 1, "action": "hello", "params": {"who": "x"}},
 {"id": 1, "action": "hello", "params": {"who": "x"}},
 {"id": 2, "action": "hello", "params": {"who": "{step_9_result}"}, "dependson": [1]}]}
"""
TASK = """goal: [a]
inputz: {}
tools: [nosuch, 7]
limits: {parallel: no}
"""
TOOL_FILE = """tools:
  - {name: a, scrpt: {shell: x}}
  - {name: b, risk: danger, script: {shell: "rm {{c}}"}}
  - {name: b, script: {shell: x}}
"""
CIRCLE = {
    "goal": "g",
    "steps": [
        {"id": step, "action": "hello", "params": {"who": "x"}, "depends_on": [after]}
        for step, after in ((1, 3), (2, 1), (3, 2))
    ],
}
HUGE = {"goal": "g", "steps": [{"id": i, "action": "boom"} for i in range(1, 10_002)]}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary.yaml").write_bytes(bytes(range(128, 256)) * 20)
    (tmp_path / "empty.json").touch()
    (tmp_path / "several.json").write_text(SEVERAL)
    (tmp_path / "shapeless.json").write_text(SHAPELESS)
    (tmp_path / "task.yaml").write_text(TASK)
    (tmp_path / "bad_tools.yaml").write_text(TOOL_FILE)
    (tmp_path / "cut.json").write_text('{"steps": [\n{"id": 1,')
    (tmp_path / "cut.yaml").write_text("goal: [x\nsteps: }")
    (tmp_path / "circle.json").write_text(json.dumps(CIRCLE))
    (tmp_path / "huge.json").write_text(json.dumps(HUGE))
    made.plan(GREET)
    return made


def runs_of(own_folders: Path) -> list[Path]:
    return list((own_folders / "state").glob("plandeck/runs/*"))


ONE_LINE = [
    (("run", "missing.json", *RUN), 3, "missing.json: there is no such task or plan file"),
    (("run", "folder", *RUN), 3, "folder: this folder has no task.yaml"),
    (("run", "binary.yaml", *RUN), 3, "binary.yaml: it is not UTF-8 text (line 1)"),
    (("run", "empty.json", *RUN), 3, "empty.json:1: the document is empty"),
    (("run", "cut.json", *RUN), 3, "cut.json:2: not JSON"),
    (("run", "cut.yaml", *RUN), 3, "cut.yaml:2: not YAML"),
    (("run", "circle.json", *RUN), 3, "circle.json:1 step 1: the dependencies go in a circle: 1 → 2 → 3 → 1"),
    (("run", "huge.json", *RUN), 3, "huge.json:1: it has 10001 steps; 10000 are the limit"),
    (("run", "plan.json", "--tools", "missing.yaml"), 3, "there is no tool file 'missing.yaml'"),
    (("run", "plan.json", "--tools", "./folder"), 3, "./folder: this is a folder, not a tool file"),
    (("run", "plan.json", "--tools", "binary.yaml"), 3, "binary.yaml: it is not UTF-8 text"),
    (("run", "plan.json", "--tools", "empty.json"), 3, "empty.json:1: the document is empty"),
    (("run", "plan.json", *RUN, "--workspace", "missing"), 2, "missing: the workspace is not there"),
    (("run", "plan.json", *RUN, "--inject", "x"), 2, "only a task with a sandbox has failures"),
    (("run", "deploy", "--inject", "brokn"), 2, "There are: broken-build, flaky-smoke, failing-tests"),
    (("check", "missing.json"), 3, "missing.json: there is no such task or plan file"),
    (("tools", "check", "missing.yaml"), 3, "there is no tool file missing.yaml"),
    (("replay", "binary.yaml"), 3, "binary.yaml: the export is not valid: 1: this line is not a record"),
    (("show", "beef"), 2, "there is no run 'beef'"),
    (("resume", "beef"), 2, "there is no run 'beef'"),
    (("rollback", "beef"), 2, "there is no run 'beef'"),
]


@pytest.mark.parametrize(("words", "code", "message"), ONE_LINE, ids=[" ".join(w[0]) for w in ONE_LINE])
def test_one_fault_is_one_line(
    shell: Shell, own_folders: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    done = shell.plandeck(*words)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1
    assert runs_of(own_folders) == []


def test_a_file_that_is_not_there_is_told_with_the_nearest_that_is(shell: Shell) -> None:
    assert "Did you mean several.json?" in shell.plandeck("run", "sevral.json", *RUN).err


SEVERAL_LINES = [
    (
        ("run", "several.json", *RUN),
        [
            "several.json:2 step 1: there is no tool helo (nearest is hello)",
            "several.json:3 step 2: hello has no parameter whom (nearest is who)",
            "several.json:3 step 2: hello needs the parameter who",
            "several.json:4 step 3: hello needs the parameter who",
            "several.json:4 step 3: undo: there is no tool unmakes (nearest is unmake)",
        ],
    ),
    (
        ("check", "shapeless.json", "--tools", "tools.yaml"),
        [
            "shapeless.json:3 step 1: this id is there twice (every step has an id of its own)",
            "shapeless.json:4 step 2: the key 'dependson' is not known (nearest is depends_on)",
            "shapeless.json:4 step 2: {step_9_result} refers to step 9, which does not exist",
        ],
    ),
    (
        ("run", "task.yaml"),
        [
            "task.yaml:1: a task needs a goal: one line of text",
            "task.yaml:2: unknown key 'inputz' (did you mean 'inputs'?)",
            "task.yaml:3: there is no tool file 'nosuch', by name or in ",
            "task.yaml:3: a tool file is named by text",
            "task.yaml:4: parallel must be a number, 0 or more",
        ],
    ),
    (
        ("run", "plan.json", "--tools", "bad_tools.yaml"),
        [
            "bad_tools.yaml:2: the tool a says nothing of how it is carried out",
            "bad_tools.yaml:3: 'danger' is no risk (observe, reversible, disruptive, destructive)",
            "bad_tools.yaml:3: the tool b has no parameter for {{c}}",
            "bad_tools.yaml:4: a second tool is called b (the first is at ",
        ],
    ),
]


@pytest.mark.parametrize(("words", "faults"), SEVERAL_LINES, ids=[" ".join(w[0]) for w in SEVERAL_LINES])
def test_every_fault_is_told_with_its_place(
    shell: Shell, own_folders: Path, words: tuple[str, ...], faults: list[str]
) -> None:
    done = shell.plandeck(*words)
    assert (done.code, done.out) == (3, "")
    head, *told = done.err.splitlines()
    assert head.endswith("not valid, nothing was started")
    assert len(told) == len(faults)
    assert [fault for fault, line in zip(faults, told, strict=True) if fault not in line] == []
    assert runs_of(own_folders) == []


def test_a_secret_that_is_not_set_is_told_before_anything_starts(shell: Shell, own_folders: Path) -> None:
    tool = {
        "name": "call",
        "risk": "observe",
        "secrets": ["A_TOKEN"],
        "script": {"shell": 'test -n "$A_TOKEN"'},
    }
    (shell.folder / "secret.yaml").write_text(json.dumps({"tools": [tool]}))
    words = ("run", shell.plan({"steps": [{"id": 1, "action": "call"}]}), "--tools", "secret.yaml", "--yes")
    done = shell.plandeck(*words)
    assert (done.code, done.out) == (3, "")
    assert "plan.json:1 step 1: call needs the secret A_TOKEN, which is not set" in done.err
    assert runs_of(own_folders) == []
    assert shell.plandeck(*words, A_TOKEN="x").code == 0


# ── places ───────────────────────────────────────────────────────────────────────────────────────


def unprivileged() -> list[str]:
    """What goes before a command so that modes of files hold for it, also when root runs the tests."""
    if os.geteuid():
        return []
    if not shutil.which("setpriv"):
        pytest.skip("root can write everywhere, and there is no setpriv")
    gone = "-dac_override,-dac_read_search"
    return ["setpriv", "--bounding-set", gone, "--inh-caps", gone]


def without_rights(shell: Shell, *words: str, **env: str) -> Done:
    done = subprocess.run(
        [*unprivileged(), sys.executable, "-m", "console.cli", *words],
        cwd=shell.folder,
        env=os.environ | env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("place", "mode", "code", "message"),
    [
        ("folder", 0o500, 2, "folder: the workspace cannot be written"),
        ("plan.json", 0o000, 2, "plan.json: cannot read this file: Permission denied"),
        ("tools.yaml", 0o000, 3, "tools.yaml: it cannot be read: Permission denied"),
        ("state", 0o500, 4, "cannot make this folder: permission denied"),
    ],
)
def test_a_place_without_the_right_to_it_is_told(
    shell: Shell, own_folders: Path, place: str, mode: int, code: int, message: str
) -> None:
    path = own_folders / "state" if place == "state" else shell.folder / place
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        done = without_rights(shell, "run", "plan.json", *RUN, "--workspace", "folder")
    finally:
        path.chmod(before)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1
    assert runs_of(own_folders) == []


FILL = """
set -e
mount -t tmpfs -o size=2m,mode=700 none "$XDG_STATE_HOME" || exit 77
"$0" -m console.cli run full.json --tools full.yaml --yes --plain || echo "code $?"
rm "$XDG_STATE_HOME/ballast"
"$0" -m console.cli resume last --yes --plain
"""


def test_a_full_disk_ends_the_command_and_the_run_goes_on_when_there_is_space(
    shell: Shell, own_folders: Path
) -> None:
    if subprocess.run(["unshare", "-Urm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here: no user namespaces")
    fill = 'cat /dev/zero > "$XDG_STATE_HOME/ballast" 2> /dev/null; true'
    tools = {
        "tools": [
            {"name": "fill", "risk": "observe", "script": {"shell": fill}},
            {"name": "pass", "risk": "observe", "script": {"shell": "true"}},
        ]
    }
    long = "x" * 9_000
    steps: list[dict[str, Any]] = [{"id": 1, "action": "fill"}]
    steps += [{"id": i, "action": "pass", "description": long, "depends_on": [i - 1]} for i in range(2, 5)]
    (shell.folder / "full.yaml").write_text(json.dumps(tools))
    (shell.folder / "full.json").write_text(json.dumps({"goal": "Fill the disk", "steps": steps}))
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", FILL, sys.executable],
        cwd=shell.folder, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("a small disk cannot be mounted here")
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.split("code 4\n")
    assert "no space is left for the run's record" in done.stderr
    assert "to go on: plandeck resume " in first
    assert second.count("✓ step") == 4


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_that_another_process_holds_is_left_alone(shell: Shell) -> None:
    run = shell.run(WAIT, "--yes", "--detach").out.strip()
    done = shell.plandeck("resume", run, "--yes", "--plain")
    assert (done.code, done.out) == (4, "")
    assert f"Attach to it with: plandeck attach {run}" in done.err
    assert len(done.err.splitlines()) == 1
    assert shell.plandeck("stop", run).code == 0


def journal_of(own_folders: Path) -> Path:
    (folder,) = runs_of(own_folders)
    return folder / "journal.db"


def test_a_record_that_was_changed_is_shown_with_a_warning_and_nothing_is_done_with_it(
    shell: Shell, own_folders: Path
) -> None:
    run = shell.run(WAIT, "--yes", "--detach").out.strip()
    shell.plandeck("stop", run)
    connection = sqlite3.connect(journal_of(own_folders))
    connection.execute(
        "UPDATE records SET body = replace(body, 'echo', 'exho') WHERE kind = 'catalog_loaded'"
    )
    connection.commit()
    connection.close()
    verified = shell.plandeck("verify", run)
    assert verified.code == 4
    assert "THE RECORD IS BROKEN: record 2 (catalog_loaded) does not fit the chain" in verified.out
    shown = shell.plandeck("show", run)
    assert (shown.code, shown.out.splitlines()[0]) == (0, f"run {run}: stopped, exit code 4")
    assert "THE RECORD IS BROKEN" in shown.err
    attached = shell.plandeck("attach", run, "--plain")
    assert "THE RECORD IS BROKEN, do not trust it: record 2" in attached.err
    for words in (("resume", run, "--yes", "--plain"), ("rollback", run, "--yes")):
        done = shell.plandeck(*words)
        assert (done.code, done.out) == (4, "")
        assert f"run {run}: its record was changed, nothing is done with it: record 2" in done.err


def test_a_record_that_is_no_database_any_more_is_one_line(shell: Shell, own_folders: Path) -> None:
    run = shell.run(GREET, "--yes", "--json").facts[0]["run"]
    with journal_of(own_folders).open("r+b") as file:
        file.write(os.urandom(3000))
    for words in (("show", run), ("verify", run), ("resume", run, "--yes"), ("rollback", run, "--yes")):
        done = shell.plandeck(*words)
        assert (done.code, done.out) == (4, "")
        assert "the run's record cannot be read: file is not a database. it was not changed" in done.err
        assert len(done.err.splitlines()) == 1
    assert "unreadable" in shell.plandeck("runs").out


def test_a_workspace_that_is_open_to_others_is_used_as_it_is(shell: Shell) -> None:
    folder = shell.folder / "open"
    folder.mkdir(mode=0o755)
    done = shell.plandeck("run", "parallel-backup", "--workspace", str(folder), "--yes", "--plain")
    assert (done.code, done.err) == (0, "")
    assert folder.stat().st_mode & 0o777 == 0o755


def test_a_world_that_is_gone_is_not_made_anew_for_a_run_that_began_in_it(shell: Shell) -> None:
    folder = shell.folder / "world"
    words = ("--workspace", str(folder), "--inject", "broken-build", "--yes", "--plain")
    folder.mkdir()
    assert shell.plandeck("run", "deploy", *words).code == 1
    shutil.rmtree(folder)
    done = shell.plandeck("rollback", "last", "--yes", "--plain")
    assert done.code == 2
    assert f"{folder}: the workspace is not there. nothing was started" in done.err
    assert not folder.exists()
