"""What a plan document may say, and what comes out again."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.errors import Fault, InvalidPlan
from console.plan.codec import (
    bind_inputs,
    dump_json,
    dump_yaml,
    faults_of,
    from_document,
    load,
    read_leniently,
    step_document,
    to_document,
)
from console.plan.identical import identical
from console.plan.model import Gate, Plan, Retry, Step
from tests.plan.strategies import json_values, plans

FIRST = """
{"goal": "Deploy v2.3.1 safely",
 "steps": [{"id": 1, "action": "run_tests", "params": {}, "depends_on": [],
            "description": "Run full test suite"},
           {"id": 2, "action": "build_image", "params": {"tag": "v2.3.1"}, "depends_on": [1]}],
 "rollback": [{"action": "rollback_production", "params": {"to": "previous"}}]}
"""
SECOND = """
[{"id": 1, "description": "Search", "tool": "web_search", "input": "solar trends", "depends_on": []},
 {"id": 2, "description": "Summarise", "tool": "summarize_text", "input": "{step_1_result}",
  "depends_on": [1]}]
"""


def step(**fields: Any) -> dict[str, Any]:
    return {"id": 1, "action": "do", **fields}


def only(**fields: Any) -> Step:
    return from_document([step(**fields)]).steps[0]


def messages(document: object, **how: Any) -> list[str]:
    with pytest.raises(InvalidPlan) as refused:
        from_document(document, **how)
    return [str(fault) for fault in refused.value.faults]


# ── notations ────────────────────────────────────────────────────────────────────────────────────


def test_the_first_seed_notation_loads_as_it_is() -> None:
    plan = load(FIRST)
    assert plan.goal == "Deploy v2.3.1 safely"
    assert [(s.id, s.action, s.params, s.depends_on) for s in plan.steps] == [
        ("1", "run_tests", {}, ()),
        ("2", "build_image", {"tag": "v2.3.1"}, ("1",)),
    ]
    assert plan.steps[0].description == "Run full test suite"
    assert (plan.rollback[0].action, plan.rollback[0].params) == ("rollback_production", {"to": "previous"})


def test_the_second_seed_notation_loads_as_it_is() -> None:
    plan = load(SECOND)
    assert [(s.action, s.params) for s in plan.steps] == [
        ("web_search", {"input": "solar trends"}),
        ("summarize_text", {"input": "{step_1_result}"}),
    ]


def test_the_notation_of_numbered_steps_and_chosen_tools_loads() -> None:
    plan = load(
        '{"plan": "Add", "ready": true, "steps": ['
        '{"step_number": 1, "description": "2 + 2", "tool_to_use": null, "depends_on": []},'
        '{"step_number": 2, "description": "say it", "tool_to_use": "say", "args": {"x": 1},'
        '"depends_on": [1]}]}'
    )
    assert plan.goal == "Add"
    assert plan.meta == {"ready": True}
    assert (plan.steps[0].action, plan.steps[0].params) == ("none", {"text": "2 + 2"})
    assert (plan.steps[1].action, plan.steps[1].params) == ("say", {"x": 1})


def test_a_list_under_the_key_plan_is_the_steps() -> None:
    assert from_document({"plan": [step()]}).steps[0].action == "do"


@pytest.mark.parametrize("key", ["params", "parameters", "args", "arguments", "param"])
def test_parameters_have_many_names(key: str) -> None:
    assert only(**{key: {"a": 1}}).params == {"a": 1}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"tool": "none", "input": "hello"}, "hello"),
        ({"tool": "none", "description": "think"}, "think"),
        ({"tool": "none", "input": "", "description": "think"}, "think"),
        ({"tool": None, "description": "think"}, "think"),
        ({"action": "none", "params": {"text": "said"}, "description": "think"}, "said"),
        ({"tool": "none"}, ""),
    ],
)
def test_the_tool_none_makes_a_note(fields: dict[str, Any], text: str) -> None:
    note = from_document([{"id": 1, **fields}]).steps[0]
    assert note.is_note
    assert note.params == {"text": text}


def test_an_input_that_is_a_mapping_gives_the_parameters_by_name() -> None:
    assert only(input={"a": 1, "b": 2}, params={"c": 3}).params == {"a": 1, "b": 2, "c": 3}


def test_an_input_that_repeats_a_parameter_is_refused() -> None:
    assert messages([step(input="x", params={"input": "y"})]) == ["step 1: input gives 'input' a second time"]


def test_yaml_says_the_same_as_json() -> None:
    text = """
