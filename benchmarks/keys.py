"""From a key press to its paint while steps stream 100,000 lines a second, in the real console.

    python -m benchmarks.keys [presses]

A detached run of seven steps streams into their spools, 15,000 lines a second each; the console is
attached to it in a pseudo-terminal of 120x40, the output of the selected step beside the plan, and the
cursor is moved up and down the plan. The clock of a press stops when the row of the step it goes to is
painted again. Prints milliseconds, and beside them the same while nothing streams, in the same run.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STEPS = 7
STREAM = """
import sys, time
end, n = time.time() + int(sys.argv[1]), 0
while time.time() < end:
    lines = range(n, n + 150)
    sys.stdout.write("".join(f"line {i} of the stream, of an ordinary length\\n" for i in lines))
    sys.stdout.flush()
    n += 150
    time.sleep(0.01)
time.sleep(600)
"""
TOOLS = {
    "name": "stream",
    "tools": [
        {
            "name": "stream",
            "description": "prints 15,000 lines a second for so many seconds, then waits",
            "risk": "observe",
            "parameters": [{"name": "seconds", "type": "integer", "required": True}],
            "script": {"command": "python3", "args": ["stream.py", "{{seconds}}"], "timeout": "20m"},
        }
    ],
}


def pipe_until(terminal: int, needle: bytes, patience: float) -> float | None:
    """Seconds until `needle` is painted; what else is painted is read away."""
    begin, seen = time.perf_counter(), b""
    while (left := patience - (time.perf_counter() - begin)) > 0:
        if select.select([terminal], [], [], left)[0]:
            seen = seen[-200:] + os.read(terminal, 65_536)
            if needle in seen:
                return time.perf_counter() - begin
    return None


def drain(terminal: int, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        if select.select([terminal], [], [], left)[0]:
            os.read(terminal, 65_536)


def measure(terminal: int, presses: int) -> list[float]:
    """Milliseconds from key to paint, moving between the first steps of the plan."""
    found: list[float] = []
    at, step = 1, 1
    for press in range(presses):
        step = 1 if at == 1 else -1 if at == STEPS else step
        at += step
        os.write(terminal, b"j" if step > 0 else b"k")
        took = pipe_until(terminal, f"wait{at:03d}".encode(), 5.0)
        assert took is not None, f"press {press} was never painted"
        found.append(took * 1e3)
        drain(terminal, 0.03 + (press * 7 % 10) / 100)
    return found


def installed() -> str:
    """The console's command in this environment."""
    command = shutil.which("plandeck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert command, "plandeck is not installed"
    return command


@contextmanager
def place() -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with the streaming tool in it, and an environment whose runs are kept there."""
    base = Path(tempfile.mkdtemp(prefix="pdk"))
    (base / "stream.py").write_text(STREAM)
    (base / "tools.yaml").write_text(json.dumps(TOOLS))
    yield base, dict(os.environ, TERM="xterm-256color", XDG_STATE_HOME=str(base), XDG_CONFIG_HOME=str(base))
    shutil.rmtree(base, ignore_errors=True)


@contextmanager
def streaming(base: Path, env: dict[str, str], seconds: int) -> Iterator[str]:
    """The id of a detached run whose steps stream for so many seconds, then wait."""
    steps = [
        {"id": f"wait{n:03d}", "action": "stream", "params": {"seconds": seconds}}
        for n in range(1, STEPS + 1)
    ]
    (base / "plan.json").write_text(json.dumps({"goal": "stream", "steps": steps}))
    task = {
        "goal": "stream",
        "plan": "plan.json",
        "tools": ["./tools.yaml"],
        "limits": {"parallel": STEPS},
    }
    (base / "task.yaml").write_text(json.dumps(task))
    argv = [installed(), "run", "task.yaml", "--yes", "--detach"]
    run = subprocess.run(argv, cwd=base, env=env, capture_output=True, text=True, check=True).stdout.strip()
    try:
        yield run
    finally:
        subprocess.run([installed(), "stop", run], env=env, capture_output=True, check=False)


def main() -> None:
    presses = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    command = installed()
    results = {}
    with place() as (base, env):
        for name, seconds in (("nothing streams", 0), ("100,000 lines/s", int(presses * 0.4) + 60)):
            with streaming(base, env, seconds) as run:
                pid, terminal = pty.fork()
                if pid == 0:
                    os.execvpe(command, [command, "attach", run], env)
                fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
                assert pipe_until(terminal, f"wait{STEPS:03d}".encode(), 30.0), "the plan was never shown"
                drain(terminal, 3.0)
                results[name] = measure(terminal, presses)
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                os.close(terminal)
    for name, found in results.items():
        print(json.dumps({"stream": name, **spread(found)}), flush=True)


def spread(found: list[float]) -> dict[str, float]:
    """The middle, the 95th of a hundred and the largest, in milliseconds."""
    ordered = sorted(found)
    return {
        "p50_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)], 1),
        "max_ms": round(ordered[-1], 1),
    }


if __name__ == "__main__":
    main()
