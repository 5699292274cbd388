"""Plans that were read apart from each other share the steps that are the same, and say what they said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from console.plan.identical import identical
from console.plan.model import Expect, Plan, Step, Undo
from console.plan.tree import shared
from tests.plan.strategies import plans


@given(plans(), plans())
def test_a_plan_that_shares_steps_with_another_says_the_same(plan: Plan, other: Plan) -> None:
    assert identical(shared(plan, other), plan)


@given(plans())
def test_all_of_a_plan_that_was_read_twice_is_kept_once(plan: Plan) -> None:
    again = Plan.model_validate_json(plan.model_dump_json(by_alias=True))
    pairs = zip(shared(again, plan).walk(), plan.walk(), strict=True)
    assert all(one is other for (one, _), (other, _) in pairs)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"params": {"a": 1}}, {"params": {"a": True}}),
        ({"params": {"a": [0]}}, {"params": {"a": [0.0]}}),
        ({"params": {"a": 1, "b": 2}}, {"params": {"b": 2, "a": 1}}),
        ({"undo": Undo(action="u", params={"a": 1})}, {"undo": Undo(action="u", params={"a": True})}),
        ({"expect": Expect(json_paths={"a": 1})}, {"expect": Expect(json_paths={"a": 1.0})}),
    ],
)
def test_what_only_looks_the_same_is_not(before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = (Plan(steps=(Step(id="1", action="do", **fields),)) for fields in (before, after))
    assert shared(new, old).steps[0] is new.steps[0]
    assert shared(old, old).steps[0] is old.steps[0]
