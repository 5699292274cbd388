"""A stage: a run whose steps are acted instead of carried out, on a clock that moves only when told.

    acts ──> StageBackend ──> Engine ──> the console, as ever
                 └── Clock <── whoever plays: `advance` goes to the next thing that is due

The engine, the plan, the approvals and the record are the real ones; what is acted is how long an
attempt takes, what it prints and how it ends. Nothing is started and nothing is random, so that the
same session gives the same screens. Played by session scripts (console/tui/scripts/).
"""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Literal

import anyio

from console.catalog.spec import Catalog
from console.plan.model import Plan, StepId
from console.planners.base import Goal, History, PlanDraft, Planner, Progress
from console.run import events as ev
from console.run.agent import open_call
from console.run.life import RunStatus, StepStatus
from console.run.standing import Attempt
from console.run.state import RunState
from console.runners.backend import Chunk, Spec, Status, StepBackend, Worker
from console.service.act import Act
from console.service.exported import Exported
from console.service.playback import Playback
from console.testing import MemoryJournal

HOST = "ops-1"
PID = 4242
GLIMPSES = 3
"""Moments within an attempt at which some of its output is there."""


class Clock:
    """Seconds since the epoch that pass only by `advance`."""

    def __init__(self, start: float) -> None:
        self._now = start
        self._due: list[tuple[float, int, anyio.Event]] = []
        self._order = count()

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until so much time has passed."""
        event = anyio.Event()
        heapq.heappush(self._due, (self._now + seconds, next(self._order), event))
        await event.wait()

    def mark(self, at: float) -> None:
        """Make `at` a moment that `advance` stops at."""
        heapq.heappush(self._due, (at, next(self._order), anyio.Event()))

    @property
    def due(self) -> float | None:
        """When something is due next."""
        return self._due[0][0] if self._due else None

    def advance(self) -> bool:
        """Go to the next moment at which something is due; False when nothing is."""
        if not self._due:
            return False
        self._now = max(self._now, self._due[0][0])
        while self._due and self._due[0][0] <= self._now:
            heapq.heappop(self._due)[2].set()
        return True


Ending = Literal["exited", "cancelled", "lost"]


@dataclass(slots=True)
class _Played:
    """An attempt on the stage; it ends at `due`, or at once when it is `cancelled`."""

    spec: Spec
    act: Act
    started: float
    due: float
    timed_out: bool
    over: anyio.Event = field(default_factory=anyio.Event)
    ended: float = 0.0
    phase: Ending | Literal["running"] = "running"


class StageBackend(StepBackend):
    """Acts attempts. `acts` maps an attempt (`6/1`), a step (`6`) or a step's probe (`6/probe`) to its act;
    what it does not name takes a second and succeeds without a word."""

    def __init__(self, acts: Mapping[str, Act], clock: Clock) -> None:
        self._acts = acts
        self._clock = clock
        self._played: dict[str, _Played] = {}

    @property
    def running(self) -> set[str]:
        """The keys of the attempts that are not over."""
        return {key for key, played in self._played.items() if not played.over.is_set()}

    async def submit(self, spec: Spec) -> bool:
        if spec.key in self._played:
            return False
        act = self._act(spec.key)
        seconds = act.seconds if spec.timeout is None else min(act.seconds, spec.timeout)
        now = self._clock.now()
        spec.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        played = _Played(spec, act, now, now + seconds, timed_out=seconds < act.seconds)
        self._played[spec.key] = played
        if act.out or act.err:
            for part in range(1, GLIMPSES):
                self._clock.mark(now + seconds * part / GLIMPSES)
        self._clock.mark(played.due)
        self.look()
        return True

    def _act(self, key: str) -> Act:
        _, step, attempt = key.split("/")
        if attempt.startswith("probe-"):
            return self._acts.get(f"{step}/probe") or Act()
        return self._acts.get(f"{step}/{attempt}") or self._acts.get(step) or Act()

    def printed(self, key: str) -> tuple[str, str]:
        """What an attempt has printed when it is over."""
        act = self._act(key)
        return act.out, act.err

    def look(self) -> None:
        """Bring every attempt to where it is at this moment."""
        now = self._clock.now()
        for played in self._played.values():
            if played.over.is_set():
                continue
            length = played.due - played.started
            part = 1.0 if now >= played.due else (now - played.started) / length
            for name, text in (("out", played.act.out), ("err", played.act.err)):
                _write(played.spec.spool / name, text, part)
            if now >= played.due:
                self._end(played, "lost" if played.act.lost else "exited")

    def _end(self, played: _Played, phase: Ending) -> None:
        played.phase, played.ended = phase, self._clock.now()
        played.over.set()

    async def status(self, key: str, wait: float | None = 0) -> Status:
        played = self._played.get(key)
        if played is None:
            return Status("unknown", host=HOST)
        if wait is None:
            await played.over.wait()
        if not played.over.is_set():
            return Status("running", pid=PID, host=HOST, started=played.started)
        if played.phase == "lost":
            return Status("lost", host=HOST, started=played.started, error=f"{HOST} does not answer any more")
        code = -15 if played.timed_out or played.phase == "cancelled" else played.act.exit_code
        return Status(
            "cancelled" if played.phase == "cancelled" else "exited",
            exit_code=code,
            pid=PID,
            host=HOST,
            started=played.started,
            ended=played.ended,
            timed_out=played.timed_out,
        )

    async def output(self, key: str, offset: int = 0) -> AsyncIterator[Chunk]:
        act = self._played[key].act
        if data := act.out.encode()[offset:]:
            yield Chunk("out", offset, data)
        if data := act.err.encode()[offset:]:
            yield Chunk("err", offset, data)

    async def cancel(self, key: str) -> None:
        if key in self.running:
            self._end(self._played[key], "cancelled")

    async def abandon(self, key: str) -> None:
        await self.cancel(key)

    async def workers(self) -> list[Worker]:
        return [Worker(HOST)]


def _write(file: Path, text: str, part: float) -> None:
    """As many of the text's lines as are there after this part of the time."""
    lines = text.splitlines(keepends=True)
    shown = "".join(lines[: int(len(lines) * part)])
    before = file.stat().st_size if file.exists() else -1
    if len(shown.encode()) != before:
        file.write_text(shown)


