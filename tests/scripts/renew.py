"""Take the pictures of the session scripts, and of the scenes with company, anew:
`python -m tests.scripts.renew [SCRIPT... | company]`.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import anyio

from console.commands.staging import play_staged
from console.tui.scripts.model import Script
from console.tui.scripts.player import Player
from tests.scripts.company import COMPANY, SCENES, played
from tests.scripts.played import CAPTIONED, SCRIPTS, load
from tests.scripts.screens import file_of, take


def renew_company() -> None:
    async def take_all() -> None:
        for name in SCENES:
            async with played(name) as player:
                keep(COMPANY, name, await take(player))

    anyio.run(take_all)


def keep(script: str, name: str, picture: str) -> None:
    file = file_of(script, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(picture)
    print(file.name)


def renew(script: Script) -> None:
    async def taken(player: Player, name: str) -> None:
        keep(script.name, name, await take(player))

    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        os.environ["XDG_CONFIG_HOME"] = scratch
        anyio.run(partial(play_staged, script, Path("runs"), taken, captions=script.name in CAPTIONED))


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    os.environ.pop("NO_COLOR", None)
    time.tzset()
    for name in sys.argv[1:] or (*SCRIPTS, COMPANY):
        print(name)
        renew_company() if name == COMPANY else renew(load(name))
