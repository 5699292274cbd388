"""A goal in words planned by a model on the loopback, from the command line to the end of the run."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.plandeck import Done, Shell
from tests.models.lines import reply, step
from tests.models.server import Act, ModelServer, Refusal, served

pytestmark = pytest.mark.xdist_group("model")

SEE = reply(step("1", "see"))
FAULTY = reply(step("1", "helo", who="ada"), step("2", "hello", "1", whom="ada"))


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with served() as server:
        yield server


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def asked(shell: Shell, server: ModelServer, *words: str, plays: tuple[Act | str, ...] = (SEE,)) -> Done:
    server.plays(*plays)
    told = {"PLANDECK_MODEL_API_BASE": server.base, "OPENAI_API_KEY": "sk-canary-0123456789"}
    return shell.plandeck(*words, "--model", "stub", "--tools", "tools.yaml", **told)


def test_a_model_plans_and_its_key_reaches_no_step_and_no_record(
    shell: Shell, server: ModelServer, own_folders: Path
) -> None:
    done = asked(
        shell, server, "run", "show the variables", "--yes", "--json", "--record", "replies.yaml",
        plays=(Refusal(429, "slow", (("retry-after", "1"),)), SEE),
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    assert server.asked[-1].headers["authorization"] == "Bearer sk-canary-0123456789"
    drafted = done.fact("plan_drafted")
    assert (drafted["model"], drafted["prompt"], drafted["tokens"]) == ("stub", "plan-v1 (1)", 1200)
    assert drafted["reply"] == SEE
    assert drafted["seconds"] > 0
    assert any(
        "asks to wait: again in 1 s" in f["message"]
        for f in done.facts
        if f["event"] == "planning_progressed"
    )
    assert "OPENAI_API_KEY" not in done.fact("step_succeeded")["preview"]
    for file in (own_folders / "state").rglob("*"):
        assert not file.is_file() or b"sk-canary" not in file.read_bytes(), file
    recording = shell.folder / "replies.yaml"
    assert stat.S_IMODE(recording.stat().st_mode) == 0o600
    (shell.folder / "task.yaml").write_text(
        "goal: show the variables\ntools: [./tools.yaml]\nplanner: {recording: replies.yaml}\n"
    )
    again = shell.plandeck("run", "task.yaml", "--yes", "--json")
    assert again.fact("plan_drafted")["plan"] == drafted["plan"]
    assert again.fact("plan_drafted")["reply"] == SEE
    assert len(server.asked) == 2


def test_a_reply_that_is_no_plan_starts_nothing_and_leaves_its_draft(
    shell: Shell, server: ModelServer, own_folders: Path
) -> None:
    done = asked(shell, server, "plan", "greet ada", plays=(FAULTY,))
    assert (done.code, done.out) == (3, "")
    told = done.err.splitlines()
    assert "stub gave no plan that can be used" in told[0]
    assert [line.split("step ")[-1] for line in told[1:]] == [
        "1: there is no tool helo (nearest is hello)",
        "2: hello has no parameter whom (nearest is who)",
        "2: hello needs the parameter who",
    ]
    draft = own_folders / "state/plandeck/draft.yaml"
    assert str(draft) in told[0]
    draft.write_text(draft.read_text().replace("helo", "hello").replace("whom", "who"))
    mended = shell.plandeck("run", str(draft), "--tools", "tools.yaml", "--yes", "--plain")
    assert mended.code == 0
    assert mended.out.count("succeeded in") == 2


def test_a_recording_never_overwrites_a_file(shell: Shell, server: ModelServer) -> None:
    done = asked(shell, server, "run", "greet ada", "--yes", "--plain", "--record", "tools.yaml")
    assert (done.code, done.out) == (2, "")
    assert "tools.yaml: this file is there already" in done.err


COMPILED = '1. hello("ada")\n2. hello(who=$1)\n3. join()\n'
FENCED = f"Here:\n```json\n{reply(step('1', 'hello', who='ada'))}\n```\n"
THINK = {"step_number": 1, "description": "think", "tool_to_use": None, "depends_on": []}
SAY = {"step_number": 2, "description": "say", "tool_to_use": "hello", "input": "ada", "depends_on": [1]}
CREW = json.dumps({"plan": "Greet", "ready": True, "steps": [THINK, SAY]})


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("plan.txt", COMPILED, "mended: it was written in LLMCompiler"),
        ("reply.md", FENCED, "1 step, valid"),
        ("crew.json", CREW, "2 steps, valid"),
    ],
)
def test_plans_of_other_makers_are_plan_files(shell: Shell, name: str, text: str, told: str) -> None:
    (shell.folder / name).write_text(text)
    checked = shell.plandeck("check", name, "--tools", "tools.yaml")
    assert told in checked.out
    assert shell.plandeck("run", name, "--tools", "tools.yaml", "--yes", "--plain").code == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('1. hello("ada")\n2. hello($1)\n', "it breaks off: a plan in this notation ends with join()"),
        ("Just words.\n", "this file is no task and no plan: it holds no plan"),
        ('1. hello("a", "b")\n2. join()\n', "plan.txt:1 step 1: hello has no parameter 2"),
    ],
)
def test_what_is_no_plan_file_is_refused_with_its_place(shell: Shell, text: str, told: str) -> None:
    (shell.folder / "plan.txt").write_text(text)
    done = shell.plandeck("check", "plan.txt", "--tools", "tools.yaml")
    assert done.code == 3
    assert told in done.err


def test_doctor_says_which_models_there_are_and_whether_their_keys_are(shell: Shell) -> None:
    models = {"PLANDECK_MODEL": "gpt-4o-mini", "PLANDECK_EXECUTOR_MODEL": "nonsense"}
    done = shell.plandeck("doctor", "--json", OPENAI_API_KEY="", **models)
    looks = {look["name"]: look for look in json.loads(done.out)}
    assert looks["model"]["said"] == "gpt-4o-mini: its key is not there: set OPENAI_API_KEY"
    assert "nonsense is not known" in looks["executor model"]["said"]
    assert done.code == 1
