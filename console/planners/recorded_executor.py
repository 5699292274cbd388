"""The executor that replays stored turns: for demos, session scripts and tests.

The turns are the entries `agent: STEP` of a recording (console/planners/recorded.py), used in their order
for each step. Which one is next is told by the turns that the record of the run holds, so that a run that is
taken up again goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from console.errors import PlannerError
from console.planners.base import Progress
from console.planners.executor import Brief, Move
from console.planners.recorded import Reply, read_recording
from console.planners.turn import read_turn


class RecordedExecutor:
    """Replays the turns of `recording`: a file of stored replies, or the replies. Raises
    `InvalidRecording`."""

    def __init__(self, recording: Path | Sequence[Reply]) -> None:
        self._file = recording.name if isinstance(recording, Path) else "recording"
        replies = read_recording(recording) if isinstance(recording, Path) else recording
        self._turns: dict[str, list[Reply]] = {}
        for reply in replies:
            if reply.kind == "agent":
                self._turns.setdefault(reply.expects, []).append(reply)

    async def turn(self, brief: Brief, progress: Progress) -> Move:
        """The next stored turn. Raises `PlannerError` when there is none."""
        turns, number = self._turns.get(brief.step, []), len(brief.past)
        if number >= len(turns):
            raise PlannerError(
                f"the recording has {len(turns)} turns of the agent of step {brief.step}, and no more",
                where=self._file,
                todo="record the session again",
            )
        stored = turns[number]
        text = stored.reply if isinstance(stored.reply, str) else json.dumps(stored.reply)
        move = read_turn(text, tuple(brief.tools))
        return replace(move, model=stored.model, tokens=stored.tokens, cost=stored.cost)

    def close(self) -> None:
        """Nothing belongs to it."""

    def __bool__(self) -> bool:
        return bool(self._turns)
