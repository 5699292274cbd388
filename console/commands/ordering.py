"""From the command line to an order: everything that can be wrong is looked at before anything is made."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.commands.common import hint, must_be_writable, on_terminal
from console.errors import MissingDocument, UsageError

if TYPE_CHECKING:
    from console.service.order import Order
    from console.task import Task


class Front:
    """Which front end a command was asked for: a screen, lines, or nothing but an id. `attended`: somebody
    steers by lines, and may leave as from the screen. `waits`: nobody is here, somebody may attach."""

    def __init__(
        self,
        *,
        plain: bool = False,
        as_json: bool = False,
        detach: bool = False,
        consent: bool = False,
        screen: bool | None = None,
    ) -> None:
        if plain and as_json:
            raise UsageError("--plain and --json exclude each other")
        self.as_json = as_json
        self.plain = plain
        self.detach = detach
        self.screen = screen or (not (plain or as_json or detach or consent) and on_terminal())
        self.can_ask = not as_json and not detach and sys.stdin.isatty() and _in_front()
        self.waits = detach and not consent
        self.attended = self.can_ask and not self.screen and not consent

    @property
    def unattended(self) -> bool:
        return not (self.screen or self.can_ask or self.waits)


def _in_front() -> bool:
    """Whether what is typed comes to us: a job in the background that reads is stopped."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # a terminal that controls nobody
        return True


def consent_of(yes: bool, up_to: str | None) -> str:
    if yes and up_to:
        raise UsageError("--yes and --approve-up-to exclude each other")
    return "yes" if yes else up_to or "none"


def planned_by(task: Task, planner: str, model: str = "", prompt: str = "") -> Task:
    """`task` with the planner settled: the command line's word over the task's over the configured one;
    `auto` asks a model where one is named. A prompt file is named by its whole path."""
    from console.homes import from_home
    from console.model_file import absolute
    from console.settings import load_settings

    if planner:
        must_be_known(planner)
    task = _overruled(task, planner)
    settings, asked = load_settings(), task.planner
    use = planner or ("llm" if model else asked.use)
    use = settings.planner if use == "auto" else use
    model = absolute(model, Path.cwd()) or asked.model or settings.model
    prompt = prompt or asked.prompt or settings.prompt
    if use == "auto":
        use = "llm" if model else "offline"
    if "/" in prompt or prompt.endswith(".md"):
        prompt = str(from_home(prompt).absolute())
    changed = asked.model_copy(update={"use": use, "model": model, "prompt": prompt})
    return task.model_copy(update={"planner": changed})


def must_be_known(planner: str) -> None:
    """Raises `UsageError` where no planner has this name, ours or a plugin's."""
    from console.plan.faults import nearest
    from console.settings import PLANNERS, planner_names

    if planner in PLANNERS or planner in (known := planner_names()):
        return
    near = nearest(planner, known) or f"there are: {', '.join(known)}"
    raise UsageError(f"there is no planner {planner!r}", todo=hint(near))


def _overruled(task: Task, planner: str) -> Task:
    """Whoever names a planner wants a plan, also of a task that is marked exploratory."""
    return task.model_copy(update={"exploratory": ""}) if planner else task


