"""A program in a pseudo-terminal, its screen as text, and how long a key takes to be seen there.

The clock of a key stops when the bytes were read that make the screen show what was waited for. `Cells`
knows what the console writes and no more: a whole emulator would be slower than what is measured.
`empty_app` is the base line of every figure: what the least Textual app takes in the same terminal, in the
same minute.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import statistics
import struct
import sys
import termios
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

EMPTY = """
from textual.app import App
from textual.widgets import Label

class Empty(App):
    count = 0
    def compose(self):
        yield Label("empty 0")
    def on_key(self):
        self.count += 1
        self.query_one(Label).update(f"empty {self.count}")

Empty().run()
"""
PATIENCE = 30.0
QUESTION, ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
"""What the console asks after a frame, and what a terminal answers."""


_PIECE = re.compile(
    r"\x1b\[(?P<at>[0-9;]*)H|\x1b\[(?P<by>[0-9]*)(?P<way>[BC])|\x1b\[(?P<style>[0-9;]*)m"
    r"|\x1b\[[?<>=0-9;$ ]*[A-Za-z]|\x1b[^\[]|(?P<back>\x08)|(?P<text>[^\x1b\x08]+)"
)


class Cells:
    """A screen that is written by moves of the cursor, colours and text."""

    def __init__(self, columns: int, rows: int) -> None:
        self.texts = [[" "] * columns for _ in range(rows)]
        self.styles = [[""] * columns for _ in range(rows)]
        self._x = self._y = 0
        self._style = ""
        self._rest = ""

    def feed(self, data: str) -> None:
        data = self._rest + data
        cut = data.rfind("\x1b", len(data) - 40) if len(data) > 40 else data.rfind("\x1b")
        self._rest = data[cut:] if cut >= 0 and not re.search("[A-Za-z]", data[cut + 1 :]) else ""
        for piece in _PIECE.finditer(data[: len(data) - len(self._rest)]):
            if piece["text"]:
                self._write(piece["text"])
            elif piece["at"] is not None:
                row, _, column = piece["at"].partition(";")
                self._y, self._x = int(row or 1) - 1, int(column or 1) - 1
            elif piece["way"]:
                down, right = (1, 0) if piece["way"] == "B" else (0, 1)
                self._y, self._x = (
                    self._y + down * int(piece["by"] or 1),
                    self._x + right * int(piece["by"] or 1),
                )
            elif piece["back"]:
                self._x -= 1
            elif piece["style"] is not None:
                self._style = piece["style"].removeprefix("0;")

    def _write(self, text: str) -> None:
        for character in text:
            if character == "\n":
                self._y += 1
            elif character == "\r":
                self._x = 0
            elif self._y < len(self.texts) and self._x < len(self.texts[0]):
                self.texts[self._y][self._x] = character
                self.styles[self._y][self._x] = self._style
                self._x += 1


class Terminal:
    """A program and its terminal of `columns` x `rows`; ended with the block it is used in."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], columns: int, rows: int, cwd: Path | None = None
    ) -> None:
        self.begun = time.perf_counter()
        self.pid, self._file = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.chdir(cwd or ".")
            os.execvpe(argv[0], list(argv), dict(env))
        self.columns, self.lines = columns, rows
        self.cells = Cells(columns, rows)
        self._decode = getincrementaldecoder("utf-8")().decode
        self._asked = b""
        self.read = 0
        self.at = self.begun

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._file)

    def rows(self, begin: int = 0, end: int | None = None) -> list[str]:
        return ["".join(row) for row in self.cells.texts[begin:end]]

    def row(self, y: int) -> str:
        return "".join(self.cells.texts[y])

    def shows(self, text: str) -> bool:
        return any(text in row for row in self.rows())

    def until(self, holds: Callable[[], bool], patience: float = PATIENCE) -> float:
        """When the bytes came that made it so, on the performance counter's clock."""
        end = time.perf_counter() + patience
        while not holds():
            left = end - time.perf_counter()
            assert left > 0, "never shown:\n" + "\n".join(self.rows())
            self._take(left)
        return self.at

    def drain(self, seconds: float) -> None:
        """Take in what comes for so long."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self._take(left)

    def quiet(self, seconds: float = 0.4, patience: float = PATIENCE) -> None:
        """Take in what comes until nothing has come for so long."""
        end = time.perf_counter() + patience
        while self._take(seconds) and time.perf_counter() < end:
            pass

    def press(self, keys: str, holds: Callable[[], bool]) -> float:
        """Milliseconds from the keys to the paint that makes it so."""
        begin = time.perf_counter()
        os.write(self._file, keys.encode())
        return (self.until(holds) - begin) * 1e3

    def cpu(self) -> float:
        """Milliseconds of a processor that the program has taken: a busy machine changes it little."""
        return cpu_of(self.pid)

    def memory(self) -> float:
        """Megabytes of memory that the program has."""
        return memory_of(self.pid)

    def type(self, keys: str) -> None:
        os.write(self._file, keys.encode())

    def _take(self, seconds: float) -> bool:
        if not select.select([self._file], [], [], seconds)[0]:
            return False
        data = os.read(self._file, 65_536)
        self.at = time.perf_counter()
        self.read += len(data)
        asked = self._asked + data
        os.write(self._file, ANSWER * asked.count(QUESTION))
        self._asked = asked[1 - len(QUESTION) :]
        self.cells.feed(self._decode(data))
        return True


def cpu_of(pid: int) -> float:
    """Milliseconds of a processor that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1e3 / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> float:
    """Megabytes of memory that a process has."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def empty_app(env: Mapping[str, str], columns: int, rows: int, presses: int = 60) -> list[float]:
    """Milliseconds from key to paint of an app that holds one line."""
    with Terminal([sys.executable, "-c", EMPTY], env, columns, rows) as terminal:
        terminal.until(lambda: terminal.shows("empty 0"))
        terminal.quiet()
        found = []
        for press in range(1, presses + 1):
            found.append(terminal.press("x", lambda press=press: f"empty {press} " in terminal.row(0)))  # type: ignore[misc]
            terminal.drain(0.03 + (press * 7 % 10) / 200)
    return found


def installed() -> str:
    """The console's command in this environment."""
    command = shutil.which("plandeck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert command, "plandeck is not installed"
    return command


def load() -> float:
    """How busy the machine is: processes that want to run, over the last minute."""
    return round(os.getloadavg()[0], 1)


def spread(found: Sequence[float]) -> dict[str, float]:
    """The middle, the 95th of a hundred and the largest, in milliseconds."""
    ordered = sorted(found)
    return {
        "p50_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)], 1),
        "max_ms": round(ordered[-1], 1),
    }
