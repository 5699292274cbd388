"""Take the pictures of the session scripts anew: `python -m tests.scripts.renew [SCRIPT...]`."""

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
from tests.scripts.played import CAPTIONED, SCRIPTS, load
from tests.scripts.screens import file_of, take


def renew(script: Script) -> None:
    async def keep(player: Player, name: str) -> None:
        file = file_of(script.name, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(await take(player))
        print(file.name)

    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        os.environ["XDG_CONFIG_HOME"] = scratch
        anyio.run(partial(play_staged, script, Path("runs"), keep, captions=script.name in CAPTIONED))


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    os.environ.pop("NO_COLOR", None)
    time.tzset()
    for name in sys.argv[1:] or SCRIPTS:
        print(name)
        renew(load(name))
