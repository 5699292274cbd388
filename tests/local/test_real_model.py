"""A real model, 135 million parameters small, run by the planner's worker: whatever it says, the plan that
reaches the operator is valid or its faults are named, and mended by the offline planner it runs.

Needs the extra `local` and a model: `PLANDECK_TEST_GGUF` names its file. .ci/run gets one that a package
on PyPI carries.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console.catalog import fit
from console.catalog.load import load as load_catalog
from console.catalog.spec import Catalog
from console.errors import BadReply
from console.plan.check import check
from console.plan.codec import faults_of, to_document
from console.planners import gguf
from console.planners.base import Goal, History, PlanDraft, Want
from console.planners.llm import LlmPlanner
from console.planners.llm_settings import ModelSettings
from console.planners.offline import OfflinePlanner
from tests.cli.plandeck import Shell

MODEL = os.environ.get("PLANDECK_TEST_GGUF", "")

pytestmark = [
    pytest.mark.skipif(not MODEL, reason="PLANDECK_TEST_GGUF names no model"),
    pytest.mark.timeout(170),
    pytest.mark.anyio,
]

TOOLS = """
tools:
  - name: save
    description: Keep a copy of it
    risk: reversible
    provides: [saved it]
    script: {shell: "touch saved"}
  - name: change
    description: Change it
    risk: disruptive
    requires: [saved it]
    provides: [changed it]
    script: {shell: "touch changed"}
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    (tmp_path / "mine.yaml").write_text(TOOLS)
    return load_catalog([tmp_path / "mine.yaml"])


GOAL = Goal("Change it safely", want=(Want(("changed", "it")),))


class Told:
    def __init__(self) -> None:
        self.lines: list[str] = []

    async def __call__(self, message: str, /, **_: object) -> None:
        self.lines.append(message)


async def said(planner: LlmPlanner, catalog: Catalog, told: Told) -> PlanDraft | BadReply:
    """What came of asking: a draft, or why there is none."""
    try:
        return await planner.plan(GOAL, catalog, told)
    except BadReply as error:
        return error


async def test_whatever_it_says_the_plan_is_valid_or_its_faults_are_named_and_mended_it_runs(
    catalog: Catalog, tmp_path: Path
) -> None:
    told = Told()
    answer = await said(LlmPlanner(f"gguf:{MODEL}", settings=ModelSettings(max_tokens=300)), catalog, told)
    assert answer.calls
    assert answer.calls[0].tokens_out > 0
    assert answer.calls[0].cost == 0.0
    assert any("tokens" in line for line in told.lines)
    offline = OfflinePlanner()
    if isinstance(answer, BadReply):
        assert answer.reply
        assert "\n" not in str(answer)
        mended = await offline.plan(GOAL, catalog, told)
    else:
        assert answer.prompt.startswith(gguf.PROMPT)
        assert answer.plan.leaves()
        assert not [*faults_of(answer.plan), *fit.faults(answer.plan, catalog)]
        mended = await offline.replan(GOAL, catalog, answer.plan, History(), told)
    found = check(mended.plan, catalog, facts=GOAL.facts, want=[want.fact for want in GOAL.want])
    assert [finding for finding in found if finding.severity == "error"] == []
    shell = Shell(tmp_path)
    done = shell.plandeck(
        "run", shell.plan(to_document(mended.plan)), "--tools", "mine.yaml", "--yes", "--json"
    )
    assert done.code == 0
    assert (tmp_path / "changed").exists()


async def test_a_model_that_is_cut_off_is_one_line(tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    with Path(MODEL).open("rb") as whole:
        cut.write_bytes(whole.read(3_000_000))
    with pytest.raises(BadReply, match=r"llama\.cpp does not load it") as caught:
        await LlmPlanner(f"gguf:{cut}").plan(GOAL, Catalog(), Told())
    assert "\n" not in str(caught.value)
