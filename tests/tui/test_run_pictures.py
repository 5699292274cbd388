"""A few pictures of the main screen, named by what they promise to look like."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from console.run.events import Event
from console.tui.app import ConsoleApp, Options
from console.tui.screens.run import RunScreen
from tests.tui import fakes
from tests.tui.driving import NARROW, WIDE

Story = Callable[[], tuple[Event, ...]]

PICTURES: dict[str, tuple[Story, tuple[int, int], str, bool, tuple[str, ...]]] = {
    "awaiting approval, wide, dark": (fakes.awaiting_approval, WIDE, "dark", False, ()),
    "awaiting approval, narrow, dark": (fakes.awaiting_approval, NARROW, "dark", False, ()),
    "parallel steps, wide, light": (fakes.running, WIDE, "light", False, ("j",)),
    "parallel steps, narrow, 16 colours": (fakes.running, NARROW, "16", False, ("j",)),
    "failure with a revision, wide, colour-blind-safe": (fakes.proposed, WIDE, "colour-blind", False, ()),
    "failure with a revision, narrow, monochrome": (fakes.proposed, NARROW, "mono", False, ()),
    "rolled back, wide, dark": (fakes.rolled_back, WIDE, "dark", False, ()),
    "rolled back, narrow, ASCII": (fakes.rolled_back, NARROW, "dark", True, ("0",)),
}


def settled(keys: tuple[str, ...]) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Wait until everything there is to tell is on the screen, then press the keys."""

    async def run_before(pilot: Pilot[Any]) -> None:
        while True:
            await pilot.pause(0.02)
            screen = next((s for s in pilot.app.screen_stack if isinstance(s, RunScreen)), None)
            if screen is None or not screen.is_mounted:
                continue
            assert isinstance(screen.session, fakes.FakeSession)
            seq, plan = screen.session.state.seq, screen.bridge.state.plan
            checked = screen.foresight.insight_of is plan and (screen.foresight.taking is not None) is (
                screen.bridge.state.proposal is not None
            )
            if screen.bridge.state.seq == seq and checked and screen.view.state.seq == seq:
                break
        screen.refresh_run()
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()

    return run_before


@pytest.mark.parametrize("name", PICTURES)
def test_it_looks_like(name: str, snap_compare: Callable[..., bool], tmp_path: Path) -> None:
    story, size, theme, ascii_only, keys = PICTURES[name]
    session = fakes.FakeSession(Path("runs") / "4f1c", *story())
    options = Options(theme=theme, ascii=ascii_only, by="ada", now=lambda: session.state.at + 3)
    app = ConsoleApp(session, options)
    assert snap_compare(app, terminal_size=size, run_before=settled(keys))
