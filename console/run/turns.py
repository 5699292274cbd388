"""The engine's dealings with an executor: what an agent is asked, what became of it, and its running log.

An agent's attempt has the files of any attempt: its thoughts and calls, line by line, on the error stream
as they happen, its result on the output. Both are made from the record and can be made again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from io import BufferedRandom
from pathlib import Path

import anyio

from console.catalog import agents
from console.catalog.spec import Catalog
from console.errors import NoExecutor, PlandeckError, ReferenceFailed
from console.plan.model import Step, StepId
from console.planners.executor import Brief, Executor, Move, Past
from console.run import events as ev
from console.run.agent import left, profile_of, thought, turns_now, work_of
from console.run.control import spool
from console.run.life import StepStatus
from console.run.outcome import read_tail
from console.run.results import read_result
from console.run.standing import StepState, Turn
from console.run.state import RunState
from console.text import clean, one_line

_S = StepStatus
CONTEXT_CAP = 40_000
"""Characters of what an agent is given to know."""

OUTPUT_CAP, OLD_CAP, FRESH = 6_000, 1_000, 3
"""Characters of a call's output that the next turn is told: of the last `FRESH` calls, and of older ones."""

WAITING = "· "
"""Begins the lines of the log that tell of waiting; they are not part of the record."""

_TODO = "Set PLANDECK_EXECUTOR_MODEL, or give --executor-model"

TurnOver = Callable[..., None]
"""Told of the events that a turn comes to, in their order."""


class Turns:
    """Has turns taken by one executor, and keeps the agents' files."""

    def __init__(self, executor: Executor | None, catalog: Catalog, directory: Path) -> None:
        self._executor, self._catalog, self._directory = executor, catalog, directory
        self._scopes: dict[StepId, anyio.CancelScope] = {}

    def use(self, catalog: Catalog) -> None:
        """Offer the tools of this catalog from now on."""
        self._catalog = catalog

    async def take(self, step: Step, state: RunState, over: TurnOver) -> None:
        """Ask for the next turn of an agent, and tell `over` what it is. Nothing is told of a turn that was
        given up."""
        life = state.step(step.id)
        assert life.attempt is not None
        number = life.attempt.number
        profile = profile_of(step, self._catalog)
        assert profile is not None
        seconds = left(state, step, profile).seconds
        began = anyio.current_time()
        with anyio.CancelScope() as scope:
            self._scopes[step.id] = scope
            heard = _Heard(self._directory, life.attempt.key)
            try:
                brief = self._brief(step, state)
                move = None
                with anyio.move_on_after(seconds):
                    move = await self._asked(brief, heard)
                if move is None:
                    why = "no reply came before the time was used up"
                    move = Move(error=why, tokens=heard.tokens, cost=heard.cost)
            except PlandeckError as error:
                failed = ev.StepFailed(step=step.id, attempt=number, error=_line(error))
                cost = max(heard.cost, float(getattr(error, "cost", 0.0)))
                lost = Move(error="no reply came", tokens=heard.tokens, cost=cost)
                told = thought(lost, step, state, self._catalog, 0.0)
                over(*((told, failed) if lost.cost or lost.tokens else (failed,)))
                return
            except Exception as error:  # noqa: BLE001 - an executor is foreign code; its fault becomes an event
                over(ev.StepFailed(step=step.id, attempt=number, error=f"the executor broke: {error!r:.300}"))
                return
            self._scopes.pop(step.id, None)
            over(thought(move, step, state, self._catalog, round(anyio.current_time() - began, 3)))

    async def _asked(self, brief: Brief, heard: _Heard) -> Move:
        if self._executor is None:
            raise NoExecutor("no model is there for agents", todo=_TODO)
        return await self._executor.turn(brief, heard)

    def give_up(self, step_id: StepId) -> None:
        """The agent's step is over: a turn that is being taken comes too late."""
        scope = self._scopes.pop(step_id, None)
        if scope is not None:
            scope.cancel()

    # ── what an agent is told ────────────────────────────────────────────────────────────────────

    def _brief(self, step: Step, state: RunState) -> Brief:
        tool = self._catalog.get(step.action)
        assert tool is not None
        assert tool.agent is not None
        life = state.step(step.id)
        assert life.attempt is not None
        rest = left(state, step, tool.agent)
        task, context = work_of(life.attempt.params)
        called = [i for i, turn in enumerate(life.turns) if turn.call]
        fresh = set(called[-FRESH:])
        return Brief(
            step=step.id,
            name=tool.name,
            profile=tool.agent,
            tools=agents.tools_of(tool, self._catalog),
            task=task,
            context=_cut(context, CONTEXT_CAP),
            past=tuple(
                self._past(turn, state, OUTPUT_CAP if i in fresh else OLD_CAP)
                for i, turn in enumerate(life.turns)
            ),
            calls_left=max(0, rest.calls),
            tokens_left=rest.tokens,
            cost_left=rest.cost,
        )

    def _past(self, turn: Turn, state: RunState, cap: int) -> Past:
        if not turn.call:
            given = f"the result was given and not taken: {turn.finish}"
            return Past(turn.thought, outcome=f"that cannot be done: {turn.error}" if turn.error else given)
        call, life = state.calls[turn.call], state.steps[turn.call]
        return Past(turn.thought, call.action, call.params, self._outcome(life, cap))

    def _outcome(self, life: StepState, cap: int) -> str:
        """What became of a call, for its agent."""
        attempt = life.attempt
        if life.marked_by:
            return f"done by the operator: {json.dumps(life.marked_result, ensure_ascii=False)}"
        if attempt is None or life.status is _S.SKIPPED:
            return f"it was not done: {life.reason or life.status.value}"
        if attempt.outcome != "succeeded":
            tail = clean(read_tail(spool(self._directory, attempt.key)))
            return _cut(f"{life.status.value.replace('_', ' ')}: {life.reason}\n{tail}", cap)
        try:
            result = clean(read_result(self._directory, attempt.key))
        except ReferenceFailed as error:
            return f"succeeded, but {error.what}"
        return _cut(result, cap) or "succeeded without output"

    # ── its files ────────────────────────────────────────────────────────────────────────────────

    def write(self, step_id: StepId, state: RunState) -> None:
        """Bring the log of an agent's newest attempt up to the record."""
        attempt = state.step(step_id).attempt
        if attempt is None:
            return
        lines = list(_log(state, step_id))
        with _opened(self._directory, attempt.key, "err") as stream:
            stream.seek(0)
            have = [line for line in stream.read().split(b"\n") if line]
            written = sum(not line.startswith(WAITING.encode()) for line in have)
            stream.write(b"".join(line.encode("utf-8", "replace") + b"\n" for line in lines[written:]))

    def conclude(self, step_id: StepId, state: RunState) -> None:
        """Write down the result of an agent that is finished, as its output."""
        attempt = state.step(step_id).attempt
        assert attempt is not None
        result = turns_now(state, step_id)[-1].finish or ""
        with _opened(self._directory, attempt.key, "out") as stream:
            stream.truncate(0)
            stream.write(result.encode("utf-8", "replace"))


