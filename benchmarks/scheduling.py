"""What deciding costs, without any process: readiness alone, and a whole engine on a fake backend.

    python -m benchmarks.scheduling

`frontier_us` is the scheduler (run/schedule.py): taking each step when it is ready and settling it.
`engine_us` is everything the engine does for a step (hash, resolve, events, fold) with a journal in
memory; `rss_mb` is the process's peak after the size in question.
"""

from __future__ import annotations

import json
import resource
import statistics
import time
from pathlib import Path

import anyio

from benchmarks import graphs
from benchmarks.executor import CATALOG, plan_of
from console.catalog.spec import Risk
from console.plan.graph import Graph
from console.plan.model import Plan
from console.planners.base import Goal
from console.run import events as ev
from console.run.engine import Engine, Setup
from console.run.life import StepStatus
from console.run.policy import Consent, Policy
from console.run.schedule import Frontier
from console.testing import FakeBackend, MemoryJournal, ScriptedPlanner


def frontier(graph: Graph) -> float:
    statuses = dict.fromkeys(graph.order, StepStatus.PENDING)
    begin = time.perf_counter()
    ready = Frontier(graph, statuses, lambda _: False, lambda _: False, {})
    while taken := ready.take(lambda _: True, 1):
        statuses[taken[0]] = StepStatus.SUCCEEDED
        ready.settle(taken[0], lambda step: statuses[step] is StepStatus.PENDING)
    return time.perf_counter() - begin


async def engine(plan: Plan) -> float:
    created = ev.RunCreated(run="b", goal="", workspace="/", version="0", by="bench", limits={"parallel": 16})
    run = Engine(
        Setup(
            created=created,
            directory=Path("/nonexistent"),
            journal=MemoryJournal(),
            backend=FakeBackend(),
            planner=ScriptedPlanner(),
            catalog=CATALOG,
            goal=Goal(""),
            plan=plan,
            policy=Policy(consent=Consent(Risk.DESTRUCTIVE), unattended=True),
        )
    )
    begin = time.perf_counter()
    await run.serve()
    return time.perf_counter() - begin


def main() -> None:
    base = 0.0
    for count in (100, 1_000, 10_000):
        plan = plan_of(graphs.layered(10, count // 10))
        graph = Graph.of(plan)
        per_step = statistics.median(frontier(graph) for _ in range(5)) / count * 1e6
        base = base or per_step
        whole = statistics.median(anyio.run(engine, plan) for _ in range(3)) / count * 1e6
        line = {
            "steps": count,
            "frontier_us": round(per_step, 2),
            "x_of_100": round(per_step / base, 2),
            "engine_us": round(whole, 1),
            "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
