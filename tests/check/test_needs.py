"""What steps require, forbid and write: what is missed, what is offered, and what nobody can know yet."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from console.catalog.contract import parse_fact
from console.plan.check import Finding, apply_fix, check
from console.plan.check.fixes import InsertStep
from console.plan.codec import load
from tests.planners.seed_loader import catalog_of

CATALOG = catalog_of(
    """
tools:
  - {name: name_it, risk: observe}
  - name: write_script
    risk: reversible
    provides: [script $db]
    parameters: [&db {name: db, required: true}]
  - {name: try_out, risk: observe, requires: [script $db], provides: [tested $db], parameters: [*db]}
  - {name: vacuum, risk: reversible, provides: [compact $db], writes: [db $db], parameters: [*db]}
  - {name: move_db, risk: reversible, writes: [db $db, disk $db], parameters: [*db]}
  - {name: close, risk: reversible, removes: [open $db], provides: [closed $db], parameters: [*db]}
  - {name: copy_files, risk: reversible, forbids: [open $db], provides: [copied $db], parameters: [*db]}
  - {name: unlock, risk: reversible, requires: [key $db], provides: [unlocked $db], parameters: [*db]}
  - {name: open, risk: reversible, provides: [open $db], parameters: [*db]}
  - name: scale
    risk: reversible
    provides: [replicas $count]
    parameters: [{name: count, type: integer, required: true}]
  - {name: serve, risk: reversible, requires: [replicas $count], parameters: [{name: count, required: true}]}
  - name: issue
    risk: reversible
    provides: [certificate $db]
    parameters: [*db, {name: owner, required: true}]
  - {name: index, risk: reversible, provides: [indexed $db], parameters: [*db, {name: jobs, type: integer}]}
  - {name: query, risk: observe, requires: [indexed $db], parameters: [*db]}
  - {name: secure, risk: reversible, requires: [certificate $db], parameters: [*db]}
"""
)


def found(steps: str, code: str, facts: Iterable[str] = ()) -> list[Finding]:
    plan = load(f"steps:\n{steps}")
    return [f for f in check(plan, CATALOG, facts=map(parse_fact, facts)) if f.code == code]


LATE = """
  - {id: 1, action: name_it}
  - {id: 2, action: write_script, params: {db: main}}
  - {id: 3, action: try_out, params: {db: "{step_1_result}"}, depends_on: [1]}
"""


def test_what_the_run_will_name_is_missed_only_where_all_that_holds_is_known() -> None:
    assert found(LATE, "missing-dependency") == []
    [finding] = found(LATE, "missing-dependency", facts=["disk big"])
    assert (finding.step, finding.message) == (
        "3",
        "it needs script {step_1_result}, which step 2 provides, but does not wait for it",
    )
    assert apply_fix(load(f"steps:\n{LATE}"), finding).step("3").depends_on == ("1", "2")


def test_what_no_tool_provides_is_missed_only_where_all_that_holds_is_known() -> None:
    step = "  - {id: 1, action: unlock, params: {db: main}}\n"
    assert found(step, "unmet-requirement") == []
    assert found(step, "unmet-requirement", facts=["key main"]) == []
    [finding] = found(step, "unmet-requirement", facts=["key other"])
    assert (finding.step, finding.severity, finding.fix) == ("1", "error", None)
    assert finding.message == "it needs key main, which does not hold and which no tool provides"


def test_a_fact_that_an_earlier_step_brings_must_not_hold() -> None:
    steps = """
  - {id: 1, action: open, params: {db: main}}
  - {id: 2, action: copy_files, params: {db: main}, depends_on: [1]}
"""
    [finding] = found(steps, "forbidden-fact")
    assert (finding.step, finding.fix) == ("2", None)
    assert finding.message == "it must not run while open main holds, as it does after step 1"
    [finding] = found(steps.replace(", depends_on: [1]", ""), "forbidden-fact")
    assert finding.message == "it must not run while open main holds, as it may after step 1"
    mended = apply_fix(load(f"steps:\n{steps.replace(', depends_on: [1]', '')}"), finding)
    assert mended.step("1").depends_on == ("2",)


def test_a_fact_that_holds_from_the_start_must_be_ended_first() -> None:
    copy = "  - {id: 2, action: copy_files, params: {db: main}, depends_on: [1]}\n"
    [finding] = found("  - {id: 1, action: name_it}\n" + copy, "forbidden-fact", facts=["open main"])
    assert finding.message == "it must not run while open main holds, and no step before it ends that"
    closed = "  - {id: 1, action: close, params: {db: main}}\n" + copy
    assert found(closed, "forbidden-fact", facts=["open main"]) == []


def test_writers_of_what_only_the_run_will_name_are_not_told_apart() -> None:
    steps = """
  - {id: 1, action: name_it}
  - {id: 2, action: vacuum, params: {db: "{step_1_result}"}, depends_on: [1]}
  - {id: 3, action: vacuum, params: {db: "{step_1_result}"}, depends_on: [1]}
"""
    assert found(steps, "unordered-writers") == []
    [finding] = found(steps.replace("{step_1_result}", "main"), "unordered-writers")
    assert (finding.step, finding.message) == ("3", "it and step 2 both write db main, in no order")


def test_two_steps_that_write_several_same_things_are_told_of_once() -> None:
    steps = "".join(f"  - {{id: {n}, action: move_db, params: {{db: main}}}}\n" for n in (1, 2))
    [finding] = found(steps, "unordered-writers")
    assert finding.message == "it and step 1 both write db main, in no order"


@pytest.mark.parametrize(("word", "value"), [("3", 3), ("many", "many")])
def test_a_step_to_insert_is_given_values_of_its_parameters_types(word: str, value: object) -> None:
    """A word that is no such value stays as it is: the call that is put in is told to be wrong."""
    [finding] = found(f'  - {{id: 1, action: serve, params: {{count: "{word}"}}}}\n', "unmet-requirement")
    assert isinstance(finding.fix, InsertStep)
    assert finding.fix.params == {"count": value}


def test_a_tool_whose_parameters_are_not_all_known_is_named_but_not_inserted() -> None:
    [finding] = found("  - {id: 1, action: secure, params: {db: main}}\n", "unmet-requirement")
    assert (finding.step, finding.fix) == ("1", None)
    assert finding.message == "it needs certificate main, which no step provides (issue would)"


def test_a_parameter_that_a_tool_can_do_without_is_left_out() -> None:
    [finding] = found("  - {id: 1, action: query, params: {db: main}}\n", "unmet-requirement")
    assert isinstance(finding.fix, InsertStep)
    assert (finding.fix.action, finding.fix.params) == ("index", {"db": "main"})
