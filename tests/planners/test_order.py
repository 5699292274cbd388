"""What comes out is right whatever the order in which independent steps happen to run."""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from console.errors import NoPlanExists
from console.planners.action import cost_of
from console.planners.base import PlanDraft
from console.planners.offline import OfflinePlanner, first_plan
from tests.planners.worlds import World, cheapest, fault_of, linearisations, unordered_writers, world

CHUNKS = 4
PER_CHUNK = 800


def draft_of(a_world: World) -> PlanDraft | None:
    try:
        return first_plan(a_world.goal, a_world.catalog, lambda: None)
    except NoPlanExists:
        return None


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_linearisation_of_a_random_plan_reaches_the_goal(chunk: int) -> None:
    plans = parallel = 0
    for seed in range(chunk * PER_CHUNK, (chunk + 1) * PER_CHUNK):
        here = world(seed)
        draft = draft_of(here)
        if draft is None:
            continue
        plans += 1
        orders = 0
        for steps in linearisations(draft.plan, 200):
            orders += 1
            assert fault_of(here, steps) == "", f"world {seed}"
        assert unordered_writers(here, draft.plan) == [], f"world {seed}"
        parallel += orders > 1
    assert plans > PER_CHUNK // 4
    assert parallel > plans // 20


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_random_plan_is_the_cheapest_and_missing_only_when_there_is_none(chunk: int) -> None:
    for seed in range(chunk * PER_CHUNK, (chunk + 1) * PER_CHUNK):
        here = world(seed)
        prices = {t.name: cost_of(t) for t in here.catalog.tools.values()}
        draft = draft_of(here)
        price = sum(prices[s.action] for s in draft.plan.steps) if draft else None
        assert price == cheapest(here, prices), f"world {seed}"


def test_the_same_task_gives_the_same_plan() -> None:
    async def quiet(line: str, /, **_: object) -> None:
        assert line

    here = next(w for w in map(world, range(100)) if draft_of(w) is not None)
    drafts = [anyio.run(partial(OfflinePlanner().plan, here.goal, here.catalog, quiet)) for _ in range(3)]
    assert drafts[0] == drafts[1] == drafts[2]
