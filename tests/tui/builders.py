"""Small worlds for the screens: a deployment as it is in the middle of things, built from records."""

from __future__ import annotations

from collections.abc import Iterable

from console.catalog.spec import Catalog, Contract, Parameter, Risk, Script, ToolSpec
from console.plan.model import Compensation, Gate, Plan, Step, Undo
from console.run import events as ev
from console.run.standing import Request
from console.run.state import RunState

DEPLOY_TOOLS = (
    ToolSpec(
        name="run_tests",
        description="Run the test suite",
        script=Script(command="pytest", args=("-q", "--maxfail=1")),
        risk=Risk.OBSERVE,
    ),
    ToolSpec(
        name="backup_database",
        description="Dump a database to a file",
        parameters=(
            Parameter(name="db", required=True, description="database to dump"),
            Parameter(name="file", default="backup.sql", description="where the dump goes"),
        ),
        script=Script(shell="pg_dump {{db}} > {{file}}", working_dir="/srv/backups"),
        environment={"PGHOST": "db-1", "PGUSER": "ops"},
        secrets=("PGPASSWORD",),
        contract=Contract(provides=(("backup", "$db"),)),
        risk=Risk.REVERSIBLE,
        undo=Undo(action="remove_file", params={"file": "backup.sql"}),
    ),
    ToolSpec(
        name="remove_file",
        parameters=(Parameter(name="file", required=True),),
        script=Script(command="rm", args=("--", "{{file}}")),
        risk=Risk.DISRUPTIVE,
    ),
    ToolSpec(
        name="deploy",
        description="Put a version on an environment",
        parameters=(
            Parameter(name="env", required=True, json_schema={"enum": ["staging", "production"]}),
            Parameter(name="tag", required=True, description="version to deploy"),
            Parameter(name="replicas", type="integer", default=2),
            Parameter(name="drain", type="boolean", default=True),
        ),
        script=Script(
            command="./deploy.sh", args=("{{env}}", "{{tag}}", "--replicas={{replicas}}"), timeout=300
        ),
        environment={"REGION": "eu-1"},
        secrets=("DEPLOY_TOKEN",),
        contract=Contract(writes=(("service", "$env"),)),
        risk=Risk.DESTRUCTIVE,
        undo=Undo(action="rollback_release", params={"env": "production", "to": "previous"}),
    ),
    ToolSpec(
        name="rollback_release",
        parameters=(Parameter(name="env", required=True), Parameter(name="to", default="previous")),
        script=Script(command="./deploy.sh", args=("{{env}}", "--to", "{{to}}")),
        risk=Risk.DISRUPTIVE,
        recovery=True,
    ),
    ToolSpec(
        name="smoke_tests",
        parameters=(Parameter(name="env", required=True),),
        script=Script(command="./smoke.sh", args=("{{env}}",)),
        risk=Risk.OBSERVE,
    ),
    ToolSpec(
        name="notify_team",
        parameters=(Parameter(name="message", required=True),),
        script=Script(command="./notify.sh", args=("{{message}}",)),
        risk=Risk.DISRUPTIVE,
    ),
)

CATALOG = Catalog(tools={tool.name: tool for tool in DEPLOY_TOOLS})

DEPLOY = Plan(
    goal="Deploy v2.3.1 to production safely",
    steps=(
        Step(id="1", action="run_tests", description="Run the full test suite"),
        Step(
            id="2",
            action="backup_database",
            params={"db": "maindb"},
            description="Back up the production database",
            undo=Undo(action="remove_file", params={"file": "backup.sql"}),
        ),
        Step(
            id="3",
            action="deploy",
            params={"env": "production", "tag": "v2.3.1"},
            depends_on=("1", "2"),
            description="Deploy to production",
            gate=Gate(question="Has the change window opened?"),
            undo=Undo(action="rollback_release", params={"env": "production"}),
        ),
        Step(
            id="4",
            action="smoke_tests",
            params={"env": "production"},
            depends_on=("3",),
            description="Verify that production works",
        ),
        Step(
            id="5",
            action="notify_team",
            params={"message": "v2.3.1 is live: {step_4_result}"},
            depends_on=("4",),
            description="Tell the team",
        ),
    ),
    rollback=(
        Compensation(action="notify_team", params={"message": "v2.3.1 was rolled back"}, undoes=("5",)),
    ),
)

HARMLESS = Plan(
    goal="Check production",
    steps=(
        Step(id="1", action="run_tests", description="Run the full test suite"),
        Step(id="2", action="smoke_tests", params={"env": "production"}, depends_on=("1",)),
    ),
)


def records(events: Iterable[ev.Event], *, at: float = 1_000_000.0) -> list[ev.Record]:
    """Events as records, a second apart."""
    return [ev.Record(seq=n, at=at + n, event=event) for n, event in enumerate(events, 1)]


def drafted(plan: Plan, catalog: Catalog = CATALOG, *more: ev.Event) -> RunState:
    """A run whose plan has been drafted and waits for approval, then what `more` tells."""
    return RunState.of(
        records(
            [
                ev.RunCreated(run="4f1c", goal=plan.goal, workspace="/srv/app", version="0", by="ada"),
                ev.CatalogLoaded(catalog=catalog),
                ev.EngineStarted(pid=1, host="ops-1", boot="b", version="0"),
                ev.PlanDrafted(revision=1, plan=plan, plan_hash="h" * 64, planner="offline"),
                ev.ApprovalRequested(request="q1", scope="plan", hash="h" * 64),
                *more,
            ]
        )
    )


def running(plan: Plan, *more: ev.Event, catalog: Catalog = CATALOG) -> RunState:
    """The same run after its approval, then what `more` tells."""
    yes = ev.Approved(request="q1", scope="plan", hash="h" * 64, by="ada", how="key")
    return drafted(plan, catalog, yes, ev.RunStarted(), *more)


def succeeded(step: str) -> list[ev.Event]:
    return [
        ev.StepIntended(step=step, attempt=1, key=f"4f1c/{step}/1", command=("true",)),
        ev.StepStarted(step=step, attempt=1),
        ev.StepSucceeded(step=step, attempt=1, exit_code=0),
    ]


def failed(step: str, error: str = "exit code 1", tail: str = "") -> list[ev.Event]:
    return [
        ev.StepIntended(step=step, attempt=1, key=f"4f1c/{step}/1", command=("./deploy.sh", "production")),
        ev.StepStarted(step=step, attempt=1),
        ev.StepFailed(step=step, attempt=1, error=error, exit_code=1, tail=tail),
    ]


def request_of(state: RunState) -> Request:
    """The one request that waits."""
    (request,) = state.requests.values()
    return request
