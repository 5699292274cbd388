"""The commands that execute a run: start one, take one up again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.common import (
    ApproveUpTo,
    Ascii,
    Detach,
    Env,
    ExecutorModel,
    FailureName,
    Foreground,
    Inject,
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
    complete_run,
    pairs,
)
from console.commands.ordering import Front, consent_of, on_failure_of, order_for, order_like, planned_by
from console.commands.starting import start
from console.errors import UsageError

if TYPE_CHECKING:
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
        help="Keep what planner and agents answer in this file, to be replayed.",
        dir_okay=False,
        show_default=False,
    ),
]
Like = Annotated[
    str,
    typer.Option(
        "--like",
        metavar="RUN",
        help="Start with the plan that this run had in the end.",
        autocompletion=complete_run,
        show_default=False,
    ),
]


def run(
    what: What = "",
    tools: Tools = None,
    workspace: Workspace = None,
    sets: Sets = None,
    like: Like = "",
    planner: Planner = "",
    model: Model = "",
    executor_model: ExecutorModel = "",
    prompt: Prompt = "",
    record: Record = None,
    yes: Yes = False,
    approve_up_to: ApproveUpTo = None,
    _ascii: Ascii = False,
    plain: Plain = False,
    as_json: JsonFacts = False,
    on_failure: OnFailure = None,
    env: Env = None,
    foreground: Foreground = False,
    detach: Detach = False,
    inject: Inject = "",
) -> int:
    """Plan a task, or take a plan, and carry it out.

    On a terminal the screen opens and the run goes on when it is closed. With --plain everything is asked
    there line by line. With --json, --yes or without a terminal nobody is asked. Nothing runs that was not
    approved: by a key on the screen, in words, or by --yes or --approve-up-to.

    Example: plandeck run plan.json --tools tools.yaml --yes --json --on-failure rollback
    """
    front = Front(plain=plain, as_json=as_json, detach=detach, consent=yes or approve_up_to is not None)
    approve, given = consent_of(yes, approve_up_to), pairs(sets)

    if like and (what or sets or planner or model):
        raise UsageError("--like takes task and plan from a run", todo="Name a task, or a run with --like")

    def make() -> Order:
        from console.settings import find_run
        from console.task import load

        make_it: Callable[..., Order]
        if like:
            make_it = partial(order_like, find_run(like))
        else:
            # Who names a planner or a model wants a plan, not one that is kept.
            task = load(what, given, templates=not (planner or model))
            make_it = partial(order_for, planned_by(task, planner, model, prompt))
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

    return start(make, front, foreground=foreground)


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
    return start(lambda: order, front, foreground=foreground, after=after)


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
