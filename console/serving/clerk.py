"""What another program may do with runs: hand a task or a plan in, look on, wait, ask for a rollback.

It can never approve. A submitted run gets a process of its own like every other and waits there for a
person; no method, argument or variable here answers a question of a run, and the run's process takes
this one for a guest (service/peer.py). What would act before a person has approved is not taken from a
program: tool files, probes of facts and sandboxes come from the operator's own files alone.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import anyio
from anyio import to_thread

from console import task as tasks
from console.catalog import load as tool_files
from console.catalog.spec import Catalog
from console.errors import Fault, InvalidDocument, InvalidTask, JournalError, RunHeld, UsageError
from console.plan import codec, strict
from console.plan.check import check
from console.plan.faults import nearest
from console.plan.model import Plan
from console.run import journal
from console.run.control import RequestRollback
from console.run.events import RunCreated
from console.run.life import RunStatus
from console.run.rollback import requested
from console.run.state import RunState
from console.service.asking import asked
from console.service.client import NotExecuted, attach
from console.service.holder import holder_of, let_go
from console.service.launch import launch
from console.service.order import Order, load_order
from console.service.parts import catalog_of, fitted, understand
from console.service.sound import refuse_changed
from console.serving import told
from console.settings import find_run, load_settings, open_log, run_ids, state_dir
from console.task import Task
from console.task.reader import Reader
from console.text import one_line

BY = "mcp: "
"""How the record names who submitted a run, or asked for a rollback, from here."""

NAME_LENGTH = 60
OPEN_RUNS = 16
"""Runs that programs have submitted and that are not over; more are refused."""

LET_GO = 5.0
"""Seconds that the process of a run which has ended may take to be gone."""

WAIT = 600.0
"""Seconds that one call may wait."""

Until = Literal["planned", "approved", "ended"]
MakeOrder = Callable[[Task, list[str]], Order]
"""The order for a new run of this task with these tool files, looked at like one of the command line;
it consents to nothing."""

FROM_PROGRAMS = ("goal", "inputs", "facts", "want", "fallback")
"""What of a task a program may say. Limits are the operator's: planning may cost money."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator allows: where steps work, tool files that are always there (`tools`), a folder of
    task files that may be submitted by name, and whether runs that a person started may be looked at."""

    workspace: Path
    tools: tuple[Path, ...] = ()
    tasks: Path | None = None
    every_run: bool = False


class Clerk:
    """Serves the program `who` under `terms`. Every method raises a `PlandeckError` that says in one line
    what is wrong."""

    def __init__(self, terms: Terms, make: MakeOrder) -> None:
        self._terms = terms
        self._make = make

    # ── handing in ───────────────────────────────────────────────────────────────────────────────

    async def submit_task(
        self, task: str, document: Mapping[str, Any], inputs: Mapping[str, Any], tools: list[str], who: str
    ) -> told.Submitted:
        """A task of the operator's by name (`task`), or a goal in words; `document` says more of it."""

        def ordered() -> Order:
            made, files = self._task(task, document, inputs), self._files(tools)
            if made.plan is None:
                catalog = catalog_of(made, self._paths(files))
                if not catalog.servers:  # what servers can do is known when the run asks them
                    understand(made, catalog, load_settings(), os.environ)
            return self._order(made, files if tools or self._terms.tools else [], who)

        return await self._submit(ordered)

    async def submit_plan(self, plan: Any, tools: list[str], who: str) -> told.Submitted:
        """A complete plan, in any notation."""

        def ordered() -> Order:
            return self._order(_planned(plan), self._files(tools) or tool_files.names(), who)

        return await self._submit(ordered)

    def _order(self, task: Task, files: list[str], who: str) -> Order:
        _must_have_room()
        return self._make(task, files).model_copy(update={"by": name_of(who), "approve": "none"})

    async def _submit(self, ordered: Callable[[], Order]) -> told.Submitted:
        order = await to_thread.run_sync(ordered)  # tool files may take a while, and others are served too
        await to_thread.run_sync(_launch, order)
        with suppress(NotExecuted):
            async with attach(order.directory, who=BY) as session, aclosing(session.records()) as records:
                await anext(records, None)  # from then on it can be looked at
        return told.Submitted(
            run=order.run,
            state=self._state(order.run).status.value,
            approve_with=f"plandeck attach {order.run}",
        )

    def _task(self, task: str, document: Mapping[str, Any], inputs: Mapping[str, Any]) -> Task:
        own = self.tasks()
        if task in own:
            if document:
                raise UsageError("a task by name is taken as it is", todo="Give its inputs, and nothing else")
            return tasks.load(str(own[task]), {name: _text(value) for name, value in inputs.items()})
        if not document and len(task.split()) < 2:
            hint = nearest(task, list(own)) or "a goal has several words"
            raise UsageError(f"there is no task {task!r:.80}", todo=hint.capitalize())
        said = {"goal": task, **document}
        return _read(said, {name: _text(value) for name, value in inputs.items()})

    def tasks(self) -> dict[str, Path]:
        """The task files that can be submitted by name: the samples, and the operator's own."""
        folder = self._terms.tasks
        own = sorted(folder.glob("*.yaml")) if folder else []
        return {**tasks.samples(), **{path.stem: path for path in own}}

    def _files(self, tools: list[str]) -> list[str]:
        """The operator's tool files, and those that the program names: by bare names only."""
        known = tool_files.nameable()
        for name in tools:
            if name not in known:
                hint = nearest(name, known) or f"there are: {', '.join(known)}"
                raise UsageError(f"there is no tool file named {name!r:.80}", todo=hint.capitalize())
        return [*map(str, self._terms.tools), *tools]

    def _paths(self, files: list[str]) -> tuple[Path, ...]:
        found = [tool_files.locate(name) for name in files or tool_files.names()]
        return tuple(path for path in found if path is not None)

    # ── looking ──────────────────────────────────────────────────────────────────────────────────

    def runs(self, limit: int) -> told.Runs:
        """The newest runs that may be looked at."""
        lines: list[told.RunLine] = []
        for run in run_ids():
            if len(lines) >= limit:
                break
            try:
                by = _submitted_by(_folder(run))
                if self._may_see(by):
                    state = self._state(run)
                    lines.append(_line(run, state.status.value, state.goal, by))
            except JournalError as error:
                if self._terms.every_run:
                    lines.append(_line(run, "unreadable", str(error), ""))
        return told.Runs(runs=lines)

    def run(self, run: str) -> told.RunTold:
        directory = self._find(run)
        return told.run_told(self._state(directory.name), directory, executed=holder_of(directory) > 0)

    def output(
        self, run: str, step: str, attempt: int, stream: Literal["out", "err"], offset: int
    ) -> told.Output:
        directory = self._find(run)
        state = self._state(directory.name)
        try:
            return told.output_told(state, directory, step, attempt, stream, offset)
        except (KeyError, StopIteration, IndexError):
            known = ", ".join(state.steps) or "none yet"
            which = f"attempt {attempt} of step" if attempt else "started step"
            raise UsageError(f"there is no {which} {step!r:.80}", todo=f"The steps are: {known}") from None

    async def wait(self, run: str, until: Until, seconds: float) -> told.RunTold:
        """The run when it is so far, when its process is gone, or after `seconds`."""
        directory = self._find(run)
        with anyio.move_on_after(min(max(seconds, 0.0), WAIT)):
            try:
                async with attach(directory, who="mcp") as session, aclosing(session.records()) as records:
                    state = RunState()
                    async for record in records:
                        state.apply(record)
                        if record.seq >= session.head and _is_so_far(state, until):
                            break
            except NotExecuted:
                pass
        return self.run(directory.name)

    def check(self, plan: Any, tools: list[str]) -> told.Checked:
        """What would be said of a plan that is submitted, without submitting it."""
        try:
            task = _planned(plan)
            catalog = asked(catalog_of(task, self._paths(self._files(tools))), self._terms.workspace)
            made = fitted(task, catalog)
        except InvalidDocument as error:
            return told.Checked(valid=False, faults=[str(fault) for fault in error.faults], findings=[])
        return told.Checked(
            valid=True,
            faults=[],
            findings=[
                told.FindingTold(
                    code=one.code, severity=one.severity, steps=list(one.steps), message=one.message
                )
                for one in check(made, catalog)
            ],
            risks=told.risks_of(made, catalog),
        )

    def tools(self, tools: list[str]) -> told.Tools:
        return told.tools_told(self._catalog(self._files(tools)))

    def known_tasks(self) -> told.Tasks:
        """The tasks that can be submitted by name; what cannot be read is left out."""
        found = []
        for name, path in self.tasks().items():
            try:
                task, needed = tasks.outline(path)
            except InvalidDocument:
                continue
            goal = one_line(task.goal, told.LINE)
            found.append(told.TaskTold(name=name, goal=goal, inputs=list(task.inputs), needed=needed))
        return told.Tasks(tasks=found)

    def _catalog(self, files: list[str]) -> Catalog:
        if files:
            return asked(tool_files.load(files), self._terms.workspace)
        found = [asked(tool_files.load([name]), self._terms.workspace) for name in tool_files.names()]
        return Catalog(tools={name: tool for one in found for name, tool in one.tools.items()})

    # ── asking ───────────────────────────────────────────────────────────────────────────────────

    async def request_rollback(self, run: str, reason: str, back_to: str, who: str) -> told.RollbackAsked:
        """Put the wish before the operator; whether anything is undone is theirs to say."""
        directory = self._find(run)
        wish = RequestRollback(reason=reason, back_to=back_to or None)
        try:
            async with attach(directory, who=name_of(who)) as session:
                await session.wish(wish, by=name_of(who))
            how = f"plandeck attach {directory.name}"
        except NotExecuted:
            await let_go(directory, LET_GO)
            self._note(directory, wish, name_of(who))
            how = f"plandeck rollback {directory.name}"
        return told.RollbackAsked(
            run=directory.name, asked=True, told=f"the operator sees it; a person rolls back with: {how}"
        )

    def _note(self, directory: Path, wish: RequestRollback, by: str) -> None:
        """Nobody executes the run: what is asked for goes into its record."""
        refuse_changed(directory)
        try:
            record = journal.Journal.open(directory)
        except RunHeld as error:
            raise RunHeld(error.what, where=error.where, todo="Ask again in a moment") from None
        try:
            state = RunState.of(record.since(0))
            event = requested(state, by=by, reason=wish.reason, back_to=wish.back_to)
            record.append([(time.time(), event)])
        finally:
            record.close()

    # ── which runs ───────────────────────────────────────────────────────────────────────────────

    def _may_see(self, by: str) -> bool:
        return self._terms.every_run or by.startswith(BY)

    def _find(self, run: str) -> Path:
        directory = find_run(run)
        if not self._may_see(_submitted_by(directory)):
            raise UsageError(f"the run {directory.name} was not submitted from here: it may not be looked at")
        return directory

    def _state(self, run: str) -> RunState:
        directory = _folder(run)
        refuse_changed(directory)
        return RunState.of(journal.read(directory))


