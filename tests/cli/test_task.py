"""The task file: what it may say, how inputs fill it, and how every fault is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from console.commands.ordering import planned_by
from console.errors import InvalidDocument, InvalidPlan, MissingDocument, UsageError
from console.task import Task, duration, load, samples

PLAN = {"goal": "Greet", "steps": [{"id": 1, "action": "hello", "params": {}}]}


def task_file(folder: Path, document: Any, name: str = "task.yaml") -> str:
    text = document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False)
    (folder / name).write_text(text)
    return str(folder / name)


def loaded(folder: Path, document: Any, **sets: str) -> Task:
    return load(task_file(folder, document), sets)


def faults(folder: Path, document: Any, **sets: str) -> list[str]:
    """The faults, each as `line: message (hint)`."""
    with pytest.raises(InvalidDocument) as caught:
        loaded(folder, document, **sets)
    return [str(fault).removeprefix(f"{fault.file}:") for fault in caught.value.faults]


def test_inputs_fill_goal_facts_wants_params_and_fallback(tmp_path: Path) -> None:
    task = loaded(
        tmp_path,
        {
            "goal": "Deploy $tag to ${env} for 5$$",
            "inputs": {"tag": {"default": "v1", "description": "version"}, "env": "production"},
            "facts": ["deployed $env v0"],
            "want": [
                "smoke_ok $env $tag",
                {
                    "fact": "notified team",
                    "after": ["smoke_ok $env $tag"],
                    "params": {"message": "$tag is out"},
                },
            ],
            "fallback": ["smoke_ok $env v0"],
        },
        tag="v2",
    )
    assert task.goal == "Deploy v2 to production for 5$"
    assert task.facts == (("deployed", "production", "v0"),)
    assert [wanted.fact for wanted in task.want] == [("smoke_ok", "production", "v2"), ("notified", "team")]
    assert task.want[1].after == (("smoke_ok", "production", "v2"),)
    assert task.want[1].params == {"message": "v2 is out"}
    assert task.fallback[0].fact == ("smoke_ok", "production", "v0")
    assert task.inputs == {"tag": "v2", "env": "production"}


def test_a_parameter_that_is_one_input_keeps_its_type(tmp_path: Path) -> None:
    document = {
        "goal": "g",
        "inputs": {"n": 3},
        "want": [{"fact": "a", "params": {"count": "$n", "say": "n=$n"}}],
    }
    assert loaded(tmp_path, document).want[0].params == {"count": 3, "say": "n=3"}
    assert loaded(tmp_path, document, n="4").want[0].params == {"count": 4, "say": "n=4"}


@given(st.text(min_size=1))
def test_a_value_never_brings_words_of_its_own_into_a_fact(value: str) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        document = {"goal": "g", "inputs": {"x": {}}, "facts": ["before $x after"]}
        task = loaded(Path(folder), document, x=value)
    assert task.facts == (("before", value, "after"),)


def test_missing_inputs_are_listed_with_the_option_to_give_them(tmp_path: Path) -> None:
    told = faults(tmp_path, {"goal": "g", "inputs": {"tag": {}, "env": None, "size": 1}})
    assert len(told) == 1
    assert "no value for the input tag, env" in told[0]
    assert "--set tag=… --set env=…" in told[0]


def test_all_faults_of_a_task_are_told_together_with_their_lines(tmp_path: Path) -> None:
    text = (
        "gaol: Deploy\n"
        "inputs: {tag: v1}\n"
        "facts: [deployed $tga]\n"
        "tools: [./nowhere.yaml]\n"
        "planner: clever\n"
        "limits: {parallel: 0, time: soon, cost: 1, replans: .inf}\n"
        "want: deployed\n"
    )
    told = faults(tmp_path, text)
    assert "1: unknown key 'gaol' (did you mean 'goal'?)" in told
    assert "3: $tga is not among the inputs (did you mean 'tag'?)" in told
    assert any(line.startswith("4: there is no tool file './nowhere.yaml'") for line in told)
    assert "5: there is no planner 'clever'" in told
    assert "6: parallel must be a whole number above 0" in told
    assert "6: time must be a time such as 90s, 10m or 1h" in told
    assert "6: unknown limit 'cost' (did you mean 'cost_usd'?)" in told
    assert "7: want must be a list" in told
    assert any("a task needs a goal" in line for line in told)


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ({"tga": "v2"}, "--set tga: the task has no such input (did you mean 'tag'?)"),
        ({"count": "many"}, "--set count: 'many' is not a whole number"),
        ({"count": "1.5"}, "--set count: '1.5' is not a whole number"),
        ({"fast": "1"}, "--set fast: '1' is not true or false"),
    ],
)
def test_a_value_that_does_not_fit_is_told(tmp_path: Path, sets: dict[str, str], message: str) -> None:
    document = {"goal": "g", "inputs": {"tag": "v1", "count": 2, "fast": False}}
    assert any(message in line for line in faults(tmp_path, document, **sets))


def test_the_fact_of_a_probe_is_kept_apart(tmp_path: Path) -> None:
    document = {"goal": "g", "facts": ["a b", {"fact": "deployed $output", "probe": "cat VERSION"}]}
    task = loaded(tmp_path, document)
    assert task.facts == (("a", "b"),)
    assert task.probes[0].fact == ("deployed", "$output")
    assert task.probes[0].probe == "cat VERSION"


def test_what_a_probe_prints_cannot_stand_in_a_plain_fact(tmp_path: Path) -> None:
    assert any("there is none" in line for line in faults(tmp_path, {"goal": "g", "facts": ["at $output"]}))


def test_tool_files_beside_the_task_are_found(tmp_path: Path) -> None:
    (tmp_path / "extra.yaml").write_text("tools: []\n")
    assert loaded(tmp_path, {"goal": "g", "tools": ["./extra.yaml"]}).tools == (
        (tmp_path / "extra.yaml").resolve(),
    )


def test_a_plan_beside_the_task_is_the_plan(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    task = loaded(tmp_path, {"plan": "plan.json"})
    assert task.plan is not None
    assert task.goal == "Greet"


def test_faults_of_the_plan_are_told_with_those_of_the_task(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"steps": [{"id": 1, "action": "a", "depends_on": [9]}]}')
    told = faults(tmp_path, {"goal": "g", "plan": "plan.json", "limit": {}})
    assert any("unknown key 'limit'" in line for line in told)
    assert any(line.startswith("1 step 1: it depends on 9") for line in told)


def test_limits_are_seconds_and_numbers(tmp_path: Path) -> None:
    task = loaded(
        tmp_path, {"goal": "g", "limits": {"parallel": 4, "replans": 0, "time": "1h", "cost_usd": 1.5}}
    )
    assert task.limits == {"parallel": 4.0, "replans": 0.0, "time": 3600.0, "cost_usd": 1.5}


@pytest.mark.parametrize("planner", ["offline", {"use": "offline"}])
def test_a_planner_is_a_word_or_a_mapping(tmp_path: Path, planner: Any) -> None:
    assert loaded(tmp_path, {"goal": "g", "planner": planner}).planner.use == "offline"


def test_a_model_in_a_file_is_looked_for_beside_the_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "task.yaml").write_text("goal: g\nplanner: {use: llm, model: 'gguf:small.gguf'}\n")
    monkeypatch.chdir(tmp_path)
    task = load("task/task.yaml")
    assert task.planner.model == f"gguf:{folder}/small.gguf"
    assert planned_by(task, "").planner.model == f"gguf:{folder}/small.gguf"
    assert planned_by(task, "", "gguf:mine.gguf").planner.model == f"gguf:{tmp_path}/mine.gguf"


def test_a_recording_is_looked_for_beside_the_task(tmp_path: Path) -> None:
    document = {"goal": "g", "planner": {"recording": "replies.yaml"}}
    assert any("there is no file 'replies.yaml'" in line for line in faults(tmp_path, document))
    (tmp_path / "replies.yaml").touch()
    planner = loaded(tmp_path, document).planner
    assert (planner.use, planner.recording) == ("recorded", tmp_path / "replies.yaml")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("90s", 90), ("10m", 600), ("1h", 3600), ("2d", 172_800), ("5", 5), (7, 7), ("1.5m", 90)],
)
def test_durations_are_read(value: Any, seconds: float) -> None:
    assert duration(value) == seconds


@pytest.mark.parametrize("value", ["", "soon", "-1s", "1 week", None, [], True])
def test_what_is_no_duration_is_none(value: Any) -> None:
    assert duration(value) is None


# ── what `load` is given ─────────────────────────────────────────────────────────────────────────


def test_words_are_a_goal() -> None:
    assert load("Deploy v2 to production safely").goal == "Deploy v2 to production safely"


@pytest.mark.parametrize(
    "document",
    [PLAN, PLAN["steps"], [{"id": 1, "description": "d", "tool": "hello", "input": "x", "depends_on": []}]],
)
def test_a_plan_in_any_notation_is_a_task(tmp_path: Path, document: Any) -> None:
    task = load(task_file(tmp_path, json.dumps(document), "plan.json"))
    assert task.plan is not None
    assert [step.action for step in task.plan.steps] == ["hello"]
    assert task.goal in ("Greet", "plan")


def test_an_invalid_plan_is_refused_as_a_plan(tmp_path: Path) -> None:
    with pytest.raises(InvalidPlan, match=r"plan\.json"):
        load(task_file(tmp_path, '[{"id": 1, "action": "a", "depends_on": [1]}]', "plan.json"))


def test_a_folder_with_a_task_is_that_task(tmp_path: Path) -> None:
    task_file(tmp_path, {"goal": "Deploy it now"})
    assert load(str(tmp_path)).goal == "Deploy it now"


@pytest.mark.parametrize("name", sorted(samples()))
def test_every_sample_can_be_named(name: str) -> None:
    task = load(name)
    assert task.name == name
    assert task.goal


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("deploi", "is no file, no sample and no saved task"),
        ("nowhere.yaml", "no such task or plan file"),
        ("./nowhere/plan.json", "no such task or plan file"),
        ("x" * 5000, "is no file, no sample and no saved task"),
        ("a\0b", "is no file, no sample and no saved task"),
    ],
)
def test_what_is_nothing_is_told_in_one_line(what: str, message: str) -> None:
    with pytest.raises(MissingDocument, match=message) as caught:
        load(what)
    assert "\n" not in str(caught.value)


def test_no_words_are_no_task() -> None:
    with pytest.raises(UsageError, match="there is no task"):
        load("")


@pytest.mark.parametrize("text", ["", "just words", "1", "a: [", "goal: [x]\n", "goal: g\ngoal: h\n", "\xff"])
def test_a_file_that_says_no_task_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "task.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidDocument) as caught:
        load(str(tmp_path / "task.yaml"))
    assert caught.value.faults


@pytest.mark.parametrize("what", ["Deploy it now", "plan"])
def test_inputs_without_a_task_that_has_them_are_refused(tmp_path: Path, what: str) -> None:
    if what == "plan":
        what = task_file(tmp_path, json.dumps(PLAN), "plan.json")
    with pytest.raises(UsageError, match="no inputs"):
        load(what, {"tag": "v2"})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda s: st.lists(s) | st.dictionaries(st.text(), s),
        max_leaves=8,
    )
)
def test_no_document_brings_anything_but_a_told_fault(document: Any) -> None:
    from tempfile import TemporaryDirectory

    keys = ("goal", "inputs", "tools", "facts", "want", "fallback", "plan", "planner", "limits", "sandbox")
    with TemporaryDirectory() as folder:
        for key in keys:
            (Path(folder) / "task.json").write_text(json.dumps({"goal": "g", key: document}))
            try:
                load(f"{folder}/task.json")
            except InvalidDocument as error:
                assert error.faults  # noqa: PT017 - a task may also be right
