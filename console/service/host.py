"""One run in this process: composed from its order, served to whoever attaches, ended in good order.

    order ──> journal, catalog, planner, backend ──> Engine ──┬── Service (the socket)
                                                              └── front end, if it is in this process

The engine, the socket and the front end are siblings in one task group: no front end owns a run. A
signal ends the process but not the run: steps go on under their supervisor, the record says that the
engine stopped, and `plandeck resume` takes the run up again.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from console.catalog.mcp import with_tools
from console.catalog.spec import Catalog, Risk
from console.planners.rendering import redactor
from console.redact import Redactor
from console.run import events as ev
from console.run.control import Session
from console.run.engine import Engine, Log, Setup
from console.run.history import learn
from console.run.journal import Journal
from console.run.policy import Consent, Policy
from console.run.state import RunState
from console.runners.backend import StepBackend
from console.runners.local import LocalBackend
from console.runners.mcp_backend import McpCalls
from console.runners.mcp_servers import Servers
from console.runners.router import Router
from console.sandbox import parse, prepare
from console.service.ending import Ending, ending
from console.service.executors import equipped, executor_model_of, executor_of, recorded_turns
from console.service.notify import Call, Notifier, call_of
from console.service.order import Order
from console.service.parts import (
    catalog_of,
    check_workspace,
    environment,
    facts_of,
    fitted,
    goal_of,
    planner_of,
    secrets_of,
)
from console.service.person import person_of
from console.service.policy_file import PolicyFiles, load_policy
from console.service.server import Service
from console.service.sound import refuse_changed
from console.settings import Settings, load_settings, private_dir
from console.tracing.observing import Placed, Tracing, tracing_of

if TYPE_CHECKING:
    from console.service.stage import Stage

Front = Callable[[Session], Awaitable[int]]


async def host(order: Order, front: Front | None = None, ready: Callable[[], None] = lambda: None) -> int:
    """Execute a run until it has ended, or until a signal or the front end's leave; gives the exit code.

    `ready` is called when the socket listens. Raises what hinders the start, with nothing started.
    """
    async with ending() as end:
        return await _host(order, front, ready, end)


async def _host(order: Order, front: Front | None, ready: Callable[[], None], end: Ending) -> int:
    settings = load_settings()
    calls_whom = None if front else call_of(settings.notify)
    journal = Journal.open(order.directory)
    tracing, warnings = tracing_of(os.environ, journal.since, journal.seq, _redactor)
    try:
        async with (
            _world(order, settings, journal) as world,
            _servers(order, world) as servers,
            McpCalls(servers) as calls,
            LocalBackend(
                order.directory, ready=int(_limits(order, settings, world.before).get("parallel", 4))
            ) as processes,
        ):
            world = await _with_servers(order, settings, world, servers)
            backend: StepBackend = Router(processes, calls)
            if tracing:
                backend = Placed(backend, journal.since)
            files = load_policy()
            if order.task.taken_as and not world.before.seq:
                warnings.append(order.task.taken_as)
            setup = await _setup(order, settings, journal, world, backend, files, warnings)
            engine = Engine(setup)
            try:
                return await _serve(engine, journal, front, ready, end, calls_whom, tracing, files.signers)
            finally:
                if setup.executor is not None:
                    setup.executor.close()
                learn(engine.state)
    finally:
        if tracing:
            await tracing.close()
        journal.close()


def _redactor(loaded: ev.CatalogLoaded) -> Redactor:
    return redactor(os.environ, loaded.catalog)


async def perform(order: Order, stage: Stage, front: Front) -> int:
    """The same run on a stage: its steps are acted there, nothing is started and no record is kept; gives
    what the front end gives."""
    world = _World(catalog_of(order.task, order.tools), Path(order.workspace), {}, RunState())
    setup = await _setup(order, load_settings(), stage.journal, world, stage.backend, PolicyFiles((), {}))
    setup = replace(setup, policy_changed=lambda: "", wall=stage.clock.now, sleep=stage.clock.sleep)
    engine = Engine(replace(setup, planner=stage.acted(setup.planner), executor=recorded_turns(order.task)))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(engine.serve)
        code = await front(engine)
        tasks.cancel_scope.cancel()
    return code


async def _serve(
    engine: Engine,
    journal: Journal,
    front: Front | None,
    ready: Callable[[], None],
    end: Ending,
    calls_whom: Call | None,
    tracing: Tracing | None = None,
    signers: Path | None = None,
) -> int:
    service = Service(engine, head=journal.seq, signers=signers)
    ended = anyio.Event()

    async def execute() -> None:
        try:
            await engine.serve()
        finally:
            ended.set()

    # Whoever is attached is let go last: what the end wrote is then there to be read.
    async with anyio.create_task_group() as doors:
        await doors.start(service.serve)
        ready()
        try:
            async with anyio.create_task_group() as tasks:
                end.calls_off(tasks.cancel_scope)
                if front is None and calls_whom:
                    notifier = Notifier(engine, calls_whom, lambda: service.is_watched)
                    service.on_company = notifier.look
                    tasks.start_soon(notifier.serve)
                tasks.start_soon(execute)
                if tracing:
                    tasks.start_soon(tracing.follow, engine.records(0))
                code = await front(engine) if front else await _outcome(engine, ended)
                tasks.cancel_scope.cancel()
        finally:
            _let_go(engine, journal, end.number)
        doors.cancel_scope.cancel()
    return end.exit_code or code


async def _outcome(engine: Engine, ended: anyio.Event) -> int:
    await ended.wait()
    return engine.state.finished.exit_code if engine.state.finished else 4


def _let_go(engine: Engine, journal: Journal, number: signal.Signals | None) -> None:
    """Say in the record that the process let go of a run that has not ended."""
    if engine.failure is not None or engine.state.status.is_final or not journal.seq:
        return
    reason = f"signal {number.name}" if number else "the front end left"
    journal.append([(time.time(), ev.EngineStopped(reason=reason))])


# ── composing ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _World:
    """Where a run's steps live."""

    catalog: Catalog
    workspace: Path
    env: Mapping[str, str]
    before: RunState


