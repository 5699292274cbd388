"""The command that shows the console in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from console.commands.common import complete_run, say
from console.errors import UsageError


def serve(
    run: Annotated[
        str,
        typer.Argument(
            help="A run to attach to; without one the task picker opens.",
            autocompletion=complete_run,
            show_default=False,
        ),
    ] = "",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 chooses a free one.")] = 8930,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            help="An address of this machine; any but the loopback lets others listen in, and is warned of.",
        ),
    ] = "127.0.0.1",
) -> int:
    """Show the console in a browser on this machine.

    The address that is printed lets one browser in, once; the next one is printed then. Each tab is a
    console of its own; closing it leaves the run going on. Ctrl+C stops serving.

    Example: plandeck serve
    Example: plandeck serve last --port 8080
    """
    try:
        from console.serving import browser
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{error.name} is not installed", todo="Install it with: pip install 'plandeck[web]'"
        ) from None
    import asyncio

    arguments = _arguments(run)
    listener, names, is_local = browser.listen(host, port)
    if not is_local:
        say(
            f"WARNING: {host} can be reached from other machines, and what goes there is not encrypted:"
            " whoever listens in can approve and roll back. A tunnel to 127.0.0.1 is safe: ssh -L"
        )
    asyncio.run(browser.serve(listener, names, arguments, say))
    return 0


def _arguments(run: str) -> list[str]:
    if not run:
        return []
    from console.settings import find_run

    return ["attach", find_run(run).name]
