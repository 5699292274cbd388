"""How long until the screen shows something, beside an empty Textual app in the same round.

    python -m benchmarks.first_paint [rounds]

Each program runs in a pseudo-terminal of 120x40; the clock stops when its first words are on it: "empty"
for the app with one label, the console's own name for ours. `ready_s` is when ours can be used: when the
plan, or the list of tasks, is shown.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

EMPTY = """
from textual.app import App
from textual.widgets import Label

class Empty(App):
    def compose(self):
        yield Label("empty")

Empty().run()
"""
PATIENCE = 30.0


def seconds_until(argv: list[str], words: list[bytes], env: dict[str, str]) -> list[float]:
    """Seconds from the start until each of `words` was written to the terminal after the screen was taken."""
    begin = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(argv[0], argv, env)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen = b""
    found: list[float] = []
    try:
        while len(found) < len(words) and time.perf_counter() - begin < PATIENCE:
            if select.select([terminal], [], [], 0.5)[0]:
                seen += os.read(terminal, 65_536)
            painted = seen.partition(b"\x1b[?1049h")[2]
            while len(found) < len(words) and words[len(found)] in painted:
                found.append(time.perf_counter() - begin)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    assert len(found) == len(words), f"{argv}: {words[len(found)]!r} never came"
    return found


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    command = shutil.which("plandeck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert command, "plandeck is not installed"
    state = tempfile.mkdtemp(prefix="pdf")
    env = dict(os.environ, TERM="xterm-256color", XDG_STATE_HOME=state, XDG_CONFIG_HOME=state)
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        floor = seconds_until([sys.executable, "-c", EMPTY], [b"empty"], env)[0]
        for name, argv, ready in (
            ("picker", [command], b"What should be done"),
            ("run", [command, "run", "deploy"], b"run_tests"),
        ):
            first, usable = seconds_until(argv, [b"plandeck", ready], env)
            times.setdefault(name, []).append(first / floor)
            times.setdefault(f"{name} ready", []).append(usable)
    for name in ("picker", "run"):
        line = {
            "screen": name,
            "x_empty": round(statistics.median(times[name]), 2),
            "ready_s": round(statistics.median(times[f"{name} ready"]), 2),
        }
        print(json.dumps(line), flush=True)
    subprocess.run(["pkill", "-f", f"console.service.main {state}"], check=False)
    shutil.rmtree(state, ignore_errors=True)


if __name__ == "__main__":
    main()
