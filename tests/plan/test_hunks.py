"""Parts of a revision, taken and left one by one."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from console.plan.codec import faults_of, from_document
from console.plan.diff import diff
from console.plan.hunks import Hunk, hunks, parts, without
from console.plan.model import Plan


def plan_of(*steps: Any, **more: Any) -> Plan:
    return from_document({"steps": list(steps), **more})


def do(name: Any, *needs: Any, **more: Any) -> dict[str, Any]:
    return {"id": name, "action": "do", "depends_on": list(needs), **more}


def shape(plan: Plan) -> list[tuple[str, tuple[str, ...]]]:
    return [(step.id, step.depends_on) for step, _ in plan.walk()]


OLD = plan_of(do(1), do(2, 1), do(3, 2), do(4, 3), goal="old")
NEW = plan_of(do(1), do(5, 1), do(2, 5, params={"a": 1}), do(4, 2), goal="new")


def test_each_part_is_named_once() -> None:
    assert hunks(diff(OLD, NEW)) == (
        Hunk("added", "5"),
        Hunk("removed", "3"),
        Hunk("changed", "2"),
        Hunk("rewired", "4"),
        Hunk("plan", "goal"),
    )
    turned = plan_of(do(2, 1), do(1), do(3, 2), do(4, 3), goal="old")
    assert [hunk.kind for hunk in hunks(diff(OLD, turned))] == ["moved"]


def test_all_parts_left_out_is_the_old_plan_and_none_the_new_one() -> None:
    assert without(OLD, NEW, hunks(diff(OLD, NEW))) == OLD
    assert without(OLD, NEW, ()) == NEW


def test_what_an_added_step_stood_between_is_tied_together() -> None:
    assert shape(without(OLD, NEW, [Hunk("added", "5")])) == [("1", ()), ("2", ("1",)), ("4", ("2",))]


def test_a_step_that_stays_after_all_is_waited_for_again() -> None:
    kept = without(OLD, NEW, [Hunk("removed", "3")])
    assert shape(kept) == [("1", ()), ("5", ("1",)), ("2", ("5",)), ("3", ("2",)), ("4", ("2", "3"))]


def test_added_steps_that_use_each_others_results_are_left_out_together() -> None:
    old = plan_of(do(1), do(2, 1))
    new = plan_of(do(1), do(3, 1), do(4, params={"a": "{step_3_result}"}), do(2, 4))
    left = without(old, new, [Hunk("added", "3"), Hunk("added", "4")])
    assert left == old
    (fault,) = faults_of(without(old, new, [Hunk("added", "3")]))
    assert fault.step == "4"


def test_parts_stand_in_the_order_of_the_plans() -> None:
    new = plan_of(do(1), do(5, 1), do(3, 5), do(4, 3, params={"a": 1}), do(6, 4), goal="new")
    assert [(hunk.kind, hunk.id) for hunk in parts(OLD, new)] == [
        ("removed", "2"),
        ("added", "5"),
        ("rewired", "3"),
        ("changed", "4"),
        ("added", "6"),
        ("plan", "goal"),
    ]


def test_a_moved_step_goes_back_to_its_phase() -> None:
    old = plan_of({"id": "p", "steps": [do(1), do(2), do(3)]}, do(4))
    new = plan_of({"id": "p", "steps": [do(3), do(1)]}, do(2), do(4))
    kept = without(old, new, [Hunk("moved", "2"), Hunk("moved", "3")])
    assert [step.id for step in kept.steps[0].steps] == ["1", "2", "3"]


def test_steps_of_a_phase_that_is_gone_go_where_it_stood() -> None:
    old = plan_of(do(1), {"id": "p", "steps": [do(2), do(3, 2)]}, do(4))
    new = plan_of(do(1), do(4))
    assert [step.id for step in without(old, new, [Hunk("removed", "3")]).steps] == ["3", "1", "4"]
    back = without(old, new, [Hunk("removed", "p"), Hunk("removed", "2"), Hunk("removed", "3")])
    assert back == old


def test_an_added_phase_that_is_left_out_leaves_its_steps() -> None:
    old = plan_of(do(1), do(2, 1))
    new = plan_of({"id": "p", "steps": [do(1)]}, do(2, "p"))
    assert shape(without(old, new, [Hunk("added", "p")])) == [("1", ()), ("2", ("1",))]


@pytest.mark.parametrize("count", range(6))
def test_any_parts_of_a_sound_revision_make_a_sound_plan(count: int) -> None:
    for left in combinations(hunks(diff(OLD, NEW)), count):
        assert faults_of(without(OLD, NEW, left)) == ()


def test_what_waited_for_steps_that_are_gone_waits_for_what_they_waited_for() -> None:
    old = plan_of(do(1), do(2, 1), do(3, 2), do(4, 2), do(5, 3, 4))
    new = plan_of(do(1), do(5, params={"a": 1}))
    assert shape(without(old, new, [Hunk("changed", "5")])) == [("1", ()), ("5", ("1",))]
