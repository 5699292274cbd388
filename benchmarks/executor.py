"""Durable, supervised steps beside a bare spawn loop of the same commands, in the same round.

    python -m benchmarks.executor [rounds]

Prints one JSON line per graph: milliseconds a step, and the median of the ratios to `raw` within rounds.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
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
    async with LocalBackend(directory) as backend:
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


def measure(name: str, graph: graphs.Graph, workers: int, rounds: int) -> None:
    walls: list[float] = []
    ratios: list[float] = []
    for _ in range(rounds):
        floor = graphs.raw(graph, workers)
        directory = Path(tempfile.mkdtemp(prefix="pdb"))
        os.sync()  # what earlier rounds left for the disk is not this round's
        try:
            wall = anyio.run(engine_wall, graph, workers, directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        walls.append(wall)
        ratios.append(wall / floor)
    line = {
        "graph": name,
        "steps": len(graph),
        "workers": workers,
        "ms_a_step": round(statistics.median(walls) / len(graph) * 1e3, 3),
        "x_raw": round(statistics.median(ratios), 2),
        "x_raw_all": [round(r, 2) for r in ratios],
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    if any(seconds for *_, seconds in graph):
        bound = graphs.lower_bound(graph, workers)
        line["x_bound"] = [round(wall / bound, 3) for wall in walls]
    print(json.dumps(line), flush=True)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    begin = time.perf_counter()
    measure("independent", graphs.independent(1000), 8, rounds)
    measure("chain", graphs.chain(300), 8, rounds)
    measure("layered 20 x 50", graphs.layered(20, 50), 8, rounds)
    measure("sleeps", graphs.sleeps(200), 16, rounds)
    print(json.dumps({"seconds": round(time.perf_counter() - begin, 1)}))


if __name__ == "__main__":
    main()
