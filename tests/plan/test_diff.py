"""What changed between two plans."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.plan.codec import from_document
from console.plan.diff import ABSENT, FieldChange, PlanDiff, StepChange, apply, diff
from console.plan.identical import identical
from console.plan.model import Gate, Plan, Step, Undo
from tests.plan.strategies import json_values, plans


def plan_of(*steps: Any, **more: Any) -> Plan:
    return from_document({"steps": list(steps), **more})


def do(name: Any, *needs: Any, **more: Any) -> dict[str, Any]:
    return {"id": name, "action": "do", "depends_on": list(needs), **more}


BASE = plan_of(do(1), do(2, 1, params={"a": 1, "b": 2}), {"id": "p", "steps": [do(3), do(4)]})


def test_a_plan_does_not_differ_from_itself() -> None:
    same = diff(BASE, BASE)
    assert same.is_empty
    assert same.kept == ("1", "2", "p", "3", "4")
    assert same.summary() == "no change"


def test_changes_are_told_field_by_field_and_parameter_by_parameter() -> None:
    new = plan_of(
        do(1, gate=True, description="x"),
        do(2, 1, params={"a": 5, "c": 3}, undo={"action": "un"}),
        {"id": "p", "steps": [do(3), do(4)]},
    )
    found = diff(BASE, new)
    assert found.changed == (
        StepChange("1", (FieldChange("description", "", "x"), FieldChange("gate", None, Gate()))),
        StepChange(
            "2",
            (
                FieldChange("params", 1, 5, "a"),
                FieldChange("params", 2, ABSENT, "b"),
                FieldChange("params", ABSENT, 3, "c"),
                FieldChange("undo", None, Undo(action="un")),
            ),
        ),
    )
    assert [change.name for change in found.changed[1].fields] == ["params.a", "params.b", "params.c", "undo"]
    assert repr(ABSENT) == "(not given)"
    assert found.summary() == "3 kept, 2 changed"


def test_added_and_removed_steps_are_told_once_each() -> None:
    new = plan_of(do(1), {"id": "p", "steps": [do(3), {"id": "q", "steps": [do(5)]}]})
    found = diff(BASE, new)
    assert [step.id for step in found.added] == ["q", "5"]
    assert found.added[0].steps == ()
    assert found.removed == ("2", "4")
    assert found.kept == ("1", "p", "3")
    assert found.moved == ()
    assert found.summary() == "3 kept, 2 added, 2 removed"


def test_steps_that_only_depend_on_others_are_re_wired() -> None:
    new = plan_of(
        do(1), do(2, params={"a": 1, "b": 2}), {"id": "p", "depends_on": [2], "steps": [do(3), do(4)]}
    )
    found = diff(BASE, new)
    assert [change.id for change in found.rewired] == ["2", "p"]
    assert found.changed == ()
    assert found.summary() == "3 kept, 2 re-wired"


def test_as_few_steps_as_possible_are_moved() -> None:
    old = plan_of(*(do(i) for i in range(6)), {"id": "p", "steps": [do(7), do(8)]})
    new = plan_of(do(5), *(do(i) for i in range(5)), {"id": "p", "steps": [do(7)]}, do(8))
    found = diff(old, new)
    assert found.moved == ("5", "8")
    assert not found.is_empty
    assert found.summary() == "9 kept, 2 moved"


def test_changes_of_the_plan_itself_are_told() -> None:
    new = plan_of(*([do(1)]), goal="g", rollback=[{"action": "r"}], expected=["e"], meta={"m": 1})
    found = diff(plan_of(do(1)), new)
    assert [change.field for change in found.plan] == ["goal", "rollback", "expected", "meta"]
    assert found.summary() == "1 kept, other goal, rollback, expected, meta"


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (1, True), (0, False), ([1], [True]), ({"a": 1}, {"a": 1.0})]
)
def test_values_that_python_takes_for_equal_are_a_change(one: Any, other: Any) -> None:
    old, new = (Plan(steps=(Step(id="1", action="a", params={"x": value}),)) for value in (one, other))
    found = diff(old, new)
    assert found.changed[0].fields == (FieldChange("params", one, other, "x"),)
    assert identical(apply(old, found), new)


def test_a_parameter_without_a_name_is_a_parameter() -> None:
    old, new = (Plan(steps=(Step(id="1", action="a", params=params),)) for params in ({}, {"": 1}))
    assert apply(old, diff(old, new)) == new


@settings(max_examples=50)
@given(plans(min_size=0), plans(min_size=0))
def test_a_diff_makes_the_new_plan_of_the_old_one(old: Plan, new: Plan) -> None:
    assert identical(apply(old, diff(old, new)), new)


@settings(max_examples=50)
@given(plans(min_size=0), plans(min_size=0))
def test_every_step_is_told_exactly_once(old: Plan, new: Plan) -> None:
    found = diff(old, new)
    told = [
        *found.kept,
        *(step.id for step in found.added),
        *(one.id for one in (*found.changed, *found.rewired)),
    ]
    assert sorted(told) == sorted(step.id for step, _ in new.walk())
    before = {step.id for step, _ in old.walk()}
    assert set(found.removed) == before - set(told)
    assert set(found.moved) <= before & set(told)


@given(plans(), st.data())
def test_an_empty_diff_means_an_identical_plan(plan: Plan, data: st.DataObject) -> None:
    again = Plan.model_validate_json(plan.model_dump_json(by_alias=True))
    assert diff(plan, again).is_empty == identical(plan, again)
    name = data.draw(st.sampled_from([step.id for step in plan.leaves()]))
    steps = plan.model_copy(update={"steps": _renamed(plan.steps, name)})
    assert [change.id for change in diff(plan, steps).changed] == [name]


def _renamed(steps: tuple[Step, ...], name: str) -> tuple[Step, ...]:
    return tuple(
        step.model_copy(
            update={
                "action": f"{step.action}2" if step.id == name else step.action,
                "steps": _renamed(step.steps, name),
            }
        )
        for step in steps
    )


@given(json_values, json_values)
def test_identical_is_stricter_than_equal(one: Any, other: Any) -> None:
    assert identical(one, one)
    assert not identical(one, other) or one == other


def test_nothing_is_empty_but_nothing() -> None:
    assert PlanDiff().is_empty
    assert not PlanDiff(removed=("1",)).is_empty