class _Heard:
    """Hears how a question goes: `tokens` and `cost` are what it has taken so far. What a model is waited for
    is logged, each kind of waiting once."""

    def __init__(self, directory: Path, key: str) -> None:
        self._directory, self._key = directory, key
        self._logged: set[str] = set()
        self.tokens, self.cost = 0, 0.0

    async def __call__(
        self, message: str, /, *, tokens: int = 0, cost: float = 0.0, passing: bool = False, reply: str = ""
    ) -> None:
        self.tokens, self.cost = max(tokens, self.tokens), max(cost, self.cost)
        kind = re.sub(r"[\d.]+", "", message)
        if kind not in self._logged:
            self._logged.add(kind)
            with _opened(self._directory, self._key, "err") as stream:
                stream.write(f"{WAITING}{one_line(message, 200)}\n".encode("utf-8", "replace"))


def _opened(directory: Path, key: str, name: str) -> BufferedRandom:
    folder = spool(directory, key)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.fdopen(os.open(folder / name, flags, 0o600), "a+b")


def _log(state: RunState, step_id: StepId) -> Iterator[str]:
    """The lines of an agent's newest attempt, none of them empty."""
    for turn in turns_now(state, step_id):
        for line in clean(turn.thought).splitlines():
            if line.strip():
                yield f" {line}" if line.startswith(WAITING) else line
        if turn.error:
            yield f"! {one_line(turn.error, 400)}"
        if not turn.call:
            continue
        call, life = state.calls[turn.call], state.steps[turn.call]
        given = " ".join(f"{name}={json.dumps(v, ensure_ascii=False)}" for name, v in call.params.items())
        yield f"→ {call.id} {call.action} {one_line(given, 400)}".rstrip()
        if life.status in (_S.PENDING, _S.HELD, _S.RUNNING, _S.IN_DOUBT):
            return
        said = life.reason or (life.attempt.preview if life.attempt else "")
        first = one_line(clean(said).strip().partition("\n")[0], 200)
        yield f"← {call.id} {life.status.value.replace('_', ' ')}" + (f": {first}" if first else "")


def _cut(text: str, cap: int) -> str:
    """A text's beginning and end, where it is too long."""
    text = text.strip("\n")
    if len(text) <= cap:
        return text
    head = cap // 3
    return f"{text[:head]}\n… {len(text) - cap} characters left out …\n{text[head - cap :]}"


def _line(error: PlandeckError) -> str:
    return f"{error.what}. {error.todo}" if error.todo else error.what
