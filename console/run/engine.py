"""One run of one plan, carried out: decisions become records, records become deeds.

    wishes, ends of attempts, timers ──> inbox ──> turn: decide, decide, ... ──> one commit ──> deeds
                                                                                  └─> everybody who watches

Everything happens in turns of one loop. A turn takes in what has come, asks the course (run/course.py)
what follows, some things at once, writes all of it in one commit, and only then acts and tells. So nothing
is seen that is not durable, nothing starts without its intent on the disk, and events that are ready
together share a commit. After a crash the records say what was intended; `recover` asks the backend what
became of it, by its key.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from console.catalog.spec import Catalog
from console.errors import BackendError, ControlRefused, JournalError, PlandeckError
from console.plan.model import NOTE_TEXT, Plan, Step, StepId
from console.planners.base import Goal, Planner
from console.planners.executor import Executor
from console.run import events as ev
from console.run.agency import Agency
from console.run.attempts import Place, Prepared, spec_of
from console.run.audience import Audience
from console.run.carrier import Carrier, started_event
from console.run.control import Approve, Continue, Retry, Rule, RunControl, Wish
from console.run.course import Course
from console.run.desk import Desk, Grant, running_keys
from console.run.grants import grant
from console.run.life import LIVE, RunStatus, StepStatus
from console.run.outcome import judge
from console.run.planning import Planning
from console.run.policy import Policy
from console.run.sharing import Sharing
from console.run.standing import Attempt
from console.run.state import RunState
from console.run.thinking import Thinking
from console.run.turns import Turns
from console.runners.backend import Status, StepBackend

_AT_ONCE = 4
"""Decisions of one turn: the first of many steps does not wait until the last has been prepared."""

_STARTING = (Approve, Continue, Retry, Rule)
"""Wishes after which something may start."""

NO_POLICY = ev.PolicyLoaded(hash="")
"""What a run is held to where the operator has no policy files."""


class Log(Protocol):
    """The journal as the engine uses it (run/journal.py; `MemoryJournal` in console/testing.py)."""

    @property
    def head(self) -> str: ...
    def append(self, events: Sequence[tuple[float, ev.Event]]) -> list[ev.Record]: ...
    def since(self, after: int) -> Iterator[ev.Record]: ...


@dataclass(frozen=True)
class Setup:
    """Everything a run needs. `plan` is a ready plan, `repairs` what was mended in its file; without one the
    planner makes it.

    `created` is the run's first record, written when the journal is empty. `limits` may hold
    `parallel` (steps at once), `replans`, `time` (seconds) and `cost_usd`. `wall` gives seconds since the
    epoch, `sleep` waits until so many have passed. `reopen` takes up a run that had ended. `executor`
    thinks for agents; `warnings` are told at its start. `person` is who the system says a front end in this
    process is; `loaded` are the files that the policy's rules are from, and `policy_changed` says how they
    differ from what was loaded.
    """

    created: ev.RunCreated
    directory: Path
    journal: Log
    backend: StepBackend
    planner: Planner
    catalog: Catalog
    goal: Goal
    policy: Policy = field(default_factory=Policy)
    plan: Plan | None = None
    repairs: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    reopen: str = ""
    roll_back: bool = False
    executor: Executor | None = None
    warnings: Sequence[str] = ()
    person: str = ""
    loaded: ev.PolicyLoaded = NO_POLICY
    policy_changed: Callable[[], str] = lambda: ""


@dataclass(slots=True)
class _Reply:
    """Where the answer to a wish is put."""

    done: anyio.Event = field(default_factory=anyio.Event)
    value: Any = None
    error: PlandeckError | None = None


class Engine:
    """Carries out one run. It is its own `Session` and `RunControl`.

    `serve` returns when the run has ended and nothing is left to do, or when it is cancelled: steps that
    run then go on under their supervisor.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.state = RunState()
        self._course = Course(
            self.state,
            setup.catalog,
            setup.policy,
            Place(setup.directory, setup.created.workspace, setup.env, setup.secrets),
            limits=setup.created.limits,
            now=setup.wall,
        )
        thinking = Thinking(setup.planner, setup.goal, setup.catalog, setup.directory)
        self._planning = Planning(setup.planner, thinking, self.state, self._course, setup.policy, self)
        turns = Turns(setup.executor, setup.catalog, setup.directory)
        self._agency = Agency(turns, self.state, self._course.agents, setup.wall, self)
        self._carrier = Carrier(setup.backend, setup.catalog, setup.directory, setup.wall, self)
        self._users_of_tools = (thinking, turns, self._carrier)
        self._inbox: deque[Callable[[], None]] = deque()
        self._wake = anyio.Event()
        self._pending: list[tuple[float, ev.Event]] = []
        self._deeds: list[Callable[[], None]] = []
        self._replies: list[_Reply] = []
        self._audience = Audience(setup.journal.since)
        self._tasks: TaskGroup | None = None
        self._waiting: dict[str, anyio.CancelScope] = {}
        self._over = False
        self.failure: PlandeckError | None = None

    # ── what a front end sees ────────────────────────────────────────────────────────────────────

    @property
    def run(self) -> str:
        return self.setup.created.run

    @property
    def directory(self) -> Path:
        return self.setup.directory

    @property
    def control(self) -> RunControl:
        return self

    def records(self, after: int = 0) -> AsyncGenerator[ev.Record]:
        return self._audience.records(after)

    async def wish(self, wish: Wish, *, by: str, person: str | None = None) -> Any:
        if self._over:
            raise ControlRefused("the run has ended", kept="nothing was changed")
        reply = _Reply()
        who = self.setup.person if person is None else person
        self.put(partial(self._take_wish, wish, by, reply, who))
        await reply.done.wait()
        if reply.error is not None:
            raise reply.error
        return reply.value

    # ── the loop ─────────────────────────────────────────────────────────────────────────────────

    async def serve(self) -> RunState:
        """Carry the run out. Raises a `JournalError` when the record cannot be kept any more."""
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                self._replay()
                await self._begin()
                while not self._over:
                    self._turn()
                    if not self._over:
                        await (anyio.lowlevel.checkpoint() if self._inbox else self._wake.wait())
                    self._wake = anyio.Event()
                tasks.cancel_scope.cancel()
        finally:
            self._over = True
            self._audience.close()
            self._refuse_all("the run has ended")
        if self.failure is not None:
            raise self.failure
        return self.state

    def _replay(self) -> None:
        for record in map(Sharing(), self.setup.journal.since(0)):
            self.state.apply(record)
            self._course.recall(record.event)
            self._audience.remember([record])
        self._course.rebuild()

    async def _begin(self) -> None:
        setup = self.setup
        if self.state.seq == 0:
            self.emit(setup.created)
            self.emit(ev.CatalogLoaded(catalog=setup.catalog))
            for server in setup.catalog.servers.values():
                if server.problem:
                    self.emit(ev.Warned(message=f"{server.problem}; its tools are missing"))
        if setup.loaded != (self.state.policy or NO_POLICY):
            self.emit(setup.loaded)
        host, boot = socket.gethostname(), _boot_id()
        self.emit(ev.EngineStarted(pid=os.getpid(), host=host, boot=boot, version=setup.created.version))
        for message in setup.warnings:
            self.emit(ev.Warned(message=message))
        if setup.reopen and self.state.status.is_final:
            self.emit(ev.RunReopened(by=setup.reopen))
            if not setup.policy.unattended and not setup.roll_back:
                self.emit(ev.RunPaused(by=setup.reopen, reason="taken up again; nothing starts by itself"))
        if setup.roll_back:
            self._course.closing = "rollback"
        await self._recover()
        if self.state.end is not None:
            for key in running_keys(self.state):
                self._deeds.append(partial(self._spawn, self._carrier.cancel, key))
        if self.state.status is RunStatus.DRAFTING:
            self._planning.draft(setup.plan, setup.repairs)
        elif self.state.status is RunStatus.REPLANNING:
            self.emit(ev.ReplanFailed(error="the engine was restarted while the planner was at work"))

    def put(self, item: Callable[[], None]) -> None:
        self._inbox.append(item)
        self._wake.set()

    def _turn(self) -> None:
        try:
            while self._inbox:
                self._inbox.popleft()()
            self._hold_to_policy()
            self._decide()
            self._commit()
        except JournalError as error:
            self.failure = error
            self._over = True

    def _decide(self) -> None:
        for _ in range(_AT_ONCE):
            granted = self._course.decide()
            if granted is None:
                break
            self._carry_out(granted)
        else:
            self.put(lambda: None)
        if self.state.finished and not self._lane_busy():
            self._deeds.append(self._end)

    def _hold_to_policy(self) -> None:
        """A step can write to the policy's files as the operator can: then nothing starts any more."""
        changed = self._course.halted = self.setup.policy_changed()
        if not changed or self.state.status not in LIVE or not self.state.started_at:
            return
        if not self.setup.policy.unattended:
            if not self.state.paused:
                self.emit(ev.RunPaused(by="", reason=changed))
        elif not self._course.closing:
            self.emit(ev.Warned(message=changed))
            self._course.closing = "policy"

    def _refuse_under_another_policy(self) -> None:
        if changed := self.setup.policy_changed():
            raise ControlRefused(
                changed,
                kept="nothing was approved or started",
                todo=f"Put it back; or stop the run: it is held to the new one by plandeck resume {self.run}",
            )

    def _lane_busy(self) -> bool:
        return bool(running_keys(self.state))

    def _end(self) -> None:
        self._over = True

    def emit(self, event: ev.Event) -> None:
        """Apply an event; it is written in this turn's commit. Nobody else sees it before."""
        at = self.setup.wall()
        self.state.apply(ev.Record(seq=self.state.seq + 1, at=at, event=event, hash=""))
        self._pending.append((at, event))
        self._course.note(event)
        self._planning.keep_up()
        self._react(event)

    def _commit(self) -> None:
        if self._pending:
            records = self.setup.journal.append(self._pending)
            self._pending = []
            self.state.head = self.setup.journal.head
            self._audience.tell(records)
        deeds, self._deeds = self._deeds, []
        for deed in deeds:
            deed()
        replies, self._replies = self._replies, []
        for reply in replies:
            reply.done.set()

    def _refuse_all(self, why: str) -> None:
        for reply in self._replies:
            reply.error = reply.error or ControlRefused(why, kept="nothing was changed")
            reply.done.set()
        while self._inbox:
            item = self._inbox.popleft()
            if isinstance(item, partial) and item.func == self._take_wish:
                item.args[2].error = ControlRefused(why, kept="nothing was changed")
                item.args[2].done.set()

    def later(self, task: Callable[..., Any], *args: Any) -> None:
        """Start a task when this turn has been written down."""
        self._deeds.append(partial(self._spawn, task, *args))

    def _spawn(self, task: Callable[..., Any], *args: Any) -> None:
        assert self._tasks is not None
        self._tasks.start_soon(task, *args)

    # ── wishes ───────────────────────────────────────────────────────────────────────────────────

    def _take_wish(self, wish: Wish, by: str, reply: _Reply, person: str) -> None:
        course, policy = self._course, self.setup.policy
        desk = Desk(self.state, course.catalog, course.hasher, policy, by, person, course.fitter)
        self._replies.append(reply)
        try:
            if isinstance(wish, _STARTING):
                self._refuse_under_another_policy()
            granted = grant(wish, desk)
        except PlandeckError as error:
            reply.error = error
            return
        reply.value = granted.answer
        self._carry_out(granted)

    def _carry_out(self, granted: Grant) -> None:
        for event in granted.events:
            self.emit(event)
        for key in granted.cancel:
            self._agency.leave(key)
            self._deeds.append(partial(self._spawn, self._carrier.cancel, key))
        if granted.probe:
            step, place = self.state.find(granted.probe), self._course.place
            self._deeds.append(partial(self._spawn, self._carrier.probe, step, self.state, place))
            self._course.probing.add(granted.probe)
        if granted.retry:
            for event in self._course.again(granted.retry):
                self.emit(event)
        if granted.think:
            self._agency.think(granted.think)
        if granted.conclude:
            self._agency.conclude(granted.conclude)
        if granted.replan is not None or granted.expand:
            self._planning.revise(granted.replan or "", granted.expand)
        if granted.call_off:
            self._planning.call_off(granted.call_off)

    # ── deeds that follow from events ────────────────────────────────────────────────────────────

    def _react(self, event: ev.Event) -> None:
        match event:
            case ev.StepIntended():
                prepared = self._course.intended.pop(event.key, None)
                if prepared is not None and event.step in self._course.agents.running:
                    self._agency.begin(event)
                elif prepared is not None:
                    self._deeds.append(partial(self._spawn, self._carrier.attempt, event.step, prepared))
            case ev.RunStarted() | ev.EngineStarted() | ev.RunContinued() if (
                deadline := self._course.deadline()
            ):
                self._deeds.append(partial(self._spawn, self._wait_until, deadline))
            case ev.CatalogLoaded():
                for user in self._users_of_tools:
                    user.use(event.catalog)
            case ev.StepRetryScheduled():
                self._deeds.append(partial(self._spawn, self._wait_until, event.at))
            case ev.StepEvent():
                self._agency.keep_up(event.step)

    async def _wait_until(self, at: float) -> None:
        await self.setup.sleep(max(0.0, at - self.setup.wall()) + 0.001)
        self.put(partial(self._course.ring, at))

    def ended(self, step: StepId, attempt: int, key: str, status: Status) -> None:
        self.put(partial(self._take_end, step, attempt, key, status))

    def happened(self, event: ev.Event) -> None:
        self.put(partial(self.emit, event))

    def started(self, step: StepId, attempt: int, status: Status) -> None:
        self.put(partial(self._take_start, step, attempt, status))

    def _take_start(self, step_id: StepId, number: int, status: Status) -> None:
        state = self.state.step(step_id)
        if state.status is StepStatus.RUNNING and len(state.attempts) == number:
            self.emit(started_event(step_id, number, status))

    def _take_end(self, step_id: StepId, number: int, key: str, status: Status) -> None:
        state = self.state.step(step_id)
        if state.status is not StepStatus.RUNNING or state.attempt is None or state.attempt.key != key:
            message = "a late result was set aside: the step was settled before"
            self.emit(ev.Warned(step=step_id, message=message))
            return
        if not state.attempt.started and status.started:
            self.emit(started_event(step_id, number, status))
        self.emit(judge(self.state.find(step_id), number, key, status, self.directory))

    # ── after a crash ────────────────────────────────────────────────────────────────────────────

    async def _recover(self) -> None:
        """Ask the backend what became of every attempt that was intended and has no end."""
        lanes = [self.state.steps, self.state.rollback.steps if self.state.rollback else {}]
        for lane in lanes:
            for step_id, state in lane.items():
                if step_id in self._course.agents.running:
                    self._agency.take_up(step_id)
                elif state.status is StepStatus.RUNNING and state.attempt:
                    await self._take_up(step_id, state.attempt)
                elif state.retry_at:
                    self._deeds.append(partial(self._spawn, self._wait_until, state.retry_at))

    async def _take_up(self, step_id: StepId, attempt: Attempt) -> None:
        try:
            status = await self.setup.backend.status(attempt.key)
        except BackendError as error:
            status = Status("lost", error=str(error))
        step = self.state.find(step_id)
        if status.is_over:
            self.emit(judge(step, attempt.number, attempt.key, status, self.directory))
        elif status.phase == "unknown":
            self._start_again(step, attempt)
        else:
            self._deeds.append(
                partial(self._spawn, self._carrier.follow, step_id, attempt.number, attempt.key, status)
            )

    def _start_again(self, step: Step, attempt: Attempt) -> None:
        """It was intended and certainly never started: the same attempt starts now."""
        place, catalog = self._course.place, self._course.catalog
        try:
            if step.is_note:
                prepared = Prepared(
                    attempt.key, attempt.number, attempt.params, None, _note_text(step, attempt)
                )
            else:
                spec = spec_of(step, attempt.key, attempt.params, catalog, place)
                prepared = Prepared(attempt.key, attempt.number, attempt.params, spec)
        except PlandeckError as error:
            self.emit(
                ev.StepFailed(step=step.id, attempt=attempt.number, error=str(error), never_started=True)
            )
            return
        self._deeds.append(partial(self._spawn, self._carrier.attempt, step.id, prepared))


def _note_text(step: Step, attempt: Attempt) -> str:
    return str(attempt.params.get(NOTE_TEXT, step.description))


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