goal: Deploy v2.3.1 safely
steps:
  - {id: 1, action: run_tests, depends_on: [], description: Run full test suite}
  - id: 2
    action: build_image
    params: {tag: v2.3.1}
    depends_on:
    - 1
rollback:
  - action: rollback_production
    params:
      to: previous
"""
    assert load(text) == load(FIRST)
    assert load("[{id: 1, action: do}]") == load('[{"id": 1, "action": "do"}]')


def test_bytes_with_a_byte_order_mark_load() -> None:
    assert load(b"\xef\xbb\xbf" + SECOND.encode()) == load(SECOND)


def test_numbers_and_decimal_texts_are_the_same_id() -> None:
    plan = from_document([step(id="1"), step(id=2, depends_on=["1"]), step(id="a", depends_on=[1, "2", 1])])
    assert [s.id for s in plan.steps] == ["1", "2", "a"]
    assert plan.steps[2].depends_on == ("1", "2")
    assert messages([step(id=1), step(id="1")]) == [
        "step 1: this id is there twice (every step has an id of its own)"
    ]


def test_ids_are_written_as_numbers_where_nothing_is_lost() -> None:
    ids = ["1", "01", "a", "9" * 15, "9" * 16]
    written = [
        document["id"] for document in to_document(from_document([step(id=name) for name in ids]))["steps"]
    ]
    assert written == [1, "01", "a", int("9" * 15), "9" * 16]


def test_every_key_of_the_canonical_form_is_read() -> None:
    plan = load("""
goal: All of it
expected: one line
metadata: {by: hand}
steps:
  - id: 1
    action: make
    undo: {tool: unmake, input: "{step_1_result}"}
    expect: {exit_code: 3, matches: "^ok", json: {"a[0]": 1}, schema: {type: object}}
    timeout: 30s
    retry: {attempts: 3, backoff: 500ms}
    gate: Sure?
    on_failure: ask
    on: web-1
    enabled: false
  - id: tail
    description: Clean up
    depends_on: [1]
    explain: {"1": needs it}
    steps:
      - {id: 3, action: sweep, gate: true, timeout: 1.5, retry: 2}
      - {id: 4, expand: true, description: later, gate: {question: Go on?}}
rollback:
  - {tool: restore, input: x, undoes: [1, tail], description: Back}
