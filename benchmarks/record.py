"""Attaching to a run with 100,000 events, beside an empty Textual app in the same round.

    python -m benchmarks.record [events] [rounds]

The record is made with the journal itself: 2,000 steps that are retried over and over, as a run of some days
has it. `attach_ms` is from the start of `plandeck attach` to the state as it is at the end of the record,
`cpu_ms` what that costs the console, `memory_mb` what it has then; `fold_ms` is reading and folding alone.
The last line says whether the limit holds.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.terminal import EMPTY, Terminal, installed, load
from console.catalog.spec import Catalog, Parameter, Risk, Script, ToolSpec
from console.plan.model import Plan, Step
from console.run import events as ev
from console.run import journal
from console.run.journal import Journal
from console.run.state import RunState

ATTACH_MS = 1000.0
STEPS = 2000
SIZE = (120, 40)
TOOL = ToolSpec(
    name="sh",
    parameters=(Parameter(name="line", required=True),),
    script=Script(command="sh", args=("-c", "{{line}}")),
    risk=Risk.REVERSIBLE,
    risk_known=True,
)


def make(directory: Path, count: int) -> int:
    """Write the record of a run with about so many events; gives their number."""
    run, at = directory.name, 1_700_000_000.0
    plan = Plan(
        goal="many events",
        steps=tuple(Step(id=f"s{n:04d}", action="sh", params={"line": "true"}) for n in range(STEPS)),
    )
    written = Journal.open(directory)
    begin: list[ev.Event] = [
        ev.RunCreated(run=run, goal=plan.goal, workspace="/", version="0", by="nobody"),
        ev.CatalogLoaded(catalog=Catalog(tools={"sh": TOOL})),
        ev.PlanDrafted(plan=plan, plan_hash="0", revision=1, planner="file"),
        ev.ApprovalRequested(request="1", scope="plan", hash="0"),
        ev.Approved(request="1", scope="plan", hash="0", by="nobody", how="key"),
        ev.RunStarted(),
    ]
    written.append([(at, event) for event in begin])
    attempt = 0
    while written.seq + 4 * STEPS < count:
        attempt += 1
        for step in plan.steps:
            again = ev.StepRetryScheduled(step=step.id, attempt=attempt + 1, at=at)
            events: list[ev.Event] = [
                ev.StepIntended(
                    step=step.id,
                    attempt=attempt,
                    key=f"{run}/{step.id}/{attempt}",
                    command=("sh", "-c", "true"),
                    params={"line": "true"},
                    hash="0" * 64,
                    host="here",
                ),
                ev.StepStarted(step=step.id, attempt=attempt, pid=4242, host="here", started=at),
                ev.StepFailed(step=step.id, attempt=attempt, error="exit code 1", exit_code=1, duration=0.1),
                again,
            ]
            at += 1
            written.append([(at, event) for event in events])
    ended = ev.RunFinished(outcome="stopped", reason="at the end", exit_code=4)
    written.append([(at, ended)])
    total = written.seq
    written.close()
    return total


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    base = Path(tempfile.mkdtemp(prefix="pdr"))
    env = dict(os.environ, TERM="xterm-256color", XDG_STATE_HOME=str(base), XDG_CONFIG_HOME=str(base))
    directory = base / "plandeck" / "runs" / "abcd"
    total = make(directory, count)
    attached, empty, folds = [], [], []
    cost = memory = 0.0
    for _ in range(rounds):
        with Terminal([sys.executable, "-c", EMPTY], env, *SIZE) as terminal:
            empty.append((terminal.until(lambda: terminal.shows("empty 0")) - terminal.begun) * 1e3)
        with Terminal([installed(), "attach", "abcd"], env, *SIZE) as terminal:
            shown = terminal.until(lambda: "STOPPED" in terminal.row(0), 120.0)
            attached.append((shown - terminal.begun) * 1e3)
            cost, memory = terminal.cpu(), terminal.memory()
        begin = time.perf_counter()
        RunState.of(journal.read(directory))
        folds.append((time.perf_counter() - begin) * 1e3)
    figures = {
        "events": total,
        "attach_ms": round(min(attached)),
        "empty_ms": round(min(empty)),
        "x_empty": round(min(a / b for a, b in zip(attached, empty, strict=True)), 2),
        "cpu_ms": round(cost),
        "fold_ms": round(min(folds)),
        "memory_mb": round(memory),
        "load": load(),
    }
    print(json.dumps(figures), flush=True)
    holds = min(attached) <= ATTACH_MS
    print(json.dumps({"limits": {"attach_ms": ATTACH_MS}, "hold": holds}))
    shutil.rmtree(base, ignore_errors=True)
    sys.exit(not holds)


if __name__ == "__main__":
    main()
