"""Every sample, run for real by the command: the exit code is the truth, and the world agrees with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from console import sandbox, task
from tests.samples.playing import ENV

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SUCCEEDED, FAILED, ROLLED_BACK = 0, 1, 6


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def plandeck(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "console.cli", *args]
    return subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)


def run(name: str, workspace: Path, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and events of `plandeck run`."""
    done = plandeck("run", name, "--yes", "--json", "--workspace", str(workspace), *options)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events, done.stderr
    return done.returncode, events


async def failing(name: str, workspace: Path, proof: str) -> tuple[str, ...]:
    """The proofs of a sample (`done` or `undone`) that do not hold in its workspace."""
    one = task.load(name)
    assert one.directory is not None
    box = sandbox.parse(one.sandbox or {})
    running = await sandbox.prepare(one.directory, box, workspace, ENV)
    try:
        return await running.failing(getattr(box.prove, proof))
    finally:
        await running.teardown()


@pytest.mark.parametrize("name", sorted(set(task.samples()) - {"support-audit", "migrate-postgresql"}))
async def test_a_sample_runs_to_its_end(name: str, tmp_path: Path) -> None:
    code, _ = run(name, tmp_path)
    assert code == SUCCEEDED
    assert await failing(name, tmp_path, "done") == ()


@pytest.mark.parametrize(
    ("name", "inject"),
    [
        ("deploy", "broken-build"),
        ("deploy", "failing-tests"),
        ("migrate-database", "half-migrated"),
        ("migrate-database", "failing-backup"),
        ("parallel-backup", "bad-migration"),
        ("research-report", "nothing-found"),
        ("slow-site", "still-slow"),
    ],
)
async def test_a_failure_is_rolled_back_without_a_trace(name: str, inject: str, tmp_path: Path) -> None:
    code, events = run(name, tmp_path, "--inject", inject, "--on-failure", "rollback")
    assert code == ROLLED_BACK
    assert [e["complete"] for e in events if e["event"] == "rollback_finished"] == [True]
    assert await failing(name, tmp_path, "undone") == ()
    assert await failing(name, tmp_path, "done") != ()


async def test_a_failed_backup_is_never_restored_from(tmp_path: Path) -> None:
    _, events = run("migrate-database", tmp_path, "--inject", "failing-backup", "--on-failure", "rollback")
    started = [e for e in events if e["event"] == "rollback_started"]
    assert started
    assert not [i for e in started for i in e["rollback"]["items"] if i["fate"] == "planned"]


async def test_an_audit_gathers_what_was_missing_and_is_done(tmp_path: Path) -> None:
    code, events = run("support-audit", tmp_path, "--on-failure", "replan")
    assert code == SUCCEEDED
    (revision,) = [e for e in events if e["event"] == "revision_accepted"]
    assert "gather_archived_logs" in [step["action"] for step in revision["plan"]["steps"]]
    assert await failing("support-audit", tmp_path, "done") == ()


async def test_an_audit_without_an_archive_says_that_it_failed(tmp_path: Path) -> None:
    code, _ = run("support-audit", tmp_path, "--inject", "no-archive", "--on-failure", "replan")
    assert code == FAILED


async def test_a_broken_release_is_replanned_back_to_the_one_before(tmp_path: Path) -> None:
    _, events = run("deploy", tmp_path, "--inject", "broken-build", "--on-failure", "replan")
    (revision,) = [e for e in events if e["event"] == "revision_accepted"]
    steps = {step["id"]: step for step in revision["plan"]["steps"]}
    assert (steps["9"]["action"], steps["9"]["params"]) == ("rollback_production", {"to": "v2.3.0"})
    assert steps["10"]["action"] == "run_smoke_tests"
    assert (tmp_path / "sites/production/current").readlink() == Path("releases/v2.3.0")
    assert "production is back at v2.3.0" in (tmp_path / "notifications.log").read_text()


async def test_a_deployment_that_is_done_can_still_be_rolled_back(tmp_path: Path) -> None:
    code, events = run("deploy", tmp_path)
    assert code == SUCCEEDED
    (name,) = [e["run"] for e in events if e["event"] == "run_created"]
    assert plandeck("rollback", name, "--yes").returncode == ROLLED_BACK
    assert await failing("deploy", tmp_path, "undone") == ()
