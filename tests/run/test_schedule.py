"""Readiness is a pure function; the frontier is the same one, kept up to date."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.plan.graph import Graph
from console.plan.model import Plan, Step
from console.run.life import SETTLED, StepStatus
from console.run.schedule import Frontier, ready
from tests.plan.strategies import plans

S = StepStatus


@given(plans(bare=True), st.data())
def test_the_frontier_is_the_pure_answer_at_every_moment(plan: Plan, data: st.DataObject) -> None:
    graph = Graph.of(plan)
    statuses = dict.fromkeys(graph.order, S.PENDING)

    def settled(step: str) -> bool:
        return statuses[step] in SETTLED

    def left_out(step: str) -> bool:
        return statuses[step] is S.SKIPPED

    frontier = Frontier(graph, statuses, settled, left_out, {})
    running: list[str] = []
    while True:
        expected = ready(graph, statuses, settled, left_out)
        assert {s for s in graph.order if s in frontier} == expected
        waits = [s for s in graph.order if statuses[s] is S.PENDING and s not in running]
        if waits and data.draw(st.integers(0, 3)) == 0:
            skipped = data.draw(st.sampled_from(waits))
            statuses[skipped] = S.SKIPPED
            frontier.withhold(skipped)
            frontier.settle(skipped, lambda s: statuses[s] is S.PENDING)
        elif expected and (not running or data.draw(st.booleans())):
            taken = frontier.take(lambda _: True, 1)
            statuses[taken[0]] = S.RUNNING
            running += taken
        elif running:
            step = running.pop(data.draw(st.integers(0, len(running) - 1)))
            statuses[step] = data.draw(st.sampled_from([S.SUCCEEDED, S.SKIPPED, S.FAILED]))
            if settled(step):
                frontier.settle(step, lambda s: statuses[s] is S.PENDING)
        else:
            break


def test_what_may_not_start_stays_ready() -> None:
    plan = Plan(steps=(Step(id="a", action="x"), Step(id="b", action="x")))
    frontier = Frontier(Graph.of(plan), dict.fromkeys("ab", S.PENDING), lambda _: False, lambda _: False, {})
    assert frontier.take(lambda step: step == "b", 5) == ["b"]
    assert frontier.take(lambda _: True, 5) == ["a"]
    assert frontier.take(lambda _: True, 5) == []
