"""A scripted session over a real journal, and ways to speak to it."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from console.errors import ControlRefused
from console.run import events as ev
from console.run.control import Pause, PreviewRollback, RunControl, Stop, Wish
from console.run.events import Record
from console.run.journal import Journal, read
from console.service.client import Attached
from console.service.link import Link
from console.service.server import Service
from console.service.wire import VERSION, Message, Wire


def created(run: str) -> ev.RunCreated:
    return ev.RunCreated(run=run, goal="Greet", workspace="/tmp", version="0", by="me")


class Scripted:
    """A session whose facts the test tells. Wishes are kept in `wishes`; `Stop` ends it, `Pause` is
    refused, a preview is answered."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.run = directory.name
        self.journal = Journal.open(directory)
        self.wishes: list[tuple[Wish, str]] = []
        self.persons: list[str | None] = []
        self.over = False
        self._news = anyio.Event()
        self.tell(created(self.run))

    @property
    def control(self) -> RunControl | None:
        return self

    async def wish(self, wish: Wish, *, by: str, person: str | None = None) -> Any:
        self.wishes.append((wish, by))
        self.persons.append(person)
        match wish:
            case Pause():
                raise ControlRefused("the run is drafting", kept="nothing was changed")
            case PreviewRollback():
                return {"rollback": ev.RollbackPlan(uncovered=("1",)), "hash": "h"}
            case Stop():
                self.tell(ev.RunFinished(outcome="stopped", exit_code=4))
                self.end()
        return None

    def tell(self, *events: ev.Event) -> None:
        self.journal.append([(1000.0, event) for event in events])
        self._wake()

    def end(self) -> None:
        self.over = True
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = anyio.Event()

    async def records(self, after: int = 0) -> AsyncGenerator[Record, None]:
        while True:
            for record in read(self.directory, after):
                after = record.seq
                yield record
            if self.over:
                return
            if self.journal.seq <= after:
                await self._news.wait()


@asynccontextmanager
async def served(session: Scripted, **kwargs: Any) -> AsyncIterator[Service]:
    """Serve a session as long as the block lasts."""
    service = Service(session, head=session.journal.seq, **kwargs)
    async with anyio.create_task_group() as tasks:
        await tasks.start(service.serve)
        try:
            yield service
        finally:
            tasks.cancel_scope.cancel()
    session.journal.close()


async def heard(session: Attached, condition: Callable[[Attached], bool]) -> None:
    """Wait until what an attached session knows of the control meets `condition`."""
    with anyio.fail_after(10):
        while not condition(session):
            news = anyio.Event()
            session.on_control = news.set
            if not condition(session):
                await news.wait()


async def spoken_to(directory: Path, *said: bytes) -> list[Message]:
    """Say raw bytes to a run's socket and hear what comes until it closes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(directory / "sock"))
        link, answers = Link(connection), []
        for one in said:
            await link.send(one)
        wire = Wire(link)
        with anyio.fail_after(20):
            while True:
                try:
                    answers.append(await wire.receive())
                except (anyio.EndOfStream, anyio.BrokenResourceError):
                    return answers


def frame(message: Message) -> bytes:
    body = json.dumps(message).encode()
    return len(body).to_bytes(4, "big") + body


HELLO = {"say": "hello", "version": VERSION, "ui": False, "who": "raw"}
