"""The engine killed at every journal boundary of a six-step run, and of its rollback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DONE = [f"do-{n}" for n in range(1, 7)]
UNDONE = [f"undo-{n}" for n in range(1, 6)]


def sweep(directory: Path, mode: str) -> list[dict[str, Any]]:
    said = subprocess.run(
        [sys.executable, "-m", "tests.run.crash_driver", str(directory), mode],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    return [json.loads(line) for line in said.stdout.splitlines()]


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("c")


@pytest.mark.parametrize("mode", ["forward", "rollback"])
def test_a_kill_at_any_boundary_loses_nothing_and_repeats_nothing(short: Path, mode: str) -> None:
    cases = sweep(short / mode[0], mode)
    assert len(cases) >= 10, "the sweep did not cover the run"
    expected = DONE + (UNDONE if mode == "rollback" else [])
    for case in cases:
        assert case["ended"], case
        assert sorted(case["ledger"]) == sorted(expected), case
        assert case["lost"] == [], case
        assert case["seen"] > 0, case
        assert case["outcome"] == ("rolled_back" if mode == "rollback" else "succeeded"), case
    # A slow machine tells more starts in commits of their own, so that the last boundaries of the first
    # run may not come up again.
    assert sum(case["killed"] for case in cases) > len(cases) // 2


def test_a_kill_in_the_middle_of_an_agents_step_repeats_no_call(short: Path) -> None:
    cases = sweep(short / "a", "agent")
    assert len(cases) >= 14, "the sweep did not cover the run"
    for case in cases:
        assert case["ended"], case
        assert case["ledger"] == ["call-1", "call-2", "do-2", "undo-call-2", "undo-call-1"], case
        assert case["lost"] == [], case
        assert case["outcome"] == "rolled_back", case
    assert sum(case["killed"] for case in cases) > len(cases) // 2
