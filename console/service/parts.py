"""What an order is made of: catalog, goal, planner, environment. Nothing in here starts anything but
the probes of a task's facts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import anyio

from console import plugins
from console.catalog import fit
from console.catalog import load as tool_files
from console.catalog.spec import Catalog, Fact, ToolSpec
from console.catalog.surroundings import USUAL
from console.errors import Fault, InvalidPlan, NoPlanner, UsageError
from console.plan.model import Plan
from console.planners.base import Goal, Planner, Want
from console.planners.exploratory import ExploratoryPlanner
from console.service.command import output_of
from console.service.executors import equipped
from console.settings import PLANNERS, Settings
from console.task import OUTPUT, ProbedFact, Task, Wanted

PROBE_SECONDS = 30.0
PROBE_OUTPUT = 4096

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)|([A-Za-z_][A-Za-z0-9_]*))")


# ── tools and plan ───────────────────────────────────────────────────────────────────────────────


def catalog_of(task: Task, extra: tuple[Path, ...] = (), executor_model: str = "") -> Catalog:
    """The tools of a task and of `--tools`, with an agent over them where somebody thinks for it. Raises
    `InvalidCatalog` with the faults of all files."""
    return equipped(task, tool_files.load([*task.tools, *extra]), executor_model)


def tools_by_name() -> list[ToolSpec]:
    """Every tool of the files that can be named without a path. Two files may have a tool of the same
    name: they are not meant to be used together."""
    return [tool for name in tool_files.names() for tool in tool_files.load([name]).tools.values()]


def fitted(task: Task, catalog: Catalog) -> Plan:
    """The task's ready plan with its single inputs bound to its tools' parameters. Raises `InvalidPlan`
    with everything that the catalog cannot carry out."""
    assert task.plan is not None
    bound = fit.bind(task.plan, catalog)
    refuse(task, fit.faults(bound, catalog), todo="" if catalog.tools else "Name the tool files with --tools")
    return bound


def refuse(task: Task, faults: Iterable[Fault], *, todo: str = "") -> None:
    """Raise `InvalidPlan` when the task's plan has `faults`, each with its place in the file."""
    placed = []
    for fault in faults:
        file, line = task.lines.get(fault.step, ("", 0))
        placed.append(replace(fault, file=file, line=line))
    if placed:
        raise InvalidPlan(placed, file="" if placed[0].file else task.name, todo=todo)


def missing_secrets(plan: Plan, catalog: Catalog, caller: Mapping[str, str]) -> Iterator[Fault]:
    """The secrets that steps need and that the caller's environment does not have."""
    for step in plan.taken():
        tool = catalog.get(step.action)
        for name in tool.secrets if tool else ():
            if not caller.get(name):
                what = f"{step.action} needs the secret {name}, which is not set"
                yield Fault(0, step.id, what, f"set the variable {name} in the environment")


def check_workspace(workspace: Path) -> None:
    """Raises `UsageError` when steps could not work in this folder."""
    if not workspace.is_dir():
        what = "is not a folder" if workspace.exists() else "is not there"
    elif not os.access(workspace, os.W_OK | os.X_OK):
        what = "cannot be written"
    else:
        return
    todo = "Make the folder, or choose another with --workspace"
    raise UsageError(f"the workspace {what}", where=str(workspace), kept="nothing was started", todo=todo)


# ── goal ─────────────────────────────────────────────────────────────────────────────────────────


def goal_of(task: Task, facts: frozenset[Fact], limits: Mapping[str, float]) -> Goal:
    """What a planner is asked for."""
    return Goal(
        text=task.goal,
        facts=facts,
        want=tuple(map(_want, task.want)),
        fallback=tuple(map(_want, task.fallback)),
        inputs=task.inputs,
        limits=dict(limits),
    )


def _want(wanted: Wanted) -> Want:
    return Want(fact=wanted.fact, after=wanted.after, params=wanted.params)


async def facts_of(task: Task, workspace: Path, env: Mapping[str, str]) -> frozenset[Fact]:
    """What holds now: the task's facts, and those that its probes find."""
    facts = set(task.facts)
    inputs = {name: str(value) for name, value in task.inputs.items()}
    for probed in task.probes:
        fact = await _look(probed, workspace, {**env, **inputs})
        if fact:
            facts.add(fact)
    return frozenset(facts)


