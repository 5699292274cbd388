"""From a key to its paint while eight steps stream 100,000 lines a second, in every pane.

    python -m benchmarks.keys [presses] [COLUMNSxROWS ...]

A run has steps that succeeded, steps that failed, a proposed revision, and eight that stream
12,500 lines a second each into their spools. The console shows it in a pseudo-terminal. In every
pane the cursor or the rows are moved up and down; `open` is the digit that goes to the pane. Prints
milliseconds beside those of an empty Textual app in the same terminal, and how busy the machine was. The
last line says whether the limits hold: 95 of 100 within 50 ms at 120x40, within 80 ms at 200x60.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.terminal import Terminal, empty_app, installed, load, spread

STEPS = 8
DONE, FAILED = 100, 12
SIZES = {"120x40": 50.0, "200x60": 80.0}
STREAM = """
import sys, time
end, n = time.time() + int(sys.argv[1]), 0
while time.time() < end:
    lines = range(n, n + 125)
    sys.stdout.write("".join(f"line {i} of the stream, of an ordinary length\\n" for i in lines))
    sys.stdout.flush()
    n += 125
    time.sleep(0.01)
time.sleep(600)
"""
TOOLS = {
    "name": "stream",
    "tools": [
        {
            "name": "stream",
            "description": "prints 12,500 lines a second for so many seconds, then waits",
            "risk": "observe",
            "parameters": [{"name": "seconds", "type": "integer", "required": True}],
            "script": {"command": "python3", "args": ["stream.py", "{{seconds}}"], "timeout": "20m"},
        },
        {
            "name": "end",
            "description": "ends with this code",
            "risk": "observe",
            "parameters": [{"name": "code", "type": "integer", "required": True}],
            "script": {"shell": "seq 20; exit {{code}}"},
        },
        {
            "name": "change",
            "description": "what nobody has approved",
            "risk": "disruptive",
            "script": {"command": "true"},
        },
    ],
}


@contextmanager
def place() -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with the streaming tool in it, and an environment whose runs are kept there."""
    base = Path(tempfile.mkdtemp(prefix="pdk"))
    (base / "stream.py").write_text(STREAM)
    (base / "tools.yaml").write_text(json.dumps(TOOLS))
    yield base, dict(os.environ, TERM="xterm-256color", XDG_STATE_HOME=str(base), XDG_CONFIG_HOME=str(base))
    shutil.rmtree(base, ignore_errors=True)


def write_task(base: Path, seconds: int, done: int = 0, failed: int = 0) -> None:
    """A task whose eight steps stream for so many seconds, then wait, beside steps that are soon over. Its
    planner revises it once, when it is asked."""
    streams: list[dict[str, Any]] = [
        {"id": f"wait{n:03d}", "action": "stream", "params": {"seconds": seconds}}
        for n in range(1, STEPS + 1)
    ]
    over: list[dict[str, Any]] = [
        {"id": f"end{n:03d}", "action": "end", "params": {"code": int(n > done)}, "on_failure": "continue"}
        for n in range(1, done + failed + 1)
    ]
    new = [{"id": f"new{n:03d}", "action": "change", "depends_on": ["wait001"]} for n in range(100)]
    replies = [
        {"plan": "", "reply": {"goal": "stream", "steps": [*streams, *over]}},
        {"replan": "", "reply": {"goal": "stream", "steps": [*streams, *over, *new]}},
    ]
    (base / "replies.yaml").write_text(json.dumps(replies))
    task = {
        "goal": "stream",
        "planner": {"use": "recorded", "recording": "replies.yaml"},
        "tools": ["./tools.yaml"],
        "limits": {"parallel": STEPS + 4},
    }
    (base / "task.yaml").write_text(json.dumps(task))


@contextmanager
def streaming(base: Path, env: dict[str, str], seconds: int) -> Iterator[str]:
    """The id of a detached run whose eight steps stream for so many seconds, then wait."""
    write_task(base, seconds)
    argv = [installed(), "run", "task.yaml", "--yes", "--detach"]
    run = subprocess.run(argv, cwd=base, env=env, capture_output=True, text=True, check=True).stdout.strip()
    with stopped(env, lambda: run):
        yield run


