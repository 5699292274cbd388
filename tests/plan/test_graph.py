"""The order a plan imposes."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.plan.codec import from_document
from console.plan.cycles import cycles_in
from console.plan.graph import Graph, WhatIf, cycle_in, what_if
from console.plan.model import Plan, Step, StepId
from console.plan.references import referred
from tests.plan.strategies import plans


def chain(**needs: list[str]) -> Plan:
    return from_document(
        [{"id": name, "action": "do", "depends_on": before} for name, before in needs.items()]
    )


def phased() -> Plan:
    return from_document(
        [
            {"id": "a", "action": "do"},
            {
                "id": "p",
                "depends_on": ["a"],
                "steps": [{"id": "b", "action": "do"}, {"id": "c", "action": "do"}],
            },
            {"id": "q", "depends_on": ["p"], "steps": [{"id": "r", "steps": [{"id": "d", "action": "do"}]}]},
            {"id": "e", "action": "do", "params": {"x": "{step_b_result}"}},
        ]
    )


def before(graph: Graph) -> dict[StepId, tuple[StepId, ...]]:
    return {name: graph.directly_before(name) for name in graph.order}


def after(graph: Graph) -> dict[StepId, tuple[StepId, ...]]:
    return {name: graph.directly_after(name) for name in graph.order}


def leaf_edges(plan: Plan) -> dict[StepId, set[StepId]]:
    """The definition, spelled out: step -> the steps it depends on directly, phases dissolved."""
    steps = {step.id: (step, path) for step, path in plan.walk()}

    def leaves(name: StepId) -> set[StepId]:
        held = {other for other, (step, path) in steps.items() if name in path and not step.steps}
        return held or {name}

    edges: dict[StepId, set[StepId]] = {}
    for name, (step, path) in steps.items():
        if not step.steps:
            asked = [
                need
                for owner in (name, *path)
                for need in (*steps[owner][0].depends_on, *referred(steps[owner][0]))
            ]
            edges[name] = {leaf for need in asked for leaf in leaves(need)}
    return edges


def closure(edges: dict[StepId, set[StepId]]) -> dict[StepId, set[StepId]]:
    reached: dict[StepId, set[StepId]] = {}

    def go(name: StepId) -> set[StepId]:
        if name not in reached:
            reached[name] = edges[name].union(*map(go, edges[name]))
        return reached[name]

    for name in edges:
        go(name)
    return reached


def test_phases_are_dissolved_into_their_steps() -> None:
    graph = Graph.of(phased())
    assert graph.order == ("a", "b", "c", "d", "e")
    assert before(graph) == {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ("b",)}
    assert after(graph) == {"a": ("b", "c"), "b": ("d", "e"), "c": ("d",), "d": (), "e": ()}
    assert graph.levels() == [["a"], ["b", "c"], ["d", "e"]]
    assert graph.width() == 2
    assert graph.ancestors("d") == {"a", "b", "c"}
    assert graph.descendants("a") == {"b", "c", "d", "e"}


def test_nothing_comes_directly_before_or_after_what_is_not_there() -> None:
    graph = Graph.of(phased())
    assert graph.directly_before("p") == graph.directly_after("gone") == ()


def test_what_is_looked_through_is_what_comes_before_and_after_that() -> None:
    graph = Graph.of(phased())
    assert graph.directly_after("a", through={"b"}.__contains__) == ("c", "d", "e")
    assert graph.directly_before("d", through={"b", "c"}.__contains__) == ("a",)


def test_what_is_ordered_through_a_step_that_is_left_out_waits_all_the_same() -> None:
    graph = Graph.of(chain(a=[], b=["a"], c=["b"], d=["c"]))
    waiting = graph.waiting(settled=["a"], left_out=["b", "c"])
    assert waiting.is_free("d")
    waiting = graph.waiting(left_out=["b"])
    assert [waiting.is_free(step) for step in "abcd"] == [True, False, False, False]
    assert waiting.leave_out("c") == []
    assert waiting.settle("a") == ["d"]


def test_the_order_keeps_to_the_document_where_it_can() -> None:
    assert Graph.of(chain(a=["c"], b=[], c=[], d=["a"])).order == ("b", "c", "a", "d")


def test_an_unexpanded_phase_holds_up_what_depends_on_it() -> None:
    plan = from_document(
        [
            {"id": 1, "action": "do"},
            {"id": 2, "expand": True, "depends_on": [1]},
            {"id": 3, "action": "do", "depends_on": [2]},
        ]
    )
    graph = Graph.of(plan)
    assert graph.order == ("1", "2", "3")
    assert graph.unexpanded == {"2"}
    assert graph.directly_before("3") == ("2",)


def test_disabled_steps_stay_in_the_graph_and_take_no_time() -> None:
    plan = from_document(
        [
            {"id": 1, "action": "do"},
            {"id": 2, "enabled": False, "depends_on": [1], "steps": [{"id": 3, "action": "do"}]},
            {"id": 4, "action": "do", "depends_on": [3], "enabled": False},
            {"id": 5, "action": "do", "depends_on": [4]},
        ]
    )
    graph = Graph.of(plan)
    assert graph.skipped == {"3", "4"}
    assert graph.ordered("1", "5")
    assert graph.critical_path({}) == ("1", "5")
    assert graph.makespan({}) == 2.0


def test_the_critical_path_is_the_longest_and_the_first_of_equal_ones() -> None:
    plan = chain(a=[], b=["a"], c=["a"], d=["b", "c"])
    graph = Graph.of(plan)
    assert graph.critical_path({}) == ("a", "b", "d")
    assert graph.critical_path({"c": 5.0}) == ("a", "c", "d")
    assert graph.remaining({"c": 5.0}) == {"a": 7.0, "b": 2.0, "c": 6.0, "d": 1.0}
    assert graph.makespan({"c": 5.0}) == 7.0


def test_fewer_workers_take_longer_and_start_the_longest_path_first() -> None:
    graph = Graph.of(chain(a=[], b=[], c=[], d=["c"]))
    durations = {"a": 3.0, "b": 3.0, "c": 1.0, "d": 3.0}
    assert graph.makespan(durations) == 4.0
    assert graph.makespan(durations, workers=2) == 6.0
    assert graph.makespan(durations, workers=1) == 10.0


def test_an_empty_plan_has_an_empty_graph() -> None:
    graph = Graph.of(Plan())
    assert (graph.order, graph.levels(), graph.width()) == ((), [], 0)
    assert (graph.critical_path({}), graph.makespan({}), graph.makespan({}, 2)) == ((), 0.0, 0.0)


def test_a_plan_with_a_cycle_has_no_graph() -> None:
    plan = Plan(
        steps=(Step(id="1", action="a", depends_on=("2",)), Step(id="2", action="a", depends_on=("1",)))
    )
    with pytest.raises(ValueError, match="circle"):
        Graph.of(plan)


def test_holding_steps_tells_what_is_blocked_and_what_is_left() -> None:
    plan = phased()
    assert what_if(plan, set()).estimate == 3.0
    held = what_if(plan, {"b"}, {"c": 10.0})
    assert (held.blocked, held.critical_path, held.estimate) == (("d", "e"), ("a", "c"), 11.0)
    assert what_if(plan, {"p"}).blocked == ("d", "e")
    assert what_if(plan, {"a"}) == WhatIf(("b", "c", "d", "e"), (), 0.0)


@given(plans(min_size=0, bare=True))
def test_the_graph_is_what_the_definition_says(plan: Plan) -> None:
    graph = Graph.of(plan)
    edges = leaf_edges(plan)
    behind = closure(edges)
    assert {name: set(near) for name, near in before(graph).items()} == edges
    assert {(a, b) for b, near in before(graph).items() for a in near} == {
        (a, b) for a, near in after(graph).items() for b in near
    }
    for name in graph.order:
        assert graph.ancestors(name) == behind[name]
        assert graph.descendants(name) == {other for other in behind if name in behind[other]}
    for one, other in combinations(graph.order, 2):
        assert graph.ordered(one, other) == (one in behind[other] or other in behind[one])
        assert other not in behind[one], "the order puts what comes before before"


@given(plans(bare=True), st.data())
def test_times_agree_with_each_other(plan: Plan, data: st.DataObject) -> None:
    graph = Graph.of(plan)
    durations = {name: float(data.draw(st.integers(0, 9))) for name in graph.order}
    counted = {name: 0.0 if name in graph.skipped else seconds for name, seconds in durations.items()}
    remaining = graph.remaining(durations)
    for name in graph.order:
        rest = max((remaining[other] for other in graph.directly_after(name)), default=0.0)
        assert remaining[name] == counted[name] + rest
    path = graph.critical_path(durations)
    assert sum(counted[name] for name in path) == graph.makespan(durations)
    assert not set(path) & graph.skipped
    spans = [graph.makespan(durations, workers) for workers in (1, 2, 3)]
    assert spans[0] == sum(counted.values())
    bound = graph.makespan(durations)
    for workers, span in enumerate(spans, 1):
        assert max(bound, spans[0] / workers) <= span <= spans[0] / workers + bound


@given(plans(bare=True))
def test_levels_are_unordered_inside_and_ordered_between(plan: Plan) -> None:
    graph = Graph.of(plan)
    levels = graph.levels()
    assert sorted(name for level in levels for name in level) == sorted(graph.order)
    for below, level in pairwise(levels):
        assert all(any(other in graph.ancestors(name) for other in below) for name in level)
    for level in levels:
        assert not any(graph.ordered(one, other) for one, other in combinations(level, 2))
    assert graph.width() == max(map(len, levels))


@given(st.dictionaries(st.integers(0, 8), st.lists(st.integers(0, 8), max_size=3), max_size=8))
def test_cycles_are_found_exactly_where_there_are_some(edges: dict[int, list[int]]) -> None:
    found = list(cycles_in(edges))
    seen: set[int] = set()
    for path in found:
        assert path[0] == path[-1]
        assert all(after in edges[before] for before, after in pairwise(path))
        assert len(set(path)) == len(path) - 1
        assert seen.isdisjoint(path)
        seen |= set(path)
    assert cycle_in(edges) == (found[0] if found else None)
    rest: dict[int, Any] = {
        node: [to for to in out if to not in seen] for node, out in edges.items() if node not in seen
    }
    assert cycle_in(rest) is None


def test_two_large_phases_in_a_row_cost_no_more_than_their_steps() -> None:
    steps = [
        {
            "id": f"p{p}",
            "depends_on": [f"p{p - 1}"] if p else [],
            "steps": [{"id": f"s{p}-{i}", "action": "do"} for i in range(2000)],
        }
        for p in range(3)
    ]
    graph = Graph.of(from_document(steps, max_steps=10_000))
    assert len(graph.order) == 6000
    assert graph.makespan({}) == graph.makespan({}, workers=2000) == 3.0
    assert len(graph.ancestors("s2-0")) == 4000
    assert len(graph.directly_after("s0-0")) == 2000
