"""`plandeck eval`, in this process: tasks found, planned, scored, kept, compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.cli import main
from console.evaluation import matrix, store
from console.plan.model import Plan, Step
from console.planners.base import Goal, PlanDraft, Planner
from console.run.events import ModelCall
from console.service.order import load_order
from console.settings import find_run, state_dir
from console.task import Task
from console.testing import ScriptedPlanner

TOOLS = """
tools:
  - name: save
    description: Save it
    risk: reversible
    provides: [saved it]
    script: {shell: "touch saved"}
  - name: tell
    description: Tell it
    risk: reversible
    requires: [saved it]
    provides: [told it]
    script: {shell: "touch told"}
"""

GOOD = {"steps": [{"id": 1, "action": "save"}, {"id": 2, "action": "tell", "depends_on": [1]}]}

Told = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        place = tmp_path / "tasks" / name
        place.mkdir(parents=True)
        (place / "tools.yaml").write_text(TOOLS)
        (place / "reference.json").write_text(json.dumps(GOOD))
        (place / "task.yaml").write_text(
            f"goal: Tell {name}\ntools: [./tools.yaml]\nwant: [told it]\n"
            "sandbox: {setup: ['true'], prove: {done: [test -f told]}}\n"
        )
    return tmp_path / "tasks"


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([*words])
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    return run


def scripted(monkeypatch: pytest.MonkeyPatch, plans: dict[str, Plan], cost: float = 0.0) -> list[Goal]:
    """Plans by the prompt that is asked with; gives the goals that were asked for."""
    goals: list[Goal] = []

    class Model(ScriptedPlanner):
        async def plan(self, goal: Goal, *rest: Any) -> PlanDraft:
            goals.append(goal)
            draft = await super().plan(goal, *rest)
            call = ModelCall(model="m", at=0.0, seconds=0.5, tokens_in=60, tokens_out=40, cost=cost)
            return PlanDraft(draft.plan, "llm", model="m", cost=cost, calls=(call,))

    def planner_of(task: Task, *_: object) -> Planner:
        return Model(plans[task.planner.prompt])

    monkeypatch.setattr(matrix, "planner_of", planner_of)
    return goals


CHAIN = Plan(goal="g", steps=(Step(id="1", action="save"), Step(id="2", action="tell", depends_on=("1",))))
LOOSE = Plan(goal="g", steps=(Step(id="1", action="save"), Step(id="2", action="tell")))
WRONG = Plan(goal="g", steps=(Step(id="1", action="sing"),))


def test_a_folder_is_planned_scored_and_kept_without_running_anything(folder: Path, told: Told) -> None:
    code, out, _ = told("eval", str(folder), "--json")
    assert code == 0
    kept = json.loads(out)
    assert [trial["task"] for trial in kept["trials"]] == ["one", "two"]
    assert {trial["score"]["agreement"] for trial in kept["trials"]} == {1.0}
    assert kept["contenders"]["offline"]["edits"] == {"n": 2, "mean": 0.0, "median": 0.0}
    assert not list((state_dir() / "runs").glob("*"))
    assert (state_dir() / "evaluations.db").stat().st_mode & 0o777 == 0o600
    _, again, _ = told("eval", "--show", "last", "--json")
    assert json.loads(again) == kept


def test_two_prompts_are_compared_in_one_command(
    folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, {"v1": LOOSE, "v2": CHAIN}, cost=0.01)
    words = ["eval", str(folder), "--model", "m", "--prompt", "v1", "--prompt", "v2"]
    code, out, _ = told(*words)
    assert code == 0
    lines = out.splitlines()
    at = lines.index("llm m v2 against llm m v1")
    table = {line.split("  ")[0]: line.split() for line in lines[at + 1 :]}
    findings = lines[at + 1].split().index("findings")
    assert table["one"][findings].startswith("-")
    assert table["better/worse/same"][findings] == "2/0/0"
    _, out, _ = told(*words, "--json")
    (pair,) = json.loads(out)["comparisons"]
    assert (pair["contender"], pair["measures"]["agreement"]["better"]) == ("llm m v2", 2)


def test_a_plan_that_cannot_run_is_scored_so(
    folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, {"": WRONG})
    code, out, _ = told("eval", str(folder / "one"), "--model", "m", "--execute", "--json")
    assert code == 1
    (trial,) = json.loads(out)["trials"]
    assert not trial["score"]["valid"]
    assert "sing" in trial["score"]["faults"][0]
    assert trial["executed"] is None


def test_the_budget_stops_before_the_next_planning_and_keeps_what_there_is(
    folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    goals = scripted(monkeypatch, {"": CHAIN}, cost=0.6)
    code, out, err = told("eval", str(folder), "--model", "m", "--repeat", "3", "--budget", "1")
    assert code == 4
    assert [round(goal.limits["cost_usd"], 2) for goal in goals] == [1.0, 0.4]
    assert "the budget of $1.00 is spent" in err
    assert "2 trials" in out


def test_executed_plans_are_runs_of_their_own_and_proven_from_outside(
    folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = told("eval", str(folder / "one"), "--execute", "--json")
    assert code == 0
    (trial,) = json.loads(out)["trials"]
    went = trial["executed"]
    assert (went["exit_code"], went["outcome"], went["proven"]) == (0, "succeeded", True)
    assert told("show", went["run"])[0] == 0
    assert load_order(find_run(went["run"])).workspace.endswith("/workspace")
    scripted(monkeypatch, {"": Plan(goal="g", steps=(Step(id="1", action="save"),))})
    _, out, _ = told("eval", str(folder / "one"), "--model", "m", "--execute", "--json")
    (trial,) = json.loads(out)["trials"]
    assert (trial["executed"]["exit_code"], trial["executed"]["proven"]) == (0, False)


def test_two_kept_evaluations_are_compared(folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = []
    for made in (LOOSE, CHAIN):
        scripted(monkeypatch, {"": made})
        ids.append(json.loads(told("eval", str(folder), "--model", "m", "--json")[1])["evaluation"])
    code, out, _ = told("eval", "--compare", *ids, "--json")
    (pair,) = json.loads(out)
    assert (code, pair["measures"]["findings"]["better"]) == (0, 2)
    assert len(json.loads(told("eval", "--list", "--json")[1])) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name tasks to evaluate"),
        (("empty",), "there is no task in this folder"),
        (("what-time", "--execute", "--show", "last"), "name tasks to evaluate"),
        (("bare.yaml", "--execute"), "plans are executed in a sandbox only"),
        (("what-time", "--planner", "offline", "--prompt", "v1"), "--prompt is for the planner llm"),
        (("what-time", "--planner", "offline", "--model", "m"), "--model is for planners that ask a model"),
        (("what-time", "--planner", "auto"), "auto is a choice between planners"),
        (("what-time", "--planner", "offlne"), "there is no planner 'offlne'. Nearest is offline"),
        (("what-time", "--planner", "llm"), "needs a model"),
        (("--show", "nope"), "there is no evaluation 'nope'"),
        (("tasks", "--csv", "nowhere/out.csv"), "the folder is not there"),
    ],
)
def test_what_cannot_be_evaluated_is_told_in_one_line(
    folder: Path, told: Told, words: tuple[str, ...], said: str
) -> None:
    Path("empty").mkdir()
    Path("bare.yaml").write_text("goal: Tell it\ntools: [./tasks/one/tools.yaml]\nwant: [told it]\n")
    code, _, err = told("eval", *words)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_a_task_without_a_recording_is_told_before_anything_is_planned(folder: Path, told: Told) -> None:
    (folder / "one" / "replies.yaml").write_text("- {plan: '', reply: {steps: []}}\n")
    with (folder / "one" / "task.yaml").open("a") as task:
        task.write("planner: {recording: replies.yaml}\n")
    code, out, err = told("eval", str(folder), "--planner", "recorded")
    assert (code, out) == (3, "")
    assert "two: the recorded planner needs a recording" in err


def test_a_folder_is_read_from_wherever_it_is_named(
    folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = folder.parent / ".hidden" / "deep"
    deep.mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / ".git" / "task.yaml").write_text("goal: not one\n")
    monkeypatch.chdir(deep)
    (deep.parent / "tasks").symlink_to(folder)
    for place in ("../../tasks", str(deep.parent / "tasks")):
        trials = json.loads(told("eval", place, "--json")[1])["trials"]
        assert [trial["task"] for trial in trials] == ["one", "two"]


def test_a_task_that_cannot_be_read_is_told_and_not_left_out(folder: Path, told: Told) -> None:
    (folder / "three.yaml").write_text("goal: [a\nwant: }\n")
    (folder / "chart.yaml").write_text("{{ not a task }}: [\n")
    code, out, err = told("eval", str(folder))
    assert (code, out) == (3, "")
    assert "three.yaml:2: not YAML" in err
    assert "chart.yaml" not in err


def test_an_exploratory_task_is_planned_by_who_is_compared(folder: Path, told: Told) -> None:
    with (folder / "one" / "task.yaml").open("a") as task:
        task.write("exploratory: true\n")
    trials = json.loads(told("eval", str(folder / "one"), "--json")[1])["trials"]
    assert [trial["score"]["agreement"] for trial in trials] == [1.0]


def test_an_id_that_another_one_begins_with_is_found(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter(("ab12cd34", "ab12"))
    monkeypatch.setattr("secrets.token_hex", lambda _: next(names))
    with store.opened() as kept:
        for at in (1.0, 2.0):
            kept.begin(at, "ada", "1", ["tasks"], {"contenders": ["offline"]})
        assert [kept.find(name).id for name in ("ab12", "ab12c", "last")] == ["ab12", "ab12cd34", "ab12"]
        assert [one.trials for one in kept.all()] == [0, 0]


def test_a_reference_with_a_fault_is_told_before_anything_is_planned(folder: Path, told: Told) -> None:
    (folder / "two" / "reference.json").write_text('{"steps": [{"id": 1, "action": "sing"}]}')
    code, _, err = told("eval", str(folder))
    assert code == 3
    assert "sing" in err
