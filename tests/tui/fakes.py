"""A scripted session: records made from events, wishes written down, and a few ready-made stories.

`FakeSession` is a `Session` whose records the test writes with `tell`; every record goes through
`RunState` first, so a story that could not happen fails where it is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from console.catalog.spec import Catalog, Contract, Parameter, Risk, Script, ToolSpec
from console.errors import ControlRefused
from console.plan.model import Compensation, Plan, Step, Undo
from console.run import events as ev
from console.run.control import RunControl, Wish, spool
from console.run.state import RunState

T0 = 1_750_000_000.0
"""When every story begins; each record is one second later than the one before."""


class FakeControl:
    """Writes wishes down. `refuse` maps a wish's kind to the reason it is refused with, `answers`
    to what it is answered with; `on_wish` may tell the session what happened. Wishes are granted when
    `wait` is set; `asked` are the kinds of all that came."""

    def __init__(self) -> None:
        self.wishes: list[Wish] = []
        self.refuse: dict[str, str] = {}
        self.answers: dict[str, Any] = {}
        self.on_wish: Callable[[Wish], None] | None = None
        self.wait: asyncio.Event | None = None
        self.asked: list[str] = []

    async def wish(self, wish: Wish, *, by: str, person: str | None = None) -> Any:
        self.asked.append(wish.kind)
        if self.wait is not None:
            await self.wait.wait()
        if wish.kind in self.refuse:
            raise ControlRefused(self.refuse[wish.kind])
        self.wishes.append(wish)
        if self.on_wish is not None:
            self.on_wish(wish)
        return self.answers.get(wish.kind)

    def kinds(self) -> list[str]:
        return [wish.kind for wish in self.wishes]


class FakeSession:
    """A session that holds what it was told. `fake` is its control; `control` is `None` when it was
    made `read_only`."""

    def __init__(
        self, directory: Path, *events: ev.Event, run: str = "4f1c", read_only: bool = False
    ) -> None:
        self._directory = directory
        self._run = run
        self.fake = FakeControl()
        self._read_only = read_only
        self._records: list[ev.Record] = []
        self._told = asyncio.Event()
        self._over = False
        self.state = RunState()
        self.tell(*events)

    @property
    def run(self) -> str:
        return self._run

    @property
    def directory(self) -> Path:
        return self._directory

    @property
    def control(self) -> RunControl | None:
        return None if self._read_only else self.fake

    def tell(self, *events: ev.Event, at: float | None = None) -> None:
        """Add records, a second apart (or all at `at`)."""
        for event in events:
            seq = len(self._records) + 1
            record = ev.Record(seq=seq, at=T0 + seq if at is None else at, event=event, hash=f"{seq:064x}")
            self.state.apply(record)
            self._records.append(record)
        self._told.set()

    def end(self) -> None:
        """The run ended and its engine is gone: `records` comes to an end."""
        self._over = True
        self._told.set()

    async def records(self, after: int = 0) -> AsyncGenerator[ev.Record, None]:
        seen = after
        while True:
            while seen < len(self._records):
                seen += 1
                yield self._records[seen - 1]
            if self._over:
                return
            self._told.clear()
            await self._told.wait()

    def write_output(self, step: str, out: str = "", err: str = "", attempt: int = 1) -> None:
        """Append to an attempt's spool files."""
        folder = spool(self._directory, f"{self._run}/{step}/{attempt}")
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (("out", out), ("err", err)):
            with (folder / name).open("ab") as file:
                file.write(text.encode())


# ── a deployment: the plan most tests are about ──────────────────────────────────────────────────


def tool(
    name: str, risk: Risk, *, undo: Undo | None = None, probe: str | None = None, **more: Any
) -> ToolSpec:
    params = tuple(Parameter(name=p) for p in ("tag", "env", "message", "to"))
    script = Script(shell=f"./{name}.sh")
    return ToolSpec(
        name=name,
        script=script,
        parameters=params,
        risk=risk,
        risk_known=True,
        undo=undo,
        probe=probe,
        **more,
    )


