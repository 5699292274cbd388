"""Every session script goes as it says, and every screen looks as it did.

A difference that is meant: `python -m tests.scripts.renew`, then look at what git shows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from console.commands.staging import play_staged
from console.tui.scripts.model import Snapshot
from console.tui.scripts.player import Player
from tests.scripts.company import COMPANY, SCENES, played
from tests.scripts.played import CAPTIONED, SCRIPTS, load
from tests.scripts.screens import FOLDER, difference, file_of, take


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def somewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a screen says of places and times is the same everywhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.anyio
@pytest.mark.slow
@pytest.mark.timeout(180)  # up to a dozen screens, each drawn six times
@pytest.mark.parametrize("name", SCRIPTS)
async def test_a_script_goes_as_it_says_and_looks_as_it_did(name: str) -> None:
    script = load(name)
    taken: dict[str, str] = {}

    async def keep(player: Player, snapshot: str) -> None:
        taken[snapshot] = await take(player)

    await play_staged(script, Path("runs"), keep, captions=name in CAPTIONED)
    compare(name, taken)


@pytest.mark.anyio
@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", SCENES)
async def test_a_run_with_company_looks_as_it_did(name: str) -> None:
    async with played(name) as player:
        compare(COMPANY, {name: await take(player)})


def compare(script: str, taken: Mapping[str, str]) -> None:
    """Hold pictures against those that are kept."""
    differ = {
        name: difference(file_of(script, name).read_text(), now)[:20]
        for name, now in taken.items()
        if now != file_of(script, name).read_text()
    }
    told = "\n".join(f"{name}: line {line}" for name, lines in differ.items() for line in lines)
    assert not differ, f"screens look different (python -m tests.scripts.renew {script})\n{told}"


def test_every_picture_that_is_kept_belongs_to_a_script() -> None:
    wanted = {
        file_of(name, line.name)
        for name in SCRIPTS
        for line in load(name).lines
        if isinstance(line, Snapshot)
    }
    wanted |= {file_of(COMPANY, name) for name in SCENES}
    assert set(FOLDER.glob("*/*.txt")) == wanted
