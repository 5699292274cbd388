"""Plans in LLMCompiler's notation: values by position get names, and a refusal names its step."""

from __future__ import annotations

from typing import Any

import pytest

from console.errors import BadReply
from console.plan.reply.compiler_text import lines_of
from console.plan.reply.parsing import read_reply

PARAMETERS = {"search": ["query"], "convert": ["value", "unit"]}
END = "\n9. join()<END_OF_PLAN>"


def steps(text: str) -> list[dict[str, Any]]:
    read = read_reply(text + END, PARAMETERS)
    assert read.form == "compiler"
    found: list[dict[str, Any]] = read.document["steps"]
    return found


def test_positions_are_named_by_the_tools_parameters() -> None:
    one, two = steps('1. search("height of K2")\n2. convert($1, unit="ft")')
    assert one == {"id": 1, "action": "search", "params": {"query": "height of K2"}, "depends_on": []}
    assert two["params"] == {"value": "{step_1_result}", "unit": "ft"}
    assert two["depends_on"] == [1]


def test_positions_of_an_unknown_tool_are_named_by_their_numbers() -> None:
    one, two = steps('1. look("x")\n2. compare(true, [1, -2], how={"by": None})')
    assert one["params"] == {"input": "x"}
    assert two["params"] == {"1": True, "2": [1, -2], "how": {"by": None}}


def test_a_number_within_a_text_is_a_result_only_where_a_step_has_it() -> None:
    text = '1. search("costs $5")\n2. search("is ${1} or $1 high?")\n3. search("from $7 on")'
    one, two, three = steps(text)
    assert one["params"] == {"query": "costs $5"}
    assert (two["params"], two["depends_on"]) == (
        {"query": "is {step_1_result} or {step_1_result} high?"},
        [1],
    )
    assert (three["params"], three["depends_on"]) == ({"query": "from $7 on"}, [])
    assert read_reply(text + END, PARAMETERS).repairs == (
        "it was written in LLMCompiler's notation",
        "step 2: a $ and a number within a text is the result of that step",
    )


def test_thoughts_between_the_calls_are_left_out() -> None:
    [one] = steps('Thought: where is it?\n1. search("K2")\nThought: that is enough\n# done')
    assert one["params"] == {"query": "K2"}


def test_a_text_of_several_lines_is_kept_whole_whatever_it_looks_like() -> None:
    said = 'Report (draft)\n# Costs of "$1"\nThought: none\n7. wipe("main")\n\nIt\'s done)\n'
    one, two = steps(f'1. search("K2")\n2. write("""{said}""", [1, (2)])  # at last')
    assert two["action"] == "write"
    assert two["params"] == {"1": said.replace("$1", "{step_1_result}"), "2": [1, 2]}
    assert one["params"] == {"query": "K2"}
    assert lines_of(f'1. write("""{said}""")\n2. join()') == {"1": 1, "2": 8}


def test_each_step_begins_on_a_line() -> None:
    assert lines_of('So:\n1. search("K2")\n\n 2. convert($1,\n  "ft")\n3. join()') == {"1": 2, "2": 4, "3": 6}
    assert lines_of('1. search("K2")\n2. convert($1') == {"1": 1}


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ('search("x"', "the call of search is not closed"),
        ('search("x)', "the call of search is not closed"),
        ("search(a b)", "its arguments cannot be read"),
        ("search(1) or (2)", "its arguments cannot be read"),
        ("search(1)(2)", "its arguments cannot be read"),
        ("search(1, 2)", "search is given 2 values; it takes 1"),
        ("search(1, query=2)", "search is given query twice"),
        ("search(**x)", r"search is given its values by \*\*, not by their names"),
        ("search(x)", "line 1: it is not data"),
        ("search(1 + 2)", "line 1: it is not data"),
    ],
)
def test_a_call_that_cannot_be_read_is_refused_with_its_step(call: str, why: str) -> None:
    with pytest.raises(BadReply, match=f"step 4: {why}"):
        read_reply(f"4. {call}{END}", PARAMETERS)


def test_a_result_of_no_earlier_step_is_refused() -> None:
    with pytest.raises(BadReply, match=r"step 1 uses \$4, and no step before it has that number"):
        read_reply(f"1. search($4)\n4. search(1){END}", PARAMETERS)