def catalog() -> Catalog:
    """The tools of `plan()`."""
    tools = (
        tool("run_tests", Risk.OBSERVE, duration=60),
        tool("build_image", Risk.REVERSIBLE, duration=45),
        tool("backup_database", Risk.REVERSIBLE, duration=30),
        tool("deploy_staging", Risk.DISRUPTIVE, duration=20),
        tool("smoke_test", Risk.OBSERVE, duration=15),
        tool(
            "deploy_production",
            Risk.DESTRUCTIVE,
            probe="./probe.sh",
            duration=60,
            contract=Contract(writes=(("production",),)),
        ),
        tool("rollback_production", Risk.DISRUPTIVE),
        tool("rollback_staging", Risk.DISRUPTIVE),
        tool("drop_image", Risk.REVERSIBLE),
        tool("notify_team", Risk.DISRUPTIVE, duration=1),
    )
    return Catalog(tools={t.name: t for t in tools}, files=("tools.yaml",))


def plan(tag: str = "v2.3.1") -> Plan:
    """Eight steps in three phases; 1 and 3 run at once."""
    back = Undo(action="rollback_production", params={"to": "previous"})
    drop = Undo(action="drop_image", params={"tag": tag})
    prepare = Step(
        id="prepare",
        description="Prepare",
        steps=(
            Step(id="1", action="run_tests", description="Run the full test suite"),
            Step(id="3", action="backup_database", description="Back up the production database"),
        ),
    )
    build = Step(
        id="2",
        action="build_image",
        params={"tag": tag},
        depends_on=("1",),
        description="Build the image",
        undo=drop,
    )
    staging = Step(
        id="staging",
        description="Staging",
        steps=(
            build,
            Step(
                id="4",
                action="deploy_staging",
                params={"tag": tag},
                depends_on=("2",),
                description="Deploy to staging",
                undo=Undo(action="rollback_staging", params={"to": "previous"}),
            ),
            Step(
                id="5",
                action="smoke_test",
                params={"env": "staging"},
                depends_on=("4",),
                description="Check that staging works",
            ),
        ),
    )
    production = Step(
        id="production",
        description="Production",
        steps=(
            Step(
                id="6",
                action="deploy_production",
                params={"tag": tag},
                depends_on=("3", "5"),
                description="Deploy to production",
                undo=back,
            ),
            Step(
                id="7",
                action="smoke_test",
                params={"env": "production"},
                depends_on=("6",),
                description="Check that production works",
            ),
            Step(
                id="8",
                action="notify_team",
                params={"message": f"{tag} deployed"},
                depends_on=("7",),
                description="Tell the team",
            ),
        ),
    )
    return Plan(
        goal=f"Deploy {tag} to production safely",
        steps=(prepare, staging, production),
        rollback=(Compensation(action="notify_team", params={"message": "Rollback executed"}, undoes=()),),
    )


def created() -> tuple[ev.Event, ...]:
    return (
        ev.RunCreated(
            run="4f1c", goal="Deploy v2.3.1 to production safely", workspace="/srv", version="0", by="ada"
        ),
        ev.CatalogLoaded(catalog=catalog()),
        ev.EngineStarted(pid=1, host="here", boot="b", version="0"),
        ev.PlanningStarted(planner="offline"),
    )


def awaiting_approval(the_plan: Plan | None = None) -> tuple[ev.Event, ...]:
    """Planned; the plan waits for its approval."""
    return (
        *created(),
        ev.PlanDrafted(revision=1, plan=the_plan or plan(), plan_hash="h1", planner="offline"),
        ev.ApprovalRequested(request="q1", scope="plan", hash="h1"),
    )


def approved(the_plan: Plan | None = None) -> tuple[ev.Event, ...]:
    """Approved and running, nothing started yet."""
    return (
        *awaiting_approval(the_plan),
        ev.Approved(request="q1", scope="plan", hash="h1", by="ada", how="key"),
        ev.RunStarted(),
    )


def started(step: str, attempt: int = 1, command: str = "") -> tuple[ev.Event, ...]:
    argv = (command or f"./step_{step}.sh",)
    return (
        ev.StepIntended(step=step, attempt=attempt, key=f"4f1c/{step}/{attempt}", command=argv, host="here"),
        ev.StepStarted(step=step, attempt=attempt, pid=100, host="here"),
    )


