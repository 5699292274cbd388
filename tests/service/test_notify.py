"""Calling somebody to a run that waits: by a real command, once, and only where nobody looks on."""

from __future__ import annotations

import shlex
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from console.errors import UsageError
from console.run import events as ev
from console.service.notify import Notifier, call_of, message_of
from console.settings import NotifyTool
from tests.service.sessions import Scripted

pytestmark = pytest.mark.anyio

WRITE = (
    "import os, sys; open(sys.argv[1], 'a').write(repr(sys.argv[2:]) + os.environ['PLANDECK_RUN'] + chr(10))"
)

TOOLS = """
tools:
  - name: tell
    parameters: [{name: file, required: true}, {name: message, required: true}]
    script: {shell: "printf %s {{message}} > {{file}}"}
  - name: post
    parameters: [{name: message, required: true}]
    http: {url: "http://127.0.0.1:9/{{message}}"}
  - {name: nod, script: {shell: "true"}}
"""


def asks(number: int, step: str = "") -> ev.ApprovalRequested:
    return ev.ApprovalRequested(
        request=f"q{number}", scope="gate" if step else "plan", hash="h", step=step, question="--go; rm -rf /"
    )


class Bell:
    """A notify command that writes what it was called with, and who looks on."""

    def __init__(self, session: Scripted, folder: Path) -> None:
        self.session, self.file, self.watched = session, folder / "called", False

    @asynccontextmanager
    async def rings(self, notify: str | NotifyTool = "") -> AsyncIterator[Notifier]:
        call = call_of(notify or self.command)
        assert call
        notifier = Notifier(self.session, call, lambda: self.watched, settle=0)
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


async def test_a_tool_tells_the_message_from_the_home_folder(
    session: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.yaml").write_text(TOOLS)
    told = tmp_path / "told"
    tool = NotifyTool("tell", str(tmp_path / "mine.yaml"), {"file": "told"})
    session.tell(asks(1))
    async with Bell(session, tmp_path).rings(tool):
        await comes(lambda: told.exists() and bool(told.read_text()))
    assert told.read_text() == message_of("4f1c", ["plan"])


@pytest.mark.parametrize(
    ("tool", "why"),
    [
        (NotifyTool("tel", "mine.yaml"), "there is no tool tel in mine.yaml"),
        (NotifyTool("tell", "mine.yaml"), "tell needs the parameter file"),
        (NotifyTool("post", "mine.yaml"), "post is no command"),
        (NotifyTool("nod", "mine.yaml"), "nod has no parameter message"),
    ],
    ids=lambda one: one.tool if isinstance(one, NotifyTool) else "",
)
async def test_a_tool_that_cannot_tell_is_refused_before_anything_starts(
    tool: NotifyTool, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "plandeck").mkdir()
    (tmp_path / "plandeck" / "mine.yaml").write_text(TOOLS)  # a relative name starts beside the config file
    with pytest.raises(UsageError) as refused:
        call_of(tool)
    assert why in str(refused.value)
    assert "config.yaml" in str(refused.value)
