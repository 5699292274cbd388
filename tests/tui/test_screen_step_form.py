"""What a form shows can be read back, and what it says wrong is said at its field."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.catalog.spec import Catalog, Parameter, ParameterType, Script, ToolSpec
from console.plan.model import Expect, Gate, Plan, Retry, Step, Undo
from console.tui.screens.offers import files_in, is_path
from console.tui.screens.step_form import PARAM, StepForm, possible_dependencies
from console.tui.screens.values import text_of, value_of
from tests.tui.builders import CATALOG, DEPLOY

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
VALUES: dict[ParameterType, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "number": st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    "integer": st.integers(),
    "boolean": st.booleans(),
    "array": st.lists(JSON, max_size=3),
    "object": st.dictionaries(TEXT, JSON, max_size=3),
}


@given(st.sampled_from(sorted(VALUES)).flatmap(lambda kind: st.tuples(st.just(kind), VALUES[kind])))
def test_every_value_survives_being_shown_and_read(case: tuple[ParameterType, Any]) -> None:
    kind, value = case
    parameter = Parameter(name="p", type=kind)
    shown = text_of(value, parameter)
    assert "\n" not in shown
    assert value_of(shown, parameter) == value


NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=4)
STEPS = st.builds(
    Step,
    id=st.just("9"),
    action=st.sampled_from(["deploy", "nobody_knows", "none", "notify_team"]),
    params=st.dictionaries(NAMES, JSON, max_size=3),
    depends_on=st.lists(st.sampled_from(["1", "2", "4"]), unique=True).map(tuple),
    description=TEXT,
    undo=st.none() | st.builds(Undo, action=NAMES, params=st.dictionaries(NAMES, JSON, max_size=2)),
    expect=st.none() | st.builds(Expect, exit_code=st.none() | st.integers(0, 255), matches=st.none() | TEXT),
    timeout=st.none() | st.floats(0.1, 1e6),
    retry=st.none() | st.builds(Retry, attempts=st.integers(1, 100), backoff=st.floats(0, 86_400)),
    gate=st.none() | st.builds(Gate, question=TEXT),
    on_failure=st.none() | st.sampled_from(["replan", "ask", "stop", "continue"]),
    on=st.none() | TEXT,
    enabled=st.booleans(),
)


@given(STEPS)
def test_a_form_that_was_not_touched_changes_nothing(step: Step) -> None:
    plan = DEPLOY.model_copy(update={"steps": (*DEPLOY.steps, step)})
    form = StepForm(plan, step, CATALOG)
    reading = form.read(form.texts(), step.depends_on)
    if reading.step is not None:
        assert reading.step == step
    else:
        assert all(key.startswith(PARAM) or key == "action" for key in reading.errors)


def read(step: Step | None, plan: Plan = DEPLOY, **texts: str) -> tuple[Step | None, dict[str, str]]:
    """Type `texts` into the form (parameters as `p_NAME`) and read it."""
    form = StepForm(plan, step, CATALOG)
    typed = {key.replace("p_", PARAM) if key.startswith("p_") else key: v for key, v in texts.items()}
    reading = form.read(form.texts() | typed, form.original.depends_on)
    return reading.step, reading.errors


def test_a_new_step_takes_the_next_free_number() -> None:
    step, errors = read(None, action="smoke_tests", p_env="staging")
    assert not errors
    assert step == Step(id="6", action="smoke_tests", params={"env": "staging"})


def test_values_are_read_as_their_type() -> None:
    step, errors = read(DEPLOY.step("3"), p_replicas="5", p_drain="false")
    assert not errors
    assert step is not None
    assert step.params == {"env": "production", "tag": "v2.3.1", "replicas": 5, "drain": False}


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        ("p_replicas", "many", "not an integer"),
        ("p_replicas", "2.5", "not of type 'integer'"),
        ("p_env", "moon", "is not one of"),
        ("p_env", "", "required"),
        ("p_tag", "{step_99_result}", "there is no step 99"),
        ("p_tag", "{step_4_result}", "step 4 does not come before this one"),
        ("action", "deplyo", "nearest is deploy"),
        ("action", "", "required"),
        ("timeout", "soon", "seconds, or 5m, 1h"),
        ("attempts", "0", "greater than or equal to 1"),
        ("attempts", "a few", "a whole number"),
        ("exit_code", "x", "a whole number"),
        ("matches", "(", "no regular expression"),
        ("on_failure", "cry", "one of replan, ask, stop, continue"),
        ("undo", "nothing_known", "no tool nothing_known"),
        ("undo", "remove_file {file: ", "cannot be read"),
        ("undo", "remove_file {fiel: a}", "has no parameter fiel"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(field: str, text: str, reason: str) -> None:
    step, errors = read(DEPLOY.step("3"), DEPLOY, **{field: text})
    assert step is None
    (key,) = errors
    assert key == field.replace("p_", PARAM)
    assert reason in errors[key]


@pytest.mark.parametrize("taken", ["3", "no spaces", "", "-x", "é"])
def test_an_id_must_be_new_and_well_formed(taken: str) -> None:
    step, errors = read(None, id=taken, action="run_tests")
    assert step is None
    assert list(errors) == ["id"]


def test_durations_gates_undo_and_expectations_are_read() -> None:
    step, errors = read(
        DEPLOY.step("1"),
        timeout="5m",
        attempts="3",
        gate="yes",
        undo="remove_file {file: a b.sql}",
        exit_code="3",
        matches="^ok",
    )
    assert not errors
    assert step == DEPLOY.step("1").model_copy(
        update={
            "timeout": 300.0,
            "retry": Retry(attempts=3),
            "gate": Gate(),
            "undo": Undo(action="remove_file", params={"file": "a b.sql"}),
            "expect": Expect(exit_code=3, matches="^ok"),
        }
    )


def test_emptied_fields_are_taken_away() -> None:
    step, errors = read(DEPLOY.step("3"), gate="", undo="", description="")
    assert not errors
    assert step is not None
    assert (step.gate, step.undo, step.description) == (None, None, "")


def test_parts_of_an_expectation_that_the_form_does_not_show_stay() -> None:
    expect = Expect(json_paths={"status": "ok"}, exit_code=0)
    old = DEPLOY.step("1").model_copy(update={"expect": expect})
    plan = DEPLOY.model_copy(update={"steps": (old, *DEPLOY.steps[1:])})
    step, _ = read(old, plan, exit_code="2")
    assert step is not None
    assert step.expect == Expect(json_paths={"status": "ok"}, exit_code=2)


def test_a_text_in_quotes_may_hold_line_breaks() -> None:
    step, errors = read(DEPLOY.step("5"), p_message='"one\\ntwo"')
    assert not errors
    assert step is not None
    assert step.params == {"message": "one\ntwo"}


def test_a_reference_stands_for_a_value_of_any_type() -> None:
    step, errors = read(DEPLOY.step("3"), p_replicas="{step_1_result}")
    assert not errors
    assert step is not None
    assert step.params["replicas"] == "{step_1_result}"


def test_no_dependency_that_makes_a_circle_is_offered() -> None:
    assert [step.id for step in possible_dependencies(DEPLOY, "2")] == ["1"]
    assert [step.id for step in possible_dependencies(DEPLOY, "5")] == ["1", "2", "3", "4"]
    assert [step.id for step in possible_dependencies(DEPLOY, None)] == ["1", "2", "3", "4", "5"]


def test_a_step_is_not_offered_its_own_phase() -> None:
    plan = Plan(
        steps=(
            Step(id="a", action="run_tests"),
            Step(id="p", steps=(Step(id="b", action="run_tests"), Step(id="c", action="run_tests"))),
            Step(id="q", depends_on=("p",), steps=(Step(id="d", action="run_tests"),)),
        )
    )
    assert [step.id for step in possible_dependencies(plan, "b")] == ["a", "c"]
    assert [step.id for step in possible_dependencies(plan, "p")] == ["a"]
    assert [step.id for step in possible_dependencies(plan, "d")] == ["a", "p", "b", "c"]


def test_a_parameter_the_tool_does_not_have_can_be_dropped() -> None:
    old = DEPLOY.step("4").model_copy(update={"params": {"env": "production", "loud": True}})
    plan = DEPLOY.model_copy(update={"steps": (*DEPLOY.steps[:3], old, DEPLOY.steps[4])})
    step, errors = read(old, plan)
    assert step is None
    assert "has no parameter loud" in errors[f"{PARAM}loud"]
    step, errors = read(old, plan, p_loud="")
    assert step is not None
    assert step.params == {"env": "production"}


def test_a_phase_has_no_tool() -> None:
    phase = Step(id="p", description="Prepare", steps=(Step(id="b", action="run_tests"),))
    form = StepForm(Plan(steps=(phase,)), phase, CATALOG)
    assert [spec.key for spec in form.head()] == ["id"]
    reading = form.read(form.texts() | {"description": "Make ready"}, ())
    assert reading.step == phase.model_copy(update={"description": "Make ready"})


def test_a_parameter_with_a_pattern_is_checked() -> None:
    tool = ToolSpec(
        name="t",
        parameters=(Parameter(name="v", json_schema={"pattern": "^v[0-9]+$"}),),
        script=Script(command="t"),
    )
    form = StepForm(Plan(), None, Catalog(tools={"t": tool}))
    assert form.read({"id": "1", "action": "t", f"{PARAM}v": "3"}, ()).errors
    assert not form.read({"id": "1", "action": "t", f"{PARAM}v": "v3"}, ()).errors


# ── what is offered ──────────────────────────────────────────────────────────────────────────────


LOOK = ToolSpec(
    name="look",
    output_schema={
        "type": "object",
        "properties": {
            "rows": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "integer"}}}},
            "a name with blanks": {"type": "string"},
        },
    },
)
LOOKING = Plan(
    steps=(
        Step(id="1", action="look"),
        Step(id="2", action="count", depends_on=("1",)),
        Step(id="3", action="count", depends_on=("2",)),
        Step(id="4", action="count", depends_on=("3",)),
    )
)


def offered(step: str, depends_on: tuple[str, ...] = (), results: dict[str, str] | None = None) -> list[str]:
    form = StepForm(LOOKING, LOOKING.step(step), Catalog(tools={"look": LOOK}), results)
    return [value for value, _ in form.references(depends_on)]


def test_references_are_offered_to_steps_that_may_come_before_with_the_fields_of_their_results() -> None:
    assert offered("3") == [
        "{step_1_result}",
        "{step_1_result.rows}",
        "{step_1_result.rows[0]}",
        "{step_1_result.rows[0].id}",
        "{step_2_result}",
    ]


def test_the_steps_that_are_waited_for_come_first() -> None:
    assert offered("3", ("2",))[0] == "{step_2_result}"


def test_a_result_that_is_known_tells_its_fields() -> None:
    names = offered("3", results={"2": '{"count": 7, "of": {"what": "cats"}}'})
    assert names[-3:] == ["{step_2_result.count}", "{step_2_result.of}", "{step_2_result.of.what}"]
    assert offered("3", results={"2": "7 cats"})[-1] == "{step_2_result}"


def test_every_reference_that_is_offered_can_be_saved() -> None:
    tool = ToolSpec(name="count", parameters=(Parameter(name="what"),))
    form = StepForm(LOOKING, LOOKING.step("3"), Catalog(tools={"look": LOOK, "count": tool}))
    for reference, _ in form.references():
        assert form.read({"param what": reference}, ("2",)).errors == {}


def test_a_path_that_is_none_is_refused_at_its_field() -> None:
    form = StepForm(DEPLOY, DEPLOY.step("5"), CATALOG)
    errors = form.read({"param message": "{step_4_result.rows[}"}, ("4",)).errors
    assert "is no path into a result" in errors["param message"]


def test_files_of_the_workspace_are_offered_without_hidden_ones(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    for name in ("conf/app.yaml", "notes.txt", ".secret", "odd\x1bname"):
        (tmp_path / name).write_text("")
    assert [name for name, _ in files_in(tmp_path)] == ["conf/", "conf/app.yaml", "notes.txt"]


@pytest.mark.parametrize(("name", "wanted"), [("file", True), ("log_path", True), ("profile", False)])
def test_the_name_of_a_parameter_says_whether_it_takes_a_file(name: str, wanted: bool) -> None:
    assert is_path(name, "string") is wanted
