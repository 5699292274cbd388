"""Stand-ins that are part of the product: a run without processes, disks or planners.

    FakeBackend       attempts that take a scripted time on the event loop's clock and end as scripted
    MemoryJournal     the record in a list, with the same chain
    ScriptedPlanner   gives these plans, in this order
    ScriptedExecutor  takes these turns, for each agent's step in their order

With trio's `MockClock(autojump_threshold=0)` an hour of a run takes no time at all. Used by the tests,
by simulations of a plan, and by whoever writes a planner or a backend.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import anyio

from console.catalog.spec import Catalog
from console.errors import NoExecutor, NoPlanExists
from console.plan.model import Plan
from console.planners.base import Goal, History, PlanDraft, Progress
from console.planners.executor import Brief, Move
from console.run.events import Event, Record
from console.run.journal import GENESIS, chain
from console.runners.backend import Chunk, Spec, Status, Worker


@dataclass(frozen=True, slots=True)
class Play:
    """How an attempt goes: `seconds` long, then `exit_code` with this output. One that `hangs` ends only
    by its timeout; one that is `lost` ends without a word."""

    seconds: float = 0.0
    exit_code: int = 0
    out: str = ""
    err: str = ""
    hangs: bool = False
    lost: bool = False


Script = Callable[[Spec], Play]


@dataclass
class FakeBackend:
    """Plays attempts instead of running them. `script` maps a spec to its play; `started` lists the
    keys in the order of their starts, `most` is how many ran at once at most."""

    script: Script = lambda _: Play()
    started: list[str] = field(default_factory=list)
    specs: dict[str, Spec] = field(default_factory=dict)
    most: int = 0
    _over: dict[str, Status] = field(default_factory=dict)
    _ends: dict[str, anyio.Event] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)
    _running: set[str] = field(default_factory=set)

    async def submit(self, spec: Spec) -> bool:
        if spec.key in self.specs:
            return False
        self.specs[spec.key] = spec
        self.started.append(spec.key)
        self._running.add(spec.key)
        self.most = max(self.most, len(self._running))
        self._ends[spec.key] = anyio.Event()
        play = self.script(spec)
        seconds = math.inf if play.hangs else play.seconds
        if spec.timeout is not None:
            seconds = min(seconds, spec.timeout)
        self._due[spec.key] = anyio.current_time() + seconds
        return True

    async def status(self, key: str, wait: float | None = 0) -> Status:
        if key not in self.specs:
            return Status("unknown")
        if key not in self._over and wait != 0:
            left = self._due[key] - anyio.current_time()
            with anyio.move_on_after(left if wait is None else min(left, wait)):
                await self._ends[key].wait()
        if key not in self._over and anyio.current_time() >= self._due[key]:
            self._finish(key)
        return self._over.get(key, Status("running", pid=1, host="fake"))

    def _finish(self, key: str) -> None:
        spec, play = self.specs[key], self.script(self.specs[key])
        self._running.discard(key)
        if play.lost:
            self._over[key] = Status("lost", error="lost as scripted")
            return
        timed_out = spec.timeout is not None and (play.hangs or play.seconds > spec.timeout)
        if play.out or play.err:
            spec.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
            (spec.spool / "out").write_text(play.out)
            (spec.spool / "err").write_text(play.err)
        code = -15 if timed_out else play.exit_code
        self._over[key] = Status("exited", exit_code=code, pid=1, host="fake", timed_out=timed_out)

    async def output(self, key: str, offset: int = 0) -> AsyncIterator[Chunk]:
        play = self.script(self.specs[key])
        for stream, text in (("out", play.out), ("err", play.err)):
            if data := text.encode()[offset:]:
                yield Chunk("out" if stream == "out" else "err", offset, data)

    async def cancel(self, key: str) -> None:
        if key in self._running:
            self._running.discard(key)
            self._over[key] = Status("cancelled", exit_code=-15)
            self._ends[key].set()

    async def abandon(self, key: str) -> None:
        self._running.discard(key)
        self._over[key] = Status("lost", error="abandoned")
        self._ends[key].set()

    async def workers(self) -> list[Worker]:
        return [Worker("fake")]


class MemoryJournal:
    """The journal in a list."""

    def __init__(self, records: Sequence[Record] = ()) -> None:
        self.records: list[Record] = list(records)
        self.commits = 0

    @property
    def seq(self) -> int:
        return len(self.records)

    @property
    def head(self) -> str:
        return self.records[-1].hash if self.records else GENESIS

    def append(self, events: Sequence[tuple[float, Event]]) -> list[Record]:
        fresh: list[Record] = []
        self.commits += 1
        for at, event in events:
            body = event.model_dump_json(by_alias=True, exclude_defaults=True)
            seq = self.seq + 1
            head = chain(self.head, seq, at, event.kind, body)
            record = Record(seq, at, event, head, body)
            self.records.append(record)
            fresh.append(record)
        return fresh

    def since(self, after: int) -> Iterator[Record]:
        yield from self.records[after:]


class ScriptedPlanner:
    """Gives `plans` one after the other: the first to `plan`, the others to `replan`."""

    name = "scripted"
    model = prompt = ""

    def __init__(self, *plans: Plan) -> None:
        self._plans = list(plans)
        self.histories: list[History] = []

    async def plan(self, goal: Goal, catalog: Catalog, progress: Progress) -> PlanDraft:
        return self._next()

    async def replan(
        self, goal: Goal, catalog: Catalog, plan: Plan, history: History, progress: Progress
    ) -> PlanDraft:
        self.histories.append(history)
        return self._next()

    def _next(self) -> PlanDraft:
        if not self._plans:
            raise NoPlanExists("the script has no further plan", todo="Add one")
        return PlanDraft(self._plans.pop(0), self.name, reason="as scripted")


class ScriptedExecutor:
    """Takes the turns that `script` gives for a step: one of them per turn that the record holds, so that a
    run that is taken up again goes on where it was. A turn takes `seconds`. `briefs` are what was asked."""

    def __init__(self, script: Mapping[str, Sequence[Move]], seconds: float = 1.0) -> None:
        self._script, self._seconds = script, seconds
        self.briefs: list[Brief] = []

    async def turn(self, brief: Brief, progress: Progress) -> Move:
        self.briefs.append(brief)
        await anyio.sleep(self._seconds)
        moves = self._script.get(brief.step, ())
        if len(brief.past) >= len(moves):
            raise NoExecutor(f"the script has no further turn for step {brief.step}", todo="Add one")
        return moves[len(brief.past)]

    def close(self) -> None:
        """Nothing belongs to it."""


def virtual_wall(start: float = 1_700_000_000.0) -> Callable[[], float]:
    """Seconds since the epoch on the event loop's clock, for `Setup.wall` under a virtual clock."""

    def now() -> float:
        try:
            return start + anyio.current_time()
        except RuntimeError:
            return time.time()

    return now


def durations(seconds: Mapping[str, float]) -> Script:
    """A script in which step `s` takes `seconds[s]` and succeeds."""
    return lambda spec: Play(seconds=seconds[spec.key.split("/")[1]])
