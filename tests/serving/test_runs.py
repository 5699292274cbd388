"""Another program, over MCP: it hands in, looks, waits and asks. A person approves, or nobody does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from anyio import run_process
from mcp import Client

from console.run import events as ev
from console.run.control import Approve, DeclineRollback, Session
from console.run.journal import read, verify
from console.run.life import RunStatus
from console.run.state import RunState
from console.service.client import attach
from console.service.order import load_order
from console.service.peer import GUEST
from console.settings import find_run
from tests.cli.plandeck import GREET, MAKE, WAIT
from tests.serving.clients import NAME, client, refusal, value

pytestmark = pytest.mark.anyio
ALL = {
    "check_plan", "list_runs", "list_tasks", "list_tools", "request_rollback", "run_state", "step_output",
    "submit_plan", "submit_task", "wait_for",
}  # fmt: skip
MADE = {"goal": "Make a file", "steps": MAKE["steps"][:1]}
BOTH = {
    "goal": "Make and greet",
    "steps": [MAKE["steps"][0], {"id": 2, "action": "hello", "params": {"who": "you"}}],
}


async def submitted(program: Client, plan: Any) -> str:
    told = value(await program.call_tool("submit_plan", {"plan": plan}))
    assert told["approve_with"] == f"plandeck attach {told['run']}"
    return str(told["run"])


async def approved(run: str) -> None:
    """What a person does at the screen."""
    async with attach(find_run(run), ui=True, who="a person") as session:
        request = await waiting(session)
        await session.wish(Approve(request=request.request, hash=request.hash))


async def waiting(session: Session) -> ev.ApprovalRequested:
    async for record in session.records():
        if isinstance(record.event, ev.ApprovalRequested):
            return record.event
    raise AssertionError("nothing waits")


def state_of(run: str) -> RunState:
    return RunState.of(read(find_run(run)))


async def test_a_plan_waits_for_a_person_and_then_runs(tmp_path: Path) -> None:
    async with client(tmp_path, "mcp", "--tools", "tools.yaml") as program:
        run = await submitted(program, BOTH)
        state = value(await program.call_tool("wait_for", {"run": run, "until": "approved", "seconds": 0.5}))
        assert (state["state"], state["over"]) == ("awaiting_approval", False)
        assert state["waits_for"][0]["about"] == "plan"
        assert not (tmp_path / "made").exists()
        assert load_order(find_run(run)).by == f"mcp: {NAME}"

        await approved(run)
        ended = value(await program.call_tool("wait_for", {"run": run}))
        assert (ended["state"], ended["exit_code"]) == ("succeeded", 0)
        assert (tmp_path / "made").exists()
        assert [one["run"] for one in value(await program.call_tool("list_runs", {}))["runs"]] == [run]

        whole = value(await program.call_tool("step_output", {"run": run, "step": "2"}))
        assert (whole["text"], whole["done"], whole["next_offset"]) == ("hello you\n", True, None)
        rest = value(await program.call_tool("step_output", {"run": run, "step": "2", "offset": 6}))
        assert rest["text"] == "you\n"
        no_step = refusal(await program.call_tool("step_output", {"run": run, "step": "7"}))
        assert "there is no started step '7'. The steps are: 1, 2" in no_step


async def test_nothing_that_is_offered_approves(tmp_path: Path) -> None:
    async with client(tmp_path, "mcp", "--tools", "tools.yaml", env={"PLANDECK_APPROVE": "yes"}) as program:
        assert {tool.name for tool in (await program.list_tools()).tools} == ALL
        consents = {"plan": MADE, "approve": "yes", "yes": True, "approve_up_to": "destructive"}
        run = value(await program.call_tool("submit_plan", consents))["run"]
        state = value(await program.call_tool("wait_for", {"run": run, "until": "approved", "seconds": 0.5}))
        assert state["state"] == "awaiting_approval"
        assert load_order(find_run(run)).approve == "none"


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("submit_plan", {"plan": GREET, "tools": ["./tools.yaml"]}, "no tool file named './tools.yaml'"),
    ("submit_plan", {"plan": {"steps": [{"id": 1, "action": "nope"}]}}, "there is no tool nope"),
    ("submit_plan", {"plan": "[{"}, "the plan is not valid"),
    ("submit_task", {"task": "deploi"}, "there is no task 'deploi'"),
    ("submit_task", {"task": "./tools.yaml"}, "there is no task './tools.yaml'"),
    ("submit_task", {"task": "do it", "facts": [{"fact": "x y", "probe": "touch ran"}]}, "valid string"),
    ("submit_task", {"task": "Bake a cake for me"}, "no goal pattern says what"),
    ("run_state", {"run": "beef"}, "there is no run 'beef'"),
]


async def test_a_refusal_is_one_clear_answer(tmp_path: Path) -> None:
    async with client(tmp_path, "mcp", "--tools", "tools.yaml") as program:
        for tool, given, why in REFUSED:
            assert why in refusal(await program.call_tool(tool, given))
        assert value(await program.call_tool("list_runs", {}))["runs"] == []
    assert not (tmp_path / "ran").exists()


async def test_a_task_is_a_goal_in_words_or_one_of_the_operators_by_name(tmp_path: Path) -> None:
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "greet.yaml").write_text(
        "goal: Greet $who\ninputs: {who: you}\ntools: [../tools.yaml]\nplan: p.json\n"
    )
    (tasks / "p.json").write_text('[{"id": 1, "action": "hello", "params": {"who": "you"}}]')
    (tasks / "loud.yaml").write_text(
        "goal: Greet $who $loud\ninputs: {who: {description: whom}, loud: false}\n"
        "tools: [../tools.yaml]\nplan: p.json\n"
    )
    async with client(tmp_path, "mcp", "--tasks", "tasks") as program:
        told = value(await program.call_tool("submit_task", {"task": "What time is it?"}))
        state = value(await program.call_tool("wait_for", {"run": told["run"], "until": "planned"}))
        assert [(step["action"], step["state"]) for step in state["steps"]] == [("tell_time", "pending")]
        known = value(await program.call_tool("list_tasks", {}))["tasks"]
        assert {"name": "greet", "goal": "Greet you", "inputs": ["who"], "needed": []} in known
        loud = {"name": "loud", "goal": "Greet $who false", "inputs": ["who", "loud"], "needed": ["who"]}
        assert loud in known
        given = {"task": "loud", "inputs": {"who": "all", "loud": True}}
        run = value(await program.call_tool("submit_task", given))["run"]
        assert value(await program.call_tool("run_state", {"run": run}))["goal"] == "Greet all true"
        given = {"task": "greet", "inputs": {"who": "them"}}
        run = value(await program.call_tool("submit_task", given))["run"]
        assert value(await program.call_tool("run_state", {"run": run}))["goal"] == "Greet them"


async def test_what_a_person_started_is_not_shown_unless_the_operator_says_so(tmp_path: Path) -> None:
    async with client(tmp_path, "mcp", "--tools", "tools.yaml") as program:
        command = [sys.executable, "-m", "console.cli", "run", "what-time", "--yes", "--plain"]
        await run_process(command, cwd=tmp_path)
        mine = find_run("last").name
        assert value(await program.call_tool("list_runs", {}))["runs"] == []
        assert "may not be looked at" in refusal(await program.call_tool("run_state", {"run": mine}))
    async with client(tmp_path, "mcp", "--every-run") as program:
        assert value(await program.call_tool("run_state", {"run": mine}))["state"] == "succeeded"


# ── asking for a rollback ────────────────────────────────────────────────────────────────────────


async def test_a_rollback_of_a_run_that_goes_on_is_asked_for_and_declined(tmp_path: Path) -> None:
    async with client(tmp_path, "mcp", "--tools", "tools.yaml") as program:
        run = await submitted(program, WAIT)
        ask = {"run": run, "reason": "wrong host"}
        nothing = refusal(await program.call_tool("request_rollback", ask))
        assert "no step has started; there is nothing to undo" in nothing
        await approved(run)
        async with attach(find_run(run), ui=True, who="a person") as session:
            async for record in session.records():
                if isinstance(record.event, ev.StepStarted):
                    break
            assert value(await program.call_tool("request_rollback", ask))["asked"]
            assert "asked for already" in refusal(await program.call_tool("request_rollback", ask))
            assert state_of(run).rollback_requests == [
                ev.RollbackRequested(by=f"mcp: {NAME}", reason="wrong host")
            ]
            assert state_of(run).status is RunStatus.RUNNING
            await session.wish(DeclineRollback(reason="it is the right one"))
        told = value(await program.call_tool("run_state", {"run": run}))
        assert (told["rollback_requests"], told["state"]) == ([], "running")
        (tmp_path / "go").touch()
        assert value(await program.call_tool("wait_for", {"run": run}))["state"] == "succeeded"


async def test_a_rollback_of_a_run_that_has_ended_is_put_into_its_record(tmp_path: Path) -> None:
    async with client(tmp_path, "mcp", "--tools", "tools.yaml") as program:
        run = await submitted(program, MADE)
        await approved(run)
        await program.call_tool("wait_for", {"run": run})
        asked = {"run": run, "reason": "not needed", "back_to": ""}
        assert f"plandeck rollback {run}" in value(await program.call_tool("request_rollback", asked))["told"]
        told = value(await program.call_tool("run_state", {"run": run}))
        assert (told["state"], told["rollback_requests"]) == ("succeeded", [f"mcp: {NAME}: not needed"])
        assert verify(find_run(run)).ok
        assert (tmp_path / "made").exists()

        command = [sys.executable, "-m", "console.cli", "rollback", run, "--yes", "--plain"]
        done = await run_process(command, cwd=tmp_path, check=False)
        assert done.returncode == 6
        told = value(await program.call_tool("run_state", {"run": run}))
        assert (told["state"], told["rollback_requests"]) == ("rolled_back", [])
        assert told["rollback"]["undone"] == ["1"]


# ── a guest at the socket ────────────────────────────────────────────────────────────────────────

GUEST_TRIES = """
import sys, anyio
from pathlib import Path
from console.errors import ControlRefused
from console.run.control import Approve, Stop
from console.service.client import attach

