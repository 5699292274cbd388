"""Commands about session scripts: check one, record one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.common import (
    Inject,
    Json,
    Sets,
    complete_task,
    emit,
    must_be_writable,
    on_terminal,
    pairs,
    say,
)
from console.errors import UsageError

if TYPE_CHECKING:
    from console.run.control import Session
    from console.run.state import RunState

script = typer.Typer(
    help="Session scripts: what demos, tests and pictures are played from.\n\n\b\nExample:\n"
    "  plandeck script check broken-deploy",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def check(
    name: Annotated[str, typer.Argument(help="A session script: a file, or the name of a demo.")],
    as_json: Json = False,
) -> int:
    """Read a session script and play it on a stage, without a terminal; says where it goes another way.

    Example: plandeck script check broken-deploy
    """
    import tempfile

    import anyio

    from console.commands.staging import play_staged
    from console.tui.scripts.player import Player
    from console.tui.scripts.reader import load_script

    one = load_script(name)

    snapshots = []

    async def keep(_player: Player, snapshot: str) -> None:
        snapshots.append(snapshot)
        if not as_json:
            say(f"snapshot {snapshot}")

    with tempfile.TemporaryDirectory(prefix="plandeck-script-") as folder:
        anyio.run(play_staged, one, Path(folder), keep)
    if as_json:
        emit({"script": one.name, "lines": len(one.lines), "snapshots": snapshots})
    else:
        say(f"{one.name}: {len(one.lines)} lines, all came true")
    return 0


def record(
    task: Annotated[str, typer.Argument(help="A sample task, or a task file.", autocompletion=complete_task)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Write the script to this file.", dir_okay=False)
    ],
    sets: Sets = None,
    inject: Inject = "",
) -> int:
    """Run a task on the screen and write what you press as a session script.

    The run is a real one, in this process; when you leave, the script is written: your keys, what each
    waited for, and how long every step took, what it printed and how it ended. What a model said for
    agents goes into a file beside it. Add `say` and `snapshot` lines by hand, then try it with
    `plandeck script check`.

    Example: plandeck script record deploy --inject broken-build -o mine.yaml
    """
    if not on_terminal():
        raise UsageError("a session is recorded on a terminal")
    must_be_writable(output)
    import shutil

    import anyio

    from console.commands.ordering import Front, order_for, planned_by
    from console.commands.recording import has_turns, script_text, size_of, world_of
    from console.service.host import host
    from console.service.order import save_order
    from console.task import load, samples
    from console.tui.scripts.model import WIDE

    given = pairs(sets)
    loaded = planned_by(load(task, given), "offline")
    order = order_for(loaded, Front(screen=True), inject=inject)
    replies = order.directory / "replies.yaml"
    order = order.model_copy(update={"record": replies})
    save_order(order)
    lines: list[dict[str, Any]] = []
    size = shutil.get_terminal_size(WIDE)

    async def front(session: Session) -> int:
        return await _shown(session, lines)

    code = anyio.run(host, order, front)
    named = task if task in samples() else str(Path(task).absolute())
    head: dict[str, Any] = {"title": loaded.goal, "task": named, "size": size_of(*size)}
    head |= ({"set": given} if given else {}) | ({"inject": inject} if inject else {})
    if has_turns(replies):
        kept = output.with_name(f"{output.stem}.replies.yaml")
        kept.write_bytes(replies.read_bytes())
        head["recording"] = kept.name
    world = dict(world_of(_state_of(order.directory), order.directory))
    output.write_text(script_text(head, lines, world), encoding="utf-8")
    say(f"{output}: {len(lines)} lines; try it with: plandeck script check {output}")
    return code if code != 4 else 0


async def _shown(session: Session, lines: list[dict[str, Any]]) -> int:
    from console.commands.recording import RecordingApp
    from console.commands.screen import screen_options

    app = RecordingApp(session, screen_options())
    app.lines = lines
    await app.run_async()
    if lines and lines[-1].get("press", "").split()[-1:] == ["q"]:
        # Leaving is the end of a session, not a part of it.
        keys = lines.pop()["press"].split()[:-1]
        lines += [{"press": " ".join(keys)}] if keys else []
    return app.return_code or 0


def _state_of(directory: Path) -> RunState:
    from console.commands.look import state_of

    return state_of(directory, sound=False)


COMMANDS: dict[str, Callable[..., int]] = {"check": check, "record": record}
