"""Commands that execute a run or attach to one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.common import (
    ApproveUpTo,
    Detach,
    Env,
    ExecutorModel,
    FailureName,
    Foreground,
    JsonFacts,
    Model,
    OnFailure,
    Plain,
    Planner,
    Prompt,
    Run,
    Sets,
    Tools,
    What,
    Yes,
    complete_demo,
    complete_run,
    emit,
    on_terminal,
    pairs,
    say,
    table,
)
from console.commands.ordering import Front, consent_of, on_failure_of, order_for, order_like, planned_by
from console.errors import JournalFull, JournalUnsafe, UsageError
from console.service.unwrap import heart

if TYPE_CHECKING:
    from console.commands.screen import Begin
    from console.headless import Show
    from console.run.control import Session
    from console.service.order import Order

Workspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        help="The folder that steps run in; the current one.",
        file_okay=False,
        show_default=False,
    ),
]
Record = Annotated[
    Path | None,
    typer.Option(
        "--record",
        metavar="FILE",
        help="Keep the planner's answers in this file, to be replayed.",
        dir_okay=False,
        show_default=False,
    ),
]
Inject = Annotated[
    str,
    typer.Option("--inject", metavar="NAME", help="Put in one of the sample's failures.", show_default=False),
]


# ── starting ─────────────────────────────────────────────────────────────────────────────────────


def run(
    what: What = "",
    tools: Tools = None,
    workspace: Workspace = None,
    sets: Sets = None,
    like: Annotated[
        str,
        typer.Option(
            "--like",
            metavar="RUN",
            help="Start with the plan that this run had in the end.",
            autocompletion=complete_run,
            show_default=False,
        ),
    ] = "",
    planner: Planner = "",
    model: Model = "",
    executor_model: ExecutorModel = "",
    prompt: Prompt = "",
    record: Record = None,
    yes: Yes = False,
    approve_up_to: ApproveUpTo = None,
    plain: Plain = False,
    as_json: JsonFacts = False,
    on_failure: OnFailure = None,
    env: Env = None,
    foreground: Foreground = False,
    detach: Detach = False,
    inject: Inject = "",
) -> int:
    """Plan a task, or take a plan, and carry it out.

    On a terminal the screen opens and the run goes on when it is closed. With --plain, --json, --yes or
    without a terminal there is no screen. Nothing runs that was not approved: by a key on the screen, or
    by --yes or --approve-up-to.

    Example: plandeck run plan.json --tools tools.yaml --yes --json --on-failure rollback
    """
    front = Front(plain=plain, as_json=as_json, detach=detach, consent=yes or approve_up_to is not None)
    approve, given = consent_of(yes, approve_up_to), pairs(sets)

    if like and (what or sets or planner or model):
        raise UsageError("--like takes task and plan from a run", todo="Name a task, or a run with --like")

    def make() -> Order:
        from console.settings import find_run
        from console.task import load

        make_it: Callable[..., Order] = (
            partial(order_like, find_run(like))
            if like
            else partial(order_for, planned_by(load(what, given), planner, model, prompt))
        )
        return make_it(
            front,
            tools=tools,
            workspace=workspace,
            approve=approve,
            on_failure=on_failure,
            env=env,
            inject=inject,
            executor_model=executor_model,
            record=record,
        )

    return _start(make, front, foreground=foreground)


def demo(
    name: Annotated[
        str,
        typer.Argument(
            help="A demo, a session script, or a sample task; without one they are listed.",
            autocompletion=complete_demo,
        ),
    ] = "",
    live: Annotated[
        bool, typer.Option("--live", help="Play the demo over a real run, in a world of its own.")
    ] = False,
    speed: Annotated[float, typer.Option("--speed", min=0.1, max=100, help="How fast the demo plays.")] = 1.0,
    plain: Plain = False,
    as_json: JsonFacts = False,
    inject: Inject = "",
) -> int:
    """Play a demo with captions, or a sample task by hand; without a model and without a network.

    A demo is a session script: the console is played from it, keys and all, while captions say what is to
    be seen. Space pauses, the right arrow goes on at once, h hands the keys over to you, q leaves. Its steps
    are acted; with --live they are carried out for real. A sample task is yours on the screen; with --plain
    or --json everything is approved, and the failure that was put in is handled by a new plan or a
    rollback.

    Example: plandeck demo broken-deploy --speed 2
    """
    from console.task import load, samples
    from console.tui.scripts.reader import scripts

    known = samples()
    if not name:
        return _list_demos(known, scripts(), as_json=as_json)
    if name in scripts() or (name not in known and Path(name).is_file()):
        return _play(name, live=live, speed=speed, in_lines=plain or as_json)
    if name not in known:
        listed = ", ".join([*scripts(), *known]) or "none"
        raise UsageError(f"there is no demo and no sample task {name!r}", todo=f"There are: {listed}")
    front = Front(plain=plain, as_json=as_json)

    def make() -> Order:
        task = load(str(known[name]))
        if task.planner.use in ("auto", "llm"):
            task = planned_by(task, "offline")
        order = order_for(task, front, approve="none" if front.screen else "yes", inject=inject)
        if not front.screen:
            order = order.model_copy(update={"on_failure": None, "unattended": True})
        return order

    return _start(make, front, foreground=False)


def _play(name: str, *, live: bool, speed: float, in_lines: bool) -> int:
    """Play a session script on the terminal."""
    import asyncio

    from console.tui.scripts.reader import load_script

    script = load_script(name)
    if in_lines or not on_terminal():
        inject = f" --inject {script.inject}" if script.inject else ""
        todo = f"Play its task in lines: plandeck demo {script.task}{inject} --plain"
        raise UsageError("a demo with captions needs a terminal", where=name, todo=todo)
    from console.commands.demo import play

    return asyncio.run(play(script, live=live, speed=speed))


def _list_demos(known: dict[str, Path], scripts: dict[str, Path], *, as_json: bool) -> int:
    from console.task import load
    from console.tui.scripts.reader import load_script

    titles = {name: load_script(name).title for name in scripts}
    goals = {name: load(str(file)).goal for name, file in known.items()}
    if as_json:
        emit(
            [{"name": name, "demo": title} for name, title in titles.items()]
            + [{"name": name, "goal": goal} for name, goal in goals.items()]
        )
        return 0
    say("demos, played with captions:")
    table([(f"  {name}", title) for name, title in titles.items()])
    say("sample tasks, yours to operate:")
    table([(f"  {name}", goal) for name, goal in goals.items()])
    return 0


def _start(make: Callable[[], Order], front: Front, *, foreground: bool, after: int = 0) -> int:
    """Execute the order that `make` makes with the front end that was asked for. Lines begin after
    record `after`; JSON is the whole record."""
    if front.screen and not foreground:
        return _on_screen(lambda door: door.start(make))
    order = make()
    if front.detach:
        return _launch(order, as_json=front.as_json)

    import anyio

    from console.service.host import host
    from console.service.order import save_order

    save_order(order)
    if front.screen:
        from console.commands.screen import show_here

        return anyio.run(host, order, show_here)

    async def follow(session: Session) -> int:
        return await _follow(session, front, order.by, after)

    try:
        code = anyio.run(host, order, follow)
    except BaseException as error:
        if isinstance(heart(error), JournalFull | JournalUnsafe):
            _end(order.directory, front)
        raise
    _end(order.directory, front)
    return code


def _end(directory: Path, front: Front) -> None:
    if not front.as_json:
        from console.commands.epilogue import tell_rest

        tell_rest(directory)


def _on_screen(begin: Begin | None) -> int:
    import asyncio

    from console.commands.screen import show

    return asyncio.run(show(begin))


def _launch(order: Order, *, as_json: bool) -> int:
    from console.service.launch import launch

    launch(order)
    if as_json:
        emit({"event": "launched", "run": order.run, "directory": str(order.directory)})
    else:
        say(order.run)
    return 0


# ── following ────────────────────────────────────────────────────────────────────────────────────


async def _follow(session: Session, front: Front, by: str, after: int) -> int:
    from console.headless import Follower

    after = 0 if front.as_json else after
    if not front.can_ask:
        return await Follower(session, _show(front), by=by, after=after).follow()
    from console.commands.typed import Typed

    typed = Typed(session, _show(front), by)
    return await Follower(
        session, typed.show, typed.answer, by=by, after=after, beside=typed.beside, tell=say
    ).follow()


def _show(front: Front) -> Show:
    from console.headless import json_lines, plain_lines

    if front.as_json:
        return json_lines(say)
    if front.plain or not sys.stdout.isatty():
        return plain_lines(say)
    from console.commands.progress import Progress

    return Progress()


LIKE = "like:"
"""What is picked to start a run like another one: this and that run's id."""


