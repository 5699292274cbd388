"""Calling somebody to a run that waits: by a real command, once, and only where nobody looks on."""

from __future__ import annotations

import shlex
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from console.run import events as ev
from console.service.notify import Notifier, message_of
from tests.service.sessions import Scripted

pytestmark = pytest.mark.anyio

WRITE = (
    "import os, sys; open(sys.argv[1], 'a').write(repr(sys.argv[2:]) + os.environ['PLANDECK_RUN'] + chr(10))"
)


def asks(number: int, step: str = "") -> ev.ApprovalRequested:
    return ev.ApprovalRequested(
        request=f"q{number}", scope="gate" if step else "plan", hash="h", step=step, question="--go; rm -rf /"
    )


class Bell:
    """A notify command that writes what it was called with, and who looks on."""

    def __init__(self, session: Scripted, folder: Path) -> None:
        self.session, self.file, self.watched = session, folder / "called", False

    @asynccontextmanager
    async def rings(self, command: str = "") -> AsyncIterator[Notifier]:
        notifier = Notifier(self.session, command or self.command, lambda: self.watched, settle=0)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(notifier.serve)
            yield notifier
            tasks.cancel_scope.cancel()

    @property
    def command(self) -> str:
        return shlex.join([sys.executable, "-c", WRITE, str(self.file)])

    def calls(self) -> list[str]:
        return self.file.read_text().splitlines() if self.file.exists() else []


async def comes(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(20):
        while not holds():
            await anyio.lowlevel.checkpoint()


async def test_a_question_that_nobody_sees_calls_somebody_once(session: Scripted, tmp_path: Path) -> None:
    bell = Bell(session, tmp_path)
    session.tell(asks(1))
    async with bell.rings() as notifier:
        await comes(lambda: len(bell.calls()) == 1)
        notifier.look()
        session.tell(ev.Warned(message="nothing to do with it"))
        session.tell(asks(2, step="4"))
        await comes(lambda: len(bell.calls()) == 2)
    assert bell.calls() == [
        f"{[message_of('4f1c', ['plan'])]}4f1c",
        f"{[message_of('4f1c', ['gate step 4'])]}4f1c",
    ]


async def test_who_looks_on_is_not_called_until_they_leave(session: Scripted, tmp_path: Path) -> None:
    bell = Bell(session, tmp_path)
    bell.watched = True
    async with bell.rings() as notifier:
        session.tell(asks(1))
        await anyio.wait_all_tasks_blocked()
        assert bell.calls() == []
        bell.watched = False
        notifier.look()
        await comes(lambda: len(bell.calls()) == 1)


async def test_an_answered_question_calls_nobody_and_a_half_answered_one_calls_again(
    session: Scripted, tmp_path: Path
) -> None:
    bell = Bell(session, tmp_path)
    session.tell(asks(1), ev.Denied(request="q1", scope="plan", by="ada"), asks(2))
    async with bell.rings():
        await comes(lambda: len(bell.calls()) == 1)
        session.tell(
            ev.Countersigned(request="q2", scope="plan", hash="h", by="ada", person="ada", how="key")
        )
        await comes(lambda: len(bell.calls()) == 2)
    assert "approved by ada: a second person" in bell.calls()[1]


@pytest.mark.parametrize(
    ("command", "said"),
    [("/no/such/command", "cannot run /no/such/command"), ("false", "false ended with 1")],
)
async def test_a_command_that_fails_is_told_in_the_log_and_harms_nothing(
    session: Scripted, tmp_path: Path, command: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    session.tell(asks(1))
    async with Bell(session, tmp_path).rings(command):
        await comes(lambda: said in caplog.text)
