"""Every sample's tools do their work in the real world the sample builds, and its undos undo it."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import task
from tests.samples.playing import play

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


APART = {"support-audit", "what-time", "migrate-postgresql", "slow-site"}
"""Samples with tests of their own: the first is meant to fail, the second changes nothing, the last has
steps that only an engine can carry out."""


@pytest.mark.parametrize("name", sorted(set(task.samples()) - APART))
async def test_a_sample_gets_done_and_can_be_undone(name: str, tmp_path: Path) -> None:
    played = await play(name, tmp_path)
    assert set(played.codes.values()) == {0}, played.output
    assert played.not_done == ()
    assert played.not_undone == ()


@pytest.mark.parametrize(
    ("name", "inject", "step", "says"),
    [
        ("deploy", "broken-build", "7", "asets/style.css is missing"),
        ("deploy", "flaky-smoke", "5", "connection reset"),
        ("deploy", "failing-tests", "1", "index.html has no <title>"),
        ("migrate-database", "half-migrated", "5", "after 4 statements: UNIQUE constraint failed"),
        ("migrate-database", "failing-backup", "2", "backups"),
        ("parallel-backup", "bad-migration", "4", "no such table: customer"),
        ("parallel-backup", "failing-backup", "1", "backups"),
        ("research-report", "nothing-found", "3", "nothing was found"),
        ("support-audit", "", "2", "the logs are incomplete"),
    ],
)
async def test_an_injected_failure_strikes_where_it_is_meant_to(
    name: str, inject: str, step: str, says: str, tmp_path: Path
) -> None:
    played = await play(name, tmp_path, inject)
    assert {s for s, code in played.codes.items() if code} == {step}
    assert says in played.output[step]
    assert played.not_done != ()
    assert played.not_undone == ()


async def test_an_audit_with_all_logs_at_hand_needs_no_revision(tmp_path: Path) -> None:
    played = await play("support-audit", tmp_path, "all-at-hand")
    assert set(played.codes.values()) == {0}, played.output
    assert played.output["2"] == '{"step": "charge_card", "requests": 3}'
    assert played.not_done == ()


async def test_a_failed_backup_leaves_the_database_alone(tmp_path: Path) -> None:
    await play("migrate-database", tmp_path, "failing-backup")
    assert (tmp_path / "shop.db").stat().st_size > 0
    assert not (tmp_path / "migrations").exists()
