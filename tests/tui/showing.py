"""A screen shown to a test: pressed, looked at, and asked what it was dismissed with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from console.tui.themes import INK_DEFAULTS

NOTHING = object()
"""What a screen that is still open was dismissed with."""


class Clock:
    """Seconds that only a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Below(App[None]):
    """An application with something on it that a modal screen covers."""

    def compose(self) -> ComposeResult:
        yield Static("what is below", id="below")

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(INK_DEFAULTS)


class Shown:
    """The screen under test, in an application of its own."""

    def __init__(self, pilot: Pilot[None], screen: Screen[Any]) -> None:
        self.pilot = pilot
        self.screen = screen
        self.result: Any = NOTHING

    @property
    def app(self) -> App[None]:
        return self.pilot.app

    @property
    def is_open(self) -> bool:
        return self.result is NOTHING

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        await self.press(*({" ": "space", "-": "minus"}.get(char, char) for char in text))

    def text(self) -> str:
        """Everything that is on the terminal now."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


@asynccontextmanager
async def shown(screen: Screen[Any], size: tuple[int, int] = (80, 24)) -> AsyncIterator[Shown]:
    app = Below()
    async with app.run_test(size=size) as pilot:
        showing = Shown(pilot, screen)

        def dismissed(result: Any) -> None:
            showing.result = result

        await app.push_screen(screen, dismissed)
        await pilot.pause()
        yield showing
