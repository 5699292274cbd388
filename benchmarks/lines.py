"""The console over a step that has printed ten million lines: memory, scrolling and finding.

    python -m benchmarks.lines [lines] [presses]

`attach_ms` is from the start of `plandeck attach` to the number of lines on the screen, `find_ms` from the
key that looks for a text of the last line to that line. Beside an empty Textual app in the
same terminal. The last line says whether the limits hold.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.terminal import Terminal, empty_app, installed, load, spread

MEMORY_MB, KEY_MS = 150.0, 50.0
SIZE = (120, 40)
TOOLS = {
    "name": "lines",
    "tools": [
        {
            "name": "count",
            "description": "prints the numbers up to this one",
            "risk": "observe",
            "parameters": [{"name": "to", "type": "integer", "required": True}],
            "script": {
                "command": "seq",
                "args": ["-f", "line %.0f of very many", "{{to}}"],
                "timeout": "10m",
            },
        }
    ],
}


def main() -> None:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    presses = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    base = Path(tempfile.mkdtemp(prefix="pdl"))
    env = dict(os.environ, TERM="xterm-256color", XDG_STATE_HOME=str(base), XDG_CONFIG_HOME=str(base))
    (base / "tools.yaml").write_text(json.dumps(TOOLS))
    plan = {"goal": "lines", "steps": [{"id": "all", "action": "count", "params": {"to": lines}}]}
    (base / "plan.json").write_text(json.dumps(plan))
    argv = [installed(), "run", "plan.json", "--tools", "tools.yaml", "--yes", "--json"]
    told = subprocess.run(argv, cwd=base, env=env, capture_output=True, text=True, check=True).stdout
    run = json.loads(told.splitlines()[0])["run"]
    floor = spread(empty_app(env, *SIZE))
    with Terminal([installed(), "attach", run], env, *SIZE) as look:
        begun = look.begun
        look.until(lambda: look.shows("SUCCEEDED"))
        look.type("2")
        shown = look.until(lambda: look.shows(f"{lines:,} lines"), 120.0)
        look.quiet()
        look.press("g", lambda: look.shows("line 1 of"))
        found = []
        for _ in range(presses):
            before = look.rows(2, 6)
            found.append(look.press("j", lambda: look.rows(2, 6) != before))  # noqa: B023
            look.drain(0.03)
        for keys in ("/", f"line {lines} o", "\r", "g"):
            look.type(keys)
            look.quiet(1.0)
        find = look.press("n", lambda: look.shows(f"line {lines} of"))
        figures = {
            "lines": lines,
            "memory_mb": round(look.memory()),
            "attach_ms": round((shown - begun) * 1e3),
            **spread(found),
            "x_empty": round(spread(found)["p95_ms"] / floor["p95_ms"], 2),
            "find_ms": round(find),
            "load": load(),
        }
        holds = look.memory() <= MEMORY_MB and spread(found)["p95_ms"] <= KEY_MS
    print(json.dumps(figures), flush=True)
    print(json.dumps({"limits": {"memory_mb": MEMORY_MB, "p95_ms": KEY_MS}, "hold": holds}))
    shutil.rmtree(base, ignore_errors=True)
    sys.exit(not holds)


if __name__ == "__main__":
    main()
