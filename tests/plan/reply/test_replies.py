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

DATA = Path(__file__).parents[3].parent / "shared" / "data"
with_data = pytest.mark.skipif(not DATA.is_dir(), reason="the data is not part of the project")

GOOD = json.dumps(
    {
        "reason": "because",
        "steps": [
            {"id": "1", "action": "back_up", "params": {"db": "main"}, "depends_on": []},
            {"id": "2", "action": "wipe", "params": {"db": "main"}, "depends_on": ["1"]},
        ],
        "rollback": [],
    }
)
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
        f"First I wondered: {{'steps': []}}?\n</think>\n\n{GOOD}",
        f"The plan is {GOOD} as you wished.",
        f"```json\n{GOOD}\n```\nOnce more:\n```json\n{GOOD}\n```",
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
        (f'{{"answer": {{"plan": {GOOD}}}}}', "json", "the plan was taken out of 'plan'"),
        (GOOD.replace("}, {", "}\n{"), "repaired", "a comma was put in"),
        (GOOD.replace('["1"]}', '["1"]}}'), "repaired", "a } that closes nothing was left out"),
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
        (f"<think>Perhaps {GOOD}, or", "it breaks off within its thoughts"),
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
        (repr(PLAN).replace("because", "\\ud800"), "surrogate"),
        (repr(PLAN).replace("'id': '1'", "'id': '1', 'id': '2'"), "there twice"),
        (f"So: {'[' * 101}", "nested deeper than 100"),
        ('{"answer": {"answer": {"answer": ' + GOOD + "}}}", "it holds no plan"),
        ('{"answer": 1, "why": 2}', "it holds no plan"),
        (repr(PLAN).replace("'because'", f"[{'-' * 20_000}1]"), "came out as"),
        (repr(PLAN).replace("because", "be" * 150_000), "it holds no plan"),
    ],
    ids=lambda given: f"{given[:30]!r}",
)  # fmt: skip
def test_what_means_nothing_or_two_things_is_refused_in_one_line(reply: str | bytes, why: str) -> None:
    assert why in refused(reply)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("[1, -2, -1.5, True, None, 'it''s']", None),
        ("[1, -2, -1.5, True, false, null, None]", [1, -2, -1.5, True, False, None, None]),
        ("{'a': {'b': ['c', \"d\"]}}", {"a": {"b": ["c", "d"]}}),
        ("'caf\\xe9 \\ud83d\\ude00'", "caf\u00e9 \U0001f600"),
        ("-True", None),
        ("{1: 'one'}", None),
        ("{1, 2}", None),
        ("2 + 3", None),
        ("b'bytes'", None),
        ("nothing", "nothing"),
    ],
)
def test_a_python_literal_gives_data_as_json_has_it_and_nothing_else(written: str, value: Any) -> None:
    """What is no data is refused, or a text without quotes where it looks like one."""
    reply = repr(PLAN).replace("'because'", written)
    if value is None:
        refused(reply)
    else:
        assert read_reply(reply).document == PLAN | {"reason": value}


@pytest.mark.parametrize(
    "steps", ['[{"id": 1, "action": "look"}]', '{"plan": [{"step": 1, "tool": "look"}]}', '{"steps": []}']
)
def test_plans_of_all_notations_are_known_by_their_keys(steps: str) -> None:
    assert read_reply(steps) == Parsed(json.loads(steps), "json")


@pytest.mark.parametrize("value", ["[]", "[1, 2]", '{"plan": []}', '{"plan": "soon"}', '[{"id": 1}, 2]'])
def test_values_that_are_no_plan_are_read_as_values_only(value: str) -> None:
    assert "it holds no plan" in refused(value)
    assert read_value(value) == Parsed(json.loads(value), "json")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("no value", "it is no value"),
        ("", "it is empty"),
        ('Either {"a": 1} or {"a": 2}', "it is no value"),
        ("[1", "it breaks off"),
        ('{"a": 1, "a": 2}', "there twice"),
        ("{'a': 1, 'a': 2}", "there twice"),
        ("[" * 101, "nested deeper than 100"),
        ("['x', 1e999]", "not a finite number"),
    ],
)
def test_what_is_no_value_is_refused_in_one_line(reply: str, why: str) -> None:
    with pytest.raises(BadReply, match=f"the reply cannot be read: .*{why}"):
        read_value(reply)


def test_a_value_is_read_out_of_its_fence() -> None:
    assert read_value("<think>hm</think>```json\n[1]\n```") == Parsed([1], "json")
    talk = read_value('Let me look: {"a": [1]}. Then we shall see.')
    assert talk == Parsed({"a": [1]}, "json", ("the words around it were left out",))
    assert read_value("[1]]") == Parsed([1], "repaired", ("a ] that closes nothing was left out",))


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
    if read.form == "json" and not read.repairs:
        assert read.document == json.loads(re.sub(r"^\ufeff", "", text).strip().strip("`"))


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
