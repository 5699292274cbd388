"""The command that plays an exported run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.common import Ascii, JsonFacts, Plain, on_terminal, say
from console.errors import UsageError

if TYPE_CHECKING:
    from console.service.playback import Playback

At = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="PLACE",
        help="Begin there: 01:30 into the run, #40 for a record, 50%, `failure`, or `end`.",
        show_default=False,
    ),
]


def replay(
    file: Annotated[
        Path,
        typer.Argument(help="A file that `plandeck export` wrote; - is standard input.", show_default=False),
    ],
    speed: Annotated[
        float, typer.Option("--speed", min=0.05, max=1000, help="How many times as fast as the run was.")
    ] = 1.0,
    at: At = "",
    paused: Annotated[bool, typer.Option("--paused", help="Stand still at first.")] = False,
    _ascii: Ascii = False,
    plain: Plain = False,
    as_json: JsonFacts = False,
) -> int:
    """Play an exported run: the same screens, nothing to steer but time. Exit code 0 when it can be read.

    Space plays and pauses, . and , go one record on and back, f goes to the next failure, [ and ] change
    the speed, @ goes to a moment. Waits in which nothing happened are shortened. Without a screen every
    fact is printed at once.

    Example: plandeck replay run.jsonl --speed 4 --at failure
    """
    from console.service.exported import read_exported

    run = read_exported(Path("/dev/stdin") if str(file) == "-" else file)
    if run.cut:
        told = f"the file ends in the middle of a record; the {len(run.records)} before it are shown"
        typer.echo(f"plandeck: {file}:{run.cut}: {told}", err=True)
    if plain or as_json or not on_terminal():
        import anyio

        from console.headless import Follower, json_lines, plain_lines
        from console.service.client import Replay

        show = json_lines(say) if as_json else plain_lines(say)
        anyio.run(Follower(Replay(run, file.parent), show).follow)
        return 0

    import asyncio

    from console.commands.screen import show_replay
    from console.service.playback import Playback

    with tempfile.TemporaryDirectory(prefix="plandeck-replay-") as folder:
        playback = Playback(run, Path(folder))
        playback.set_speed(speed)
        begin(playback, at)
        playback.plays_when_shown = not paused and not at
        asyncio.run(show_replay(playback))
    return 0


def begin(playback: Playback, at: str) -> None:
    """Put a replay where the command line wants it. Raises `UsageError`."""
    if at == "failure" and not playback.go_to_failure():
        raise UsageError("--at failure: nothing fails in this run")
    if at not in ("", "failure") and not playback.go_to_place(at):
        raise UsageError(f"--at {at}: that is no place", todo="Give 01:30, #40, 50%, failure or end")
