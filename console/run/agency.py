"""The agents of a run at work: their turns taken, their ends told, their files kept, as the loop goes.

What they do is decided elsewhere (run/agents.py); what comes of it here is an event like any other. A turn
whose agent is over by then is given up and never looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from console.plan.model import StepId
from console.run import events as ev
from console.run.agents import Agents
from console.run.state import RunState
from console.run.turns import Turns
from console.runners.backend import Status


class Loop(Protocol):
    """The engine's loop, as agents use it."""

    def emit(self, event: ev.Event) -> None:
        """Apply an event in this turn."""

    def put(self, item: Callable[[], None]) -> None:
        """Have this done in a turn."""

    def later(self, task: Callable[..., Any], *args: Any) -> None:
        """Start this task once the turn is written down."""

    def ended(self, step: StepId, attempt: int, key: str, status: Status) -> None:
        """An attempt is over."""


class Agency:
    """Has the `turns` of the agents in `state` taken."""

    def __init__(
        self, turns: Turns, state: RunState, agents: Agents, wall: Callable[[], float], loop: Loop
    ) -> None:
        self._turns, self._state, self._agents, self._wall, self._loop = turns, state, agents, wall, loop
        self._unlogged: set[StepId] = set()

    def begin(self, intended: ev.StepIntended) -> None:
        """An agent needs no process: it has started when that is intended."""
        started = ev.StepStarted(step=intended.step, attempt=intended.attempt, started=self._wall())
        self._loop.emit(started)

    def take_up(self, step_id: StepId) -> None:
        """An agent runs that an engine before this one has begun."""
        self._loop.later(self._write, step_id)

    def think(self, step_id: StepId) -> None:
        """Have an agent take its next turn."""
        self._loop.later(self._turns.take, self._state.find(step_id), self._state, self._thought)

    def _thought(self, *events: ev.AgentThought | ev.StepFailed) -> None:
        self._loop.put(partial(self._take, *events))

    def _take(self, *events: ev.AgentThought | ev.StepFailed) -> None:
        step, number = events[0].step, events[0].attempt
        attempt = self._state.step(step).attempt
        is_its_own = attempt is not None and attempt.number == number
        if step in self._agents.thinking & self._agents.running.keys() and is_its_own:
            self._agents.thinking.discard(step)
            for event in events:
                self._loop.emit(event)

    def conclude(self, step_id: StepId) -> None:
        """An agent is finished: its result is written down, and judged like every step's."""
        self._loop.later(self._conclude, step_id)

    async def _conclude(self, step_id: StepId) -> None:
        attempt = self._state.step(step_id).attempt
        assert attempt is not None
        try:
            self._turns.conclude(step_id, self._state)
        except OSError as error:
            why = f"its result cannot be written: {error.strerror or error}"
            failed = ev.StepFailed(step=step_id, attempt=attempt.number, error=why)
            self._loop.put(partial(self._take_end, failed))
            return
        status = Status("exited", exit_code=0, started=attempt.started, ended=self._wall())
        self._loop.ended(step_id, attempt.number, attempt.key, status)

    def _take_end(self, failed: ev.StepFailed) -> None:
        attempt = self._state.step(failed.step).attempt
        if failed.step in self._agents.running and attempt and attempt.number == failed.attempt:
            self._loop.emit(failed)

    def leave(self, key: str) -> None:
        """The attempt `key` is to end; where it is an agent's, it makes no call any more."""
        self._agents.leave(key.split("/")[1], "cancelled")

    def keep_up(self, step_id: StepId) -> None:
        """Something happened to a step: an agent's log follows, and an agent that is over thinks no more."""
        life = self._state.steps.get(step_id)
        if life is None:
            return
        if life.turns or life.parent:
            self._loop.later(self._write, life.parent or step_id)
        if step_id in self._agents.thinking and step_id not in self._agents.running:
            self._agents.thinking.discard(step_id)
            self._loop.later(self._give_up, step_id)

    async def _write(self, step_id: StepId) -> None:
        """The log can be made again from the record: where it cannot be written the agent goes on."""
        try:
            self._turns.write(step_id, self._state)
        except OSError as error:
            if step_id not in self._unlogged:
                self._unlogged.add(step_id)
                what = f"the log of this agent cannot be written: {error.strerror or error}"
                self._loop.put(partial(self._loop.emit, ev.Warned(message=what, step=step_id)))

    async def _give_up(self, step_id: StepId) -> None:
        self._turns.give_up(step_id)
