"""The PostgreSQL sample, where PostgreSQL's server is installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.samples.playing import play

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(
        not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        reason="PostgreSQL's server is not installed",
    ),
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    """A workspace; a server that was set up by root has its files elsewhere, which go too."""
    yield tmp_path
    data = tmp_path / "data.path"
    if data.exists():
        shutil.rmtree(data.read_text().strip(), ignore_errors=True)


async def test_a_database_is_migrated_and_put_back(workspace: Path) -> None:
    played = await play("migrate-postgresql", workspace)
    assert set(played.codes.values()) == {0}, played.output
    assert played.not_done == ()
    assert played.not_undone == ()


@pytest.mark.parametrize(
    ("inject", "step", "says"),
    [("half-migrated", "5", "could not create unique index"), ("failing-backup", "2", "backups")],
)
async def test_a_failure_strikes_where_it_is_meant_to(
    inject: str, step: str, says: str, workspace: Path
) -> None:
    played = await play("migrate-postgresql", workspace, inject)
    assert {s for s, code in played.codes.items() if code} == {step}, played.output
    assert says in played.output[step]
    assert played.not_done != ()
    assert played.not_undone == ()
