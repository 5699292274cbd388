"""A replay on a stage: the run is acted to its end first, then what came of it is played.

Everything is approved beforehand, and the run goes back on a failure, so that nobody is asked.
"""

from __future__ import annotations

import anyio

from console.errors import PlandeckError
from console.run import events as ev
from console.run.control import Session
from console.run.state import RunState
from console.service.exported import ENDS, Exported, Output
from console.service.order import Order
from console.service.playback import Playback
from console.service.stage import Stage

NAP = 0.001


def unwatched(order: Order) -> Order:
    """The order for a run that goes to its end by itself."""
    return order.model_copy(update={"approve": "yes", "on_failure": "rollback", "unattended": True})


async def replayed(session: Session, stage: Stage) -> Playback:
    """The run of `session` as a replay, with files of its own beside those of the run. Raises
    `PlandeckError` when it does not come to an end."""
    state = RunState()

    async def follow() -> None:
        async for record in session.records():
            state.apply(record)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow)
        while not state.status.is_final:
            if stage.is_quiet(state) and not stage.advance():
                raise PlandeckError(f"the run does not end, so it cannot be replayed: it is {state.status}")
            await anyio.sleep(NAP)
        tasks.cancel_scope.cancel()
    return stage.replay(_exported(stage), session.directory / "replay")


def _exported(stage: Stage) -> Exported:
    """The run as `plandeck export` would have written it."""
    run = Exported(records=list(stage.journal.since(0)))
    keys: dict[tuple[str, int], str] = {}
    for record in run.records:
        event = record.event
        if isinstance(event, ev.StepIntended):
            keys[event.step, event.attempt] = event.key
        elif isinstance(event, ENDS) and (key := keys.get((event.step, event.attempt))):
            out, err = stage.backend.printed(key)
            run.output[event.step, event.attempt] = Output(event.step, event.attempt, out, err)
    return run
