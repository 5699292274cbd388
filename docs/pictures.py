"""The guide's pictures: the real console over real runs of the sample tasks, without a terminal.

    host(order) ── engine ── session ── ConsoleApp under Pilot ── SVG ── rsvg-convert ── docs/pictures/*.png

Run ids, the operator's name and the colours are fixed; times and process ids are those of the run.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
from palette import shrink
from textual.pilot import Pilot

from console.run.control import Session
from console.run.life import RunStatus, StepStatus
from console.run.state import RunState
from console.service.host import host
from console.service.order import Order
from console.task import load
from console.tui.app import ConsoleApp, Options
from console.tui.screens.run import RunScreen

WIDE, NARROW = (140, 40), (80, 24)
WIDTH = 1120
"""Pixels of a picture."""

PATIENCE = 60.0
"""Seconds that a run may take to come to what a picture shows."""


class Camera:
    """The console over one run: press keys, wait until something holds, take a picture."""

    def __init__(self, pilot: Pilot[int], out: Path) -> None:
        self.pilot = pilot
        self.out = out

    @property
    def state(self) -> RunState:
        shown = (s for s in self.pilot.app.screen_stack if isinstance(s, RunScreen))
        return next((screen.bridge.state for screen in shown), RunState())

    async def until(self, holds: Callable[[RunState], bool]) -> None:
        ends = time.monotonic() + PATIENCE
        while not holds(self.state):
            if time.monotonic() > ends:
                raise TimeoutError(f"never came to be; the run is {self.state.status}")
            await self.pilot.pause(0.005)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause(0.3)

    async def take(self, name: str) -> None:
        await self.pilot.pause(0.3)
        svg = self.pilot.app.export_screenshot(title="plandeck")
        self.out.joinpath(f"{name}.svg").write_text(svg)

    async def approve(self, target: str = "") -> None:
        """Read the approval to its end, name the destructive step's target, and approve."""
        await self.press("a", "G")
        if target:
            await self.press("enter", *target)
        await self.press("enter")


Scene = Callable[[Camera], Awaitable[None]]


async def film(run: str, size: tuple[int, int], out: Path, scene: Scene) -> None:
    """Execute the deployment that fails after going live, in this process, and play `scene` on its screen."""
    directory = Path(tempfile.gettempdir()) / "plandeck" / "runs" / run
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700, parents=True)
    order = Order(
        directory=directory,
        task=load("deploy"),
        workspace=str(directory / "workspace"),
        inject="broken-build",
        by="ada",
    )

    async def front(session: Session) -> int:
        app = ConsoleApp(session, Options(by="ada"))
        async with app.run_test(size=size) as pilot:
            await scene(Camera(pilot, out))
        return 0

    try:
        await host(order, front)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


# ── the scenes ───────────────────────────────────────────────────────────────────────────────────


def _is(status: RunStatus) -> Callable[[RunState], bool]:
    return lambda state: state.status is status


def _running(*steps: str) -> Callable[[RunState], bool]:
    return lambda state: all(state.steps[step].status is StepStatus.RUNNING for step in steps)


def _asks(scope: str) -> Callable[[RunState], bool]:
    return lambda state: any(request.scope == scope for request in state.requests.values())


def _slow(workspace: Path, **seconds: int) -> None:
    """Have some of the deployment's scripts take their time, so that two can be seen at once."""
    for name, length in seconds.items():
        with (workspace / "deploy" / f"{name}.sh").open("a") as script:
            script.write(f"sleep {length}\n")


async def deployment(camera: Camera) -> None:
    """From the plan to the end of its rollback."""
    await camera.until(_asks("plan"))
    await camera.press("g")
    await camera.press("j", "j", "j", "j", "j")
    await camera.take("plan")
    _slow(Path(camera.state.workspace), build=4, backup=8)
    await camera.press("a")
    await camera.take("approval")
    await camera.press("escape")
    await camera.approve("production")
    await camera.until(_running("2", "3"))
    await camera.press("g", "j")
    await camera.take("running")
    await camera.until(_asks("revision"))
    await camera.take("revision")
    await camera.press("3")
    await camera.take("failures")
    await camera.press("R")
    await camera.take("rollback")
    await camera.press("right", "enter")
    await camera.until(_is(RunStatus.ROLLED_BACK))
    await camera.take("summary")


async def small(camera: Camera) -> None:
    """The same on the smallest screen."""
    await camera.until(_asks("plan"))
    await camera.take("small-plan")
    _slow(Path(camera.state.workspace), build=3)
    await camera.approve("production")
    await camera.until(_running("2"))
    await camera.press("j", "enter")
    await camera.take("small-step")


async def _film_all(out: Path) -> None:
    await film("4f1c", WIDE, out, deployment)
    await film("4f1d", NARROW, out, small)


def make(folder: Path) -> list[Path]:
    """Take every picture anew and put it into `folder`; gives the files. Needs `rsvg-convert`."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        anyio.run(_film_all, out)
        return [_png(svg, folder / f"{svg.stem}.png") for svg in sorted(out.glob("*.svg"))]


def _png(svg: Path, png: Path) -> Path:
    """The picture as PNG; spaces that do not break count as spaces, which rsvg-convert would collapse."""
    text = svg.read_text().replace("&#160;", " ").replace("<text ", '<text xml:space="preserve" ')
    drawn = subprocess.run(
        ["rsvg-convert", "--width", str(WIDTH)], input=text.encode(), capture_output=True, check=True
    )
    png.write_bytes(shrink(drawn.stdout))
    return png


if __name__ == "__main__":
    make(Path(__file__).parent / "pictures")
