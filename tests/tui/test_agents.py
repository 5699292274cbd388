"""An agent on the screen: its calls below its step, what it does, what it asks for."""

from __future__ import annotations

from console.catalog.agents import PARAMETERS
from console.catalog.spec import Agent, Catalog, Risk, ToolSpec
from console.lines import line_of
from console.plan.model import Plan, Step
from console.run import events as ev
from console.run.approval import resolved_hash
from console.run.life import StepStatus
from console.run.state import RunState
from console.tui.ink import Row
from console.tui.insight import Insight
from console.tui.screens.brief import Brief
from console.tui.view import View
from console.tui.widgets.failures import failure_rows
from console.tui.widgets.output import nothing_yet
from console.tui.widgets.plan_tree import matches, tree_places
from console.tui.widgets.step_detail import detail_rows
from console.tui.widgets.timeline import Lineup, chart_of
from tests.tui.builders import CATALOG, records, request_of, running

SCOUT = ToolSpec(
    name="scout",
    parameters=PARAMETERS,
    agent=Agent(prompt="Look well.", tools=("run_tests", "deploy_release")),
    risk=Risk.OBSERVE,
    risk_known=True,
)
TOOLS = Catalog(tools={**CATALOG.tools, "scout": SCOUT})
PLAN = Plan(
    goal="Look around",
    steps=(
        Step(id="1", action="scout", params={"task": "look"}),
        Step(id="2", action="run_tests", depends_on=("1",)),
    ),
)
FIRST = Step(id="1-a1", action="run_tests")
SECOND = Step(id="1-a2", action="deploy_release", params={"env": "production", "tag": "v2"})
BEGUN = (
    ev.StepIntended(step="1", attempt=1, key="4f1c/1/1", command=("scout",), params={"task": "look"}),
    ev.StepStarted(step="1", attempt=1, started=1_000_010.0),
    ev.AgentThought(
        step="1", attempt=1, turn=1, thought="Do the tests pass?", call=FIRST, tokens=1200, cost=0.01
    ),
    ev.StepIntended(step="1-a1", attempt=1, key="4f1c/1-a1/1", command=("true",)),
    ev.StepFailed(step="1-a1", attempt=1, error="exit code 1", exit_code=1),
    ev.AgentThought(
        step="1", attempt=1, turn=2, thought="Then I deploy.", call=SECOND, tokens=800, cost=0.01
    ),
)
HASH = resolved_hash(SECOND, SECOND.params, TOOLS)
ASKS = (
    ev.StepHeld(step="1-a2", reason="waits for an answer (step)"),
    ev.ApprovalRequested(request="q9", scope="step", hash=HASH, step="1-a2", question="the agent wants this"),
)


def state(*more: ev.Event) -> RunState:
    return running(PLAN, *BEGUN, *more, catalog=TOOLS)


def texts(rows: list[Row]) -> list[str]:
    return ["".join(span.text for span in row.spans) for row in rows]


def test_its_calls_stand_below_its_step() -> None:
    calls = {"1": state().calls_of("1")}
    places = [(p.id, p.depth) for p in tree_places(PLAN, calls=calls)]
    assert places == [("1", 0), ("1-a1", 1), ("1-a2", 1), ("2", 0)]
    found = tree_places(PLAN, calls=calls, keep=matches("v2"))
    assert [p.id for p in found] == ["1", "1-a2"]


def test_it_is_told_what_an_agent_does() -> None:
    waits = texts(detail_rows(View(state(*ASKS), step="1"), 80, 1_000_020.0))
    assert "agent 2 turns · 2,000 tokens, $0.0200 · waits for your answer" in waits
    assert any("tools: run_tests, deploy_release" in line for line in waits)
    assert any("prompt: Look well." in line for line in waits)
    goes = (
        ev.StepReleased(step="1-a2", by="ada"),
        ev.StepIntended(step="1-a2", attempt=1, key="4f1c/1-a2/1", command=("true",)),
    )
    yes = ev.Approved(request="q9", scope="step", hash=HASH, by="ada", how="key", step="1-a2")
    runs = state(*ASKS, yes, *goes)
    assert any("1-a2 runs" in line for line in texts(detail_rows(View(runs, step="1"), 80, 1_000_020.0)))
    done = state(*ASKS, yes, *goes, ev.StepSucceeded(step="1-a2", attempt=1, exit_code=0))
    assert any("· thinks" in line for line in texts(detail_rows(View(done, step="1"), 80, 1_000_020.0)))


def test_a_call_is_a_step_that_can_be_looked_at() -> None:
    view = View(state(*ASKS), step="1-a2")
    assert view.selected == SECOND
    assert "agent a call of step 1" in texts(detail_rows(view, 80, 0.0))
    assert "step 1-a2 is held" in texts(nothing_yet(view))
    assert view.waiting is not None
    assert view.waiting.id == "q9"


def test_what_it_asks_for_is_shown_as_it_would_be_carried_out() -> None:
    asking = state(*ASKS)
    brief = Brief(request_of(asking), asking)
    assert brief.steps == [SECOND]
    assert brief.unknown == ""
    assert [step.id for step in brief.destructive] == ["1-a2"]


def test_a_failed_call_is_no_trouble_of_the_operator() -> None:
    told = texts(failure_rows(state(), 80))
    assert told == ["nothing has failed"]
    assert View(state(), step="2").subject({StepStatus.FAILED}) == ""


def test_the_timeline_has_its_calls() -> None:
    rows = texts(list(Lineup(chart_of(state(), Insight(), 1_000_030.0), 100)))
    assert sum("1-a" in line for line in rows) == 2


def test_in_lines_its_thoughts_are_said_once() -> None:
    seen = RunState()
    lines = []
    for record in records(
        [
            ev.RunCreated(run="4f1c", goal="g", workspace="/", version="0", by="ada"),
            ev.CatalogLoaded(catalog=TOOLS),
            ev.PlanDrafted(revision=1, plan=PLAN, plan_hash="h", planner="offline"),
            ev.RunStarted(),
            *BEGUN[:3],
            ev.AgentThought(step="1", attempt=1, turn=2, error="there is no tool 'x\x1b[2J'"),
            ev.AgentThought(step="1", attempt=1, turn=3, finish="done"),
        ]
    ):
        seen.apply(record)
        if isinstance(record.event, ev.AgentThought):
            lines.append(line_of(record, seen))
    assert [line.split(" ", 1)[1] for line in lines] == [
        "… step 1 scout: Do the tests pass?",
        "… step 1 scout is told: there is no tool 'x␛[2J'",
        "… step 1 scout: gives its result",
    ]
