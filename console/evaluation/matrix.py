"""Contenders × tasks × repeats: each planned one after the other, scored, kept.

Nothing is carried out unless it is asked for. Then each valid plan runs in the sandbox of its task, as a run
of its own that `plandeck show` knows, with everything that the plan declares approved.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from console import sandbox
from console.catalog.spec import Catalog
from console.errors import BadReply, NoPlanner, PlandeckError, PlannerError, UsageError
from console.evaluation.cases import Case
from console.evaluation.score import Score, score
from console.evaluation.trial import Contender, Executed, Trial
from console.plan.model import Plan
from console.planners.base import Goal, PlanDraft, Planner
from console.run import journal
from console.run.events import ModelCall
from console.run.state import RunState
from console.service.host import host
from console.service.order import Order, save_order
from console.service.parts import environment, facts_of, goal_of, planner_of
from console.settings import load_settings, new_run_dir
from console.task import Planning, Task

FREE = frozenset({"offline", "recorded"})
"""Planners that ask nobody who could want money."""


class BudgetSpent(PlandeckError):
    """The evaluation has cost what it may cost; `kept` says what there is."""

    exit_code = 4


class Interrupted(PlandeckError):
    """A signal ended a run of the evaluation, and with it the evaluation."""

    exit_code = 130


@dataclass(slots=True)
class Matrix:
    """What is planned. `budget` is in US dollars, for all of it; `execute` carries valid plans out, for
    `by`."""

    cases: tuple[Case, ...]
    contenders: tuple[Contender, ...]
    repeats: int = 1
    budget: float | None = None
    execute: bool = False
    by: str = ""
    _spent: float = field(default=0.0)

    def check(self) -> None:
        """Everything that can be wrong before the first planning. Raises `UsageError`, `NoPlanner`."""
        for case in self.cases:
            if self.execute and case.task.sandbox is None:
                raise UsageError(
                    "plans are executed in a sandbox only, and this task has none",
                    where=case.name,
                    kept="nothing was started",
                    todo="Leave --execute out, or leave the task out",
                )
            for contender in self.contenders:
                try:
                    planner_of(_task(case, contender), load_settings(), os.environ)
                except NoPlanner as error:
                    error.where = error.where or case.name
                    raise

    async def trials(self) -> AsyncIterator[Trial]:
        """Every trial as it is done, task by task. Raises `BudgetSpent` before the planning that could
        cost more than is left."""
        for case in self.cases:
            for repeat in range(1, self.repeats + 1):
                for contender in self.contenders:
                    yield await self._trial(case, contender, repeat)

    async def _trial(self, case: Case, contender: Contender, repeat: int) -> Trial:
        if self.budget is not None and contender.planner not in FREE and self._spent >= self.budget:
            raise BudgetSpent(
                f"the budget of ${self.budget:.2f} is spent: ${self._spent:.4f}",
                kept="the trials so far are kept",
                todo="Go on with a larger --budget and fewer tasks",
            )
        task = _task(case, contender)
        env = environment(case.catalog, (), os.environ)
        goal = goal_of(task, await facts_of(task, Path.cwd(), env), self._limits(task))
        trial, plan = await _planned(
            planner_of(task, load_settings(), os.environ),
            case,
            goal,
            Trial(task=case.name, contender=contender.label, repeat=repeat),
        )
        self._spent += trial.cost
        if self.execute and plan is not None and trial.score.valid:
            # Nothing is revised, so that nobody is asked again.
            ready = {"plan": plan, "planner": Planning(use="offline")}
            went = await _executed(task.model_copy(update=ready), self.by)
            trial = trial.model_copy(update={"executed": went})
        return trial

    def _limits(self, task: Task) -> Mapping[str, float]:
        if self.budget is None:
            return task.limits
        left = self.budget - self._spent
        return {**task.limits, "cost_usd": min(left, task.limits.get("cost_usd", left))}


def _task(case: Case, contender: Contender) -> Task:
    planning = case.task.planner.model_copy(
        update={"use": contender.planner, "model": contender.model, "prompt": contender.prompt}
    )
    # Whoever is compared plans: no task goes past it to an agent.
    return case.task.model_copy(update={"planner": planning, "exploratory": ""})


async def _quiet(_message: str, /, **_: object) -> None:
    """Nobody watches a planning of an evaluation."""


async def _planned(planner: Planner, case: Case, goal: Goal, trial: Trial) -> tuple[Trial, Plan | None]:
    """The trial with what the planner made of the task."""
    began = time.monotonic()
    try:
        draft = await planner.plan(goal, case.catalog, _quiet)
    except PlandeckError as error:
        return _failed(trial, error, time.monotonic() - began), None
    except Exception as error:  # noqa: BLE001 - a planner is foreign code; its fault becomes a trial's
        broke = PlannerError(f"the planner broke: {error!r:.300}")
        return _failed(trial, broke, time.monotonic() - began), None
    seconds = time.monotonic() - began
    scored = score(draft.plan, case.catalog, goal, case.reference)
    return trial.model_copy(update={"score": scored, "seconds": seconds} | _told(draft)), draft.plan


def _told(draft: PlanDraft) -> dict[str, object]:
    return {
        "prompt": draft.prompt,
        "repairs": len(draft.repairs),
        "plan": draft.plan.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        "reply": draft.reply,
    } | (_paid(draft.calls) if draft.calls else {"tokens": draft.tokens, "cost": draft.cost})


def _failed(trial: Trial, error: PlandeckError, seconds: float) -> Trial:
    faults = tuple(map(str, getattr(error, "faults", ()) or (error.what,)))
    calls = error.calls if isinstance(error, BadReply) else ()
    reply = error.reply if isinstance(error, BadReply) else ""
    return trial.model_copy(
        update={"score": Score(faults=faults), "error": str(error), "seconds": seconds, "reply": reply}
        | _paid(calls)
    )


def _paid(calls: Iterable[ModelCall]) -> dict[str, object]:
    calls = tuple(calls)
    return {
        "calls": len(calls),
        "model_seconds": sum(call.seconds for call in calls),
        "tokens": sum(call.tokens_in + call.tokens_out for call in calls),
        "cost": sum(call.cost for call in calls),
    }


async def _executed(task: Task, by: str) -> Executed:
    """The task's plan as a run in its sandbox, to its end."""
    directory = new_run_dir()
    order = Order(
        directory=directory,
        task=task,
        workspace=str(directory / "workspace"),
        approve="yes",
        on_failure="stop",
        unattended=True,
        by=by,
    )
    save_order(order)
    began = time.monotonic()
    try:
        code = await host(order)
    except PlandeckError as error:
        code, outcome = error.exit_code, f"could not start: {error.what}"
    else:
        finished = RunState.of(journal.read(directory)).finished
        outcome = finished.outcome if finished else "interrupted"
    if code > 128:
        interrupted = Interrupted("a signal ended the evaluation", kept="the trials so far are kept")
        interrupted.exit_code = code
        raise interrupted
    seconds = time.monotonic() - began
    return Executed(
        run=directory.name,
        exit_code=code,
        outcome=outcome,
        seconds=seconds,
        proven=await _proven(task, directory / "workspace") if code == 0 else None,
    )


async def _proven(task: Task, workspace: Path) -> bool | None:
    """Whether the sandbox's own proof holds in the world that the run left."""
    assert task.sandbox is not None
    assert task.directory is not None
    box = sandbox.parse(task.sandbox, file=task.name)
    if not box.prove.done:
        return None
    inputs = {name: str(value) for name, value in task.inputs.items()}
    env = environment(Catalog(), (), os.environ) | inputs
    running = await sandbox.prepare(task.directory, box, workspace, env)
    try:
        return not await running.failing(box.prove.done)
    finally:
        await running.teardown()
