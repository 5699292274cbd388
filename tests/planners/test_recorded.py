"""A recording answers what it was asked when it was made, and nothing else."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio
import pytest

from console.catalog.spec import Catalog
from console.errors import BadReply, PlannerError
from console.plan.model import Plan
from console.planners.base import Goal, History, PlanDraft
from console.planners.recorded import InvalidRecording, RecordedPlanner, Reply

RECORDING = """
- plan: Deploy v2 safely
  reply:
    steps:
      - {id: 1, action: build, params: {}, depends_on: []}
      - {id: 2, action: deploy, params: {tag: v2}, depends_on: [1]}
  model: some-model
  tokens: 812
  cost: 0.004
- replan: 2
  reply: '[{"id": 3, "tool": "switch_back", "input": "{step_1_result}", "depends_on": [1]},
           {"id": 1, "tool": "build", "input": "", "depends_on": []}]'
"""


@pytest.fixture
def planner(tmp_path: Path) -> RecordedPlanner:
    file = tmp_path / "replies.yaml"
    file.write_text(RECORDING)
    return RecordedPlanner(file)


async def silent(line: str, /, **_: object) -> None:
    assert line


def plan(planner: RecordedPlanner, text: str) -> PlanDraft:
    return anyio.run(partial(planner.plan, Goal(text), Catalog(), silent))


def replan(planner: RecordedPlanner, failed: str) -> PlanDraft:
    return anyio.run(partial(planner.replan, Goal(""), Catalog(), Plan(), History(failed=failed), silent))


def test_replies_come_in_their_order_in_both_notations(planner: RecordedPlanner) -> None:
    first = plan(planner, "deploy v2 safely")
    assert [s.action for s in first.plan.steps] == ["build", "deploy"]
    assert (first.model, first.tokens, first.cost) == ("some-model", 812, 0.004)
    second = replan(planner, "2")
    assert [s.action for s in second.plan.steps] == ["switch_back", "build"]
    assert second.reply.startswith("[{")


def test_two_planners_of_one_recording_answer_the_same(tmp_path: Path) -> None:
    file = tmp_path / "replies.yaml"
    file.write_text(RECORDING)
    assert plan(RecordedPlanner(file), "Deploy v2 safely") == plan(
        RecordedPlanner.load(file), "Deploy v2 safely"
    )


def test_a_call_it_was_not_recorded_for_is_refused_and_uses_nothing_up(planner: RecordedPlanner) -> None:
    with pytest.raises(
        PlannerError, match='answers a plan for "Deploy v2 safely", but was asked for a replan'
    ):
        replan(planner, "2")
    with pytest.raises(PlannerError, match='but was asked for a plan for "Dance"'):
        plan(planner, "Dance")
    assert plan(planner, "Deploy v2 safely").plan.steps


def test_an_exhausted_recording_says_so(planner: RecordedPlanner) -> None:
    plan(planner, "Deploy v2 safely")
    replan(planner, "2")
    with pytest.raises(PlannerError, match=r"replies\.yaml: the recording has no 3rd reply: it ends after 2"):
        replan(planner, "3")


@pytest.mark.parametrize("reply", ["no plan at all", {"steps": [{"id": 1, "depends_on": [2]}]}])
def test_a_reply_that_is_no_plan_is_a_bad_reply(reply: object) -> None:
    with pytest.raises(BadReply, match="the 1st reply is not a plan"):
        plan(RecordedPlanner([Reply("plan", "", reply)]), "anything")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plan: x\n", "it is not a list of replies"),
        ("- plan: x\n", ": 1: reply is missing"),
        ("- plan: x\n  replan: 1\n  reply: []\n", "one of plan, replan and agent"),
        ("- plan: x\n  reply: []\n  tokns: 3\n", "unknown key tokns"),
        ("- plan: x\n  reply: []\n  tokens: many\n", "tokens is not a number"),
    ],
)
def test_a_broken_recording_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    with pytest.raises(InvalidRecording, match=message):
        RecordedPlanner(file)


def test_a_missing_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRecording, match="No such file"):
        RecordedPlanner(tmp_path / "none.yaml")
