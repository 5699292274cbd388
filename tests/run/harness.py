"""A run on a virtual clock: a fake backend, a journal in memory, and an operator who answers by rule."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import trio.testing

from console.catalog.spec import Catalog, Contract, Risk, Script, ToolSpec
from console.plan.model import Compensation, Plan, Step, Undo
from console.planners.base import Goal
from console.planners.executor import Executor
from console.run import events as ev
from console.run.control import Approve, Wish
from console.run.engine import NO_POLICY, Engine, Setup
from console.run.policy import Consent, Policy
from console.run.state import RunState
from console.testing import FakeBackend, MemoryJournal, Play, ScriptedPlanner, virtual_wall

YES = Consent(Risk.DESTRUCTIVE, by="ops", label="--yes")


def tool(name: str, risk: Risk = Risk.REVERSIBLE, **more: Any) -> ToolSpec:
    """A tool that exists; the fake backend decides what it does."""
    return ToolSpec(
        name=name, script=Script(shell=f"echo {name}", timeout=1e6), risk=risk, risk_known=True, **more
    )


def contract(*, provides: str = "", requires: str = "", removes: str = "", writes: str = "") -> Contract:
    def facts(text: str) -> tuple[tuple[str, ...], ...]:
        return (tuple(text.split()),) if text else ()

    return Contract(
        provides=facts(provides), requires=facts(requires), removes=facts(removes), writes=facts(writes)
    )


def step(step_id: str, action: str = "work", *after: str, **more: Any) -> Step:
    return Step(id=step_id, action=action, depends_on=after, **more)


def plan(*steps: Step, rollback: Sequence[Compensation] = ()) -> Plan:
    return Plan(goal="test", steps=steps, rollback=tuple(rollback))


def catalog(*tools: ToolSpec) -> Catalog:
    base = [tool("work"), tool("undo_work"), tool("look", Risk.OBSERVE), tool("wipe", Risk.DESTRUCTIVE)]
    return Catalog(tools={t.name: t for t in (*base, *tools)})


@dataclass
class World:
    """One run and everything around it."""

    directory: Path
    plan: Plan | None
    catalog: Catalog = field(default_factory=catalog)
    plays: dict[str, Play] = field(default_factory=dict)
    policy: Policy = field(default_factory=lambda: Policy(consent=YES, unattended=True))
    limits: dict[str, float] = field(default_factory=dict)
    planner: ScriptedPlanner = field(default_factory=ScriptedPlanner)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    backend: FakeBackend = field(default_factory=FakeBackend)
    reopen: str = ""
    roll_back: bool = False
    executor: Executor | None = None
    loaded: ev.PolicyLoaded = NO_POLICY
    wall: Callable[[], float] = field(default_factory=virtual_wall)

    def __post_init__(self) -> None:
        self.backend.script = self.play

    def play(self, spec: Any) -> Play:
        """By attempt ("2/1") first, then by step ("2")."""
        _, step_id, number = spec.key.split("/")
        return self.plays.get(f"{step_id}/{number}") or self.plays.get(step_id) or Play()

    def engine(self) -> Engine:
        created = ev.RunCreated(
            run="r", goal="test", workspace=str(self.directory), version="0", by="ops", limits=self.limits
        )
        return Engine(
            Setup(
                created=created,
                directory=self.directory,
                journal=self.journal,
                backend=self.backend,
                planner=self.planner,
                catalog=self.catalog,
                goal=Goal("test", limits=self.limits),
                policy=self.policy,
                plan=self.plan,
                loaded=self.loaded,
                wall=self.wall,
                reopen=self.reopen,
                roll_back=self.roll_back,
                executor=self.executor,
            )
        )

    @property
    def told(self) -> list[str]:
        """The transcript: kinds, with the step where there is one."""
        lines = []
        for record in self.journal.records:
            event = record.event
            name = f" {event.step}" if isinstance(event, ev.StepEvent) else ""
            lines.append(f"{event.kind}{name}")
        return lines

    def events(self, kind: type[ev.Event]) -> list[Any]:
        return [r.event for r in self.journal.records if isinstance(r.event, kind)]


def run(world: World, operator: Callable[[Engine], Coroutine[Any, Any, None]] | None = None) -> RunState:
    """Carry the run out on a virtual clock; `operator` acts beside it. A run that waits for ever fails
    as soon as nothing else can happen."""

    async def main() -> RunState:
        engine = world.engine()
        with anyio.fail_after(1e12):
            async with anyio.create_task_group() as tasks:
                if operator is not None:
                    tasks.start_soon(operator, engine)
                state = await engine.serve()
                tasks.cancel_scope.cancel()
        return state

    return anyio.run(
        main, backend="trio", backend_options={"clock": trio.testing.MockClock(autojump_threshold=0)}
    )


async def until(engine: Engine, condition: Callable[[RunState], bool]) -> None:
    """Wait until `condition` holds of the run's state, looked at after each record."""
    if condition(engine.state):
        return
    async with aclosing(engine.records(engine.state.seq)) as records:
        async for _ in records:
            if condition(engine.state):
                return


async def answer(engine: Engine, scope: str, *, choose: str = "", confirm: bool = True) -> None:
    """Say yes to the next question of this kind."""
    await until(engine, lambda s: any(r.scope == scope for r in s.requests.values()))
    request = next(r for r in engine.state.requests.values() if r.scope == scope)
    steps = {}
    plan_ = engine.state.proposal.plan if scope == "revision" and engine.state.proposal else engine.state.plan
    if confirm and plan_ and scope in ("plan", "revision"):
        from console.run.approval import confirmable, step_hash

        steps = {s.id: step_hash(s, engine.setup.catalog) for s in confirmable(plan_, engine.setup.catalog)}
    await engine.wish(Approve(request=request.id, hash=request.hash, steps=steps, answer=choose), by="ops")


async def say(engine: Engine, wish: Wish) -> Any:
    return await engine.wish(wish, by="ops")


__all__ = [
    "YES",
    "Play",
    "Undo",
    "World",
    "answer",
    "catalog",
    "contract",
    "plan",
    "run",
    "say",
    "step",
    "tool",
    "until",
]