async def main():
    async with attach(Path(sys.argv[1]), ui=True, who="a person") as session:
        for wish in (Approve(request=sys.argv[2], hash=sys.argv[3]), Stop()):
            try:
                await session.wish(wish)
                print("granted")
            except ControlRefused as error:
                print(error.what)
        await session.take_control()
        print(session.has_control, session.gone)

anyio.run(main)
"""


async def test_a_guest_can_neither_answer_nor_take_the_control(tmp_path: Path) -> None:
    """Nor what it starts, whatever that has in its own environment."""
    only = "a guest may ask for a rollback and wish nothing else"
    async with client(tmp_path, "mcp", "--tools", "tools.yaml") as program:
        marked = [
            child
            for child in psutil.Process().children()
            if f"{GUEST}=mcp".encode() in Path(f"/proc/{child.pid}/environ").read_bytes().split(b"\0")
        ]
        assert len(marked) == 1, "the server"
        run = await submitted(program, MADE)
        async with attach(find_run(run)) as session:
            request = await waiting(session)
        given = [str(find_run(run)), request.request, request.hash]
        for between in ([], ["env", "-u", GUEST]):
            tries = [*between, sys.executable, "-c", GUEST_TRIES, *given]
            outer = ["sh", "-c", '"$@"; exit $?', "sh", *tries]  # stays the parent of what it starts
            done = await run_process(outer, env={GUEST: "mcp", "PATH": "/usr/bin:/bin"})
            lines = done.stdout.decode().splitlines()
            assert lines == [only, only, "False a guest may not hold the control: only a person may"]
        assert state_of(run).status is RunStatus.AWAITING_APPROVAL
