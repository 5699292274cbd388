"""Following a run: on the screen, as lines, or as JSON; and the command that attaches to one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.common import Ascii, JsonFacts, Plain, Run, has_cursor, print_ascii, say
from console.commands.ordering import Front

if TYPE_CHECKING:
    from console.commands.screen import Begin
    from console.headless import Show
    from console.run.control import Session

NEWEST = 20
"""Records that whoever attaches by lines is told of; the others when asked."""


def attach(
    run: Run,
    _ascii: Ascii = False,
    plain: Plain = False,
    as_json: JsonFacts = False,
    take: Annotated[bool, typer.Option("--take", help="Take the control from whoever holds it.")] = False,
    key: Annotated[
        Path | None,
        typer.Option("--key", help="Sign what you approve with this SSH key, or with the agent's."),
    ] = None,
) -> int:
    """Attach to a run: see what it does; steer it when you hold the control.

    A run that no process executes is shown as its record has it.

    Example: plandeck attach 4f1c
    """
    from console.settings import find_run

    front, directory = Front(plain=plain, as_json=as_json), find_run(run)
    if front.screen:
        return on_screen(lambda door: door.attach(directory, take=take, key=key))
    from console.commands.look import tell_broken

    tell_broken(directory)
    return in_lines(directory, front, take=take, key=key, newest=NEWEST if front.can_ask else None)


def in_lines(
    directory: Path,
    front: Front,
    *,
    take: bool = False,
    key: Path | None = None,
    after: int = 0,
    newest: int | None = None,
) -> int:
    """Follow a run that a process of its own executes, without a screen. Ctrl+C leaves it, and it goes on.
    Lines begin after record `after`, or with the `newest` of what there is."""
    import anyio

    try:
        code = anyio.run(_attach, directory, front, take, key, after, newest)
    except KeyboardInterrupt:
        code = 130
        if not front.as_json:
            say()
    tell_end(directory, front)
    return code


async def _attach(
    directory: Path, front: Front, take: bool, key: Path | None, after: int, newest: int | None
) -> int:
    from console.service.client import Kept, NotExecuted
    from console.service.client import attach as attach_to

    try:
        async with attach_to(directory, ui=front.can_ask, key=key) as session:
            if take:
                await session.take_control()
            if newest is not None and session.head > newest:
                say(f"the newest {newest} of {session.head} records; events NUMBER tells more of them")
                after = session.head - newest
            return await follow(session, front, session.who, after)
    except NotExecuted:
        return await _watch(Kept(directory), front)


async def _watch(session: Session, front: Front) -> int:
    """Follow what nobody executes: there is nothing to answer."""
    from console.headless import Follower

    return await Follower(session, show_for(front)).follow()


# ── with which front end ─────────────────────────────────────────────────────────────────────────


def on_screen(begin: Begin | None) -> int:
    """Show the run that `begin` opens, or the picker; gives the exit code."""
    import asyncio

    from console.commands.screen import show

    return asyncio.run(show(begin))


async def follow(session: Session, front: Front, by: str, after: int) -> int:
    """Follow a run without a screen to its end, answering its questions where a terminal is there; gives
    the exit code. Lines begin after record `after`."""
    from console.headless import Follower

    after = 0 if front.as_json else after
    if not front.can_ask:
        return await Follower(session, show_for(front), by=by, after=after).follow()
    from console.commands.typed import Typed

    show = show_for(front)
    pause = getattr(show, "pause", lambda: None)  # lines alone have nothing to pause
    typed = Typed(session, show, by, pause, after)
    return await Follower(session, typed.show, typed.answer, by=by, beside=typed.beside, tell=say).follow()


def show_for(front: Front) -> Show:
    """How records are shown without a screen."""
    from console.headless import json_lines, plain_lines
    from console.settings import load_settings

    if load_settings().ascii:
        print_ascii()
    if front.as_json:
        return json_lines(say)
    if front.plain or front.attended or not has_cursor():
        return plain_lines(say)
    from console.commands.progress import Progress

    return Progress()


def tell_end(directory: Path, front: Front) -> None:
    """The last lines for a person; JSON ends with the record."""
    if not front.as_json:
        from console.commands.epilogue import tell_rest

        tell_rest(directory, whole=front.can_ask)
