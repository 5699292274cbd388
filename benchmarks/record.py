"""Attaching to a run with 100,000 events, beside an empty Textual app in the same round.

    python -m benchmarks.record [events] [rounds]

The record is made with the journal itself: 2,000 steps that are retried over and over until they succeed, as
a run of some days has it. `ended` is a run that is over; `alive` one that a process executes, which tells
whoever attaches how far the record is. `attach_ms` is from the start of `plandeck attach` to the state as it
is at the end of the record, `cpu_ms` what that costs the console, `memory_mb` what it has then, `events_ms`
from the key of the Events pane to its last record; `fold_ms` is reading and folding alone. The last line says
whether the limit holds for both.

Python keeps what it has compiled, as it does wherever the console is installed, whatever the environment of
the benchmark says.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import anyio

from benchmarks.terminal import EMPTY, Terminal, installed, load
from console.catalog.spec import Catalog, Parameter, Risk, Script, ToolSpec
from console.plan.model import Plan, Step
from console.run import events as ev
from console.run import journal
from console.run.control import RunControl
from console.run.journal import Journal
from console.run.state import RunState
from console.service.server import Service

ATTACH_MS = 1000.0
STEPS = 2000
SIZE = (120, 40)
EVENTS = "6"
"""The key of the Events pane."""

TOOL = ToolSpec(
    name="sh",
    parameters=(Parameter(name="line", required=True),),
    script=Script(command="sh", args=("-c", "{{line}}")),
    risk=Risk.REVERSIBLE,
    risk_known=True,
)


def make(directory: Path, count: int, *, ended: bool) -> int:
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
    while written.seq < count - 7 * STEPS:
        attempt += 1
        at = _round(written, plan, attempt, at)
    at = _round(written, plan, attempt + 1, at, succeeds=True)
    if ended:
        end = ev.RunFinished(outcome="stopped", reason="at the end", exit_code=4)
        written.append([(at, end)])
    total = written.seq
    written.close()
    return total


def _round(written: Journal, plan: Plan, attempt: int, at: float, *, succeeds: bool = False) -> float:
    """One attempt of every step; gives the time after it."""
    for step in plan.steps:
        key = f"{written.path.parent.name}/{step.id}/{attempt}"
        command, params = ("sh", "-c", "true"), {"line": "true"}
        events: list[ev.Event] = [
            ev.StepIntended(
                step=step.id,
                attempt=attempt,
                key=key,
                command=command,
                params=params,
                hash="0" * 64,
                host="here",
            ),
            ev.StepStarted(step=step.id, attempt=attempt, pid=4242, host="here", started=at),
        ]
        if succeeds:
            events.append(ev.StepSucceeded(step=step.id, attempt=attempt, exit_code=0, duration=0.1))
        else:
            failed = ev.StepFailed(
                step=step.id, attempt=attempt, error="exit code 1", exit_code=1, duration=0.1
            )
            events += [failed, ev.StepRetryScheduled(step=step.id, attempt=attempt + 1, at=at)]
        at += 1
        written.append([(at, event) for event in events])
    return at


class Living:
    """A session of a run that is under way, and of which nothing happens."""

    control: RunControl | None = None

    def __init__(self, directory: Path) -> None:
        self.run = directory.name
        self.directory = directory

    async def records(self, after: int = 0) -> AsyncGenerator[ev.Record, None]:
        for record in journal.read(self.directory, after):
            yield record
        await anyio.sleep_forever()


async def serve(directory: Path) -> None:
    """Serve a run to whoever attaches, as the process that executes it does."""
    held = Journal.open(directory)
    async with anyio.create_task_group() as tasks:
        await tasks.start(Service(Living(directory), head=held.seq).serve)
        print("serving", flush=True)


@contextmanager
def served(directory: Path, env: Mapping[str, str]) -> Iterator[None]:
    """The run has a process."""
    argv = [sys.executable, "-m", "benchmarks.record", "serve", str(directory)]
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def attach(run: str, status: str, total: int, env: Mapping[str, str]) -> dict[str, float]:
    """What attaching takes until the screen shows `status`, and the Events pane after it."""
    with Terminal([installed(), "attach", run], env, *SIZE) as terminal:
        shown = terminal.until(lambda: status in terminal.row(0), 120.0)
        found = {"attach_ms": (shown - terminal.begun) * 1e3, "cpu_ms": terminal.cpu()}
        found["memory_mb"] = terminal.memory()
        terminal.quiet()
        found["events_ms"] = terminal.press(EVENTS, lambda: terminal.shows(f" {total} "))
    return found


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    base = Path(tempfile.mkdtemp(prefix="pdr"))
    env = dict(os.environ, TERM="xterm-256color", XDG_STATE_HOME=str(base), XDG_CONFIG_HOME=str(base))
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    runs = base / "plandeck" / "runs"
    kinds = {"ended": "STOPPED", "alive": "RUNNING"}
    totals = {kind: make(runs / kind, count, ended=kind == "ended") for kind in kinds}
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    empty, folds = [], []
    with served(runs / "alive", env):
        for _ in range(rounds):
            with Terminal([sys.executable, "-c", EMPTY], env, *SIZE) as terminal:
                empty.append((terminal.until(lambda: terminal.shows("empty 0")) - terminal.begun) * 1e3)
            for kind, status in kinds.items():
                found[kind].append(attach(kind, status, totals[kind], env))
            begin = time.perf_counter()
            RunState.of(journal.read(runs / "ended"))
            folds.append((time.perf_counter() - begin) * 1e3)
    best = {
        kind: {name: round(min(one[name] for one in taken)) for name in taken[0]}
        for kind, taken in found.items()
    }
    for kind in kinds:
        print(json.dumps({"run": kind, "events": totals[kind], **best[kind]}), flush=True)
    print(json.dumps({"empty_ms": round(min(empty)), "fold_ms": round(min(folds)), "load": load()}))
    holds = all(best[kind]["attach_ms"] <= ATTACH_MS for kind in kinds)
    print(json.dumps({"limits": {"attach_ms": ATTACH_MS}, "hold": holds}))
    shutil.rmtree(base, ignore_errors=True)
    sys.exit(not holds)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        anyio.run(serve, Path(sys.argv[2]))
    else:
        main()
