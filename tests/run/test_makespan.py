"""Real plans with durations take exactly as long as the oracle says, on a virtual clock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from console.catalog.spec import Parameter
from console.plan.codec import from_document
from console.plan.model import Plan
from console.run.life import RunStatus
from tests.run.harness import Play, World, catalog, run, tool

DATA = Path(__file__).parents[3] / "shared" / "data" / "asynchow.plans.jsonl"

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the data set is not beside the project")


def documents() -> list[dict[str, Any]]:
    return [json.loads(line) for line in DATA.read_text().splitlines()] if DATA.exists() else []


def test_every_plan_takes_the_oracles_time(tmp_path: Path) -> None:
    do = tool("do", parameters=(Parameter(name="what"), Parameter(name="duration_s", type="number")))
    do = do.model_copy(
        update={"script": do.script.model_copy(update={"timeout": 1e12}) if do.script else None}
    )
    count = 0
    for document in documents():
        plan: Plan = from_document(document)
        world = World(tmp_path, plan, catalog(do), limits={"parallel": 1000})
        world.plays = {s.id: Play(seconds=s.params["duration_s"]) for s in plan.leaves()}
        state = run(world)
        assert state.status is RunStatus.SUCCEEDED
        assert state.ended_at - state.started_at == pytest.approx(document["meta"]["oracle_makespan_s"][0])
        count += 1
    assert count == 200
