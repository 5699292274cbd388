"""What another program is told of a step's output, a piece at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.plan.model import Plan, Step
from console.run import events as ev
from console.run.control import spool
from console.run.state import RunState
from console.serving import told

KEY = "4f1c/1/1"
END = ev.StepSucceeded(step="1", attempt=1)


def state_after(*events: ev.Event) -> RunState:
    state = RunState()
    plan = Plan(steps=(Step(id="1", action="a"),))
    drafted = ev.PlanDrafted(revision=1, plan=plan, plan_hash="h", planner="given")
    begun = (drafted, ev.RunStarted(), ev.StepIntended(step="1", attempt=1, key=KEY))
    for seq, event in enumerate((*begun, *events), 1):
        state.apply(ev.Record(seq=seq, at=1.0, event=event))
    return state


def pieces(folder: Path, state: RunState) -> list[str]:
    """The output as a client reads it: on and on while there is more."""
    texts, offset = [], 0
    while True:
        piece = told.output_told(state, folder, "1", 0, "out", offset)
        texts.append(piece.text)
        if piece.next_offset is None or piece.next_offset == offset:
            return texts
        offset = piece.next_offset


def test_a_long_output_is_read_in_pieces_that_break_no_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "a" + "ü€😀" * 20
    (folder := spool(tmp_path, KEY)).mkdir(parents=True)
    (folder / "out").write_text(text)
    for size in range(4, 12):
        monkeypatch.setattr(told, "OUTPUT", size)
        assert "".join(pieces(tmp_path, state_after(END))) == text


def test_half_a_character_waits_for_the_rest_as_long_as_the_step_runs(tmp_path: Path) -> None:
    (folder := spool(tmp_path, KEY)).mkdir(parents=True)
    (folder / "out").write_bytes(b"gr\xc3")
    piece = told.output_told(state_after(), tmp_path, "1", 0, "out", 0)
    assert (piece.text, piece.next_offset, piece.done) == ("gr", 2, False)
    assert pieces(tmp_path, state_after(END)) == ["gr�"]