def _must_have_room() -> None:
    held = [folder for run in run_ids() if holder_of(folder := _folder(run))]
    waiting = sum(_submitted_by(folder).startswith(BY) for folder in held)
    if waiting >= OPEN_RUNS:
        raise UsageError(
            f"{waiting} submitted runs are not over yet",
            kept="nothing was submitted",
            todo="Wait until a person has dealt with some of them",
        )


def _launch(order: Order) -> None:
    """Start the run, if there is still room for it: counted and started by one program at a time."""
    turn = open_log(state_dir() / "submitting")
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        _must_have_room()
        launch(order)
    except UsageError:
        with suppress(OSError):
            order.directory.rmdir()
        raise
    finally:
        os.close(turn)


def name_of(who: str) -> str:
    """How the record names a program that calls itself `who`."""
    name = "".join(c for c in who if c.isprintable())[:NAME_LENGTH].strip()
    return f"{BY}{name or 'a program'}"


def _submitted_by(directory: Path) -> str:
    """Who began the run, whoever has taken it up since. Raises `JournalError`."""
    with closing(journal.read(directory)) as records:
        first = next(records, None)
    return first.event.by if first and isinstance(first.event, RunCreated) else load_order(directory).by


def _folder(run: str) -> Path:
    return state_dir() / "runs" / run