def pick() -> int:
    """The picker: a task or a run is chosen on the screen."""
    if not on_terminal():
        raise UsageError(
            "there is no terminal for the task picker", todo="Name a task: plandeck run TASK --plain"
        )
    return _on_screen(None)


def start_picked(what: str) -> Path:
    """Start what was chosen in the picker: a goal, a sample, `SAMPLE:FAILURE`, a file; or find a run."""
    from console.service.launch import launch
    from console.settings import find_run, run_ids
    from console.task import load, samples

    if what.startswith(LIKE):
        order = order_like(find_run(what.removeprefix(LIKE)), Front(screen=True))
        launch(order)
        return order.directory
    if what in run_ids():
        return find_run(what)
    name, _, inject = what.partition(":")
    task = load(name if name in samples() else what)
    order = order_for(planned_by(task, ""), Front(screen=True), inject=inject if name in samples() else "")
    launch(order)
    return order.directory


def attach(
    run: Run,
    plain: Plain = False,
    as_json: JsonFacts = False,
    take: Annotated[bool, typer.Option("--take", help="Take the control from whoever holds it.")] = False,
) -> int:
    """Attach to a run: see what it does; steer it when you hold the control.

    A run that no process executes is shown as its record has it.

    Example: plandeck attach 4f1c
    """
    from console.settings import find_run

    front, directory = Front(plain=plain, as_json=as_json), find_run(run)
    if front.screen:
        return _on_screen(lambda door: door.attach(directory, take=take))
    import anyio

    code = anyio.run(_attach, directory, front, take)
    _end(directory, front)
    return code


