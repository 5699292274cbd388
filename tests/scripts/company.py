"""Scenes that no session script can play: several people at one run, and a run whose process is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from console.run import events as ev
from console.run.state import RunState
from console.tui.app import ConsoleApp, Options
from console.tui.bridge import Shared
from console.tui.scripts.model import WIDE, Script
from console.tui.scripts.player import Player
from tests.tui import fakes

COMPANY = "company"
"""The folder of their pictures."""

GRACE = "grace (pts/3, pid 4242)"


class SharedSession(fakes.FakeSession):
    """A run that somebody else looks at, too; they hold the control where they are the `holder`."""

    def __init__(self, *events: ev.Event, holder: str = "", asker: str = "") -> None:
        super().__init__(Path("runs") / "4f1c", *events)
        self.holder, self.asker, self.others, self.kept = holder, asker, (GRACE,), ""
        self.on_control: Callable[[], None] = lambda: None

    @property
    def has_control(self) -> bool:
        return not self.holder

    async def take_control(self) -> None:
        """Nothing is taken here."""

    async def ask_control(self) -> None:
        """Nobody is asked here."""

    async def answer_control(self, *, yes: bool) -> None:
        """Nobody is answered here."""


def half_approved() -> tuple[ev.Event, ...]:
    """The plan needs two persons, and one has approved it."""
    first = ev.Countersigned(request="q1", scope="plan", hash="h1", by=GRACE, person="grace", how="key")
    return (*fakes.awaiting_approval(), first)


def gone() -> fakes.FakeSession:
    session = fakes.FakeSession(Path("runs") / "4f1c", *fakes.running())
    session.end()
    return session


@dataclass(frozen=True, slots=True)
class Scene:
    """A session, what is pressed, and the screen that is on top then."""

    session: Callable[[], fakes.FakeSession]
    keys: tuple[str, ...] = ()
    on_top: str = "RunScreen"


SCENES: Mapping[str, Scene] = {
    "looking-on": Scene(lambda: SharedSession(*fakes.running(), holder=GRACE)),
    "asked-for": Scene(lambda: SharedSession(*fakes.running(), asker=GRACE)),
    "give-it": Scene(lambda: SharedSession(*fakes.running(), asker=GRACE), ("L",), "ConfirmScreen"),
    "second-person": Scene(lambda: SharedSession(*half_approved(), holder=GRACE)),
    "second-approval": Scene(lambda: SharedSession(*half_approved(), holder=GRACE), ("a",), "ApprovalScreen"),
    "engine-gone": Scene(gone),
}


class Still:
    """A pace at which nothing happens by itself."""

    def is_quiet(self, state: RunState) -> bool:
        return True

    async def pass_time(self) -> bool:
        return False

    async def before_key(self, player: Player, *, typing: bool = False) -> None:
        """At once."""

    async def say(self, player: Player, text: str) -> None:
        """Nobody watches."""

    async def snapshot(self, player: Player, name: str) -> None:
        """Taken by whoever asked for the scene."""


@asynccontextmanager
async def played(name: str) -> AsyncIterator[Player]:
    """The console over a scene, everything there is to tell on the screen."""
    scene = SCENES[name]
    session = scene.session()
    assert isinstance(session, Shared) or not session.fake.wishes
    options = Options(by="ada", now=lambda: session.state.at + 3)
    app = ConsoleApp(session, options)
    async with app.run_test(size=WIDE) as pilot:
        player = Player(Script(name, Path(name), "", "", ()), pilot, Still())
        while (screen := player.run_screen) is None or not screen.is_settled:
            await pilot.pause(0.01)
        for key in scene.keys:
            await pilot.press(key)
        while type(app.screen).__name__ != scene.on_top:
            await pilot.pause(0.01)
        await player.rest()
        yield player