def _line(run: str, state: str, goal: str, by: str) -> told.RunLine:
    return told.RunLine(
        run=run,
        state=state,
        goal=one_line(goal, told.LINE),
        submitted_by=one_line(by, told.LINE),
        executed=holder_of(_folder(run)) > 0,
    )


def _is_so_far(state: RunState, until: Until) -> bool:
    if state.status.is_final:
        return True
    match until:
        case "planned":
            return state.status is not RunStatus.DRAFTING or bool(state.error)
        case "approved":
            return state.status not in (RunStatus.DRAFTING, RunStatus.AWAITING_APPROVAL)
    return False


def _planned(plan: Any) -> Task:
    read_as = partial(codec.load if isinstance(plan, str) else codec.from_document, max_steps=codec.MAX_STEPS)
    read = read_as(plan, file="plan")
    goal = read.goal or "A submitted plan"
    return Task(goal=goal, name="submitted", plan=_with_goal(read, goal), document={"goal": goal})


def _with_goal(plan: Plan, goal: str) -> Plan:
    return plan if plan.goal else plan.model_copy(update={"goal": goal})


def _read(said: dict[str, Any], sets: dict[str, str]) -> Task:
    """The task that a program describes. Raises `InvalidTask` with all its faults."""
    faults = [
        Fault(0, "", f"a program may not say {key!r:.80} of a task", f"it may say {', '.join(FROM_PROGRAMS)}")
        for key in said
        if key not in FROM_PROGRAMS
    ]
    facts = said.get("facts")
    if isinstance(facts, list) and any(not isinstance(fact, str) for fact in facts):
        faults.append(Fault(0, "", "a program may not have facts looked up by a probe", "give them as text"))
    if faults:
        raise InvalidTask(faults)
    task = Reader(Path("task"), strict.given(said)).task(sets)
    return task.model_copy(update={"directory": None, "name": "submitted"})


def _text(value: Any) -> str:
    """A value as the command line would give it: `true`, not Python's `True`."""
    return value if isinstance(value, str) else json.dumps(value)
