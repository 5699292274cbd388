"""Commands that say one wish to a run: end it, or roll it back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.common import Json, JsonFacts, Plain, Run, emit, say
from console.errors import ControlRefused, UsageError

if TYPE_CHECKING:
    from console.run.events import RollbackPlan
    from console.run.state import RunState
    from console.service.client import Attached

BackTo = Annotated[
    str,
    typer.Option(
        "--back-to", metavar="STEP", help="Keep this step and all that started before it.", show_default=False
    ),
]
LET_GO = 70.0
"""Seconds that a process may take to end which is called off: what it has begun is ended in good order."""

Agreed = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


def stop(run: Run, as_json: Json = False) -> int:
    """End a run here: running steps are cancelled, nothing is undone.

    Example: plandeck stop 4f1c
    """
    import anyio

    from console.settings import find_run

    outcome = anyio.run(_stop, find_run(run))
    if as_json:
        emit(outcome)
    else:
        say(f"run {outcome['run']}: {outcome['state'].replace('_', ' ')}")
    return 0


async def _stop(directory: Path) -> dict[str, Any]:
    from console.run.control import Stop
    from console.run.events import RunFinished
    from console.service.client import attach
    from console.service.holder import holder_of, let_go, tell_to_end

    if _is_prepared(directory):
        tell_to_end(directory)
        if not await let_go(directory, LET_GO):
            raise ControlRefused(
                f"process {holder_of(directory)}, which prepares the run, has not ended yet",
                where=f"run {directory.name}",
                todo="Look again in a moment",
            )
        return {"run": directory.name, "state": "called off before it began"}
    _must_go_on(directory)
    async with attach(directory) as session:
        await session.take_control()
        await session.wish(Stop(reason="plandeck stop"))
        outcome = "stopped"
        async with aclosing(session.records()) as records:
            async for record in records:
                if isinstance(record.event, RunFinished):
                    outcome = record.event.outcome
        return {"run": directory.name, "state": outcome}


def _is_prepared(directory: Path) -> bool:
    """Whether a process prepares the run: nothing is recorded yet."""
    from console.run.journal import last
    from console.service.holder import holder_of

    return last(directory) == 0 and holder_of(directory) > 0


def _must_go_on(directory: Path) -> None:
    from console.commands.look import state_of

    state = state_of(directory)
    if state.status.is_final:
        ended = state.status.replace("_", " ")
        raise UsageError(f"the run has ended already: {ended}", where=f"run {directory.name}")


def rollback(
    run: Run,
    back_to: BackTo = "",
    yes: Agreed = False,
    plain: Plain = False,
    as_json: JsonFacts = False,
) -> int:
    """Undo what a run did: shows the rollback first, runs it when you agree.

    A run that has ended, or whose process is gone, is taken up for it. Exit code 6 when everything was
    undone, 5 when something was not.

    Example: plandeck rollback 4f1c --yes --plain
    """
    import anyio

    from console.commands.epilogue import tell_rest
    from console.commands.ordering import Front
    from console.commands.starting import roll_back
    from console.service.client import is_executed, who_am_i
    from console.settings import find_run

    directory = find_run(run)
    if is_executed(directory):
        code = anyio.run(_roll_back_live, directory, back_to, yes, as_json)
        if not as_json:
            tell_rest(directory)
        return code
    if back_to:
        raise UsageError("--back-to needs the run's process", todo=f"plandeck resume {directory.name} first")
    preview, state = _preview(directory)
    _agree(preview, state, yes=yes, quiet=as_json)
    front = Front(plain=plain or not as_json, as_json=as_json)
    return roll_back(directory, front, by=who_am_i(), after=state.seq)


def _preview(directory: Path) -> tuple[RollbackPlan, RunState]:
    """The rollback of a run that nobody executes, and the state that it is made from."""
    from console.commands.look import state_of
    from console.run.rollback import plan_rollback

    state = state_of(directory)
    plan = state.everything()
    if plan is None:
        raise UsageError("this run has no plan; nothing ran", where=f"run {directory.name}")
    return plan_rollback(plan, state.catalog, state), state


async def _roll_back_live(directory: Path, back_to: str, yes: bool, as_json: bool) -> int:
    from console.commands.look import state_of
    from console.headless import Follower, json_lines, plain_lines
    from console.run.control import PreviewRollback, RollBack
    from console.service.client import attach

    async with attach(directory) as session:
        await session.take_control()
        preview = await session.wish(PreviewRollback(back_to=back_to or None))
        _agree(preview["rollback"], state_of(directory), yes=yes, quiet=as_json)
        await _still_ours(session)
        await session.wish(RollBack(hash=preview["hash"], back_to=back_to or None))
        show, after = (json_lines(say), 0) if as_json else (plain_lines(say), session.head)
        return await Follower(session, show, after=after).follow()


async def _still_ours(session: Attached) -> None:
    if not session.has_control:
        raise ControlRefused(
            f"{session.holder or 'nobody'} took the control meanwhile",
            kept="nothing was changed",
            todo="Try again",
        )


def _agree(rollback: RollbackPlan, state: RunState, *, yes: bool, quiet: bool) -> None:
    """Show what a rollback would do; it goes on only when somebody agrees."""
    if not any(item.fate == "planned" for item in rollback.items):
        raise UsageError("there is nothing that could be undone", kept="nothing was changed")
    if not quiet:
        for line in lines_of(rollback, state):
            say(line)
    if yes:
        return
    if quiet or not sys.stdin.isatty():
        raise UsageError("nobody agreed to the rollback", kept="nothing was changed", todo="Agree with --yes")
    if typer.prompt("roll back? [y/N]", default="", show_default=False).strip().lower() not in ("y", "yes"):
        raise UsageError("the rollback was not agreed to", kept="nothing was changed")


def lines_of(rollback: RollbackPlan, state: RunState) -> Iterator[str]:
    """A rollback as lines: what would be done, with its commands, what not and why."""
    from console.commands.cards import brief_lines
    from console.tui.screens.rollback_brief import RollbackBrief

    return brief_lines(RollbackBrief(rollback, state))
