"""A prepared world: what was copied and set up, its services, its end."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from console.errors import BackendError, UsageError
from console.sandbox.command import Place, carry_out, holds
from console.sandbox.document import Copy, Sandbox
from console.sandbox.services import Process, start

TEARDOWN = 60.0
"""Seconds for one command of the teardown: nothing else can call it off."""


@dataclass(slots=True)
class Running:
    """A prepared world. `env` holds the sandbox's variables and the ports of its services, for every
    command and step of the task. `teardown` ends it; the files stay."""

    sandbox: Sandbox
    workspace: Path
    env: dict[str, str]
    _base: Mapping[str, str] = field(repr=False)
    _services: list[Process] = field(default_factory=list, repr=False)

    @property
    def place(self) -> Place:
        return Place(self.workspace, {**self._base, **self.env})

    async def teardown(self) -> None:
        """Run the teardown commands, each for `TEARDOWN` seconds at most, and end the services. Raises
        `BackendError` for the first command that failed, when everything else has been taken down."""
        failures: list[BackendError] = []
        with anyio.CancelScope(shield=True):
            for number, command in enumerate(self.sandbox.teardown, 1):
                try:
                    await carry_out(command, self.place, f"sandbox teardown {number}", within=TEARDOWN)
                except BackendError as error:
                    failures.append(error)
            for service in reversed(self._services):
                await service.end()
        if failures:
            raise failures[0]

    async def failing(self, checks: Sequence[str]) -> tuple[str, ...]:
        """Those of `checks` (`sandbox.prove.done` or `.undone`) that do not hold now."""
        return tuple([check for check in checks if not await holds(check, self.place)])


async def prepare(
    task_dir: Path, sandbox: Sandbox, workspace: Path, env: Mapping[str, str], *, inject: str = ""
) -> Running:
    """Build the world of a task in `workspace`, or find it there. `env` is the whole environment of its
    commands (the task's inputs may be part of it); `inject` chooses a failure.

    Raises `UsageError` for an unknown failure, `BackendError` when a command or a service fails.
    """
    if inject and inject not in sandbox.inject:
        known = ", ".join(sandbox.inject) or "none"
        raise UsageError(f"the task has no failure named {inject!r}", todo=f"There are: {known}")
    state = workspace / ".sandbox"
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    running = Running(sandbox, workspace, {**sandbox.env, **_ports(sandbox, state)}, dict(env))
    ready = state / "ready"
    if not ready.exists():
        _copy(sandbox.copies, task_dir, workspace)
        for number, command in enumerate(sandbox.setup, 1):
            await carry_out(command, running.place, f"sandbox setup {number}")
        if inject:
            _copy(sandbox.inject[inject].copies, task_dir, workspace)
            for command in sandbox.inject[inject].run:
                await carry_out(command, running.place, f"sandbox failure {inject}")
        ready.touch()
    try:
        for service in sandbox.services:
            running._services.append(await start(service, running.place))
    except BaseException:
        with anyio.CancelScope(shield=True):
            for process in running._services:
                await process.end()
        raise
    return running


def _copy(copies: Sequence[Copy], task_dir: Path, workspace: Path) -> None:
    for one in copies:
        source, target = task_dir / one.source, workspace / one.to
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy(source, target)
        except OSError as error:
            raise BackendError(f"cannot copy {one.source}: {_why(error)}", where="sandbox copy") from None


def _why(error: OSError) -> str:
    """Why something was not copied; of a folder, the first of the reasons, which come as (from, to, why)."""
    parts = error.args[0]
    return error.strerror or str(parts[0][2] if isinstance(parts, list) else parts)


def _ports(sandbox: Sandbox, state: Path) -> dict[str, str]:
    """A free port for each service that asks for one; the same ones every time for one workspace."""
    names = [service.port for service in sandbox.services if service.port]
    kept = state / "ports.json"
    if kept.exists():
        known: dict[str, str] = json.loads(kept.read_text())
        return known
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    ports = {name: str(s.getsockname()[1]) for name, s in zip(names, sockets, strict=True)}
    for one in sockets:
        one.close()
    kept.write_text(json.dumps(ports))
    return ports
