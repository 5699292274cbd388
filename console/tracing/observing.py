"""Who watches a run and sends its spans, and who tells a step's process where it stands in the trace."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from console.run.events import CatalogLoaded, Record, RunCreated
from console.runners.backend import Chunk, Spec, Status, StepBackend, Worker
from console.text import one_line
from console.tracing import asked, naming
from console.tracing.span import Span, mapped
from console.tracing.spans import Spans

if TYPE_CHECKING:
    from console.redact import Redactor
    from console.tracing.otlp import Collector

log = logging.getLogger("plandeck.tracing")

CLOSE_SECONDS = 5.0
"""How long a run's process stays for its last spans."""

Secrets = Callable[[CatalogLoaded], "Redactor"]


class Observer:
    """Makes spans of records and sends them. Records up to `sent` were another process's business: they
    are taken in, and not sent again."""

    def __init__(self, collector: Collector, secrets: Secrets, *, content: bool, sent: int = 0) -> None:
        self._collector, self._secrets, self._sent = collector, secrets, sent
        self._spans = Spans(content=content)
        self._redactor: Redactor | None = None
        self.seq = 0
        self.count = 0

    def take(self, record: Record) -> None:
        """The next record of the run; one that was taken before is passed over."""
        if record.seq <= self.seq:
            return
        self.seq = record.seq
        if isinstance(record.event, CatalogLoaded):
            self._redactor = self._secrets(record.event)
        finished = self._spans.take(record)
        if record.seq > self._sent:
            self._send(finished)

    def rest(self, at: float) -> None:
        """Send what is still open, as if it ended at `at`."""
        self._send(self._spans.rest(at))

    def _send(self, spans: Sequence[Span]) -> None:
        self.count += len(spans)
        redactor = self._redactor
        change = redactor.redact if redactor else str
        self._collector.send([mapped(span, change) for span in spans])


class Tracing:
    """The traces of the run in this process."""

    def __init__(self, since: Callable[[int], Iterator[Record]], sent: int, secrets: Secrets) -> None:
        from console.tracing.otlp import Collector

        self._since = since
        self._collector = Collector()
        self._observer = Observer(
            self._collector, secrets, content=asked.wants_content(os.environ), sent=sent
        )

    async def follow(self, records: AsyncGenerator[Record]) -> None:
        """Send spans as their records come, until there are no more."""
        async with aclosing(records):
            async for record in records:
                self._observer.take(record)

    async def close(self) -> None:
        """Send what the end of the run wrote; say in one line what could not be sent."""
        with anyio.CancelScope(shield=True):
            for record in self._since(self._observer.seq):
                self._observer.take(record)
            problem = await anyio.to_thread.run_sync(self._collector.close, CLOSE_SECONDS)
        if problem:
            log.warning("traces were not delivered: %s. The run's record has all of them", problem)


def tracing_of(
    environ: Mapping[str, str], since: Callable[[int], Iterator[Record]], sent: int, secrets: Secrets
) -> tuple[Tracing | None, list[str]]:
    """The traces of a run, where they are asked for, or why there are none, in one line; `sent` records
    were another process's."""
    if not asked.is_asked(environ):
        return None, []
    if problem := asked.hindrance(environ):
        return None, [problem]
    try:
        return Tracing(since, sent, secrets), []
    except Exception as error:  # noqa: BLE001 - a variable that the SDK cannot read must not hinder a run
        return None, [f"traces are not sent: {one_line(str(error), 200)}"]


class Placed(StepBackend):
    """A backend whose processes know their place in the trace: TRACEPARENT, as the W3C names it."""

    def __init__(self, backend: StepBackend, since: Callable[[int], Iterator[Record]]) -> None:
        self._backend, self._since = backend, since
        self._trace = ""

    async def submit(self, spec: Spec) -> bool:
        parent = naming.traceparent(self.trace, naming.tool_span(self.trace, spec.key))
        return await self._backend.submit(replace(spec, env={**spec.env, "TRACEPARENT": parent}))

    @property
    def trace(self) -> str:
        """The run's trace: it follows from the first record, which stands before any step starts."""
        if not self._trace:
            first = next(self._since(0))
            assert isinstance(first.event, RunCreated)
            self._trace = naming.trace_id(first.event.run, first.at)
        return self._trace

    async def status(self, key: str, wait: float | None = 0) -> Status:
        return await self._backend.status(key, wait)

    def output(self, key: str, offset: int = 0) -> AsyncIterator[Chunk]:
        return self._backend.output(key, offset)

    async def cancel(self, key: str) -> None:
        await self._backend.cancel(key)

    async def abandon(self, key: str) -> None:
        await self._backend.abandon(key)

    async def workers(self) -> list[Worker]:
        return await self._backend.workers()
