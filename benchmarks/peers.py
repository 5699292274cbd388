"""The same graphs through the peers, in the same rounds.

    python -m benchmarks.peers [rounds]

DBOS and LangGraph run the layered graph (20 x 50 `true` steps, 8 at once) from an environment of their
own, made on the first call in the user's cache. ninja (from the distribution) runs 200 sleeps, 16 at once.
Nothing is deleted before the end (executor.py says why).

Prints one JSON line a graph with medians over rounds: `x_faster` is the peer's wall over ours.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import anyio

from benchmarks import graphs
from benchmarks.executor import engine_wall

ROOT = Path(__file__).parents[1]
PACKAGES = ("dbos>=3,<4", "langgraph>=1,<2", "langgraph-checkpoint-sqlite>=3,<4")


def environment() -> Path:
    """The peers' own interpreter."""
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "plandeck" / "peers"
    python = base / "bin" / "python"
    if not (base / "ready").exists():
        venv.create(base, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
        (base / "ready").touch()
    return python


def peer(python: Path, module: str, workers: int, home: Path) -> float:
    said = subprocess.run(
        [python, "-m", module, str(workers), tempfile.mkdtemp(dir=home)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(said.stdout.split()[-1])


def ours(graph: graphs.Graph, workers: int, home: Path) -> float:
    return anyio.run(engine_wall, graph, workers, Path(tempfile.mkdtemp(dir=home)))


def ninja(graph: graphs.Graph, workers: int, home: Path) -> float:
    if not shutil.which("ninja"):
        return float("nan")
    directory = Path(tempfile.mkdtemp(dir=home))
    lines = [f"rule r{s}\n  command = {graphs.command(s)}\n" for s in sorted({s for *_, s in graph})]
    lines += [f"build {name}: r{s} {' '.join(before)}\n" for name, before, s in graph]
    (directory / "build.ninja").write_text("".join(lines))
    begin = time.perf_counter()
    subprocess.run(
        ["ninja", "--quiet", f"-j{workers}", "-C", directory], check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - begin


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    layered, sleeps = graphs.layered(20, 50), graphs.sleeps(200)
    python = environment()
    home = Path(tempfile.mkdtemp(prefix="pdp"))
    walls: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, wall in (
            ("ours", ours(layered, 8, home)),
            ("dbos", peer(python, "benchmarks.peer_dbos", 8, home)),
            ("langgraph", peer(python, "benchmarks.peer_langgraph", 8, home)),
            ("ours, sleeps", ours(sleeps, 16, home)),
            ("ninja, sleeps", ninja(sleeps, 16, home)),
        ):
            walls.setdefault(name, []).append(wall)
    shutil.rmtree(home, ignore_errors=True)
    for name in ("dbos", "langgraph"):
        ratios = [theirs / mine for theirs, mine in zip(walls[name], walls["ours"], strict=True)]
        print(
            json.dumps(
                {"graph": "layered 20 x 50", "peer": name, "x_faster": round(statistics.median(ratios), 2)}
            )
        )
    bound = graphs.lower_bound(sleeps, 16)
    for name in ("ours, sleeps", "ninja, sleeps"):
        print(json.dumps({"graph": name, "x_bound": round(statistics.median(walls[name]) / bound, 3)}))


if __name__ == "__main__":
    main()
