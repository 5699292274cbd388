"""What is remembered of a step is remembered of this very step, and not for ever."""

from __future__ import annotations

import pytest

from console.plan import by_step
from console.plan.by_step import ByStep
from console.plan.model import Step


def test_a_step_is_looked_at_once() -> None:
    looked: list[Step] = []

    def action(step: Step) -> str:
        looked.append(step)
        return step.action

    about = ByStep(action)
    one, same = Step(id="1", action="a"), Step(id="1", action="a")
    assert [about(step) for step in (one, same, one, same)] == ["a"] * 4
    assert [step is one for step in looked] == [True, False]


def test_no_more_is_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_step, "MOST", 3)
    looked: list[str] = []
    about = ByStep(lambda step: looked.append(step.id))
    steps = [Step(id=str(n)) for n in range(4)]
    for step in (*steps, steps[3], steps[0]):
        about(step)
    assert looked == ["0", "1", "2", "3", "0"]
