"""A tool that changes between its approval and its call: the run asks again."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import pytest

from console.catalog.spec import Risk
from console.plan.model import Plan, Step
from console.planners.base import Goal
from console.run import events as ev
from console.run.engine import Engine, Setup
from console.run.policy import Consent, Policy
from console.run.state import RunState
from console.testing import MemoryJournal, ScriptedPlanner
from tests.mcp.calling import Bench, bench, fake
from tests.run.harness import answer

pytestmark = pytest.mark.anyio

YES = Consent(Risk.DESTRUCTIVE, by="ops", label="--yes")
PLAN = Plan(
    goal="echo",
    steps=(
        Step(id="1", action="s.echo", params={"text": "one"}),
        Step(id="2", action="s.echo", params={"text": "two"}, depends_on=("1",)),
    ),
)


def engine_of(b: Bench, policy: Policy, journal: MemoryJournal) -> Engine:
    created = ev.RunCreated(run="run", goal="echo", workspace=str(b.home), version="0", by="ops")
    setup = Setup(
        created=created,
        directory=b.home,
        journal=journal,
        backend=b.backend,
        planner=ScriptedPlanner(),
        catalog=b.catalog,
        goal=Goal("echo"),
        policy=policy,
        plan=PLAN,
    )
    return Engine(setup)


def change(b: Bench, **definition: object) -> None:
    (b.home / "definitions").write_text(json.dumps({"echo": definition}))


async def carried_out(engine: Engine, operator: Callable[[Engine], Coroutine[Any, Any, None]]) -> RunState:
    with anyio.fail_after(40):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(operator, engine)
            return await engine.serve()
    raise AssertionError


def kinds(journal: MemoryJournal) -> list[str]:
    return [
        f"{record.event.kind} {record.event.step}"
        for record in journal.records
        if isinstance(record.event, ev.StepEvent) and record.event.kind != "step_started"
    ]


async def test_the_operator_trusts_the_changed_tool_once_for_all_its_steps(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake()}) as b:
        change(b, description="Give it back, politely.", annotations={"destructiveHint": True})
        journal = MemoryJournal()

        async def operator(engine: Engine) -> None:
            await answer(engine, "plan")
            await answer(engine, "tool", choose="trust")

        state = await carried_out(engine_of(b, Policy(), journal), operator)
        assert state.finished is not None
        assert state.finished.outcome == "succeeded"
        assert kinds(journal) == [
            "step_intended 1", "step_failed 1", "step_intended 1", "step_succeeded 1",
            "step_intended 2", "step_succeeded 2",
        ]  # fmt: skip
        tool = state.catalog.tools["s.echo"]
        assert (tool.description, tool.risk) == ("Give it back, politely.", Risk.DESTRUCTIVE)
        assert b.noted("calls") == ["echo", "echo"]
        # Whoever takes the run up again knows the tool as it was trusted.
        assert RunState.of(journal.records).catalog == state.catalog


async def test_consent_given_beforehand_does_not_cover_it(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake()}) as b:
        change(b, description="Other.")
        state = await engine_of(b, Policy(consent=YES, unattended=True), MemoryJournal()).serve()
        assert state.finished is not None
        assert (state.finished.outcome, state.finished.reason) == (
            "failed", "step 1: the tool echo of the server s was changed since it was approved",
        )  # fmt: skip
        assert b.noted("calls") == []


async def test_the_step_can_be_left_out_instead(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake()}) as b:
        change(b, description="Other.")

        async def operator(engine: Engine) -> None:
            await answer(engine, "plan")
            await answer(engine, "tool", choose="skip")
            await answer(engine, "tool", choose="stop")

        state = await carried_out(engine_of(b, Policy(), MemoryJournal()), operator)
        assert state.finished is not None
        assert state.finished.outcome == "stopped"
        assert state.steps["1"].status == "skipped"
        assert b.noted("calls") == []
