"""What is printed has nowhere to go, or somebody else has the terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from fcntl import ioctl
from pathlib import Path
from pty import openpty
from termios import TIOCSCTTY

import pytest

from tests.cli.plandeck import GREET, MAKE, Shell
from tests.terminal import Tty


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.parametrize("how", ["--plain", "--json"])
def test_a_full_disk_under_the_output_is_said_in_a_line(shell: Shell, how: str) -> None:
    command = [sys.executable, "-m", "console.cli", "run", shell.plan(GREET), "--tools", "tools.yaml"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*command, "--yes", how],
            cwd=shell.folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "plandeck: what is printed cannot be written: No space left on device\n"


def test_a_terminal_that_is_gone_without_a_signal_leaves_the_run_going_on(shell: Shell) -> None:
    ours, theirs = openpty()
    command = [
        sys.executable,
        "-m",
        "console.cli",
        "run",
        shell.plan(MAKE),
        "--tools",
        "tools.yaml",
        "--plain",
    ]
    process = subprocess.Popen(
        command,
        cwd=shell.folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    os.close(theirs)
    seen = b""
    while b"approve the plan?" not in seen:
        seen += os.read(ours, 65536)
    os.close(ours)
    assert process.wait(timeout=20) == 128 + signal.SIGHUP
    assert '"executed": true' in shell.plandeck("show", "last", "--json").out
    assert shell.plandeck("stop", "last").code == 0


def test_a_job_in_the_background_asks_nobody_and_reads_nothing(shell: Shell) -> None:
    ours, theirs = openpty()
    command = (
        f"{sys.executable} -m console.cli run {shell.plan(MAKE)} --tools tools.yaml --yes --plain > told"
    )
    process = subprocess.Popen(
        ["sh", "-m", "-c", f"{command} & wait $!"],
        cwd=shell.folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: ioctl(0, TIOCSCTTY, 0),
    )
    os.close(theirs)
    os.write(ours, b"ls\n")
    assert process.wait(timeout=40) == 1
    os.close(ours)
    assert "type ?" not in (shell.folder / "told").read_text()


def test_no_bar_draws_over_a_question(shell: Shell) -> None:
    words = ("run", shell.plan(MAKE), "--tools", "tools.yaml", "--yes", "--on-failure", "ask")
    with Tty(shell.folder, *words, size=(120, 40)) as seen:
        seen.until("roll back, stop?")
        while seen.read():
            pass
        assert seen.screen.display[seen.screen.cursor.y].startswith("retry, skip")
        seen.press("stop\r")
        assert seen.exit_code() == 4
