"""A value says what its source says: a difference in form is told, one in content refused."""

from __future__ import annotations

from typing import Any

import pytest

from console.plan.reply.audit import Changed, audit

COMMA, QUOTES = "a comma was put in", "had no quotes"


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1", 1),
        ('{"a": [1, -1.5e3, true, null]}', {"a": [1, -1500.0, True, None]}),
        ("[True, False, None]", [True, False, None]),
        (r'["it\"s \\ \u00e9 \ud83d\ude00"]', ['it"s \\ \u00e9 \U0001f600']),
        (r"['it\'s']", ["it's"]),
        (r"['caf\xe9']", ["caf\u00e9"]),
        (r"['\d+']", [r"\d+"]),
        ("['''two\nlines''']", ["two\nlines"]),
        (r"['\ud83d']", ["\ud83d"]),
        (r"['\q \ud83d']", ["\\q \ud83d"]),
    ],
)
def test_what_is_said_the_same_way_has_no_differences(source: str, value: Any) -> None:
    assert audit(source, value) == ()


@pytest.mark.parametrize(
    ("source", "value", "told"),
    [
        ("[1, 2,]", [1, 2], ["a comma at an end was left out"]),
        ('["a"\n"b"]', ["a", "b"], [COMMA]),
        ("[[1] [2] {}]", [[1], [2], {}], [f"{COMMA} (2 times)"]),
        ("[1] // one", [1], ["a comment was left out"]),
        ("[# one\n1, /* two */ 2]", [1, 2], ["a comment was left out (2 times)"]),
        ("[1}, 2]", [1, 2], ["a } that closes nothing was left out"]),
        ("[1]]}", [1], ["a ] that closes nothing was left out", "a } that closes nothing was left out"]),
        ("{name: [on it]}", {"name": ["on it"]}, [f"the text 'name' {QUOTES}", f"the text 'on it' {QUOTES}"]),
        ('["say "hi" now"]', ['say "hi" now'], ["a quote inside a text was not escaped"]),
        ('["a\nb"]', ["a\nb"], ["a line break or control character inside a text was not escaped"]),
    ],
)  # fmt: skip
def test_differences_in_form_are_told(source: str, value: Any, told: list[str]) -> None:
    assert audit(source, value) == tuple(told)


@pytest.mark.parametrize(
    ("source", "value", "why"),
    [
        ("[1, 2]", [1], "'2' came out as ]"),
        ("[1]", [1, 2], "2 is not in the reply"),
        ("", {}, "{ is not in the reply"),
        ("[1] 2", [1], "'2' was lost"),
        ('{"a": 1}', {"b": 1}, "'a' came out as 'b'"),
        ('{"a": 1}', ["a", 1], "'{' came out as ["),
        ("[,1]", [1], "nothing stands before a comma"),
        ("[1,,2]", [1, 2], "nothing stands before a comma"),
        ("{: 1}", {"": 1}, "nothing stands before a colon"),
        # a number is that number, and of that kind
        ("[1]", [1.0], "'1' came out as 1.0"),
        ("[1]", [True], "'1' came out as True"),
        ("[0x1F]", [31], "'0x1F' came out as 31"),
        ("[1_000]", [1000], "'1_000' came out as 1000"),
        ('["1"]', [1], "'1' came out as 1"),
        (f"[{'1' * 5_000}]", [1], "came out as 1"),
        # a name is its value, and no text
        ("[true]", ["true"], "'true' came out as 'true'"),
        ("[Nan]", ["Nan"], "'Nan' came out as 'Nan'"),
        ("[and so on...]", ["and so on..."], "came out as"),
        # a text is what is between its quotes
        ('["abc', ["abc"], "'abc' came out as 'abc'"),
        ('["abc\\', ["abc"], r"'abc\\' came out as 'abc'"),
        (r"['\x4']", ["x4"], "came out as 'x4'"),
        (r"['C:\apps']", ["C:\apps"], "came out as"),
        (r"['C:\apps']", [r"C:\apps"], "came out as"),
        ("['two\nlines']", ["two lines"], "came out as 'two lines'"),
    ],
)
def test_a_difference_in_content_is_refused(source: str, value: Any, why: str) -> None:
    with pytest.raises(Changed) as caught:
        audit(source, value)
    assert why in str(caught.value)
