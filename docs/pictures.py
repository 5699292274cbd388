"""The guide's pictures: moments of the session scripts, drawn.

    script ── stage ── ConsoleApp under Pilot ── SVG ── rsvg-convert ── docs/pictures/*.png

On a stage everything comes out the same: a picture changes when the console does.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping
from html import escape, unescape
from pathlib import Path

import anyio
from palette import shrink

from console.commands.staging import play_staged
from console.tui.scripts.model import NARROW
from console.tui.scripts.player import Player
from console.tui.scripts.reader import load_script

WIDTH = 1120
"""Pixels of a picture."""

WIDE = (116, 30)
"""Columns and rows at which the panes stand side by side, and no larger: a page has little room."""

MARKS = r"[-+*/=<>!?&|:.~#$%^_;]"
BESIDE = re.compile(rf"((?<={MARKS}){MARKS})")
"""A mark beside another: the font of the pictures would draw both as one, which no terminal does."""

PICTURES: Mapping[str, Mapping[str, Mapping[str, tuple[int, int]]]] = {
    "broken-deploy": {
        "plan": {"plan": WIDE, "small-plan": NARROW},
        "approval": {"approval": WIDE},
        "running": {"running": WIDE},
        "revision": {"revision": (140, 32)},
        "failures": {"failures": WIDE},
        "rollback": {"rollback": WIDE},
        "summary": {"summary": WIDE},
    },
    "half-migrated": {"step": {"small-step": NARROW}},
}
"""By script and snapshot: the pictures that are taken of it, each at its size."""


async def film(name: str, out: Path) -> None:
    """Play a script and take its pictures into `out`."""
    script = load_script(name)

    async def keep(player: Player, snapshot: str) -> None:
        for picture, size in PICTURES[name].get(snapshot, {}).items():
            await player.pilot.resize_terminal(*size)
            await player.settle()
            svg = player.app.export_screenshot(title="plandeck")
            (out / f"{picture}.svg").write_text(svg)
        await player.pilot.resize_terminal(*script.size)
        await player.settle()

    await play_staged(script, Path("runs"), keep)


def make(folder: Path) -> list[Path]:
    """Take every picture anew and put it into `folder`; gives the files. Needs `rsvg-convert`."""
    folder = folder.absolute()
    with tempfile.TemporaryDirectory() as scratch:
        here = Path.cwd()
        os.environ |= {"XDG_CONFIG_HOME": scratch, "TZ": "UTC"}
        time.tzset()
        os.chdir(scratch)
        try:
            for name in PICTURES:
                anyio.run(film, name, Path(scratch))
        finally:
            os.chdir(here)
        return [_png(svg, folder / f"{svg.stem}.png") for svg in sorted(Path(scratch).glob("*.svg"))]


def _png(svg: Path, png: Path) -> Path:
    """The picture as PNG; spaces that do not break count as spaces, which rsvg-convert would collapse."""
    text = svg.read_text().replace("&#160;", " ").replace("<text ", '<text xml:space="preserve" ')
    text = re.sub(r"(?<=>)[^<]+(?=</text>)", lambda found: _apart(found[0]), text)
    drawn = subprocess.run(
        ["rsvg-convert", "--width", str(WIDTH)], input=text.encode(), capture_output=True, check=True
    )
    png.write_bytes(shrink(drawn.stdout))
    return png


def _apart(text: str) -> str:
    """A text of the picture with every mark by itself."""
    pieces = [escape(piece, quote=False) for piece in BESIDE.split(unescape(text))]
    return "".join(f"<tspan>{piece}</tspan>" if n % 2 else piece for n, piece in enumerate(pieces))


if __name__ == "__main__":
    make(Path(__file__).parent / "pictures")
