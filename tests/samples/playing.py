"""Carrying out a sample's plan step by step, without an engine: does each tool do its work?"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console import sandbox, task
from console.catalog.command import command
from console.catalog.contract import undo_of
from console.catalog.fit import bind
from console.catalog.load import load as load_catalog
from console.catalog.spec import Catalog
from console.plan.model import Params, Plan
from console.plan.references import resolve
from console.planners.base import Goal, Want
from console.planners.offline import OfflinePlanner

ENV = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


async def quiet(_message: str, /, **_: object) -> None:
    """Nobody listens to the planner."""


def catalog_of(one: task.Task) -> Catalog:
    return load_catalog([str(file) for file in one.tools])


def goal_of(one: task.Task) -> Goal:
    def wants(facts: tuple[task.Wanted, ...]) -> tuple[Want, ...]:
        return tuple(Want(w.fact, w.after, w.params) for w in facts)

    return Goal(one.goal, frozenset(one.facts), wants(one.want), wants(one.fallback), one.inputs)


async def plan_of(one: task.Task, catalog: Catalog) -> Plan:
    """The plan that comes with the task, or the offline planner's."""
    if one.plan is not None:
        return bind(one.plan, catalog)
    return (await OfflinePlanner().plan(goal_of(one), catalog, quiet)).plan


@dataclass
class Played:
    """What came of a sample: exit codes by step in the order they ran, and which proofs fail after the
    run and after undoing it."""

    codes: dict[str, int] = field(default_factory=dict)
    output: dict[str, str] = field(default_factory=dict)
    not_done: tuple[str, ...] = ()
    not_undone: tuple[str, ...] = ()


async def play(name: str, workspace: Path, inject: str = "") -> Played:
    """Carry out a sample in `workspace` up to its end or its first failure, see what is proved, then undo
    step by step what was started and see again."""
    one = task.load(name)
    assert one.directory is not None
    catalog = catalog_of(one)
    plan = await plan_of(one, catalog)
    box = sandbox.parse(one.sandbox or {})
    running = await sandbox.prepare(one.directory, box, workspace, ENV, inject=inject)
    played = Played()

    def call(action: str, params: Params) -> subprocess.CompletedProcess[str]:
        resolved: dict[str, Any] = resolve(params, played.output)
        made = command(catalog.tools[action], resolved, workspace=str(workspace), caller=ENV | running.env)
        env = ENV | dict(made.env)
        return subprocess.run(made.argv, cwd=made.cwd, env=env, capture_output=True, text=True, check=False)

    try:
        started = []
        for step in plan.leaves():
            if step.is_note:
                played.output[step.id] = step.params["text"]
                continue
            started.append(step)
            done = call(step.action, step.params)
            played.codes[step.id] = done.returncode
            played.output[step.id] = (done.stdout if done.returncode == 0 else done.stderr).rstrip("\n")
            if done.returncode:
                break
        played.not_done = await running.failing(box.prove.done)
        for step in reversed(started):
            if undo := undo_of(catalog.tools[step.action], step.params, step.id):
                undone = call(undo.action, undo.params)
                assert undone.returncode == 0, undone.stderr
        played.not_undone = await running.failing(box.prove.undone)
    finally:
        await running.teardown()
    return played