def succeeded(step: str, attempt: int = 1) -> ev.Event:
    return ev.StepSucceeded(step=step, attempt=attempt, exit_code=0, duration=2.0)


def done(*steps: str) -> tuple[ev.Event, ...]:
    """Each of the steps started and succeeded."""
    return tuple(event for step in steps for event in (*started(step), succeeded(step)))


def running() -> tuple[ev.Event, ...]:
    """1 is done; 2 and 3 run side by side."""
    return (*approved(), *done("1"), *started("3"), *started("2"))


def broken() -> tuple[ev.Event, ...]:
    """6 failed; nobody was asked yet."""
    return (
        *approved(),
        *done("1", "3", "2", "4", "5"),
        *started("6", command="./deploy_production.sh"),
        ev.StepFailed(
            step="6",
            attempt=1,
            error="exit code 1",
            exit_code=1,
            tail="pulling v2.3.1\nhealth check failed: 502 from web-1\nnot rolled out",
        ),
    )


def failed() -> tuple[ev.Event, ...]:
    """6 failed and the operator decides."""
    options = ("retry", "skip", "roll_back", "stop")
    return (
        *broken(),
        ev.ApprovalRequested(request="q2", scope="decision", hash="d1", step="6", options=options),
    )


def revised() -> Plan:
    """The revision proposed after `failed()`: 6 gets another tag, 9 comes in, 8 goes."""
    before = plan()
    prepare, staging, production = before.steps
    six, seven, _ = production.steps
    nine = Step(
        id="9", action="smoke_test", params={"env": "production"}, depends_on=("5",), description="Look first"
    )
    six = six.model_copy(update={"params": {"tag": "v2.3.0"}, "depends_on": ("3", "5", "9")})
    production = production.model_copy(update={"steps": (nine, six, seven)})
    return before.model_copy(update={"steps": (prepare, staging, production)})


def proposed() -> tuple[ev.Event, ...]:
    """6 failed, and a revision waits."""
    return (
        *broken(),
        ev.ReplanStarted(planner="offline", step="6"),
        ev.RevisionProposed(
            plan=revised(), hash="h2", reason="v2.3.1 fails its health check on web-1", planner="offline"
        ),
        ev.ApprovalRequested(request="q2", scope="revision", hash="h2"),
    )


def rollback_plan() -> ev.RollbackPlan:
    """What a rollback after `failed()` would do."""
    return ev.RollbackPlan(
        items=(
            ev.RollbackItem(
                step=Step(id="undo-6", action="rollback_production", params={"to": "previous"}),
                undoes=("6",),
                tie="its own undo",
            ),
            ev.RollbackItem(
                step=Step(
                    id="undo-4", action="rollback_staging", params={"to": "previous"}, depends_on=("undo-6",)
                ),
                undoes=("4",),
                tie="its own undo",
            ),
            ev.RollbackItem(
                step=Step(id="undo-2", action="drop_image", params={"tag": "v2.3.1"}, depends_on=("undo-4",)),
                undoes=("2",),
                tie="its own undo",
            ),
            ev.RollbackItem(
                step=Step(id="item-1", action="notify_team", params={"message": "Rollback executed"}),
                fate="left_out",
                why="nothing it undoes was started",
            ),
        ),
        uncovered=("3",),
    )


def rolled_back() -> tuple[ev.Event, ...]:
    """Rolled back, but for staging: its compensation failed, and the run ended so."""
    return (
        *failed(),
        ev.RollbackStarted(rollback=rollback_plan(), hash="r1", by="ada"),
        *done("undo-6"),
        *started("undo-4"),
        ev.StepFailed(step="undo-4", attempt=1, error="exit code 1", exit_code=1, tail="no previous release"),
        ev.RollbackFinished(
            complete=False,
            undone=("6",),
            not_undone={"4": "rollback_staging failed: exit code 1", "2": "its item never ran"},
        ),
        ev.RunFinished(outcome="rollback_incomplete", exit_code=5, reason="step 4 was not undone"),
    )
