"""One call of one tool of a catalog, for a program that decides itself: a supervised attempt like a step's.

Time-outs, cancelling, clean-up of what a tool leaves behind, secrets and the redaction of output are the
supervisor's, as for every step. There is no plan, no approval and no record: whoever calls has decided. So
what may be called at all is bounded by risk, and the attempt's files are gone when the server ends.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import anyio

from console.catalog.spec import Catalog, Risk, ToolSpec
from console.errors import BackendError, PlandeckError
from console.plan.model import Params, Step
from console.run.attempts import Place, spec_of
from console.run.control import spool
from console.run.events import StepFailed
from console.run.outcome import judge
from console.run.results import read_result
from console.runners.backend import Spec, Status
from console.runners.local import LocalBackend
from console.runners.router import Router
from console.service.parts import environment, secrets_of
from console.service.peer import GUEST
from console.service.unwrap import heart
from console.serving.folder import Folder
from console.text import Cleaner, clean

RESULT = 1024 * 1024
"""Characters of a result that a client gets."""

CANCEL_SECONDS = 15.0
"""How long the end of a cancelled call is waited for."""

Stream = Literal["out", "err"]
STREAMS: tuple[Stream, ...] = ("out", "err")

Said = Callable[[Stream, str], Awaitable[None]]
"""Told what the tool prints, made safe to show."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a call: the result, or in `error` why there is none."""

    text: str
    error: str = ""


class Calls:
    """Calls the tools of `catalog` in `workspace`. `env` names variables of `caller` that tools get besides
    the usual ones; secrets come from `caller` too. Leaving it ends what still runs."""

    def __init__(
        self, catalog: Catalog, *, workspace: Path, caller: Mapping[str, str], env: tuple[str, ...] = ()
    ) -> None:
        self._catalog = catalog
        self._folder = Folder()
        self._directory = self._folder.path
        # What a tool starts must not answer for a person where a run waits for one.
        given = environment(catalog, env, caller) | {GUEST: "tool"}
        self._place = Place(self._directory, str(workspace), given, secrets_of(catalog, caller))
        self._processes = LocalBackend(self._directory, linger=1.0)
        self._backend = Router(self._processes)
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        await self._processes.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._processes.__aexit__(kind, error, trace)
        finally:
            self._folder.leave()

    async def call(self, tool: ToolSpec, params: Params, said: Said) -> Answer:
        """Call `tool` once. Cancelled, it ends what it has started."""
        number = next(self._numbers)
        step = Step(id=f"call-{number}", action=tool.name, params=params)
        key = f"{self._directory.name}/{step.id}/1"
        try:
            spec = spec_of(step, key, params, self._catalog, self._place)
            return self._answer(step, key, await self._carried_out(spec, said))
        except Exception as error:
            cause = heart(error)
            if not isinstance(cause, PlandeckError):
                raise
            return Answer("", clean(str(cause)))
        finally:
            shutil.rmtree(spool(self._directory, key), ignore_errors=True)

    async def _carried_out(self, spec: Spec, said: Said) -> Status:
        await self._backend.submit(spec)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._follow, spec.key, said)
                status = await self._backend.status(spec.key, wait=None)
        except BaseException:
            with anyio.CancelScope(shield=True), anyio.move_on_after(CANCEL_SECONDS):
                await self._backend.cancel(spec.key)
                await self._backend.status(spec.key, wait=None)
            raise
        return status

    async def _follow(self, key: str, said: Said) -> None:
        cleaners = {"out": Cleaner(), "err": Cleaner()}
        async for chunk in self._backend.output(key):
            if text := cleaners[chunk.stream].feed(chunk.data).text:
                await said(chunk.stream, text)
        for stream in STREAMS:
            if text := cleaners[stream].close().text:
                await said(stream, text)

    def _answer(self, step: Step, key: str, status: Status) -> Answer:
        event = judge(step, 1, key, status, self._directory)
        if isinstance(event, StepFailed):
            return Answer("", f"{event.error}\n{event.tail}".strip())
        if status.phase != "exited":
            return Answer("", getattr(event, "reason", "") or status.phase)
        text = read_result(self._directory, key)
        if len(text) > RESULT:
            raise BackendError(
                f"its result has {len(text)} characters, and a client gets {RESULT} at most",
                where=step.action,
                todo="Have it written to a file and pass the file's name",
            )
        return Answer(text)


def callable_tools(catalog: Catalog, up_to: Risk) -> tuple[dict[str, ToolSpec], list[ToolSpec]]:
    """The tools that may be called, and those that are too risky. An agent is neither: it needs a run."""
    tools = {name: tool for name, tool in catalog.tools.items() if tool.agent is None}
    allowed = {name: tool for name, tool in tools.items() if tool.risk.rank <= up_to.rank}
    return allowed, [tool for name, tool in tools.items() if name not in allowed]
