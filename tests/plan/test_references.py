"""What a reference is, and what becomes of it."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.errors import ReferenceFailed
from console.plan.model import Step, Undo
from console.plan.references import Reference, find, path_fault, referred, renamed, resolve
from tests.plan.strategies import json_values, step_ids, texts

RESULTS: dict[str, Any] = {
    "1": "v2",
    "2": {
        "rows": [{"id": 7, "name": "a"}, {"id": 8}],
        "Exchange Rate": 1.5,
        "content-type": "t",
        "none": None,
    },
    "3": '{"a": [1, 2]}',
    "4": [1, 2, 3],
    "5": "{step_1_result} $(id)",
    "a_result": "odd",
    "num": 12,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{step_1_result}", "v2"),
        ("tag {step_1_result}!", "tag v2!"),
        ("{step_2_result.rows[0].id}", 7),
        ("{step_2_result.rows[?id == `8`].id | [0]}", 8),
        ("{step_2_result.{x: rows[0].id, y: rows[1].id}}", {"x": 7, "y": 8}),
        ("{step_2_result.rows[?name == '}'] | length(@)}", 0),
        ("{step_2_result.Exchange Rate}", 1.5),
        ("{step_2_result.content-type}", "t"),
        ('{step_2_result."Exchange Rate"}', 1.5),
        ("{step_2_result.rows[0]}", {"id": 7, "name": "a"}),
        ("row {step_2_result.rows[0]}", 'row {"id": 7, "name": "a"}'),
        ("{step_3_result.a[1]}", 2),
        ("{step_3_result}", '{"a": [1, 2]}'),
        ("{step_4_result[0]}{step_4_result[-1]}", "13"),
        ("{step_5_result}", "{step_1_result} $(id)"),
        ("<{step_5_result}>", "<{step_1_result} $(id)>"),
        ("{step_a_result_result}", "odd"),
        ("{step_num_result}", 12),
        ("n={step_num_result}", "n=12"),
        ("{{step_1_result}}", "{v2}"),
        ({"a": ["{step_1_result}", 3], "{step_1_result}": None}, {"a": ["v2", 3], "{step_1_result}": None}),
    ],
)
def test_a_reference_is_replaced_by_the_result(text: Any, value: Any) -> None:
    assert resolve(text, RESULTS) == value
    assert resolve(text, RESULTS.__getitem__) == value


@pytest.mark.parametrize(
    "text",
    ["{x}", "$x", "${x}", "{{x}}", "<x>", "{step_1}", "{step_1_results}", "{step__result}",
     "{step_1_result", "{step_1_result.a{",
     "{step_1_result }", "{step_1_resultx}", "{Step_1_result}", "{step_1 _result}", "{step_-a_result}"],
)  # fmt: skip
def test_everything_else_is_literal(text: str) -> None:
    assert find(text) == ()
    assert resolve(text, RESULTS) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{step_9_result}", "{step_9_result}: step 9 has no result"),
        ("{step_1_result.a}", "{step_1_result.a}: the result of step 1 is text, not JSON "),
        ("{step_2_result.nope}", "{step_2_result.nope}: the result of step 2 has nothing there"),
        ("{step_2_result.none}", "{step_2_result.none}: the result of step 2 has nothing there"),
        ("{step_4_result.abs('x')}", "{step_4_result.abs('x')}: the path cannot be followed: "),
        ("{step_4_result.a(}", "{step_4_result.a(}: the path cannot be followed: "),
    ],
)
def test_a_reference_that_finds_nothing_says_which_and_why(text: str, reason: str) -> None:
    with pytest.raises(ReferenceFailed) as failed:
        resolve({"p": [text]}, RESULTS)
    assert str(failed.value).startswith(reason)


def test_text_results_are_read_as_strict_json() -> None:
    for text in ('{"a": 1, "a": 2}', '{"a": NaN}', "{'a': 1}", "\\ud800"):
        with pytest.raises(ReferenceFailed):
            resolve("{step_1_result.a}", {"1": text})


def test_references_are_found_in_reading_order() -> None:
    params = {"a": "{step_2_result} and {step_1_result.x}", "b": [{"c": "{step_2_result}"}], "n": 3}
    assert find(params) == (
        Reference("2", "", "{step_2_result}"),
        Reference("1", "x", "{step_1_result.x}"),
        Reference("2", "", "{step_2_result}"),
    )


def test_the_undo_of_a_step_may_use_its_own_result_and_others() -> None:
    undo = Undo(action="rm", params={"id": "{step_5_result.id}", "by": "{step_4_result}"})
    step = Step(id="5", action="make", params={"x": "{step_3_result}"}, undo=undo)
    assert referred(step) == ("3", "4")
    assert referred(Step(id="5", action="make", params={"x": "{step_5_result}"})) == ("5",)


def test_paths_are_checked_without_a_result() -> None:
    assert path_fault("rows[0].id") == ""
    assert path_fault("Exchange Rate.x[0]") == ""
    assert path_fault("a[") != ""
    assert path_fault("[" * 5000) != ""
    assert path_fault("'") != ""
    assert path_fault("rows[?name == `a`]") == ""


def test_references_follow_a_step_to_its_new_id() -> None:
    value = {"a": ["{step_1_result.x} {step_2_result}", 1], "b": "no {step_}"}
    assert renamed(value, {"1": "10"}) == {"a": ["{step_10_result.x} {step_2_result}", 1], "b": "no {step_}"}


@given(step_ids, json_values)
def test_a_whole_reference_keeps_the_value_as_it_is(step: str, value: Any) -> None:
    assert resolve(f"{{step_{step}_result}}", {step: value}) is value


@given(st.lists(texts | st.sampled_from(["{step_1_result}", "{step_2_result.a}", "{", "}"]), max_size=6))
def test_what_a_step_said_is_never_expanded(parts: list[str]) -> None:
    text = "-".join(["", *parts])
    results = {"1": "{step_2_result}", "2": {"a": "{step_1_result}"}}
    expected = (
        text.replace("{step_1_result}", "\0")
        .replace("{step_2_result.a}", "{step_1_result}")
        .replace("\0", "{step_2_result}")
    )
    if "\0" not in text and all(one.text in ("{step_1_result}", "{step_2_result.a}") for one in find(text)):
        assert resolve(text, results) == expected


@given(st.text("{}step_12result.[]'\"`@ab", max_size=40))
def test_no_text_makes_it_crash(text: str) -> None:
    for reference in find("{step_1_result." + text + "}"):
        path_fault(reference.path)
        with contextlib.suppress(ReferenceFailed):
            resolve(reference.text, {"1": {"a": [1, {"b": 2}]}})


@given(texts, json_values)
def test_values_without_references_come_back_equal(key: str, value: Any) -> None:
    assert resolve({key: value}, {}) == {key: value}
