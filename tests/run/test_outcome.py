"""What is expected of a result, whatever somebody wrote down as expected."""

from __future__ import annotations

import json
from typing import Any

import pytest

from console.errors import InvalidPlan
from console.plan.codec import from_document
from console.plan.model import Expect
from console.run.outcome import unmet

ENDLESS = r"(a|aa)+$"
"""Python's own search takes years over this in a text that almost matches."""


def expect(**keys: Any) -> Expect:
    document = [{"id": 1, "action": "look", "expect": keys}]
    found = from_document(document).steps[0].expect
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("keys", "result", "why"),
    [
        ({"matches": "^ok"}, "ok 12", ""),
        ({"matches": "^ok$"}, "ok 12", "does not match '^ok$'"),
        ({"matches": ENDLESS}, "a" * 60 + "b", "cannot be checked: the pattern"),
        ({"json": {"rows[0].id": 3}}, '{"rows": [{"id": 3}]}', ""),
        ({"json": {"rows[0].id": 3}}, "rows", "is not JSON"),
        ({"schema": {"type": "integer"}}, "3", ""),
        ({"schema": {"type": "integer"}}, '"3"', "does not fit the schema at $"),
        ({"schema": {"pattern": "^a$"}}, json.dumps("a\n"), "does not match '^a$'"),
        ({"schema": {"pattern": ENDLESS}}, json.dumps("a" * 60 + "b"), "cannot be checked: the pattern"),
        ({"schema": {"$ref": "http://127.0.0.1:9/x"}}, "3", "refers to what is not in it"),
    ],
)
def test_a_result_is_held_against_what_is_expected(keys: dict[str, Any], result: str, why: str) -> None:
    found = unmet(expect(**keys), result)
    assert (why in found) if why else not found


@pytest.mark.parametrize("keys", [{"matches": "(a"}, {"schema": {"type": "int"}}])
def test_an_expectation_that_is_none_is_a_fault_of_the_plan(keys: dict[str, Any]) -> None:
    with pytest.raises(InvalidPlan, match=r"matches is no regular expression|schema is no JSON Schema"):
        expect(**keys)
