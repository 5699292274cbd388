"""The console in a real terminal: what signals, stray bytes and hostile text do to it."""

from __future__ import annotations

import errno
import io
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from fcntl import ioctl
from pathlib import Path

import pytest
from textual.drivers._writer_thread import MAX_QUEUED_WRITES

from console.tui.terminal import Writer

REPO = Path(__file__).parents[2]
PATIENCE = 20.0


def _without_a_size(environ: Mapping[str, str]) -> dict[str, str]:
    """What runs the tests may have been given a size, which would count for more than the terminal's."""
    return {name: value for name, value in environ.items() if name not in ("COLUMNS", "LINES")}


class Terminal:
    """A pseudo-terminal of 80×24 with the console in it; `seen` is every byte it wrote."""

    def __init__(self, folder: Path, command: Sequence[str] = (), pass_fds: Sequence[int] = ()) -> None:
        self.master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.is_open = True
        self.seen = b""
        self.process = subprocess.Popen(
            command or [sys.executable, "-m", "tests.tui.terminal_app", str(folder)],
            pass_fds=pass_fds,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=REPO,
            env={**_without_a_size(os.environ), "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
        )

    def read(self, seconds: float = 0.1) -> None:
        while select.select([self.master], [], [], seconds)[0]:
            data = os.read(self.master, 65536)
            if not data:
                return
            self.seen += data

    def until(self, text: bytes) -> None:
        """Wait until it has written `text`."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert time.monotonic() < end, f"never wrote {text!r}: {self.seen[-2000:]!r}"
            assert self.process.poll() is None, self.seen[-2000:]
            self.read()

    def write(self, data: bytes) -> None:
        os.write(self.master, data)

    def close(self) -> None:
        """Take the terminal away; the console is in a session without one, so no signal tells it."""
        if self.is_open:
            self.is_open = False
            os.close(self.master)
            os.close(self.slave)

    def exit_code(self) -> int:
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end, "it does not end"
            self.read() if self.is_open else time.sleep(0.05)
        if self.is_open:
            self.read(0)
        return self.process.returncode


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    terminal.until(b"RUNNING")
    yield terminal
    if terminal.process.poll() is None:
        terminal.process.kill()
    terminal.process.wait()
    terminal.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_detaches_and_leaves_the_terminal_as_it_was(
    terminal: Terminal, number: signal.Signals
) -> None:
    os.kill(terminal.process.pid, number)
    assert terminal.exit_code() == 128 + number
    assert terminal.seen.rstrip().endswith(b"\x1b[?25h") or b"\x1b[?1049l" in terminal.seen
    assert termios.tcgetattr(terminal.slave)[:4] == terminal.before[:4]


def test_a_terminal_that_is_gone_without_a_word_ends_the_console(terminal: Terminal) -> None:
    terminal.close()
    assert terminal.exit_code() == 128 + signal.SIGHUP


AWAY = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
started, says = os.pipe()
if os.fork() == 0:  # the console has no parent in this session: reading in the background stops nobody
    if (console := os.fork()) == 0:
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.setpgid(0, 0)
        os.execv(sys.executable, [sys.executable, "-m", "tests.tui.terminal_app", sys.argv[1]])
    os.write(says, str(console).encode())
    os._exit(0)
os.wait()
console = int(os.read(started, 20))
while turn := os.read(int(sys.argv[2]), 1):
    os.tcsetpgrp(0, os.getpgrp() if turn == b"a" else console)
    os.write(int(sys.argv[3]), b".")
"""


def test_a_terminal_that_another_job_has_for_a_moment_is_not_gone(tmp_path: Path) -> None:
    ours, asked = os.pipe()
    done, told = os.pipe()

    def turn(to: bytes) -> None:
        os.write(asked, to)
        assert os.read(done, 1) == b"."

    command = [sys.executable, "-c", AWAY, str(tmp_path), str(ours), str(told)]
    terminal = Terminal(tmp_path, command, (ours, told))
    try:
        turn(b"b")
        terminal.until(b"RUNNING")
        turn(b"a")
        terminal.write(b"6")
        terminal.read(0.5)
        turn(b"b")
        terminal.until(b"records")
        terminal.write(b"q")
        terminal.until(b"run 4f1c goes on")
    finally:
        for one in (ours, asked, done, told):
            os.close(one)
        terminal.process.wait()
        terminal.close()


class Gone(io.StringIO):
    """A terminal that nobody holds any more."""

    def write(self, text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.timeout(20)
def test_what_is_painted_for_a_terminal_that_is_gone_waits_for_nobody() -> None:
    writer = Writer(Gone())
    writer.start()
    for _ in range(MAX_QUEUED_WRITES * 3):
        writer.write("frame")
    writer.stop()
    assert not writer.is_alive()


def test_a_byte_that_is_no_text_does_not_end_the_console(terminal: Terminal) -> None:
    terminal.write(b"\xff\xfe\xc3")
    terminal.write(b"6")
    terminal.until(b"records")
    terminal.write(b"q")
    assert terminal.exit_code() == 4


def test_ctrl_z_suspends_and_the_console_comes_back(terminal: Terminal) -> None:
    terminal.write(b"\x1a")
    end = time.monotonic() + PATIENCE
    while Path(f"/proc/{terminal.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "T":
        assert time.monotonic() < end, "it is not suspended"
        terminal.read()
    terminal.seen = b""
    os.kill(terminal.process.pid, signal.SIGCONT)
    terminal.until(b"RUNNING")
    terminal.write(b"q")
    assert terminal.exit_code() == 4


def test_leaving_says_that_the_run_goes_on(terminal: Terminal) -> None:
    terminal.write(b"q")
    assert terminal.exit_code() == 4
    assert b"run 4f1c goes on: plandeck attach 4f1c" in terminal.seen
    assert b"Traceback" not in terminal.seen


def test_an_arrow_that_arrives_in_parts_is_no_letters(terminal: Terminal) -> None:
    """Its parts come a second apart; the terminal answers nothing, so the first is taken for Escape."""
    terminal.write(b"\x1b")
    terminal.read(0.6)
    terminal.write(b"[")
    terminal.write(b"R")  # alone it would open the preview of a rollback
    terminal.write(b"6")
    terminal.until(b"records")
    assert b"What would be undone" not in terminal.seen


def test_resizes_in_a_row_down_to_one_cell_end_with_a_whole_screen(terminal: Terminal) -> None:
    for columns, rows in ((1, 1), (200, 60), (3, 2), (80, 24), (1, 1), (132, 43)):
        ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(terminal.process.pid, signal.SIGWINCH)
        terminal.read(0.05)
    terminal.read(0.5)
    terminal.seen = b""
    terminal.write(b"\x0c")
    terminal.until(b"\x1b[43;")
    assert b"RUNNING" in terminal.seen
    terminal.write(b"q")
    assert terminal.exit_code() == 4


def test_a_frame_waits_for_the_answer_of_a_terminal_that_gives_one(terminal: Terminal) -> None:
    """Two whole pictures are asked for; the second one is held until the first was answered."""
    terminal.write(b"\x1b[?2026;2$y")
    terminal.write(b"\x0c")
    terminal.until(b"\x1b[?2026$p")
    terminal.read(0.3)
    terminal.seen = b""
    terminal.write(b"\x0c")
    terminal.read(0.7)
    assert b"RUNNING" not in terminal.seen
    terminal.write(b"\x1b[?2026;2$y")
    terminal.until(b"RUNNING")
