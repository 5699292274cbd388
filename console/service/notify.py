"""Calling somebody to a run that waits and that nobody looks at.

A process without a terminal cannot ring. The operator's `notify` is run instead, once for each question: a
command, whose words the message follows as one more argument, or a tool with a parameter `message`. A
command is no shell line, and the message begins with the product's name, so that nothing a plan or a tool
says becomes an option or a command. Whoever has a screen on the run is rung there, and not this way.
"""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path

import anyio

from console.catalog import load as tool_files
from console.catalog.command import Command, command
from console.errors import NeverStarted, UsageError
from console.run import events as ev
from console.run.control import Session
from console.service.command import output_of
from console.settings import NotifyTool, config_file
from console.text import one_line

log = logging.getLogger("plandeck.notify")

SETTLE = 5.0
"""Seconds that a question must have waited: a screen may be on its way, and several come together."""

PATIENCE = 30.0
"""Seconds that the command may take."""

WIDTH = 300

Call = Callable[[str], Command]
"""The process that tells somebody a message."""


def call_of(notify: str | NotifyTool) -> Call | None:
    """What the operator's setting runs; `None` when it is empty. Raises `UsageError` for a tool that cannot
    tell a message, `InvalidCatalog` for a tool file that is none."""
    if isinstance(notify, NotifyTool):
        return _tool_call(notify)
    words = shlex.split(notify)
    return (lambda message: Command((*words, message), str(Path.home()), timeout=PATIENCE)) if words else None


def _tool_call(notify: NotifyTool) -> Call:
    tool = tool_files.load([notify.file], beside=config_file().parent).get(notify.tool)

    def call(message: str) -> Command:
        assert tool is not None
        return command(tool, {**notify.params, "message": message}, workspace=str(Path.home()))

    try:
        if tool is None:
            why = f"there is no tool {notify.tool} in {notify.file}"
        elif call(message_of("0000", ["plan"])).call is not None:
            why = f"{notify.tool} is no command"
        else:
            return call
    except NeverStarted as error:
        why = str(error)
    todo = "Name a tool that is a command, with all its parameters but `message`"
    raise UsageError(f"notify: {why}", where=str(config_file()), kept="nothing was started", todo=todo)


class Notifier:
    """Watches the questions of one run. `is_watched` says whether anybody has a screen on it; call `look`
    when that changes."""

    def __init__(
        self, session: Session, call: Call, is_watched: Callable[[], bool], *, settle: float = SETTLE
    ) -> None:
        self._session, self._call, self._is_watched = session, call, is_watched
        self._settle = settle
        self._open: dict[str, str] = {}
        self._told: set[str] = set()
        self._news = anyio.Event()

    async def serve(self) -> None:
        """Notify until cancelled, or until the run ends."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._tell)
            async with aclosing(self._session.records()) as records:
                async for record in records:
                    self._take(record.event)
            tasks.cancel_scope.cancel()

    def look(self) -> None:
        """Something has changed: a question, or who looks on."""
        self._news.set()

    def _take(self, event: ev.Event) -> None:
        match event:
            case ev.ApprovalRequested():
                about = f" step {event.step}" if event.step else ""
                self._open[event.request] = f"{event.scope.replace('_', ' ')}{about}"
            case ev.Countersigned():
                # The second person is somebody else to call.
                question = f"{event.scope.replace('_', ' ')}, approved by {event.person}: a second person"
                self._open[event.request] = question
                self._told.discard(event.request)
            case ev.Approved() | ev.Denied() | ev.RequestWithdrawn():
                self._open.pop(event.request, None)
            case ev.RunFinished() | ev.RollbackStarted():
                self._open.clear()
            case _:
                return
        self.look()

    def _fresh(self) -> list[str]:
        return [] if self._is_watched() else [one for one in self._open if one not in self._told]

    async def _tell(self) -> None:
        while True:
            if self._fresh():
                await anyio.sleep(self._settle)
            fresh = self._fresh()
            if fresh:
                self._told.update(fresh)
                await _run(self._call, self._session.run, [self._open[one] for one in fresh])
                continue
            self._news = anyio.Event()
            await self._news.wait()


def message_of(run: str, questions: Sequence[str]) -> str:
    """What is sent: which run, what it waits for, what to do."""
    asked = one_line("; ".join(questions), WIDTH)
    return f"plandeck: run {run} waits for an answer ({asked}): plandeck attach {run}"


async def _run(call: Call, run: str, questions: Sequence[str]) -> None:
    message = message_of(run, questions)
    try:
        told = call(message)
        with anyio.move_on_after(told.timeout) as patience:
            env = {**os.environ, **told.env, "PLANDECK_RUN": run, "PLANDECK_MESSAGE": message}
            code, errors = await output_of(told.argv, "stderr", cwd=told.cwd, env=env)
    except NeverStarted as error:
        log.warning("notify: %s", error)
        return
    except OSError as error:
        log.warning("notify: cannot run %s: %s", told.argv[0], error.strerror)
        return
    if patience.cancelled_caught:
        log.warning("notify: %s did not end within %.0f seconds", told.argv[0], told.timeout)
    elif code:
        said = one_line(errors.decode("utf-8", "replace"), WIDTH)
        log.warning("notify: %s ended with %d: %s", told.argv[0], code, said)
    else:
        log.info("notify: %s", message)
