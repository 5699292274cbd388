"""What the keys do to a replay: its clock is all that can be steered.

A replay is a session (console/service/playback.py) whose records come when its clock gets to them; the
screen folds and shows them as it does those of a run that is going on.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from console.service.playback import Playback, Position
from console.tui.attention import Attention
from console.tui.widgets.output import OutputPane
from console.tui.widgets.replay_line import ReplayLine

if TYPE_CHECKING:
    from console.tui.screens.run import RunScreen

LEAP = 10.0
"""Played seconds that one key goes on or back."""

Work = Callable[[], Coroutine[Any, Any, None] | None]


class Playing:
    """The clock's side of the main screen; nothing where the run is no replay."""

    def __init__(self, screen: RunScreen) -> None:
        self.screen = screen
        session = screen.session
        self.playback = session if isinstance(session, Playback) else None
        if self.playback is not None:
            self.playback.on_rewind = self._rewound
            self.playback.on_change = self.look

    @property
    def position(self) -> Position | None:
        return self.playback.position if self.playback is not None else None

    def handlers(self) -> dict[str, Work]:
        if self.playback is None:
            return {}
        playback = self.playback
        return {
            "play": playback.play,
            "record_on": lambda: playback.step(1),
            "record_back": lambda: playback.step(-1),
            "leap_on": lambda: playback.skip(LEAP),
            "leap_back": lambda: playback.skip(-LEAP),
            "faster": lambda: playback.faster(1),
            "slower": lambda: playback.faster(-1),
            "to_failure": lambda: self._to_failure(playback, 1),
            "to_failure_back": lambda: self._to_failure(playback, -1),
            "to_moment": lambda: self._to_moment(playback),
        }

    def _to_failure(self, playback: Playback, way: int) -> None:
        if not playback.go_to_failure(way):
            self.screen.say("nothing fails after this" if way > 0 else "nothing failed before this")

    async def _to_moment(self, playback: Playback) -> None:
        from console.tui.screens.text_input import AskText

        lead = "01:30 into the run · #40 a record · 50% · end"
        place = await self.screen.operating.ask(AskText("Go to", lead=lead))
        if place and not playback.go_to_place(place):
            self.screen.say(f"“{place}” is no place", severity="warning")

    def look(self) -> None:
        """Show where the replay is."""
        position = self.position
        self.screen.view.replay = position
        if position is not None:
            self.screen.query_one(ReplayLine).show(position)

    def begin(self) -> None:
        """The screen is there."""
        if self.playback is not None and self.playback.plays_when_shown:
            self.playback.play(True)

    def tick(self) -> None:
        if self.playback is not None and self.playback.position.playing:
            self.look()

    def _rewound(self) -> None:
        """The records begin anew."""
        self.screen.bridge.rewind()
        self.screen.attention = Attention(self.screen)
        self.screen.query_one(OutputPane).forget()
