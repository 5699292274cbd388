"""A plan of 10,000 steps: opened, scrolled, edited; beside an empty Textual app in the same terminal.

    python -m benchmarks.huge [steps] [presses] [part ...]

The steps make and remove files, in phases of a hundred which count as steps. `open` is from the start of
`plandeck attach` to the first row of the plan, `plan` the same for `plandeck run` and a plan file, the
engine's part in it included. Each key is timed until what it does is seen: the step under the cursor in the
frame of its details, or another row of the plan. `cpu_ms` is what a key costs the console, its part beside
the screen included, `engine_ms` what it costs the run's process; `memory_mb` is what the two have in the
end. Parts are `scroll`, `delete`, `hold`, `move`, `form`; without one, all. The last line says whether the
limits hold.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.terminal import (
    EMPTY,
    Terminal,
    cpu_of,
    empty_app,
    installed,
    load,
    memory_of,
    spread,
)

OPEN_MS, KEY_MS = 1000.0, 100.0
SIZE = (120, 40)
LAST_OF_LANE = 10
"""A step that nothing waits for."""
MADE = ["made $path"]
TOOLS = {
    "name": "files",
    "tools": [
        {
            "name": name,
            "description": f"{name} a file",
            "risk": "reversible",
            "parameters": [{"name": "path", "type": "string", "required": True}],
            "script": {"command": command, "args": ["{{path}}"]},
            **contract,
        }
        for name, command, contract in (
            ("make", "touch", {"provides": MADE, "undo": {"action": "remove", "params": {"path": "$path"}}}),
            ("remove", "unlink", {"requires": MADE, "removes": MADE}),
        )
    ],
}


def document(steps: int) -> dict[str, Any]:
    """A plan of so many steps in phases of a hundred, each a step itself: ten lanes of ten in each, a phase
    after another."""
    phases = []
    for number in range(1, steps // 101 + 1):
        first = (number - 1) * 100 + 1
        inside = [
            {
                "id": n,
                "action": "make",
                "params": {"path": f"out/{n}"},
                "description": f"Make file number {n}",
                "depends_on": [n - 1] if n % 10 != 1 else [],
            }
            for n in range(first, first + 100)
        ]
        before = [f"part{number - 1}"] if number > 1 else []
        phase = {"id": f"part{number}", "description": f"Part {number}", "depends_on": before}
        phases.append({**phase, "steps": inside})
    return {"goal": "many files", "steps": phases}


class Console:
    """The console over the plan, and the process that executes the run."""

    def __init__(self, terminal: Terminal, engine: int) -> None:
        self.terminal = terminal
        self.engine = engine

    def detail(self) -> str:
        """The frame that tells of the step under the cursor."""
        rows = self.terminal.rows(self.terminal.lines // 2)
        return next((found[1] for row in rows if (found := re.search(r"╭─ ([^╭]+?) ─+╮", row))), "")

    def plan(self) -> object:
        """What the frame of the plan shows, and in which colours."""
        cells, lines = self.terminal.cells, range(1, self.terminal.lines - 3)
        return [part[y][:50] for part in (cells.texts, cells.styles) for y in lines]

    def go_to(self, step: int) -> None:
        """Put the cursor on one of the first steps, with nothing on its way."""
        for keys in ("", "g", "j" * step):
            self.terminal.type(keys)
            self.terminal.quiet(1.0)

    def cpu(self) -> tuple[float, float]:
        """Milliseconds of a processor that the console and the run's process have taken."""
        return self.terminal.cpu(), cpu_of(self.engine)

    def report(self, name: str, found: Sequence[float], before: tuple[float, float]) -> dict[str, Any]:
        """A line about the keys that took so long, `before` being what was taken when they began."""
        self.terminal.drain(2.0)
        taken = [(now - then) / len(found) for now, then in zip(self.cpu(), before, strict=True)]
        cost = {"cpu_ms": round(taken[0], 1), "engine_ms": round(taken[1], 1)}
        return {"key": name, **spread(found), **cost}

    def measure(
        self, name: str, keys: Sequence[str], presses: int, seen: Callable[[], object], pause: float
    ) -> dict[str, Any]:
        """What the keys take one after the other, each until what is `seen` is another. What stands behind
        the first one is pressed afterwards, key by key, and not timed."""
        found: list[float] = []
        begun = self.cpu()
        for press in range(presses):
            before = seen()
            key, then = keys[press % len(keys)][:1], keys[press % len(keys)][1:]
            found.append(self.terminal.press(key, lambda: seen() != before))  # noqa: B023
            self.terminal.quiet(pause) if pause >= 0.5 else self.terminal.drain(pause)
            for after in then:
                self.terminal.type(after)
                self.terminal.quiet(pause)
        return self.report(name, found, begun)

    def edit_in_form(self, presses: int) -> dict[str, Any]:
        """From the key that takes a form with another description to the plan that has it."""
        found: list[float] = []
        look = self.terminal
        begun = self.cpu()
        for _ in range(presses):
            look.press("e", lambda: look.shows("Edit step"))
            look.quiet()
            look.type("x")
            look.quiet()
            found.append(look.press("\x13", lambda: not look.shows("Edit step")))
            look.quiet()
        return self.report("edit in a form", found, begun)


