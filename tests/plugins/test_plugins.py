"""Planners and tools of other packages: named like ours, and one clear line when they are broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console import plugins
from console.catalog.load import load, nameable
from console.cli import main
from console.errors import InvalidCatalog, NoPlanner, PlandeckError
from console.settings import planner_names
from tests.cli.plandeck import Shell
from tests.plugins.packages import install

PLANNER = """
import json
from console.plan.codec import from_document
from console.planners.base import PlanDraft

class Acme:
    name, prompt = "acme", ""

    def __init__(self, model, environ):
        self.model = model

    async def plan(self, goal, catalog, progress):
        await progress("thinking")
        who = goal.text.split()[-1]
        plan = from_document({"goal": goal.text, "steps": [
            {"id": 1, "action": "shout", "params": {"text": who}}]})
        return PlanDraft(plan, self.name, model=self.model)

    async def replan(self, goal, catalog, plan, history, progress):
        raise NotImplementedError

def not_one(model, environ):
    return "a planner"

def leaving(model, environ):
    raise SystemExit(0)


class Stumbling(Acme):
    async def plan(self, goal, catalog, progress):
        raise ValueError("no luck")


def failing(model, environ):
    raise RuntimeError("no key for the\\nservice")
"""
TOOLS = """
import sys
print("a package may print while it loads")

def shout(text, times=1):
    print("so may a tool")
    return {"said": text.upper() * times}

DOCUMENT = {"tools": [{"name": "shout", "description": "Say it loud", "risk": "observe",
                       "parameters": [{"name": "text", "required": True},
                                      {"name": "times", "type": "integer"}],
                       "function": "acme_tools:shout"}]}

def document():
    return DOCUMENT

def nonsense():
    return 7

def leaving():
    sys.exit(3)

def helped():
    import subprocess
    subprocess.Popen(["sleep", "8"])
    return DOCUMENT


