"""Having a run executed: here, or in a process of its own, with the front end that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from console.commands.common import emit, on_terminal, say
from console.commands.following import follow, in_lines, on_screen, tell_end
from console.commands.ordering import Front, order_for, order_like, planned_by
from console.errors import JournalFull, JournalUnsafe, UsageError
from console.service.unwrap import heart

if TYPE_CHECKING:
    from console.run.control import Session
    from console.service.order import Order

LIKE = "like:"
"""What is picked to start a run like another one: this and that run's id."""


def start(make: Callable[[], Order], front: Front, *, foreground: bool, after: int = 0) -> int:
    """Execute the order that `make` makes with the front end that was asked for. Lines begin after
    record `after`; JSON is the whole record."""
    if front.screen and not foreground:
        return on_screen(lambda door: door.start(make))
    order = make()
    if front.detach:
        return _launch(order, as_json=front.as_json)
    if front.attended and not foreground:
        from console.service.launch import launch

        launch(order)
        return in_lines(order.directory, front, after=after)

    import anyio

    from console.service.host import host
    from console.service.order import save_order

    save_order(order)
    if front.screen:
        from console.commands.screen import show_here

        return anyio.run(host, order, show_here)

    async def followed(session: Session) -> int:
        return await follow(session, front, order.by, after)

    try:
        code = anyio.run(host, order, followed)
    except BaseException as error:
        if isinstance(heart(error), JournalFull | JournalUnsafe):
            tell_end(order.directory, front)
        raise
    tell_end(order.directory, front)
    return code


def _launch(order: Order, *, as_json: bool) -> int:
    from console.service.launch import launch

    launch(order)
    if as_json:
        emit({"event": "launched", "run": order.run, "directory": str(order.directory)})
    else:
        say(order.run)
    return 0


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
    return start(lambda: order, front, foreground=True, after=after)


# ── the picker ───────────────────────────────────────────────────────────────────────────────────


def pick() -> int:
    """The picker: a task or a run is chosen on the screen."""
    if not on_terminal():
        raise UsageError(
            "there is no terminal for the task picker", todo="Name a task: plandeck run TASK --plain"
        )
    return on_screen(None)


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
