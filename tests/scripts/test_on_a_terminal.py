"""Demos and recordings as a person has them: on a terminal, with keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.commands.staging import play_staged
from console.run.state import RunState
from console.tui.scripts.model import Press, TypeIn
from console.tui.scripts.player import Player
from console.tui.scripts.reader import load_script
from tests.scripts.played import SCRIPTS
from tests.terminal import Tty

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

DEMO = f"""
title: Three messages
task: {SCRIPTS["by-hand"].parent / "by-hand/task.yaml"}
lines:
  - wait_for: {{asks: plan}}
  - say: Nothing has run yet.
  - press: a
  - say: This is what you approve.
  - press: G enter
  - wait_for: {{asks: gate}}
  - say: A gate asks before the second.
"""


@pytest.fixture
def demo(tmp_path: Path) -> str:
    (tmp_path / "demo.yaml").write_text(DEMO)
    return "demo.yaml"


def test_a_demo_says_what_is_to_be_seen_and_obeys_whoever_watches(tmp_path: Path, demo: str) -> None:
    with Tty(tmp_path, "demo", demo, "--speed", "0.1") as seen:
        seen.until("Nothing has run yet.")
        seen.until("Space pause · → on · h hands on · q leave")
        seen.press(" ")
        seen.until("paused · Space go on")
        seen.press(" ")
        seen.until("Space pause")
        # At this speed a caption stays for twenty seconds: the arrow goes on at once.
        seen.press_until("\x1b[C", "This is what you approve.")
        seen.press_until("\x1b[C", "A gate asks before the second.")
        seen.press_until("\x1b[C", "That was the demo")
        seen.press("q")
        assert seen.exit_code() == 0


def test_a_demo_hands_the_keys_over(tmp_path: Path, demo: str) -> None:
    with Tty(tmp_path, "demo", demo, "--speed", "20") as seen:
        seen.until("That was the demo")
        seen.press("h")
        seen.until("the keys are yours")
        assert "That was the demo" not in seen.text
        seen.press("6")
        seen.until("records")
        seen.press("q")
        assert seen.exit_code() == 0
        assert "plandeck attach" not in seen.text


def test_what_is_pressed_by_sign_or_pasted_is_recorded_so_that_it_can_be_played(tmp_path: Path) -> None:
    with Tty(tmp_path, "script", "record", "what-time", "-o", "mine.yaml") as seen:
        seen.until("a approve the plan")
        seen.press("*")
        seen.until("marked")
        seen.press("/")
        seen.until("filter the plan")
        seen.press("\x1b[200~Tell\x1b[201~")
        seen.until("filter /Tell")
        seen.press("\r")
        seen.press_until("i", "Stop the run here?")
        seen.press("y")
        seen.until("STOPPED")
        seen.press("q")
        assert seen.exit_code() == 0
    lines = load_script(str(tmp_path / "mine.yaml")).lines
    assert next(line.text for line in lines if isinstance(line, TypeIn)) == "Tell"
    assert "asterisk" in next(line.keys for line in lines if isinstance(line, Press))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_a_recorded_session_comes_to_the_same_end_when_it_is_played(tmp_path: Path) -> None:
    with Tty(tmp_path, "script", "record", "what-time", "-o", "mine.yaml") as seen:
        seen.until("a approve the plan")
        seen.press("a")
        seen.until("Approve the plan")
        seen.until("Enter")
        seen.press("G")
        seen.press("\r")
        seen.until("SUCCEEDED")
        seen.press("2")
        seen.until("UTC")
        seen.press("q")
        assert seen.exit_code() == 0
    script = load_script(str(tmp_path / "mine.yaml"))
    assert script.size == (80, 24)
    assert [line for line in script.lines if isinstance(line, Press)] == [
        Press(12, ("a", "G", "enter")),
        Press(17, ("2",)),
    ]
    ends: list[tuple[RunState, str]] = []

    async def keep(player: Player, _: str) -> None:
        ends.append((player.state, player.text()))

    with (tmp_path / "mine.yaml").open("a") as file:
        file.write("- snapshot: end\n")
    await play_staged(load_script(str(tmp_path / "mine.yaml")), tmp_path / "runs", keep)
    ((state, text),) = ends
    assert state.status == "succeeded"
    assert "UTC" in text