async def _look(probed: ProbedFact, workspace: Path, env: Mapping[str, str]) -> Fact:
    with anyio.move_on_after(PROBE_SECONDS):
        code, output = await output_of(["/bin/sh", "-c", probed.probe], "stdout", cwd=workspace, env=env)
        if code:
            return ()
        first = output[:PROBE_OUTPUT].decode("utf-8", "replace").strip().split("\n")[0].strip()
        return tuple(first if word == OUTPUT else word for word in probed.fact)
    raise UsageError(
        f"the probe of a fact did not end within {PROBE_SECONDS:.0f} seconds",
        where=" ".join(probed.fact),
        kept="nothing was started",
    )


# ── planner ──────────────────────────────────────────────────────────────────────────────────────


def planner_of(
    task: Task, settings: Settings, caller: Mapping[str, str], record: Path | None = None
) -> Planner:
    """The planner that a task asks for; an exploratory one goes straight to an agent. `caller` is the
    environment that a model's key is found in, `record` a file that its answers are kept in. Raises
    `NoPlanner` when it is not there."""
    planner = _planner_of(task, settings, caller)
    if record is not None:
        from console.planners.recorder import Recorder

        planner = Recorder(planner, record)
    return ExploratoryPlanner(task.exploratory, planner) if task.exploratory else planner


def _planner_of(task: Task, settings: Settings, caller: Mapping[str, str]) -> Planner:
    use, recording = task.planner.use, task.planner.recording
    if use == "recorded":
        if recording is None:
            raise NoPlanner("the recorded planner needs a recording", todo="Name one in the task file")
        from console.planners.recorded import RecordedPlanner

        return RecordedPlanner.load(recording)
    if use == "llm":
        if not task.planner.model:
            raise NoPlanner(
                "no model is named that could plan",
                kept="nothing was started",
                todo="Name one with --model or as PLANDECK_MODEL, or use --planner offline",
            )
        from console.planners.llm import LlmPlanner
        from console.planners.llm_settings import from_settings

        return LlmPlanner(task.planner.model, task.planner.prompt, from_settings(settings), environ=caller)
    if use not in PLANNERS:
        plugged: Planner = plugins.planner(use, task.planner.model, os.environ)
        return plugged
    from console.planners.offline import OfflinePlanner

    return OfflinePlanner()


def understand(task: Task, catalog: Catalog, settings: Settings, caller: Mapping[str, str]) -> Planner:
    """The planner that a task asks for, where it knows what the task wants. Raises `NoPlanner`."""
    planner = planner_of(task, settings, caller)
    if planner.name == "offline":
        from console.planners.goals import understood

        understood(goal_of(task, frozenset(task.facts), task.limits), catalog)
    return planner


# ── environment ──────────────────────────────────────────────────────────────────────────────────


def environment(catalog: Catalog, names: tuple[str, ...], caller: Mapping[str, str]) -> dict[str, str]:
    """What steps see of the caller's environment: the usual variables, those in `names`, and those
    that a tool file names. A tool's secrets are not part of it."""
    wanted = {*USUAL, *names, *(name for tool in catalog.tools.values() for name in _named(tool))}
    wanted |= {name for name in caller if name.startswith("LC_")}
    wanted -= {name for tool in catalog.tools.values() for name in tool.secrets} - set(names)
    return {name: caller[name] for name in sorted(wanted) if name in caller}


def secrets_of(catalog: Catalog, caller: Mapping[str, str]) -> dict[str, str]:
    """The values of the secrets that tools ask for by name, from the caller's environment."""
    wanted = {name for tool in catalog.tools.values() for name in tool.secrets}
    return {name: caller[name] for name in sorted(wanted) if name in caller}


def _named(tool: ToolSpec) -> Iterator[str]:
    """The variables that a tool's texts name, as a shell would read them."""
    texts = [*tool.environment.values(), tool.probe or "", tool.check or ""]
    if tool.script:
        script = tool.script
        texts += [script.shell or "", script.command or "", *script.args, script.working_dir or ""]
    if tool.http:
        texts += [tool.http.url, tool.http.body or "", *tool.http.headers.values()]
    for text in texts:
        for found in _VARIABLE.finditer(text):
            yield found[1] or found[2]
