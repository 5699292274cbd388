"""Durable, supervised steps beside a bare spawn loop of the same commands, in the same round.

    python -m benchmarks.executor [rounds]

Prints one JSON line per graph: milliseconds a step, and the median of the ratios to `raw` within rounds.

Nothing is deleted before the end. ext4 keeps away from an inode for some seconds after its file went, and
looks for another one by one: after 30,000 files were removed, making one took ten times as long, and rounds
that clean up after themselves measure that. `ms_a_file` shows it: where it is far above 0.02, wait a minute.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anyio

from benchmarks import graphs
from console.catalog.spec import Catalog, Parameter, Risk, Script, ToolSpec
from console.plan.model import Plan, Step
from console.planners.base import Goal
from console.run import events as ev
from console.run.engine import Engine, Setup
from console.run.journal import Journal
from console.run.policy import Consent, Policy
from console.runners.local import LocalBackend
from console.testing import ScriptedPlanner


def plan_of(graph: graphs.Graph) -> Plan:
    return Plan(
        goal="bench",
        steps=tuple(
            Step(id=step, action="sh", params={"line": graphs.command(seconds)}, depends_on=tuple(before))
            for step, before, seconds in graph
        ),
    )


CATALOG = Catalog(
    tools={
        "sh": ToolSpec(
            name="sh",
            parameters=(Parameter(name="line", required=True),),
            script=Script(command="sh", args=("-c", "{{line}}")),
            risk=Risk.REVERSIBLE,
            risk_known=True,
        )
    }
)


async def engine_wall(graph: graphs.Graph, workers: int, directory: Path) -> float:
    """Wall seconds from the first intent to the end, journal and supervisor as in production."""
    journal = Journal.open(directory)
    async with LocalBackend(directory, ready=workers) as backend:
        created = ev.RunCreated(
            run="b",
            goal="bench",
            workspace=str(directory),
            version="0",
            by="bench",
            limits={"parallel": workers},
        )
        setup = Setup(
            created=created,
            directory=directory,
            journal=journal,
            backend=backend,
            planner=ScriptedPlanner(),
            catalog=CATALOG,
            goal=Goal("bench"),
            plan=plan_of(graph),
            env={"PATH": "/usr/bin:/bin"},
            policy=Policy(consent=Consent(Risk.DESTRUCTIVE, by="bench", label="bench"), unattended=True),
        )
        engine = Engine(setup)
        state = await engine.serve()
        assert state.finished is not None
        assert state.finished.outcome == "succeeded", state.finished
    journal.close()
    return state.ended_at - state.started_at


def measure(name: str, graph: graphs.Graph, workers: int, rounds: int, home: Path) -> None:
    """One graph, each round beside the floor and beside what the disk takes for a file."""
    walls: list[float] = []
    ratios: list[float] = []
    files: list[float] = []
    (home / name.split()[0]).mkdir()
    anyio.run(engine_wall, graphs.independent(1), 1, home / name.split()[0])  # load what is loaded on demand
    for number in range(rounds):
        files.append(seconds_a_file(home))
        floor = graphs.raw(graph, workers)
        directory = home / f"{name.split()[0]}{number}"
        directory.mkdir()
        os.sync()  # what earlier rounds left for the disk is not this round's
        wall = anyio.run(engine_wall, graph, workers, directory)
        walls.append(wall)
        ratios.append(wall / floor)
    line = {
        "graph": name,
        "steps": len(graph),
        "workers": workers,
        "ms_a_step": round(statistics.median(walls) / len(graph) * 1e3, 3),
        "x_raw": round(statistics.median(ratios), 2),
        "x_raw_all": [round(r, 2) for r in ratios],
        "ms_a_file": [round(seconds * 1e3, 3) for seconds in files],
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    if any(seconds for *_, seconds in graph):
        bound = graphs.lower_bound(graph, workers)
        line["x_bound"] = [round(wall / bound, 3) for wall in walls]
    print(json.dumps(line), flush=True)


def seconds_a_file(home: Path) -> float:
    """What this disk takes to make an empty file just now, for each of 200 in a folder of their own."""
    folder = Path(tempfile.mkdtemp(dir=home))
    begin = time.perf_counter()
    for number in range(200):
        os.close(os.open(folder / str(number), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return (time.perf_counter() - begin) / 200


GRAPHS: dict[str, tuple[graphs.Graph, int]] = {
    "independent": (graphs.independent(1000), 8),
    "chain": (graphs.chain(300), 8),
    "layered 20 x 50": (graphs.layered(20, 50), 8),
    "sleeps": (graphs.sleeps(200), 16),
}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    if len(sys.argv) > 2:
        name, home = sys.argv[2:]
        measure(name, *GRAPHS[name], rounds, Path(home))
        return
    begin = time.perf_counter()
    home = tempfile.mkdtemp(prefix="pdb")
    try:
        for name in GRAPHS:  # each in a process of its own: its memory is its own
            subprocess.run([sys.executable, "-m", __spec__.name, str(rounds), name, home], check=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(json.dumps({"seconds": round(time.perf_counter() - begin, 1)}))


if __name__ == "__main__":
    main()
