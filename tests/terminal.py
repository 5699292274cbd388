"""The command on a terminal of its own, as a person sees it: a pseudo-terminal, and what stands on it."""

from __future__ import annotations

import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from fcntl import ioctl
from pathlib import Path

import pyte

PATIENCE = 40.0
"""Seconds until what does not come is missed."""


class Tty:
    """`plandeck WORDS` on a terminal of `size`, in `folder`. Answers what a terminal is asked for where it
    stands, as most do; `TERM` and more are given as `env`. Or another `command`."""

    def __init__(
        self,
        folder: Path,
        *words: str,
        size: tuple[int, int] = (80, 24),
        command: Sequence[str] = (),
        **env: str,
    ) -> None:
        self.master, slave = pty.openpty()
        self.resize(*size)
        self.screen = pyte.Screen(*size)
        self.raw = b""
        self._stream = pyte.ByteStream(self.screen)
        given = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            command or [sys.executable, "-m", "console.cli", *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env={**given, "TERM": "xterm-256color", "COLORTERM": "truecolor", **env},
            start_new_session=True,
        )
        os.close(slave)

    def resize(self, columns: int, rows: int) -> None:
        ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if hasattr(self, "process"):
            self.screen.resize(rows, columns)
            os.kill(self.process.pid, signal.SIGWINCH)

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(row.rstrip() for row in self.screen.display)

    def until(self, text: str) -> None:
        """Wait until it says `text`."""
        end = time.monotonic() + PATIENCE
        while text not in self.text:
            assert time.monotonic() < end, f"never said {text!r}:\n{self.text}"
            assert self.read() or self.process.poll() is None, f"it ended before {text!r}:\n{self.text}"

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def press_until(self, keys: str, text: str) -> None:
        """Press keys again and again until it says `text`."""
        end = time.monotonic() + PATIENCE
        while text not in self.text:
            assert time.monotonic() < end, f"never said {text!r}:\n{self.text}"
            self.press(keys)
            while self.read():
                pass

    def exit_code(self) -> int:
        """How it ends; waits for it."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it does not end:\n{self.text}"
            self.read()
        while self.read():
            pass
        return self.process.returncode

    def read(self) -> bool:
        """Take what it has written, if it writes anything in a moment."""
        if not select.select([self.master], [], [], 0.1)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # it has ended
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    def __enter__(self) -> Tty:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
