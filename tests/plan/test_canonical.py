"""One byte string per value, and what it leaves out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from console.plan.canonical import canonical, decisive, digest
from console.plan.codec import from_document
from console.plan.model import Plan, Step
from tests.plan.strategies import json_values, plans


def test_the_form_is_sorted_compact_and_byte_exact() -> None:
    value = {"b": [1.0, 2.5, True, None, 1e2], "a": "é\u2028\n", "A": "e\u0301"}
    assert canonical(value) == '{"A":"e\u0301","a":"é\u2028\\n","b":[1,2.5,true,null,100]}'.encode()


def test_the_hash_is_sha_256_of_it() -> None:
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"a": float("-inf")}])
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the kinds of ValueError differ
        canonical(value)


@pytest.mark.parametrize("value", [{1: 2}, {"a": {3}}, b"x"])
def test_what_is_no_json_value_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical(value)


@given(json_values)
def test_equal_values_have_one_form_whatever_their_order(value: Any) -> None:
    def turned(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: turned(held) for key, held in reversed(item.items())}
        return tuple(map(turned, item)) if isinstance(item, list) else item

    assert canonical(turned(value)) == canonical(value)
    assert json.loads(canonical(value)) == value


@settings(max_examples=50)
@given(plans())
def test_what_decides_survives_a_round_trip_of_the_plan(plan: Plan) -> None:
    again = Plan.model_validate_json(plan.model_dump_json(by_alias=True))
    assert [digest(decisive(step)) for step in again.steps] == [digest(decisive(step)) for step in plan.steps]


FULL: dict[str, Any] = {
    "id": 2,
    "action": "do",
    "params": {"a": 1},
    "depends_on": [1, "x"],
    "undo": {"action": "un", "params": {"b": 1}},
    "expect": {"exit_code": 0, "matches": "a", "json": {"a": 1}, "schema": {}},
    "timeout": 3,
    "retry": {"attempts": 2, "backoff": 1},
    "gate": "sure?",
    "on_failure": "ask",
    "on": "web",
    "enabled": False,
}


def full(**changes: Any) -> Step:
    others: list[Any] = [{"id": 1, "action": "do"}, {"id": "x", "action": "do"}]
    return from_document([*others, {**FULL, **changes}]).steps[2]


@pytest.mark.parametrize(
    "change",
    [
        {"description": "x"},
        {"explain": {"1": "because"}},
        {"depends_on": ["x", 1]},
        {"timeout": 3.0},
        {"params": {"a": 1.0}},
    ],
)
def test_what_decides_nothing_does_not_change_the_hash(change: dict[str, Any]) -> None:
    assert digest(decisive(full(**change))) == digest(decisive(full()))


@pytest.mark.parametrize(
    "change",
    [{"id": 3}, {"action": "be"}, {"params": {"a": 2}}, {"params": {"a": True}}, {"depends_on": [1]},
     {"undo": None}, {"undo": {"action": "un", "params": {"b": 2}}}, {"expect": None},
     {"expect": {"exit_code": 1}}, {"timeout": 4}, {"retry": None}, {"gate": True}, {"gate": None},
     {"on_failure": "stop"}, {"on": "db"}, {"enabled": True}],
)  # fmt: skip
def test_what_decides_changes_the_hash(change: dict[str, Any]) -> None:
    assert digest(decisive(full(**change))) != digest(decisive(full()))


def test_a_phase_is_decided_by_what_it_holds() -> None:
    def phase(**inner: Any) -> str:
        document: Any = [{"id": "p", "steps": [{"id": 1, "action": "do", **inner}]}]
        return digest(decisive(from_document(document).steps[0]))

    assert phase() == phase(description="x")
    assert phase() != phase(params={"a": 1})