def order_for(
    task: Task,
    front: Front,
    *,
    tools: list[str] | None = None,
    workspace: Path | None = None,
    approve: str = "none",
    on_failure: str | None = None,
    env: list[str] | None = None,
    inject: str = "",
    executor_model: str = "",
    record: Path | None = None,
) -> Order:
    """The order for a new run, everything looked at that can be wrong before its folder is made."""
    from console.model_file import absolute
    from console.service.client import who_am_i
    from console.service.executors import executor_model_for, require_executor
    from console.service.order import Order
    from console.service.parts import (
        catalog_of,
        check_workspace,
        fitted,
        missing_secrets,
        planner_of,
        refuse,
        understand,
    )
    from console.service.policy_file import load_policy
    from console.settings import load_settings, new_run_dir

    load_policy()
    extra = tools_for(task, tools)
    executor_model = absolute(executor_model, Path.cwd())
    thinks = executor_model or executor_model_for(task, load_settings())
    catalog = catalog_of(task, extra, thinks)
    plan = fitted(task, catalog) if task.plan is not None else None
    require_executor(task, plan, catalog, thinks)
    if plan is not None:
        refuse(task, missing_secrets(plan, catalog, os.environ))
    elif front.unattended and not catalog.servers:  # what servers can do is known when the run asks them
        understand(task, catalog, load_settings(), os.environ)
    else:
        planner_of(task, load_settings(), os.environ)
    _must_have_failure(task, inject)
    folder = (workspace or Path.cwd()).absolute()
    own_world = task.sandbox is not None and workspace is None
    if not own_world:
        check_workspace(folder)
    recording = _recording(record)
    directory = new_run_dir()
    return Order.model_validate(
        {
            "directory": directory,
            "task": task,
            "tools": extra,
            "workspace": str(directory / "workspace" if own_world else folder),
            "approve": approve,
            "on_failure": on_failure_of(on_failure, front),
            "env": tuple(env or ()),
            "inject": inject,
            "executor_model": executor_model,
            "record": recording,
            "unattended": front.unattended and on_failure != "ask",
            "by": who_am_i(),
        }
    )


def _must_have_failure(task: Task, inject: str) -> None:
    from console.sandbox import parse

    if task.sandbox is not None:
        sandbox = parse(task.sandbox, file=task.name)
        if inject and inject not in sandbox.inject:
            known = ", ".join(sandbox.inject) or "none"
            raise UsageError(f"the task has no failure named {inject!r}", todo=f"There are: {known}")
    elif inject:
        raise UsageError("only a task with a sandbox has failures to put in", todo="Leave --inject out")


def _recording(file: Path | None) -> Path | None:
    """Where the planner's answers are kept: a file that is not there yet."""
    if file is None:
        return None
    if file.exists():
        raise UsageError("this file is there already", where=str(file), todo="Record into a new one")
    must_be_writable(file)
    return file.absolute()


def order_like(
    directory: Path,
    front: Front,
    *,
    tools: list[str] | None = None,
    workspace: Path | None = None,
    env: list[str] | None = None,
    inject: str = "",
    **more: Any,
) -> Order:
    """The order for a run like an earlier one: its task with the plan that it had in the end, its tools and,
    where it did not make a world of its own, its folder. What is given here goes before."""
    from console.run.journal import read
    from console.run.state import RunState
    from console.service.order import load_order

    old, plan = load_order(directory), RunState.of(read(directory)).plan
    if plan is None:
        raise UsageError("this run had no plan", where=f"run {directory.name}", todo="Start the task anew")
    if workspace is None and old.task.sandbox is None:
        workspace = Path(old.workspace)
    return order_for(
        old.task.model_copy(update={"plan": plan, "lines": {}}),
        front,
        tools=tools or [str(file) for file in old.tools] or None,
        workspace=workspace,
        env=env or list(old.env),
        inject=inject or old.inject,
        **more,
    )


def on_failure_of(on_failure: str | None, front: Front) -> str | None:
    """What to do on a failure when it is not said: on a screen as each step says."""
    if on_failure is not None:
        return str(on_failure)
    return None if front.screen else "ask" if front.can_ask or front.waits else "stop"


def tools_for(task: Task, tools: list[str] | None) -> tuple[Path, ...]:
    """The files of --tools; for a goal in words without any, all files that can be named."""
    from console.catalog.load import names

    in_words = task.plan is None and task.directory is None
    return tool_files(tools or (names() if in_words else None))


def tool_files(tools: list[str] | None) -> tuple[Path, ...]:
    from console.catalog.load import locate, nameable
    from console.plan.faults import nearest

    files = []
    for name in tools or ():
        file = locate(name)
        if file is None and Path(name).is_dir():
            raise MissingDocument("this is a folder, not a tool file", where=name, todo="Name a file in it")
        if file is None:
            known = nearest(name, nameable()) or "`plandeck tools` shows what there is"
            raise MissingDocument(f"there is no tool file {name!r}", todo=hint(known))
        files.append(file)
    return tuple(files)


def sample_failures(task: Task) -> tuple[str, ...]:
    """The failures that can be put into a sample."""
    return tuple((task.sandbox or {}).get("inject", {}))
