"""The planner at work on the screen, and what can be done when no plan came out."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.errors import Fault
from console.run import events as ev
from console.tui.draft import Draft
from console.tui.external_editor import with_faults
from tests.tui import fakes
from tests.tui.driving import NARROW, driving_session

STARTED = (
    ev.RunCreated(run="4f1c", goal="Deploy v2", workspace="/srv", version="1", by="ada"),
    ev.CatalogLoaded(catalog=fakes.catalog()),
    ev.PlanningStarted(planner="llm", model="openai/gpt-4o", prompt="plan-v1 (1)"),
)
HEARD = ev.PlanningProgressed(message="gpt-4o · 3.0 s · 812 tokens", tokens=812, cost=0.0123, passing=True)
FAILED = ev.PlanningFailed(
    planner="llm",
    error="gpt-4o gave no plan that can be used",
    draft="goal: Deploy v2\nsteps:\n- id: '1'\n  action: deplo\n",
    faults=(Fault(3, "1", "there is no tool deplo", "nearest is deploy"),),
    tokens=900,
    cost=0.02,
)


@pytest.mark.anyio
async def test_planning_shows_model_time_tokens_and_cost_and_is_called_off(tmp_path: Path) -> None:
    session = fakes.FakeSession(tmp_path, *STARTED, HEARD)
    async with driving_session(session, size=NARROW, wait_for_findings=False) as driver:
        text = driver.text()
        for part in ("llm openai/gpt-4o plan-v1 (1)", "812 tokens", "$0.0123", "DRAFTING", "call off"):
            assert part in text
        await driver.press("x")
        await driver.until(lambda: session.fake.kinds() == ["call_off"])


@pytest.mark.anyio
async def test_a_draft_with_faults_shows_them_at_their_steps(tmp_path: Path) -> None:
    session = fakes.FakeSession(tmp_path, *STARTED, HEARD, FAILED)
    async with driving_session(session, size=NARROW, wait_for_findings=False) as driver:
        text = driver.text()
        for part in ("NO PLAN", "step 1 there is no tool deplo", "Ctrl+g mends the draft"):
            assert part in text
        await driver.press("c")
        assert driver.on_top == "RequestChanges"
        await driver.press(*"ask", "space", *"again", "ctrl+s")
        await driver.until(lambda: session.fake.kinds() == ["replan"])


def test_the_faults_stand_above_their_lines_in_the_editor() -> None:
    draft = Draft(FAILED.draft, FAILED.faults)
    assert with_faults(draft.text, draft.faults).splitlines()[2:4] == [
        "#✗ step 1: there is no tool deplo (nearest is deploy)",
        "- id: '1'",
    ]