PARTS = ("scroll", "delete", "hold", "move", "form")


def keys_of(console: Console, part: str, presses: int) -> Iterator[dict[str, Any]]:
    """The lines of a part; the cursor stands on a step that nothing waits for when one begins."""

    def timed(name: str, keys: Sequence[str], many: int, seen: Callable[[], object], pause: float) -> Any:
        console.go_to(LAST_OF_LANE)
        return console.measure(name, keys, many, seen, pause)

    match part:
        case "scroll":
            yield timed("j, held", "j", presses * 2, console.detail, 0.0)
            yield timed("Ctrl+d, Ctrl+u", "\x04\x04\x15", presses, console.detail, 0.05)
            yield timed("G, g", "Gg", presses, console.detail, 0.1)
        case "delete":
            yield timed("delete, undo", ("d", "u"), presses, console.plan, 0.5)
        case "hold":
            yield timed("hold, release", " ", presses, console.plan, 0.5)
        case "move":
            yield timed("move down, up", "JK", presses, console.plan, 0.5)
        case "form":
            console.go_to(LAST_OF_LANE)
            yield console.edit_in_form(max(3, presses // 4))


def opened(run: str, env: Mapping[str, str], base: Path) -> tuple[list[float], float]:
    """Milliseconds until the plan is seen, and what the last time has taken of a processor."""
    found: list[float] = []
    for _ in range(3):
        with Terminal([installed(), "attach", run], env, *SIZE, base) as terminal:
            shown = terminal.until(lambda: terminal.shows("Make file number 1 "))
            found.append((shown - terminal.begun) * 1e3)
            cost = terminal.cpu()
    return found, cost


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    presses = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    parts = sys.argv[3:] or PARTS
    base = Path(tempfile.mkdtemp(prefix="pdh"))
    env = dict(os.environ, TERM="xterm-256color", XDG_STATE_HOME=str(base), XDG_CONFIG_HOME=str(base))
    (base / "tools.yaml").write_text(json.dumps(TOOLS))
    (base / "plan.json").write_text(json.dumps(document(steps)))
    with Terminal([sys.executable, "-c", EMPTY], env, *SIZE) as terminal:
        start = (terminal.until(lambda: terminal.shows("empty 0")) - terminal.begun) * 1e3
    floor = spread(empty_app(env, *SIZE))
    print(json.dumps({"key": "an empty app", "open_ms": round(start), **floor, "load": load()}), flush=True)
    argv = [installed(), "run", "plan.json", "--tools", "tools.yaml"]
    with Terminal(argv, env, *SIZE, base) as terminal:
        planned = (terminal.until(lambda: terminal.shows("Make file number 1 ")) - terminal.begun) * 1e3
        terminal.until(lambda: terminal.shows("AWAITING"))
        run = terminal.row(0).split()[-1]
    engine = int(next(base.rglob("lock")).read_text())
    try:
        times, cost = opened(run, env, base)
        figures = {"open_ms": round(min(times)), "cpu_ms": round(cost), "plan_ms": round(planned)}
        ratio = round(min(times) / start, 2)
        print(json.dumps({"steps": steps, **figures, "x_empty": ratio, "load": load()}), flush=True)
        holds = min(times) <= OPEN_MS
        with Terminal([installed(), "attach", run], env, *SIZE, base) as terminal:
            console = Console(terminal, engine)
            terminal.until(lambda: terminal.shows("Make file number 1 "))
            terminal.until(lambda: terminal.shows("findings"), 120.0)
            terminal.quiet(2.0)
            for line in (line for part in parts for line in keys_of(console, part, presses)):
                ratio = round(line["p95_ms"] / floor["p95_ms"], 2)
                print(json.dumps({**line, "x_empty": ratio, "load": load()}), flush=True)
                holds &= line["p95_ms"] <= KEY_MS
            memory = {"console": round(terminal.memory()), "engine": round(memory_of(engine))}
            print(json.dumps({"memory_mb": memory}), flush=True)
    finally:
        os.kill(engine, signal.SIGTERM)
    print(json.dumps({"limits": {"open_ms": OPEN_MS, "p95_ms": KEY_MS}, "hold": holds}))
    shutil.rmtree(base, ignore_errors=True)
    sys.exit(not holds)


if __name__ == "__main__":
    main()
