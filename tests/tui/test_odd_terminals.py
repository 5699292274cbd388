"""Terminals that can little: the Linux console, GNU screen."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal import Tty

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("stopped")]

TASK = "what-time"


@pytest.fixture
def stopped() -> Iterator[None]:
    """The run goes on when the screen has left it: it ends with the test."""
    yield
    subprocess.run([sys.executable, "-m", "console.cli", "stop", "last"], check=True, capture_output=True)


def test_the_linux_console_gets_ascii_sixteen_colours_and_a_clean_end(tmp_path: Path) -> None:
    """It has no second screen to go back from, and prints a question that it does not know."""
    with Tty(tmp_path, "run", TASK, TERM="linux", COLORTERM="") as seen:
        seen.until("a approve the plan")
        assert seen.text.isascii()
        assert "+- 1 Plan -" in seen.text
        assert b"38;2;" not in seen.raw
        assert b"2026$p" not in seen.raw
        seen.press("q")
        assert seen.exit_code() == 4
        first, *others = seen.text.splitlines()
        assert "goes on: it waits for an answer" in first
        assert not any(others)


def test_inside_gnu_screen_arrows_and_escape_are_whole_keys(tmp_path: Path) -> None:
    with Tty(tmp_path, "run", TASK, TERM="screen", COLORTERM="") as seen:
        seen.until("a approve the plan")
        seen.press("\x1bOB\x1b[B\x1bOA")
        seen.press("6")
        seen.until("plan drafted")
        seen.press("\x1b")
        seen.until("1 tell_time")
        seen.press("q")
        assert seen.exit_code() == 4
        assert b"2026$p" not in seen.raw


@pytest.mark.skipif(shutil.which("screen") is None, reason="there is no GNU screen here")
def test_inside_a_real_gnu_screen_escape_acts_when_it_is_pressed(tmp_path: Path) -> None:
    """With the mouse on it would come with the next key."""
    console = [sys.executable, "-m", "console.cli", "run", TASK]
    screen = ["screen", "-c", "/dev/null", *console]
    with Tty(tmp_path, command=screen, SCREENDIR=str(private(tmp_path / "screens"))) as seen:
        seen.until("a approve the plan")
        seen.press("6")
        seen.until("plan drafted")
        seen.press("\x1b")
        seen.until("1 tell_time")
        seen.press("q")
        seen.exit_code()


def private(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder
