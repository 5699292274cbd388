"""What two readers could take for two things is refused, and its line is known."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.plan import strict
from console.plan.identical import identical
from tests.plan.strategies import json_values


def wrong(text: str | bytes, file: str = "") -> list[tuple[int, str]]:
    document = strict.read(text, file=file)
    return [(blot.line or document.line_of(blot.path or ()), blot.message) for blot in document.blots]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the document is empty"),
        (" \n\t\n", 1, "the document is empty"),
        (b"a\nb\xff", 0, "it is not UTF-8 text (line 2)"),
        ("a: \ud800", 0, "it holds half a character (a lone surrogate)"),
        ('{"a": 1,\n "a": 2}', 2, "the key 'a' is there twice"),
        ('[{"a":\n [1, NaN]}]', 2, "not a finite number (NaN, infinity, or too large)"),
        ("[-Infinity]", 1, "not a finite number (NaN, infinity, or too large)"),
        ('{\n"a": 1e400}', 2, "not a finite number (NaN, infinity, or too large)"),
        ('["\\ud800"]', 1, "text with half a character (a lone surrogate)"),
        ('{"\\ud800": 1}', 1, "a key is text with half a character (a lone surrogate)"),
        (f"[{'9' * 1300}]", 1, "a number that is too large"),
        (f"['', {'9' * 5000}]".replace("'", '"'), 0, "a number has too many digits"),
        ("[" * 102 + "]" * 102, 1, "nested deeper than 100 levels"),
        ("[" * 200_000, 1, "nested deeper than 100 levels"),
        ('{"a":\n1 2}', 2, "not JSON: Expecting ',' delimiter (column 3)"),
        ("[{'a': 1}]", 1, "not JSON: Expecting property name enclosed in double quotes (column 3)"),
        ("a: 1\nb: 2\na: 3", 3, "the key 'a' is there twice"),
        ("- .nan", 1, "not a finite number (NaN, infinity, or too large)"),
        ("- -.inf", 1, "not a finite number (NaN, infinity, or too large)"),
        ("- 1\n- 1e400", 2, "not a finite number (NaN, infinity, or too large)"),
        ("- " + "9" * 5000, 1, "not a finite number (NaN, infinity, or too large)"),
        ("a: &x 1\nb: *x", 1, "anchors and aliases are not allowed: write the value out"),
        ("b: *x", 1, "anchors and aliases are not allowed: write the value out"),
        ("a:\n  <<: {b: 1}", 2, "merge keys are not allowed: write the values out"),
        (
            "a: !!python/object:os.system {}",
            1,
            "tags are not allowed: 'tag:yaml.org,2002:python/object:os.system'",
        ),
        ("a: 1\n---\nb: 2", 2, "a second document begins here: one file holds one"),
        ("1: a", 1, "a key must be text: quote it"),
        ("? [a]\n: b", 1, "a key must be text: quote it"),
        ("- " * 102 + "a", 1, "nested deeper than 100 levels"),
        ("a: [\n", 2, "not YAML: while parsing a flow node, did not find expected node content"),
        ("a: \x07", 0, "not YAML: unacceptable character #x0007: control characters are not allowed"),
    ],
)
def test_what_is_refused_is_named_with_its_line(text: str | bytes, line: int, message: str) -> None:
    found = wrong(text)
    assert len(found) == 1
    assert found[0][0] == line
    assert found[0][1].startswith(message)


@pytest.mark.parametrize(
    "text", ["x" * (16 * 1024 * 1024 + 1), b"x" * (16 * 1024 * 1024 + 1), "é" * (9 * 1024 * 1024)]
)
def test_documents_that_are_too_large_are_not_read(text: str | bytes) -> None:
    ((_, message),) = wrong(text)
    assert message.endswith("16777216 are the limit")


def test_several_faults_are_all_told() -> None:
    text = '{"a": NaN,\n"b": [Infinity],\n"a": "\\udfff"}'
    assert [line for line, _ in sorted(wrong(text))] == [2, 3, 3]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"), ("no", "no"), ("0755", "0755"), ("10:30", "10:30"), ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"), ("+1", "+1"), ("0x1F", "0x1F"), (".5", ".5"), ("1.", "1."), ("NaN", "NaN"),
        ("=", "="), ("v2.3.1", "v2.3.1"), ("12e03", 12000.0), ("-0", 0), ("1.50", 1.5), ("true", True),
        ("False", False), ("~", None), ("null", None), ("''", ""), ("'1'", "1"), ('"true"', "true"),
        ("'<<'", "<<"), ("|\n a\n b\n", "a\nb\n"),
    ],
)  # fmt: skip
def test_a_plain_word_in_yaml_is_what_json_would_say_or_text(text: str, value: Any) -> None:
    document = strict.read(f"x: {text}")
    assert not document.blots
    assert identical(document.value, {"x": value})


def test_a_file_that_is_named_json_is_read_as_json_only() -> None:
    assert not strict.read("[{a: 1}]").blots
    assert strict.read("[{a: 1}]", file="p.json").broken
    assert strict.read("a: 1", file="p.yaml").value == {"a": 1}


def test_lines_are_known_for_every_part_of_a_document() -> None:
    texts = (
        '{"a": 1,\n "b": [\n  {"c\\n": "x\\ny"},\n  7\n ]\n}',
        'a: 1\nb:\n- "c\\n": |\n    x\n\n- 7\n',
    )
    for text, seven in zip(texts, (4, 6), strict=True):
        document = strict.read(text)
        places: tuple[tuple[strict.Path, int], ...] = (
            ((), 1), (("a",), 1), (("b",), 2), (("b", 0), 3), (("b", 0, "c\n"), 3), (("b", 1), seven),
            (("b", 9), 2), (("nope",), 1), (("a", "b"), 1),
        )  # fmt: skip
        for path, line in places:
            assert document.line_of(path) == line


def test_the_end_of_a_list_that_is_longer_than_any_plan_has_the_line_of_the_list() -> None:
    lines = strict.read('{"a":\n[' + "1,\n" * 30_000 + "2]}")
    assert lines.line_of(("a", 19_999)) == 20_001
    assert lines.line_of(("a", 20_000)) == lines.line_of(("a",)) == 1


def test_the_line_of_a_value_that_was_never_text_is_not_known() -> None:
    assert strict.given({"a": 1}).line_of(("a",)) == 0


@given(json_values, st.sampled_from([None, 1, 3]))
def test_json_is_read_as_the_library_reads_it(value: Any, indent: int | None) -> None:
    document = strict.read(json.dumps({"x": value}, indent=indent))
    assert not document.blots
    assert identical(document.value, {"x": value})
    assert document.line_of(("x",)) == (1 if indent is None else 2)


@given(json_values, json_values)
def test_cleaning_leaves_out_what_is_wrong_and_nothing_else(good: Any, other: Any) -> None:
    bad = {"a": [good, math.nan, other], "b": {"c": math.inf, "d": good}, "e": {1: 2}, "f": other}
    cleaned = strict.given(bad).cleaned()
    assert identical(cleaned, {"a": [good, None, other], "b": {"d": good}, "e": {}, "f": other})
    assert strict.given(math.nan).cleaned() is None
