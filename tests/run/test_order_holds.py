"""Whatever happens to a run, no step begins before all have ended that its plan puts before it."""

from __future__ import annotations

from contextlib import suppress
from itertools import permutations
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from console.errors import ControlRefused
from console.plan import tree
from console.plan.graph import Graph
from console.plan.model import Plan, Step
from console.run import control as c
from console.run import events as ev
from console.run.engine import Engine
from console.run.life import SETTLED, StepStatus
from console.testing import Play
from tests.plan.strategies import plans
from tests.run.harness import World, catalog, run, tool, until

OVER = SETTLED | {StepStatus.FAILED}
ENDS = (ev.StepSucceeded, ev.StepFailed, ev.StepCancelled)


@given(plans(bare=True, max_size=9), st.data())
def test_no_step_begins_before_what_comes_before_it_has_ended(drawn: Plan, data: st.DataObject) -> None:
    failing = {leaf.id for leaf in drawn.leaves() if data.draw(st.integers(0, 4)) == 0}
    plan = tree.with_steps(drawn, tree.each(drawn.steps, _goes_on))
    leaves = [leaf.id for leaf in plan.leaves()]
    world = World(Path("/nonexistent"), plan, catalog(tool("do")))
    world.limits = {"parallel": data.draw(st.integers(1, 4))}
    world.plays = {
        name: Play(seconds=data.draw(st.integers(1, 9)), exit_code=int(name in failing)) for name in leaves
    }
    wishes = data.draw(st.lists(st.tuples(st.integers(4, 40), st.sampled_from(leaves)), max_size=4))

    async def operator(engine: Engine) -> None:
        for moment, name in sorted(wishes):
            await until(engine, lambda s, moment=moment: s.seq >= moment)  # type: ignore[misc]
            with suppress(ControlRefused):
                await engine.wish(c.Skip(step=name), by="ops")

    state = run(world, operator)
    graph = Graph.of(plan)
    begun = {r.event.step: r.seq for r in world.journal.records if isinstance(r.event, ev.StepIntended)}
    ended = {r.event.step: r.seq for r in world.journal.records if isinstance(r.event, ENDS)}
    for one, other in permutations(begun, 2):
        if one in graph.ancestors(other):
            assert ended[one] < begun[other], f"{other} began before {one} had ended"
    assert all(state.steps[name].status in OVER for name in leaves), "each had its turn"


def _goes_on(step: Step) -> Step:
    return step if step.is_phase else step.model_copy(update={"on_failure": "continue"})
