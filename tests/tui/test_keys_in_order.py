"""Keys that arrive all at once do what they do one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Input

from console.run.control import RollBack
from console.tui.app import ConsoleApp, Options
from console.tui.screens.rollback import RollbackScreen
from console.tui.screens.run import RunScreen
from console.tui.scripts.player import key_event
from tests.tui import fakes
from tests.tui.builders import DEPLOY, failed, running, succeeded
from tests.tui.driving import until
from tests.tui.showing import Clock
from tests.tui.test_screen_rollback import PREVIEW

pytestmark = pytest.mark.anyio


class Line(ModalScreen[str]):
    """A line to type into; `Enter` gives what stands there."""

    def compose(self) -> ComposeResult:
        yield Input()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)


async def answer(folder: Path, screen: ModalScreen[Any], *keys: str) -> Any:
    """What a screen is dismissed with when all the keys come in one piece."""
    app = ConsoleApp(fakes.FakeSession(folder, *fakes.running()), Options(by="ada"))
    given: list[Any] = []
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await app.push_screen(screen, given.append)
        await pilot.pause()
        if isinstance(screen, RollbackScreen):
            assert isinstance(screen.settle.clock, Clock)
            screen.settle.clock.now += 10
        for key in keys:
            app.post_message(key_event(key))
        await until(pilot, lambda: bool(given))
    return given[0]


async def test_an_arrow_before_enter_chooses_what_enter_takes(tmp_path: Path) -> None:
    state = running(DEPLOY, *succeeded("1"), *succeeded("2"), *failed("3"))
    screen = RollbackScreen(PREVIEW, "f" * 64, state, clock=Clock())
    assert isinstance(await answer(tmp_path, screen, "G", "right", "enter"), RollBack)


async def test_what_is_typed_and_taken_back_stays_in_order(tmp_path: Path) -> None:
    keys = ["a", "x", "backspace", "c", "left", "b", "enter"]
    assert await answer(tmp_path, Line(), *keys) == "abc"