BROKEN = {"tools": [{"name": "x"}]}
"""
FILE = """
from pathlib import Path
path = Path(__file__).parent / "acme.yaml"
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package `acme-lab` is installed."""
    folder = install(
        tmp_path / "site",
        "acme-lab",
        {
            plugins.PLANNERS: {
                "acme": "acme_planner:Acme",
                "stumbling": "acme_planner:Stumbling",
                "not-one": "acme_planner:not_one",
                "failing": "acme_planner:failing",
                "leaving": "acme_planner:leaving",
                "absent": "acme_nowhere:planner",
            },
            plugins.TOOLS: {
                "acme-tools": "acme_tools:document",
                "acme-file": "acme_file:path",
                "acme-seven": "acme_tools:nonsense",
                "acme-leaving": "acme_tools:leaving",
                "acme-helped": "acme_tools:helped",
                "acme-absent": "acme_nowhere:tools",
                "acme-broken": "acme_tools:BROKEN",
            },
        },
        acme_planner=PLANNER,
        acme_tools=TOOLS,
        acme_file=FILE,
    )
    (folder / "acme.yaml").write_text(
        "tools: [{name: hush, description: Be quiet, script: {shell: 'true'}}]\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def test_a_planner_is_named_like_ours(acme: Path) -> None:
    assert {"offline", "acme"} <= set(planner_names())
    made = plugins.planner("acme", "some-model", {})
    assert (made.name, made.model) == ("acme", "some-model")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("not-one", "it gave str, which has no name and no model and no prompt and no plan and no replan"),
        ("failing", "RuntimeError: no key for the service"),
        ("leaving", "SystemExit: 0"),
        ("absent", "ModuleNotFoundError: No module named 'acme_nowhere'"),
    ],
)
def test_a_broken_planner_is_one_line_that_names_its_package(acme: Path, name: str, why: str) -> None:
    with pytest.raises(plugins.BrokenPlugin) as told:
        plugins.planner(name, "", {})
    assert str(told.value).startswith("acme-lab 1.0 (acme_")
    assert f"the plugin {name!r} for planners cannot be used: {why}" in str(told.value)


def test_a_planner_that_nobody_brings_is_told_with_those_that_are_there(acme: Path) -> None:
    known = "absent, acme, failing, leaving, not-one, stumbling"
    with pytest.raises(NoPlanner, match=rf"there is no planner 'acne'.*{known}"):
        plugins.planner("acne", "", {})


def test_tools_are_named_like_our_files(acme: Path) -> None:
    assert {"deploy", "acme-tools", "acme-file"} <= set(nameable())
    tool = load(["acme-tools"]).tools["shout"]
    assert (tool.function, tool.risk) == ("acme_tools:shout", "observe")
    hush = load(["acme-file"]).tools["hush"]
    assert Path(hush.file) == acme / "acme.yaml"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("acme-seven", "it gave int, not a mapping with tools or a path"),
        ("acme-leaving", "SystemExit: 3"),
        ("acme-absent", "ModuleNotFoundError: No module named 'acme_nowhere'"),
    ],
)
def test_broken_tools_are_one_line_that_names_their_package(acme: Path, name: str, why: str) -> None:
    with pytest.raises(plugins.BrokenPlugin) as told:
        load([name])
    assert f"the plugin {name!r} for tools cannot be used: {why}" in str(told.value)
    assert "acme-lab 1.0" in str(told.value)


def test_a_plugin_that_leaves_a_process_behind_is_not_waited_for(
    acme: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "PATIENCE", 4.0)
    assert load(["acme-helped"]).tools.keys() == {"shout"}


def test_faults_in_a_plugins_tools_are_told_like_those_of_a_file(acme: Path) -> None:
    with pytest.raises(InvalidCatalog, match="acme-broken"):
        load(["acme-broken"])


def test_two_packages_that_bring_one_name_are_told(acme: Path) -> None:
    install(acme, "acme-rival", {plugins.TOOLS: {"acme-tools": "acme_file:path"}})
    with pytest.raises(PlandeckError, match="brought by more than one package: acme-lab and acme-rival"):
        load(["acme-tools"])


def test_a_goal_is_planned_and_carried_out_by_plugins_alone(acme: Path, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    words = ["Please greet bob", "--planner", "acme", "--tools", "acme-tools", "--env", "PYTHONPATH"]
    done = shell.plandeck("run", *words, "--model", "m1", "--yes", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.fact("plan_drafted")["planner"] == "acme"
    assert done.fact("plan_drafted")["model"] == "m1"
    assert json.loads(done.fact("step_succeeded")["preview"]) == {"said": "BOB"}


def test_planners_of_plugins_are_compared_like_ours(
    acme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("greet.yaml").write_text("goal: Greet bob\ntools: [acme-tools]\n")
    planners = ["--planner", "acme", "--planner", "stumbling", "--model", "m1"]
    with pytest.raises(SystemExit) as end:
        main(["eval", "greet.yaml", *planners, "--json"])
    assert end.value.code == 1
    one, other = json.loads(capsys.readouterr().out)["trials"]
    assert (one["contender"], one["score"]["valid"]) == ("acme m1", True)
    assert other["error"] == "the planner broke: ValueError('no luck')"


def test_the_doctor_and_a_misspelled_name_tell_what_is_there(acme: Path, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    looks = json.loads(shell.plandeck("doctor", "--json").out)
    said = {look["said"]: look["state"] for look in looks if look["name"].endswith("plugin")}
    assert said["acme, of acme-lab 1.0 (acme_planner:Acme)"] == "ok"
    assert said["acme-tools, 1 tools of acme-lab 1.0 (acme_tools:document)"] == "ok"
    assert sum(state == "bad" for state in said.values()) == 8
    done = shell.plandeck("run", "Greet bob", "--planner", "acne", "--plain")
    assert (done.code, done.err) == (2, "plandeck: there is no planner 'acne'. Nearest is acme\n")
