"""From a key press to its paint behind a link of 60 kB/s while steps stream 100,000 lines a second.

    python -m benchmarks.slow_link [presses]

As benchmarks/keys.py, but between the console and the terminal stands a link that carries `RATE` bytes a
second and buffers a megabyte, as SSH and the network do. The terminal answers DECRQM when the question has
come through the link. Prints milliseconds beside those of the same link with nothing streaming, how much
is written a second, and what a console writes whose steps are quiet. The last line says whether the
figures hold.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable

from benchmarks.keys import STEPS, place, streaming
from benchmarks.terminal import installed, load, spread

RATE = 60_000
BUFFER = 1 << 20
QUESTION, ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
P95_MS, QUIET_BYTES = 600.0, 200.0
SIZES = ((80, 24), (120, 40))


class Link:
    """A terminal behind a slow link, with a program in it. `seen` is what came through lately."""

    def __init__(self, argv: list[str], env: dict[str, str], columns: int, rows: int) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, env)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.seen = b""
        self.carried = 0
        self._buffer = self._last = b""
        self._credit = 0.0
        self._at = time.perf_counter()

    def pump(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Carry what is written, for so long or until something is true; whether it came to be."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            if len(self._buffer) < BUFFER and select.select([self.terminal], [], [], 0.005)[0]:
                self._buffer += os.read(self.terminal, 65_536)
            now = time.perf_counter()
            self._credit = min(self._credit + (now - self._at) * RATE, RATE * 0.02)
            self._at = now
            size = min(int(self._credit), len(self._buffer))
            self._credit -= size
            self._deliver(size)
            if until():
                return True
        return False

    def _deliver(self, size: int) -> None:
        piece, self._buffer = self._buffer[:size], self._buffer[size:]
        self.carried += size
        self.seen = (self.seen + piece)[-100_000:]
        asked = self._last + piece
        self._last = asked[1 - len(QUESTION) :]
        os.write(self.terminal, ANSWER * asked.count(QUESTION))

    def shows(self, text: bytes, patience: float) -> bool:
        return self.pump(patience, lambda: text in self.seen)

    def press(self, key: bytes, shown: bytes) -> float:
        """Milliseconds until `shown` came through after a key."""
        self.seen = b""
        begin = time.perf_counter()
        os.write(self.terminal, key)
        assert self.shows(shown, 15.0), f"{shown!r} was never painted"
        return (time.perf_counter() - begin) * 1e3

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


def walk(link: Link, presses: int) -> list[float]:
    """Milliseconds of each press, up and down the plan."""
    found: list[float] = []
    at, way = 1, 1
    for press in range(presses):
        way = 1 if at == 1 else -1 if at == STEPS else way
        at += way
        found.append(link.press(b"j" if way > 0 else b"k", f"wait{at:03d}".encode()))
        link.pump(0.05 + (press * 7 % 10) / 50)
    return found


def main() -> None:
    presses = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    holds = True
    with place() as (base, env):
        for name, seconds in (("nothing streams", 0), ("100,000 lines/s", len(SIZES) * presses + 60)):
            with streaming(base, env, seconds) as run:
                for columns, rows in SIZES:
                    link = Link([installed(), "attach", run], env, columns, rows)
                    assert link.shows(f"wait{STEPS:03d}".encode(), 30.0), "the plan was never shown"
                    link.pump(4.0)
                    begin, before = time.perf_counter(), link.carried
                    link.pump(6.0)
                    rate = (link.carried - before) / (time.perf_counter() - begin)
                    took = spread(walk(link, presses))
                    link.close()
                    size = f"{columns}x{rows}"
                    line = {"size": size, "stream": name, **took, "bytes_s": round(rate), "load": load()}
                    print(json.dumps(line), flush=True)
                    holds &= took["p95_ms"] <= P95_MS and (seconds > 0 or rate <= QUIET_BYTES)
    print(json.dumps({"limits": f"p95 {P95_MS:.0f} ms, quiet {QUIET_BYTES:.0f} bytes/s", "hold": holds}))
    sys.exit(not holds)


if __name__ == "__main__":
    main()