@asynccontextmanager
async def _world(order: Order, settings: Settings, journal: Journal) -> AsyncIterator[_World]:
    """The workspace and environment of a run; a task with a sandbox gets a world of its own, which is
    taken down when the run has ended."""
    refuse_changed(order.directory)
    before = RunState.of(journal.since(0))
    # A resumed run keeps the tools it was approved with, whatever the files say now.
    model = executor_model_of(order, settings)
    catalog = before.catalog if before.seq else catalog_of(order.task, order.tools, model)
    env = environment(catalog, order.env, os.environ)
    workspace = Path(before.workspace or order.workspace)
    if order.task.sandbox is None or order.task.directory is None:
        check_workspace(workspace)
        yield _World(catalog, workspace, env, before)
        return
    # A world that is gone is not made anew for a run that has begun in it.
    if before.seq or workspace.exists():
        check_workspace(workspace)
    else:
        private_dir(workspace)
    inputs = {name: str(value) for name, value in order.task.inputs.items()}
    sandbox = parse(order.task.sandbox, file=order.task.name)
    running = await prepare(order.task.directory, sandbox, workspace, {**env, **inputs}, inject=order.inject)
    try:
        yield _World(catalog, workspace, {**env, **running.env}, before)
    finally:
        if RunState.of(journal.since(0)).status.is_final:
            await running.teardown()


def _servers(order: Order, world: _World) -> Servers:
    """The MCP servers of the run. They live as long as this process; none is started before it is needed."""
    caller = {**os.environ, **world.env}
    return Servers(
        world.catalog.servers, cwd=world.workspace, caller=caller, logs=order.directory / "servers"
    )


async def _with_servers(order: Order, settings: Settings, world: _World, servers: Servers) -> _World:
    """The world with the tools that its servers tell; a resumed run keeps those it was approved with."""
    if world.before.seq or not world.catalog.servers:
        return world
    catalog = with_tools(world.catalog, await servers.ask())
    return replace(world, catalog=equipped(order.task, catalog, executor_model_of(order, settings)))


async def _setup(
    order: Order,
    settings: Settings,
    journal: Log,
    world: _World,
    backend: StepBackend,
    files: PolicyFiles,
    warnings: Sequence[str] = (),
) -> Setup:
    task, before = order.task, world.before
    limits = _limits(order, settings, before)
    if before.seq:
        facts = frozenset(tuple(fact.split()) for fact in before.facts)
    else:
        facts = await facts_of(task, world.workspace, world.env)
    return Setup(
        created=ev.RunCreated(
            run=order.run,
            goal=task.goal,
            task=task.document,
            workspace=str(world.workspace),
            version=version("plandeck"),
            by=order.by,
            facts=tuple(sorted(" ".join(fact) for fact in facts)),
            limits=limits,
        ),
        directory=order.directory,
        journal=journal,
        backend=backend,
        planner=planner_of(task, settings, os.environ, order.record),
        catalog=world.catalog,
        goal=goal_of(task, facts, limits),
        policy=replace(_policy(order), rules=files.rules),
        loaded=files.loaded,
        policy_changed=files.changed,
        person=person_of(os.getpid()),
        plan=None if task.plan is None else fitted(task, world.catalog),
        repairs=task.repairs,
        env=world.env,
        secrets=secrets_of(world.catalog, {**os.environ, **world.env}),
        reopen=order.by if order.reopen or order.roll_back else "",
        roll_back=order.roll_back,
        executor=executor_of(order, world.catalog, settings, os.environ),
        warnings=warnings,
    )


def _policy(order: Order) -> Policy:
    consents = {
        "none": Consent(),
        "yes": Consent(up_to=Risk.DESTRUCTIVE, revisions=True, by=order.by, label="--yes"),
    }
    consent = consents.get(order.approve) or Consent(
        up_to=Risk(order.approve), revisions=True, by=order.by, label=f"--approve-up-to {order.approve}"
    )
    return Policy(consent=consent, on_failure=order.on_failure, unattended=order.unattended)


def _limits(order: Order, settings: Settings, before: RunState) -> Mapping[str, float]:
    """Those that the run began with; else the task's over the configured ones, those of the command line over
    both."""
    if before.limits:
        return before.limits
    configured = settings.limits.given()
    return {**configured, **order.task.limits, **order.limits}
