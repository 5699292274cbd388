"""Kill the engine at every boundary of its journal, start it again, and say what the world looks like.

    python -m tests.run.crash_driver DIRECTORY MODE      MODE: forward | rollback | agent

Each case runs in a forked child that kills itself with SIGKILL right before or right after its n-th
commit; a second child takes the run up and brings it to its end. What really happened is told by a
ledger that the steps themselves write, and by a side file with every record that a viewer had seen.
Prints one JSON line a case.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import aclosing
from importlib import import_module
from pathlib import Path

import anyio

from console.catalog.agents import PARAMETERS
from console.catalog.spec import Agent, Catalog, Parameter, Risk, Script, ToolSpec
from console.plan.model import Plan, Step, Undo
from console.planners.base import Goal
from console.planners.executor import Move
from console.run import events as ev
from console.run.engine import Engine, Setup
from console.run.journal import Journal
from console.run.policy import Consent, Policy
from console.run.state import RunState
from console.runners.local import LocalBackend
from console.testing import ScriptedExecutor, ScriptedPlanner

TOOLS = Catalog(
    tools={
        name: ToolSpec(
            name=name,
            parameters=(Parameter(name="what", required=True),),
            script=Script(shell='echo {{what}} >> "$LEDGER"; echo did {{what}}' + end),
            risk=risk,
            risk_known=True,
            undo=Undo(action="undo", params={"what": "undo-{{what}}"}) if name == "act" else None,
        )
        for name, end, risk in (
            ("act", "", Risk.REVERSIBLE),
            ("undo", "", Risk.REVERSIBLE),
            ("fail", "; exit 1", Risk.OBSERVE),
        )
    }
    | {
        "agent": ToolSpec(
            name="agent",
            parameters=PARAMETERS,
            agent=Agent(tools=("act",), risk=Risk.REVERSIBLE),
            risk=Risk.REVERSIBLE,
            risk_known=True,
        )
    }
)

TURNS = [
    Move(thought="one", action="act", params={"what": "call-1"}),
    Move(thought="two", action="act", params={"what": "call-2"}),
    Move(thought="that is all", finish="two calls"),
]


def with_an_agent() -> Plan:
    """An agent that makes two calls, then a step that fails, so that all of it is undone."""
    return Plan(
        goal="think",
        steps=(
            Step(id="1", action="agent", params={"task": "call twice"}),
            Step(id="2", action="fail", params={"what": "do-2"}, depends_on=("1",)),
        ),
    )


def six_steps(last: str) -> Plan:
    """1 -> (2, 3) -> 4 -> 5 -> 6, each with a compensation; the last calls `last`."""
    after = {"1": (), "2": ("1",), "3": ("1",), "4": ("2", "3"), "5": ("4",), "6": ("5",)}
    return Plan(
        goal="six",
        steps=tuple(
            Step(
                id=step,
                action=last if step == "6" else "act",
                params={"what": f"do-{step}"},
                depends_on=before,
                undo=Undo(action="undo", params={"what": f"undo-{step}"}) if step != "6" else None,
            )
            for step, before in after.items()
        ),
    )


class KillingJournal(Journal):
    """Kills its process before or after the n-th commit (from 1); 0 kills never."""

    at = 0
    after = False
    commits = 0

    def append(self, events: Sequence[tuple[float, ev.Event]]) -> list[ev.Record]:
        self.commits += 1
        if self.commits == self.at and not self.after:
            os.kill(os.getpid(), signal.SIGKILL)
        records = super().append(events)
        if self.commits == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        return records


async def carry_out(directory: Path, plan: Plan, at: int, after: bool) -> int:
    journal = KillingJournal.open(directory)
    assert isinstance(journal, KillingJournal)
    journal.at, journal.after = at, after
    created = ev.RunCreated(run="r", goal="six", workspace=str(directory), version="0", by="test")
    async with LocalBackend(directory, linger=0.2) as backend:
        engine = Engine(
            Setup(
                created=created,
                directory=directory,
                journal=journal,
                backend=backend,
                planner=ScriptedPlanner(),
                executor=ScriptedExecutor({"1": TURNS}, seconds=0),
                catalog=TOOLS,
                goal=Goal("six"),
                plan=plan,
                env={"PATH": os.environ["PATH"], "LEDGER": str(directory / "ledger")},
                policy=Policy(
                    consent=Consent(Risk.DESTRUCTIVE, by="test", label="test"),
                    on_failure="rollback",
                    unattended=True,
                ),
            )
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch, engine, directory / "seen")
            await engine.serve()
            tasks.cancel_scope.cancel()
    journal.close()
    return journal.commits


async def watch(engine: Engine, seen: Path) -> None:
    """A viewer: notes every record it was shown."""
    with seen.open("a") as side:
        async with aclosing(engine.records()) as records:
            async for record in records:
                side.write(f"{record.seq} {record.hash}\n")
                side.flush()


def child(directory: Path, plan: Plan, at: int, after: bool) -> int:
    """Run in a forked child; the wait status."""
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            commits = anyio.run(carry_out, directory, plan, at, after)
            (directory / "commits").write_text(str(commits))
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1]


def case(base: Path, plan: Plan, at: int, after: bool) -> dict[str, object]:
    directory = base / f"{at}{'a' if after else 'b'}"
    first = child(directory, plan, at, after)
    second = child(directory, plan, 0, False)
    journal = Journal.open(directory)
    records = list(journal.since(0))
    journal.close()
    state = RunState.of(records)
    hashes = {record.seq: record.hash for record in records}
    seen = [line.split() for line in (directory / "seen").read_text().splitlines()]
    return {
        "at": at,
        "after": after,
        "killed": os.WIFSIGNALED(first) and os.WTERMSIG(first) == signal.SIGKILL,
        "ended": second == 0,
        "outcome": state.status.value,
        "ledger": (directory / "ledger").read_text().split(),
        "lost": [seq for seq, hash_ in seen if hashes.get(int(seq)) != hash_],
        "seen": len(seen),
        "steps": {step: s.status.value for step, s in state.steps.items()},
    }


def main() -> None:
    for late in ("anyio._backends._asyncio", "jsonschema"):
        import_module(late)  # once here, not in each of a hundred children
    gc.freeze()
    base, mode = Path(sys.argv[1]), sys.argv[2]
    plan = with_an_agent() if mode == "agent" else six_steps("fail" if mode == "rollback" else "act")
    child(base / "whole", plan, 0, False)
    commits = int((base / "whole" / "commits").read_text())
    for at in range(1, commits + 1):
        for after in (False, True):
            print(json.dumps(case(base, plan, at, after)), flush=True)


if __name__ == "__main__":
    main()
