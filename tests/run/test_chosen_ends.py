"""An end that somebody chose is in the record with their name, and outlives the engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from console.plan.model import Undo
from console.run import control as c
from console.run import events as ev
from console.run.engine import Engine
from console.run.life import RunStatus, StepStatus
from console.run.policy import Policy
from console.testing import FakeBackend, Play
from tests.run.harness import World, answer, plan, run, say, step, until


@dataclass
class Deaf(FakeBackend):
    """Nothing that is to be cancelled hears it, as long as it is `deaf`."""

    deaf: bool = True

    async def cancel(self, key: str) -> None:
        if not self.deaf:
            await super().cancel(key)


def hanging(directory: Path) -> World:
    """A run whose first step is done and whose second hangs."""
    steps = plan(
        step("1", undo=Undo(action="undo_work")), step("2", "work", "1", undo=Undo(action="undo_work"))
    )
    return World(directory, steps, plays={"2": Play(hangs=True)}, policy=Policy(), backend=Deaf())


async def wish_the_end(engine: Engine, end: str) -> None:
    await answer(engine, "plan")
    await until(engine, lambda s: s.steps["2"].status is StepStatus.RUNNING)
    if end == "stop":
        await engine.wish(c.Stop(reason="enough"), by="ada")
        return
    shown = await say(engine, c.PreviewRollback())
    await engine.wish(c.RollBack(hash=shown["hash"]), by="ada")


@pytest.mark.parametrize(
    ("end", "status"), [("stop", RunStatus.STOPPED), ("rollback", RunStatus.ROLLED_BACK)]
)
def test_an_end_that_was_chosen_is_gone_to_after_a_crash_too(
    tmp_path: Path, end: str, status: RunStatus
) -> None:
    world = hanging(tmp_path)

    async def crash(engine: Engine) -> None:
        await wish_the_end(engine, end)
        engine._over = True  # as a crash would: nothing more is written

    assert run(world, crash).end is not None
    world.backend.deaf = False  # type: ignore[attr-defined]
    state = run(world)
    assert (state.status, state.end) == (status, None)
    assert state.steps["2"].status is (StepStatus.CANCELLED if end == "stop" else StepStatus.UNDONE)
    (chosen,) = world.events(ev.EndChosen)
    assert (chosen.end, chosen.by) == (end, "ada")
    assert [event.by for event in world.events(ev.RollbackStarted)] == ["ada"] * (end == "rollback")


def test_who_stops_what_has_not_begun_is_in_the_record(tmp_path: Path) -> None:
    world = hanging(tmp_path)

    async def stop(engine: Engine) -> None:
        await until(engine, lambda s: s.status is RunStatus.AWAITING_APPROVAL)
        await engine.wish(c.Stop(reason="enough"), by="ada")

    state = run(world, stop)
    assert state.finished is not None
    assert state.finished.reason == "stopped before anything ran"
    assert [(event.by, event.reason) for event in world.events(ev.EndChosen)] == [("ada", "enough")]
