"""What a recorded session script says of the run it was recorded from."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.commands.recording import has_turns, script_text, size_of, world_of
from console.commands.staging import play_staged
from console.run.state import RunState
from console.service.act import Act
from console.tui.scripts.player import Player
from console.tui.scripts.reader import load_script

SESSION = """
task: slow-site
world:
  verify: {seconds: 2, out: "fast: 40 ms\\n"}
  report/1: {exit: 7, err: "no room\\n"}
  report/2: {lost: true}
lines:
  - wait_for: {asks: plan}
  - press: a G enter
  - wait_for: {asks: decision}
  - press: r
  - wait_for: {asks: in_doubt}
  - snapshot: end
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_the_world_of_a_run_can_be_played_again(tmp_path: Path) -> None:
    ends: list[RunState] = []

    async def keep(player: Player, _: str) -> None:
        ends.append(player.state)

    (tmp_path / "it.yaml").write_text(SESSION)
    await play_staged(load_script(str(tmp_path / "it.yaml")), tmp_path / "runs", keep)
    (state,) = ends
    world = dict(world_of(state, tmp_path / "runs" / "4f1c"))
    # What agents do is in their turns; what their calls came to is of the world.
    assert {"logs-a1", "mend-a2"} < world.keys()
    assert not {"logs", "config", "mend"} & world.keys()
    text = script_text({"task": "slow-site"}, [{"wait_for": "awaiting_approval"}], world)
    (tmp_path / "again.yaml").write_text(text)
    again = load_script(str(tmp_path / "again.yaml")).world
    assert again["verify"] == Act(2.0, out="fast: 40 ms\n")
    assert again["report/1"] == Act(1.0, 7, err="no room\n")
    assert again["report/2"].lost


def test_a_size_is_one_that_a_script_may_ask_for() -> None:
    assert [size_of(80, 24), size_of(1, 1), size_of(999, 999)] == ["80x24", "40x10", "300x100"]


def test_only_turns_of_agents_need_a_recording(tmp_path: Path) -> None:
    file = tmp_path / "replies.yaml"
    assert not has_turns(file)
    file.write_text('- plan: g\n  reply: {steps: [{id: 1, action: none, params: {text: "hm"}}]}\n')
    assert not has_turns(file)
    file.write_text("- agent: a\n  reply: {finish: done}\n")
    assert has_turns(file)
