"""Replies as models write them: taken as they stand, mended where that is certain and told, or refused whole
with one clear message. Never silently changed."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.errors import BadReply
from console.plan.reply.parsing import Parsed, looks_like_plan, read_reply, read_value
from tests.models.lines import GOOD

DATA = Path(__file__).parents[2].parent / "shared" / "data"
with_data = pytest.mark.skipif(not DATA.is_dir(), reason="the data is not part of the project")

PLAN = json.loads(GOOD)


def cases(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


def refused(reply: str | bytes) -> str:
    with pytest.raises(BadReply) as caught:
        read_reply(reply)
    assert "\n" not in caught.value.what
    return caught.value.what


# ── how it is written ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "reply",
    [
        GOOD,
        f"\ufeff{GOOD}\n",
        f"Here is the plan:\n```json\n{GOOD}\n```\nGood luck!",
        f"```\n{GOOD}\n```",
        f"<think>[1] or {{2}}?</think>\n{GOOD}",
        f"The plan is {GOOD} as you wished.",
    ],
)
def test_a_plan_in_its_usual_wrappings_is_taken_as_it_stands(reply: str) -> None:
    assert read_reply(reply) == Parsed(PLAN, "json")


@pytest.mark.parametrize(
    ("reply", "form", "told"),
    [
        (repr(PLAN), "literal", "it was written as a Python literal"),
        (GOOD.replace("]}", "],}"), "literal", "a comma at an end was left out"),
        (GOOD.replace('"reason"', "reason"), "repaired", "the text 'reason' had no quotes"),
        (GOOD.replace('{"reason"', '// why\n{"reason"').replace("{", "{ // c\n", 1), "repaired", "a comment"),
        (f'{{"answer": {GOOD}}}', "json", "the plan was taken out of 'answer'"),
    ],
)
def test_what_was_mended_is_told(reply: str, form: str, told: str) -> None:
    read = read_reply(reply)
    assert (read.document, read.form) == (PLAN, form)
    assert any(told in repair for repair in read.repairs)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("", "it is empty"),
        ("   \n", "it is empty"),
        ("I would rather not.", "it holds no plan"),
        (f"{GOOD} {GOOD.replace('main', 'other')}", "2 different plans"),
        (GOOD.replace('"reason": "because"', '"reason": NaN'), "NaN"),
        (GOOD.replace('"reason": "because"', '"reason": 1e999'), ""),
        (GOOD.replace('"id": "1"', '"id": "1", "id": "2"'), "there twice"),
        (GOOD.replace("because", "\\ud800"), "surrogate"),
        (GOOD.replace("because", "\ud800"), "surrogate"),
        (GOOD.encode()[:-40] + b"\xff" + GOOD.encode()[-40:], "not UTF-8"),
        ("[" * 100_000, "nested deeper than 100"),
        ("[" * 100_000 + "]" * 100_000, "nested deeper than 100"),
        ('{"a":' * 50_000, "nested deeper than 100"),
        ("x" * 3_000_000, "are the limit"),
        ('{"steps": [..., {"id": 1}]}', ""),
        ('1. look("x")\n2. tell($1)', "join()"),
    ],
)  # fmt: skip
def test_what_means_nothing_or_two_things_is_refused_in_one_line(reply: str | bytes, why: str) -> None:
    assert why in refused(reply)


def test_a_reply_that_is_cut_anywhere_is_refused_whole() -> None:
    fenced = f"```json\n{GOOD}\n```"
    for text in (GOOD, repr(PLAN), fenced):
        whole = text.rindex("}") + 1
        for end in range(whole):
            refused(text.encode()[:end])


@given(st.text())
def test_no_text_is_anything_but_a_plan_or_refused(text: str) -> None:
    with contextlib.suppress(BadReply):
        assert looks_like_plan(read_reply(text).document)


@settings(max_examples=50)
@given(st.text(alphabet=st.sampled_from("{}[]\"',:\\\n abtrue01-.#/*"), max_size=200))
def test_whatever_is_read_without_repairs_is_what_json_says(text: str) -> None:
    try:
        read = read_value(text)
    except BadReply:
        return
    if read.form == "json":
        assert read.document == json.loads(re.sub(r"^\ufeff", "", text).strip().strip("`"))


def test_llmcompilers_notation_names_positions_by_the_tools_parameters() -> None:
    read = read_reply(
        '1. search("height of K2")\n2. convert($1, unit="ft")\n3. join()<END_OF_PLAN>',
        {"search": ["query"], "convert": ["value", "unit"]},
    )
    one, two = read.document["steps"]
    assert one == {"id": 1, "action": "search", "params": {"query": "height of K2"}, "depends_on": []}
    assert two["params"] == {"value": "{step_1_result}", "unit": "ft"}
    assert two["depends_on"] == [1]
    assert read.form == "compiler"


# ── real replies ─────────────────────────────────────────────────────────────────────────────────


@with_data
def test_real_replies_are_recovered_and_none_is_changed() -> None:
    trusted = recovered = 0
    for case in cases("llm_replies.jsonl"):
        expected = case["expected"]
        trusted += expected is not None
        try:
            read = read_reply(case["raw"])
        except BadReply:
            continue
        if expected is None:
            assert read.repairs, case["id"]
            continue
        assert read.document == expected, case["id"]
        recovered += 1
    assert recovered >= 0.995 * trusted


@with_data
def test_no_document_of_the_suites_is_taken_for_what_it_is_not() -> None:
    for case in cases("json_test_suite.jsonl"):
        raw = case["raw_latin1"].encode("latin-1")
        try:
            read = read_value(raw)
        except BadReply:
            continue
        if case["accept"] is False:
            assert read.form != "json", raw


@with_data
def test_no_broken_document_crashes_the_repair() -> None:
    for case in cases("json_repair_suite.jsonl"):
        with contextlib.suppress(BadReply):
            assert isinstance(read_value(case["raw"]), Parsed)