async def _attach(directory: Path, front: Front, take: bool) -> int:
    from console.service.client import Kept, NotExecuted
    from console.service.client import attach as attach_to

    try:
        async with attach_to(directory, ui=front.can_ask) as session:
            if take:
                await session.take_control()
            return await _follow(session, front, session.who, 0)
    except NotExecuted:
        return await _watch(Kept(directory), front)


async def _watch(session: Session, front: Front) -> int:
    """Follow what nobody executes: there is nothing to answer."""
    from console.headless import Follower

    return await Follower(session, _show(front)).follow()


def resume(
    run: Run,
    yes: Yes = False,
    approve_up_to: ApproveUpTo = None,
    plain: Plain = False,
    as_json: JsonFacts = False,
    on_failure: OnFailure = None,
    env: Env = None,
    foreground: Foreground = False,
    detach: Detach = False,
) -> int:
    """Take up a run whose process is gone, where it was.

    Steps that ran on meanwhile are taken in; a step of which nobody knows whether it had its effect is
    never silently run again. A run that has ended is taken up where something can still be done.

    Example: plandeck resume 4f1c --yes --json
    """
    from console.service.order import load_order
    from console.settings import find_run

    front = Front(plain=plain, as_json=as_json, detach=detach, consent=yes or approve_up_to is not None)
    directory = find_run(run)
    before = load_order(directory)
    says_how = not front.unattended or on_failure in (FailureName.REPLAN, FailureName.ROLLBACK)
    after = _may_go_on(directory, somebody_says_how=says_how)
    order = load_order(
        directory,
        approve=_risk(consent_of(yes, approve_up_to)),
        on_failure=on_failure_of(on_failure, front),
        env=tuple(dict.fromkeys([*before.env, *(env or ())])),
        unattended=front.unattended and on_failure != "ask",
        reopen=True,
        roll_back=False,
    )
    return _start(lambda: order, front, foreground=foreground, after=after)


def _may_go_on(directory: Path, *, somebody_says_how: bool) -> int:
    """A run that did what it should, or was undone, has nothing to go on with; one with a step that did
    not succeed goes on only where somebody says how. Gives the number of its last record."""
    from console.commands.epilogue import must_be_decided
    from console.run.journal import read
    from console.run.life import RunStatus
    from console.run.state import RunState
    from console.service.sound import refuse_changed

    refuse_changed(directory)
    state = RunState.of(read(directory))
    over = state.status in (RunStatus.SUCCEEDED, RunStatus.ROLLED_BACK, RunStatus.REJECTED)
    if over or (must_be_decided(state) and not somebody_says_how):
        todo = "Start the task anew" if over else "Resume it on a terminal, or use plandeck rollback"
        ended = state.status.replace("_", " ")
        raise UsageError(f"the run has ended: {ended}", where=f"run {directory.name}", todo=todo)
    return state.seq


def _risk(approve: str) -> object:
    from console.catalog.spec import Risk

    return approve if approve in ("none", "yes") else Risk(approve)


def roll_back(directory: Path, front: Front, *, by: str, after: int) -> int:
    """Take up a run to undo what it did (commands/steer.py has shown it and asked, and read its record
    up to number `after`)."""
    from console.service.order import load_order

    order = load_order(
        directory,
        approve="yes",
        on_failure="rollback",
        unattended=front.unattended,
        reopen=True,
        roll_back=True,
        by=by,
    )
    return _start(lambda: order, front, foreground=True, after=after)
