"""The command that plays demos, and gives sample tasks to operate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.common import (
    Ascii,
    Inject,
    JsonFacts,
    Plain,
    complete_demo,
    emit,
    on_terminal,
    say,
    table,
)
from console.commands.ordering import Front, order_for, planned_by
from console.commands.starting import start
from console.errors import UsageError

if TYPE_CHECKING:
    from console.service.order import Order


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
    _ascii: Ascii = False,
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

    return start(make, front, foreground=False)


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