class StageJournal(MemoryJournal):
    """A record that does not know which machine it was made on."""

    def append(self, events: Sequence[tuple[float, ev.Event]]) -> list[ev.Record]:
        return super().append([(at, _anywhere(event)) for at, event in events])


def _anywhere(event: ev.Event) -> ev.Event:
    if isinstance(event, ev.EngineStarted):
        return event.model_copy(update={"pid": PID, "host": HOST, "boot": "stage", "version": "0"})
    if isinstance(event, ev.RunCreated):
        return event.model_copy(update={"version": "0"})
    if isinstance(event, ev.AgentThought):
        return event.model_copy(update={"seconds": 0.0})
    if isinstance(event, ev.CatalogLoaded):
        return event.model_copy(update={"catalog": _by_name(event.catalog)})
    return event


def _by_name(catalog: Catalog) -> Catalog:
    """The catalog with the names of its files alone, wherever they are installed."""
    tools = {
        name: tool.model_copy(update={"file": Path(tool.file).name}) for name, tool in catalog.tools.items()
    }
    return catalog.model_copy(update={"tools": tools, "files": tuple(Path(f).name for f in catalog.files)})


class StagePlanner:
    """`planner`, whose answers take as long on the clock as they say that they took."""

    def __init__(self, planner: Planner, clock: Clock) -> None:
        self._planner, self._clock = planner, clock
        self.waits = False
        """Whether an answer is there that is still to take time."""

    @property
    def name(self) -> str:
        """The planner's own."""
        return self._planner.name

    @property
    def model(self) -> str:
        """The planner's own."""
        return self._planner.model

    @property
    def prompt(self) -> str:
        """The planner's own."""
        return self._planner.prompt

    async def plan(self, goal: Goal, catalog: Catalog, progress: Progress) -> PlanDraft:
        """As the planner's own."""
        return await self._taken(await self._planner.plan(goal, catalog, progress), progress)

    async def replan(
        self, goal: Goal, catalog: Catalog, plan: Plan, history: History, progress: Progress
    ) -> PlanDraft:
        """As the planner's own."""
        return await self._taken(await self._planner.replan(goal, catalog, plan, history, progress), progress)

    async def _taken(self, draft: PlanDraft, progress: Progress) -> PlanDraft:
        for part in range(1, GLIMPSES + 1) if draft.seconds else ():
            self.waits = True
            try:
                await self._clock.sleep(draft.seconds / GLIMPSES)
            finally:
                self.waits = False
            tokens, cost = draft.tokens * part // GLIMPSES, draft.cost * part / GLIMPSES
            await progress(f"{draft.model or draft.planner} answers", tokens=tokens, cost=cost, passing=True)
        return draft


class Stage:
    """Everything that a run is played with in place of the world. `start` is when it begins."""

    def __init__(self, acts: Mapping[str, Act], start: float) -> None:
        self.clock = Clock(start)
        self.backend = StageBackend(acts, self.clock)
        self.journal = StageJournal()
        self._planner: StagePlanner | None = None
        self._playback: Playback | None = None

    def replay(self, run: Exported, folder: Path) -> Playback:
        """A run as a replay on the clock of this stage; from now on time is what passes in it."""
        self._playback = Playback(run, folder, clock=self.clock.now)
        return self._playback

    @property
    def due(self) -> float | None:
        """When something is due next."""
        if self._playback is None:
            return self.clock.due
        pause = self._playback.pause
        return None if pause is None else self.clock.now() + pause

    def acted(self, planner: Planner) -> Planner:
        """A run's planner, on the clock of this stage."""
        self._planner = StagePlanner(planner, self.clock)
        return self._planner

    def advance(self) -> bool:
        """Let time pass up to the next thing that happens; False when nothing will by itself."""
        if self._playback is not None and self.due is not None:
            self.clock.mark(self.due)
        moved = self.clock.advance()
        self.backend.look()
        if self._playback is not None:
            self._playback.look()
        return moved

    def is_quiet(self, state: RunState) -> bool:
        """Whether everything that follows from what has happened is in `state`: nothing more will happen
        before time passes, or somebody presses a key."""
        if self._playback is not None:
            return state.seq >= self._playback.position.number
        if state.seq < self.journal.seq:
            return False
        if _plans(state) and not (self._planner and self._planner.waits):
            return False
        lives = [*state.steps.items(), *(state.rollback.steps.items() if state.rollback else ())]
        return all(
            self._is_acted(life.attempt) or _has_asked(state, step)
            for step, life in lives
            if life.status is StepStatus.RUNNING and life.attempt
        )

    def _is_acted(self, attempt: Attempt) -> bool:
        return bool(attempt.started) and attempt.key in self.backend.running


def _has_asked(state: RunState, step: StepId) -> bool:
    """Whether an agent has made a call which is not over, and which nothing hinders but time or a person."""
    call = open_call(state, step) if step in state.steps else ""
    if not call:
        return False
    life = state.steps[call]
    waits = life.retry_at or any(request.step == call for request in state.requests.values())
    return bool(waits) or life.status is not StepStatus.PENDING or state.status is not RunStatus.RUNNING


def _plans(state: RunState) -> bool:
    if state.status is RunStatus.DRAFTING:
        return not state.error
    return state.status is RunStatus.REPLANNING