""")
    first, tail = plan.steps
    assert first.undo is not None
    assert (first.undo.action, first.undo.params) == ("unmake", {"input": "{step_1_result}"})
    assert first.expect is not None
    assert (first.expect.exit_code, first.expect.matches) == (3, "^ok")
    assert (first.expect.json_paths, first.expect.json_schema) == ({"a[0]": 1}, {"type": "object"})
    assert (first.timeout, first.retry) == (30.0, Retry(attempts=3, backoff=0.5))
    assert (first.gate, first.on_failure, first.on, first.enabled) == (
        Gate(question="Sure?"),
        "ask",
        "web-1",
        False,
    )
    assert tail.is_phase
    assert tail.explain == {"1": "needs it"}
    assert [child.id for child in tail.steps] == ["3", "4"]
    assert (tail.steps[0].gate, tail.steps[0].retry) == (Gate(), Retry(attempts=2))
    assert (tail.steps[1].expand, tail.steps[1].gate) == (True, Gate(question="Go on?"))
    assert (plan.rollback[0].action, plan.rollback[0].undoes) == ("restore", ("1", "tail"))
    assert plan.expected == ("one line",)
    assert plan.meta == {"by": "hand"}
    assert load(dump_yaml(plan)) == plan
    assert load(dump_json(plan)) == plan


def test_null_means_not_given() -> None:
    keys = (
        "params",
        "depends_on",
        "undo",
        "expect",
        "timeout",
        "retry",
        "gate",
        "on",
        "steps",
        "expand",
        "enabled",
    )
    assert only(**dict.fromkeys(keys)) == Step(id="1", action="do")
    assert only(gate=False).gate is None


def test_a_phase_may_carry_the_empty_keys_of_a_step() -> None:
    plan = from_document([{"id": "p", "action": None, "params": {}, "steps": [step()]}])
    assert plan.steps[0] == Step(id="p", steps=(Step(id="1", action="do"),))


# ── inputs ───────────────────────────────────────────────────────────────────────────────────────


def test_inputs_get_the_names_of_the_parameters_they_are_for() -> None:
    plan = from_document(
        {
            "steps": [
                {
                    "id": "p",
                    "steps": [
                        {"id": 1, "tool": "search", "input": "x", "undo": {"tool": "cat", "input": "u"}}
                    ],
                },
                {"id": 2, "tool": "grep", "input": "y", "params": {"pattern": "z"}},
                {"id": 3, "tool": "keep", "input": "k"},
                {"id": 4, "tool": "search", "params": {"limit": 1, "query": "q"}},
            ],
            "rollback": [{"tool": "cat", "input": "r"}],
        }
    )
    bound = bind_inputs(plan, {"search": "query", "cat": "file", "grep": "pattern"})
    assert [leaf.params for leaf in bound.leaves()] == [
        {"query": "x"},
        {"input": "y", "pattern": "z"},
        {"input": "k"},
        {"limit": 1, "query": "q"},
    ]
    undo = bound.step("1").undo
    assert undo is not None
    assert undo.params == {"file": "u"}
    assert bound.rollback[0].params == {"file": "r"}


# ── faults ───────────────────────────────────────────────────────────────────────────────────────


def test_all_faults_of_a_document_are_told_together_with_their_lines() -> None:
    text = """{
 "goal": "x", "goal": "y",
 "stepz": 1,
 "steps": [
  {"id": 1, "action": "a", "depends_on": [7]},
  {"id": 2, "action": "b", "depends_on": [3], "dependson": []},
  {"id": 3, "action": "c", "depends_on": [2],
   "timeout": -1},
  {"id": "no way", "action": "d",
   "params": {"x": NaN, "y": "{step_99_result}"}}
 ],
 "rollback": [{"action": "r",
   "undoes": [4]}]
}"""
    with pytest.raises(InvalidPlan) as refused:
        load(text, file="p.json")
    assert [str(fault) for fault in refused.value.faults] == [
        "p.json:2: the key 'goal' is there twice",
        "p.json:3: the key 'stepz' is not known (nearest is steps)",
        "p.json:5 step 1: it depends on 7, which does not exist (nearest is 3)",
        "p.json:6 step 2: the key 'dependson' is not known (nearest is depends_on)",
        "p.json:6 step 2: the dependencies go in a circle: 2 → 3 → 2 (take one of them out)",
        "p.json:8 step 3: timeout must be greater than 0",
        "p.json:9: 'no way' is no id (letters, digits, - and _, at most 64, or a number)",
        "p.json:10: not a finite number (NaN, infinity, or too large)",
        "p.json:10 step 4: {step_99_result} refers to step 99, which does not exist (nearest is 3)",
        "p.json:13: the rollback item r undoes 4, which does not exist (nearest is 3)",
    ]


def test_faults_in_yaml_have_the_same_words_and_their_lines() -> None:
    text = (
        "goal: x\nsteps:\n- id: 1\n  action: a\n  action: b\n- id: 2\n  tol: b\n  depends_on:\n  - 1\n  - 5\n"
    )
    with pytest.raises(InvalidPlan) as refused:
        load(text)
    assert [str(fault) for fault in refused.value.faults] == [
        "5: the key 'action' is there twice",
        "6 step 2: it has no action (a note has the action none, a phase has steps)",
        "7 step 2: the key 'tol' is not known (nearest is tool)",
        "10 step 2: it depends on 5, which does not exist (nearest is 2)",
    ]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (7, "a plan is a mapping with steps, or a list of steps"),
        ([], "it has no steps"),
        ({}, "it has no steps (a plan has the key steps with a list)"),
        ({"steps": {"a": 1}}, "steps must be a list"),
        (["x"], "a step must be a mapping ({id, action, params, depends_on})"),
        ([{"action": "do"}], "it has no id"),
        ([step(id=True)], "True is no id (letters, digits, - and _, at most 64, or a number)"),
        ([step(id="-a")], "'-a' is no id (letters, digits, - and _, at most 64, or a number)"),
        ([step(id="a" * 65)], f"{'a' * 65!r} is no id (letters, digits, - and _, at most 64, or a number)"),
        ([step(action=3)], "step 1: action must be the name of a tool"),
        ([step(tool="x")], "step 1: tool says the same as action (keep one of them)"),
        ([{"id": 1}], "step 1: it has no action (a note has the action none, a phase has steps)"),
        ([step(params=[1])], "step 1: params must be a mapping"),
        ([step(depends_on=1)], "step 1: depends_on must be a list (write [1])"),
        ([step(depends_on="1")], "step 1: depends_on must be a list"),
        ([step(depends_on=[1])], "step 1: it depends on itself"),
        ([step(params={"a": ["{step_1_result}"]})], "step 1: {step_1_result} refers to its own result"),
        ([step(description=1)], "step 1: description must be text"),
        ([step(enabled="no")], "step 1: enabled must be true or false"),
        ([step(expand="no")], "step 1: expand must be true or false"),
        ([step(on_failure="stopp")], "step 1: on_failure must be 'replan', 'ask', 'stop' or 'continue'"),
        ([step(timeout="soon")], 'step 1: timeout must be a number of seconds (30 or "30s")'),
        ([step(timeout=True)], 'step 1: timeout must be a number of seconds (30 or "30s")'),
        ([step(retry={"attempts": 0})], "step 1: retry.attempts must be greater than or equal to 1"),
        ([step(retry={"atempts": 1})], "step 1: the key 'atempts' is not known (nearest is attempts)"),
        ([step(retry={"backoff": "x"})], 'step 1: backoff must be a number of seconds (30 or "30s")'),
        ([step(retry=[])], "step 1: retry must be a mapping"),
        ([step(gate=3)], "step 1: gate must be a mapping"),
        ([step(gate={"q": ""})], "step 1: the key 'q' is not known"),
        ([step(undo="x")], "step 1: undo must be a mapping ({action, params})"),
        ([step(undo={"action": "x", "why": 1})], "step 1: the key 'why' is not known"),
        ([step(undo={"action": "x", "params": {"a": "{step_9_result}"}})],
         "step 1: {step_9_result} refers to step 9, which does not exist (nearest is 1)"),
        ([step(expect={"matches": "("})],
         "step 1: matches is no regular expression: missing ) at position 1"),
        ([step(expect={"schema": {"type": "x"}})],
         "step 1: schema is no JSON Schema: 'x' is not valid under any of the given schemas"),
        ([step(expect={"scheme": {}})], "step 1: the key 'scheme' is not known (nearest is schema)"),
        ([step(expect=1)], "step 1: expect must be a mapping"),
        ([step(explain={"1": 5})], "step 1: explain.1 must be text"),
        ([{"id": "p", "action": "a", "steps": [step()]}],
         "step p: a phase has no action of its own (its steps have)"),
        ({"steps": [step()], "goal": 1}, "goal must be text"),
        ({"steps": [step()], "expected": [1]}, "expected must be a list of texts"),
        ({"steps": [step()], "meta": 1}, "meta must be a mapping"),
        ({"steps": [step()], "rollback": ["x"]}, "a rollback item must be a mapping ({action, params})"),
        ({"steps": [step()], "rollback": [{}]}, "rollback item 1 has no action"),
        ({"steps": [step()], "rollback": [{"action": "r", "undoes": [2]}]},
         "the rollback item r undoes 2, which does not exist (nearest is 1)"),
        ({"steps": [step()], "rollback": [{"action": "r", "description": 2}]}, "description must be text"),
        ({"steps": [step()], "rollback": [{"action": "r", "params": {"a": "{step_x_result}"}}]},
         "{step_x_result} refers to step x, which does not exist"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(document: object, message: str) -> None:
    assert messages(document) == [message]


def test_a_path_that_is_no_jmespath_is_refused() -> None:
    (fault,) = messages([step(), step(id=2, params={"a": "{step_1_result.a[}"})])
    assert fault.startswith("step 2: {step_1_result.a[} is not a valid path: ")
    (fault,) = messages([step(expect={"json": {"a[": 1}})])
    assert fault.startswith("step 1: 'a[' is not a valid path: ")


def test_a_phase_has_no_result_to_refer_to() -> None:
    document = [{"id": "p", "steps": [step()]}, step(id=2, params={"a": "{step_p_result}"})]
    assert messages(document) == ["step 2: {step_p_result} refers to a phase, which has no result"]


def test_a_cycle_is_named_with_its_path() -> None:
    document = [
        step(id=1),
        step(id=2, depends_on=[4]),
        step(id=3),
        step(id=4, params={"x": "{step_2_result}"}),
    ]
    assert messages(document) == [
        "step 2: the dependencies go in a circle: 2 → 4 → 2 (take one of them out)",
    ]


def test_every_separate_cycle_is_told_and_long_ones_are_cut() -> None:
    ring = [step(id=i, depends_on=[i % 40 + 1]) for i in range(1, 41)]
    pair = [step(id="a", depends_on=["b"]), step(id="b", depends_on=["a"])]
    long, short = messages(ring + pair)
    assert "… 29 more …" in long
    assert "a → b → a" in short


def test_a_step_that_depends_on_its_own_phase_is_a_cycle() -> None:
    document = [{"id": "p", "steps": [step(depends_on=["p"])]}]
    assert messages(document) == ["step 1: the dependencies go in a circle: 1 → p → 1 (take one of them out)"]


def test_a_dependency_on_a_later_step_is_no_fault() -> None:
    plan = from_document([step(id=1, params={"x": "{step_2_result}"}), step(id=2)])
    assert faults_of(plan) == ()


def test_plans_that_are_too_large_are_refused_before_anything_is_made_of_them() -> None:
    steps = [step(id=i) for i in range(501)]
    assert messages(steps) == ["it has 501 steps; 500 are the limit"]
    assert len(from_document(steps, max_steps=501).steps) == 501
    assert messages(steps[:3], max_steps=2) == ["it has 3 steps; 2 are the limit"]
    nested = [{"id": "p", "steps": [step(id=i) for i in range(10_000)]}]
    assert messages(nested, max_steps=99_999) == ["it has 10001 steps; 10000 are the limit"]


def test_unknown_names_do_not_cost_without_bound() -> None:
    found = messages([step(id=f"deploy{i}", depends_on=[f"deplay{i}"]) for i in range(500)])
    assert len(found) == 500
    assert "nearest" in found[0]
    assert "nearest" not in found[-1]


def test_a_hopeless_document_is_refused_in_bounded_time() -> None:
    assert len(messages([step(**{f"kex{i}": 0 for i in range(5000)})])) == 1000
    assert len(messages([step(id=i, depends_on=["x", "y", "z"]) for i in range(500)])) == 1000
    assert read_leniently("[" + ", ".join(["NaN"] * 5000) + "]")[0] is None
    assert len(messages([step(params={"a": [float("nan")] * 5000})])) == 1000
    assert len(read_leniently('{"a": 1' + ', "a": 1' * 5000 + "}")[1]) == 1000
    assert len(read_leniently("a: 1\n" * 5000)[1]) == 1001
    assert from_document([step(params={"a": "{step_1_result.{" * 5000})]).steps


# ── leniently ────────────────────────────────────────────────────────────────────────────────────


def test_an_invalid_plan_can_be_opened() -> None:
    plan, faults = read_leniently(
        '[{"id": 1, "action": "a", "timeout": "x"}, {"id": 1, "tool": 5}, 7,'
        ' {"action": "b", "depends_on": [9]}]'
    )
    assert plan is not None
    assert [(s.id, s.action, s.depends_on) for s in plan.steps] == [
        ("1", "a", ()),
        ("2", "none", ()),
        ("3", "b", ("9",)),
    ]
    assert len(faults) == 6


def test_what_no_document_may_hold_is_left_out_and_the_rest_is_read() -> None:
    plan, faults = read_leniently(
        '[{"id": 1, "action": "a", "params": {"x": 1e400, "y": [1, "\\ud800", 2]}}]'
    )
    assert plan is not None
    assert plan.steps[0].params == {"y": [1, None, 2]}
    assert len(faults) == 2


@pytest.mark.parametrize("text", ["", "{", "x: [", "7", "{}", b"\xff"])
def test_what_is_no_plan_at_all_gives_none_and_the_reason(text: str | bytes) -> None:
    plan, faults = read_leniently(text)
    assert plan is None
    assert len(faults) == 1


def test_the_document_given_is_not_changed_and_not_shared_when_it_had_faults() -> None:
    document = [step(params={"a": [float("nan")]})]
    messages(document)
    assert repr(document) == repr([step(params={"a": [float("nan")]})])


def test_values_that_are_not_json_are_refused() -> None:
    assert messages([step(params={"a": {1: 2}})]) == ["a key is a int, not text"]
    assert messages([step(params={"b": {3}})]) == ["a set is no JSON value"]


# ── plan values ──────────────────────────────────────────────────────────────────────────────────


def test_a_plan_value_is_held_to_the_same_rules_as_a_document() -> None:
    twice = Plan(steps=(Step(id="1", action="a"), Step(id="1", action="b", depends_on=("2",))))
    assert [str(fault) for fault in faults_of(twice)] == ["step 1: this id is there twice"]
    phase = Plan(steps=(Step(id="p", action="x", steps=(Step(id="1", action="a"),)),))
    assert [fault.message for fault in faults_of(phase)] == ["a phase has no action or undo of its own"]


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


@given(plans())
def test_json_comes_back_as_the_same_plan(plan: Plan) -> None:
    assert identical(load(dump_json(plan)), plan)


@given(plans())
def test_yaml_comes_back_as_the_same_plan(plan: Plan) -> None:
    assert identical(load(dump_yaml(plan)), plan)


@given(plans())
def test_a_document_comes_back_as_the_same_plan(plan: Plan) -> None:
    assert identical(from_document(to_document(plan)), plan)


@given(json_values)
def test_yaml_keeps_every_value_byte_for_byte(value: Any) -> None:
    plan = Plan(steps=(Step(id="1", action="a", params={"x": value, "y": [value]}),))
    assert identical(load(dump_yaml(plan)), plan)


@given(st.text("ab \t\n\r'\"|>-#:{}[]é\u2028\x85\x00\ufeff", max_size=20))
def test_yaml_keeps_awkward_texts_byte_for_byte(text: str) -> None:
    plan = Plan(steps=(Step(id="1", action="a", params={text: text}),))
    assert identical(load(dump_yaml(plan)), plan)


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "on",
        "0755",
        "1e3",
        "-1",
        "1.0",
        "12:30",
        "2024-01-01",
        "~",
        "null",
        "",
        "=",
        "<<",
        ".inf",
        "True",
    ],
)
def test_yaml_quotes_texts_that_a_reader_could_take_for_something_else(text: str) -> None:
    written = dump_yaml(Plan(steps=(Step(id="1", action="a", params={"x": text}),)))
    assert f"x: '{text}'\n" in written or f'x: "{text}"\n' in written


def test_yaml_is_written_for_people() -> None:
    plan = Plan(
        goal="Tidy",
        steps=(
            Step(
                id="1", action="run", params={"script": "set -e\nmake all\n", "n": 3}, description="Make it"
            ),
            Step(id="2", action="check", depends_on=("1",), gate=Gate(), enabled=False),
        ),
    )
    assert dump_yaml(plan) == (
        "goal: Tidy\n"
        "steps:\n"
        "- id: 1\n"
        "  action: run\n"
        "  params:\n"
        "    script: |\n"
        "      set -e\n"
        "      make all\n"
        "    n: 3\n"
        "  description: Make it\n"
        "- id: 2\n"
        "  action: check\n"
        "  params: {}\n"
        "  depends_on:\n"
        "  - 1\n"
        "  gate: true\n"
        "  enabled: false\n"
    )


def test_what_is_empty_on_purpose_is_written() -> None:
    document = step_document(from_document([step(expect={}, on="")]).steps[0])
    assert (document["expect"], document["on"]) == ({}, "")
    assert json.loads(dump_json(Plan())) == {"steps": []}


# ── any input ────────────────────────────────────────────────────────────────────────────────────

KEYS = [
    *(
        "id",
        "action",
        "tool",
        "input",
        "params",
        "depends_on",
        "steps",
        "undo",
        "expect",
        "retry",
        "gate",
        "on",
    ),
    *(
        "rollback",
        "undoes",
        "expand",
        "timeout",
        "backoff",
        "attempts",
        "json",
        "schema",
        "matches",
        "expected",
    ),
    *("meta", "explain", "goal", "plan"),
]
shapes: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 4) | st.floats() | st.text(max_size=3) | st.sampled_from(
        ["{step_1_result.a}", "{step_1_result[", "none", "30s", "("]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)  # fmt: skip


def outcome(document: object) -> tuple[Fault, ...]:
    """The faults of a document; of the plan it gives, when it gives one."""
    try:
        return faults_of(from_document(document))
    except InvalidPlan as refused:
        return refused.faults or (Fault(0, "", "refused without a reason"),)


@given(shapes | st.lists(st.dictionaries(st.sampled_from(KEYS), shapes, max_size=6), min_size=1, max_size=4))
def test_no_document_makes_it_crash(document: Any) -> None:
    found = outcome(document)
    assert all(fault.message != "refused without a reason" for fault in found)
    assert outcome(document) == found


@given(st.text(max_size=60) | st.binary(max_size=60) | st.text("-:{}[]&*!|>'\"#%@,? \n\tab1~<", max_size=40))
def test_no_text_makes_it_crash(text: str | bytes) -> None:
    plan, faults = read_leniently(text)
    assert plan is not None or faults


@given(st.data())
def test_no_damage_to_a_document_makes_it_crash(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([FIRST, SECOND, dump_yaml(load(FIRST)), dump_yaml(load(SECOND))]))
    at = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 5))
    put = data.draw(st.text('{}[]",:\\-\n &*!0aé', max_size=5))
    damaged = text[:at] + put + text[at + length :]
    plan, faults = read_leniently(damaged)
    if faults:
        with pytest.raises(InvalidPlan):
            load(damaged)
    else:
        assert load(damaged) == plan


def test_nothing_heavy_is_imported_until_it_is_needed() -> None:
    code = (
        "import sys, console.plan.codec as c, console.plan.graph, console.plan.edit, console.plan.diff\n"
        'c.load(\'[{"id": 1, "action": "a"}]\')\n'
        "print([name for name in ('yaml', 'jmespath', 'jsonschema', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_number_that_nobody_wrote_is_never_the_nearest() -> None:
    text = '[{"id": 1, "action": "a"}, {"id": 1, "action": "b"}, {"id": 3, "action": "c", "depends_on": [7]}]'
    _, faults = read_leniently(text)
    assert "it depends on 7, which does not exist" in {fault.message for fault in faults}
    assert [fault.hint for fault in faults if "depends on 7" in fault.message] == ["nearest is 3"]