@contextmanager
def stopped(env: dict[str, str], run: Callable[[], str]) -> Iterator[None]:
    """Ends a run when the block is left."""
    try:
        yield
    finally:
        subprocess.run([installed(), "stop", run()], env=env, capture_output=True, check=False)


class Console:
    """The console, and what is looked at in its panes."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._middle = 0

    def begin(self) -> None:
        """Approve the plan, and wait until everything is there: what is over, and a proposed revision."""
        look = self.terminal
        look.until(lambda: look.shows("AWAITING APPROVAL"))
        look.quiet()
        look.press("a", lambda: look.shows("Approve the plan"))
        look.press("G", lambda: look.shows("Enter approves"))
        look.drain(1.0)
        look.type("\r")
        look.until(lambda: look.shows(f"{DONE}/{DONE + FAILED + STEPS}"))
        for key in ("c", "more", "\r"):
            look.type(key)
            look.drain(1.0)
        look.until(lambda: look.shows("revision waits"))
        self._middle = look.row(1).rindex("╭")

    def step(self) -> object:
        """The step under the cursor, as the frame of its details names it."""
        for row in self.terminal.rows(self.terminal.lines // 2):
            if found := re.search(r" Step (\w+)", row):
                return found[1]
        return ""

    def pane(self) -> object:
        """The pane on the right, its frame included: which pane has the keys shows in its colours."""
        cells, begin, end = self.terminal.cells, self._middle, self.terminal.columns - 3
        shown = range(1, self.terminal.lines - 8)
        return [part[y][begin:end] for part in (cells.texts, cells.styles) for y in shown]


PANES: tuple[tuple[str, str, str], ...] = (
    ("plan", "1", "step"),
    ("output", "2", "pane"),
    ("failures", "3", "pane"),
    ("diff", "4", "pane"),
    ("timeline", "5", "step"),
    ("events", "6", "pane"),
    ("rollback", "0", ""),
)
"""Name, key, and what is seen to move there."""


def measure(console: Console, presses: int) -> dict[str, list[float]]:
    """Milliseconds from key to paint, by what was done."""
    found: dict[str, list[float]] = {}
    look = console.terminal
    for name, key, moves in PANES:
        opened = found.setdefault(f"{name}, open", [])
        for press in range(max(5, presses // 4)):
            look.type("0" if key != "0" else "3")
            look.drain(0.4 + press % 5 / 50)
            before = console.pane()
            opened.append(look.press(key, lambda: console.pane() != before))  # noqa: B023
            look.drain(0.1)
        if not moves:
            continue
        look.type("g" if moves == "pane" and name in ("output", "events") else "gj")
        look.drain(0.5)
        seen = console.step if moves == "step" else console.pane
        moved = found.setdefault(name, [])
        for press in range(presses):
            before = seen()
            moved.append(look.press("jjkk"[press % 4], lambda: seen() != before))  # noqa: B023
            look.drain(0.03 + press * 7 % 10 / 100)
    return found


def main() -> None:
    presses = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    holds = True
    with place() as (base, env):
        for size in sys.argv[2:] or SIZES:
            columns, rows = map(int, size.split("x"))
            floor = spread(empty_app(env, columns, rows))
            print(json.dumps({"size": size, "pane": "an empty app", **floor, "load": load()}), flush=True)
            write_task(base, int(presses * 2.5) + 120, DONE, FAILED)
            with (
                Terminal([installed(), "run", "task.yaml"], env, columns, rows, base) as terminal,
                stopped(env, lambda: terminal.row(0).split()[-1]),
            ):
                console = Console(terminal)
                console.begin()
                for name, took in measure(console, presses).items():
                    figures = spread(took)
                    ratio = round(figures["p95_ms"] / floor["p95_ms"], 2)
                    line = {"size": size, "pane": name, **figures, "x_empty": ratio, "load": load()}
                    print(json.dumps(line), flush=True)
                    holds &= figures["p95_ms"] <= SIZES.get(size, 80.0)
    print(json.dumps({"limits": SIZES, "hold": holds}))
    sys.exit(not holds)


if __name__ == "__main__":
    main()
