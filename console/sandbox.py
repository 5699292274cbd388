"""A world of its own for a task: samples and rehearsals run for real and touch nothing else.

    sandbox:
      copy: [site, {from: conf/app.conf, to: app.conf}]     what lies beside the task, into the workspace
      env: {PGHOST: 127.0.0.1}                              variables for every command and step
      setup: [sh setup.sh]                                  commands in the workspace, one after the other
      services:
        - name: web
          run: python3 -m http.server "$SITE_PORT" --bind 127.0.0.1 --directory www
          port: SITE_PORT                                   a free port, exported to every command here
          ready: {port: SITE_PORT}                          or {file: web.pid}, or {run: command}
      teardown: [rm -f lock]
      inject:                                               named failures, one chosen with --inject NAME
        broken-build: {description: fails after go-live, run: [sh break.sh]}
      prove:                                                how to tell from outside what came of it
        done: [test -f report.txt]
        undone: [sh state.sh | diff before.txt -]

`prepare` may be called again for the same workspace, by a resumed engine: what was copied and set up
stays as it is, a service that still runs is taken over, one that does not is started again on its port.
Services write to `.sandbox/NAME.log` in the workspace.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Self

import anyio
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from console.errors import BackendError, Fault, InvalidTask, UsageError
from console.text import clean, one_line

GRACE = 3.0
"""Seconds between TERM and KILL for a service."""

TEARDOWN = 60.0
"""Seconds for one command of the teardown: nothing else can call it off."""

POLL = 0.02
"""Seconds between two looks at a service that is not ready yet."""


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _inside(path: str) -> str:
    parts = PurePosixPath(path)
    if not path or parts.is_absolute() or ".." in parts.parts:
        raise ValueError(f"{path!r} must be a path inside the folder")
    return path


InnerPath = Annotated[
    str, Field(min_length=1), BeforeValidator(lambda v: _inside(v) if isinstance(v, str) else v)
]


class Copy(Part):
    """A file or folder beside the task, and its place in the workspace."""

    source: InnerPath = Field(alias="from")
    to: InnerPath

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"from": value, "to": PurePosixPath(value).name} if isinstance(value, str) else value


class Ready(Part):
    """When a service is ready: a TCP port of this machine accepts (named by its variable), a file is
    there, or a command exits with 0. Looked at until it holds, the service ends, or `within` seconds
    are over."""

    port: str = ""
    file: str = ""
    run: str = ""
    within: float = 20.0


class Service(Part):
    """A process that runs beside the task. `port` names a variable that gets a free port."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    run: str
    port: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    ready: Ready = Ready()


class Injection(Part):
    """A named failure, put into the workspace after `setup`."""

    description: str = ""
    copies: tuple[Copy, ...] = Field(default=(), alias="copy")
    run: tuple[str, ...] = ()


class Proof(Part):
    """Commands that exit with 0 when the task is done, or when everything is as it was before."""

    done: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()


class Sandbox(Part):
    """The `sandbox` of a task."""

    copies: tuple[Copy, ...] = Field(default=(), alias="copy")
    env: dict[str, str] = {}
    setup: tuple[str, ...] = ()
    services: tuple[Service, ...] = ()
    teardown: tuple[str, ...] = ()
    inject: dict[str, Injection] = {}
    prove: Proof = Proof()

    @model_validator(mode="after")
    def _known_ports(self) -> Self:
        ports = {service.port for service in self.services if service.port}
        for service in self.services:
            if service.ready.port and service.ready.port not in ports:
                raise ValueError(f"no service has a port named {service.ready.port!r}")
        return self


def parse(document: Mapping[str, Any], *, file: str = "") -> Sandbox:
    """The sandbox that a task's `sandbox` key describes. Raises `InvalidTask` with every fault."""
    try:
        return Sandbox.model_validate(document)
    except ValidationError as error:
        faults = [
            Fault(0, "", f"sandbox.{'.'.join(str(part) for part in one['loc'])}: {one['msg']}")
            for one in error.errors()
        ]
        raise InvalidTask(faults, file=file) from None


@dataclass(slots=True)
class Running:
    """A prepared world. `env` holds the sandbox's variables and the ports of its services, for every
    command and step of the task. `teardown` ends it; the files stay."""

    sandbox: Sandbox
    workspace: Path
    env: dict[str, str]
    _base: dict[str, str] = field(repr=False)
    _services: list[_Process] = field(default_factory=list, repr=False)

    async def teardown(self) -> None:
        """Run the teardown commands, each for `TEARDOWN` seconds at most, and end the services. Raises
        `BackendError` for the first command that failed, when everything else has been taken down."""
        failures: list[BackendError] = []
        with anyio.CancelScope(shield=True):
            for number, command in enumerate(self.sandbox.teardown, 1):
                try:
                    await _command(command, self, f"sandbox teardown {number}", within=TEARDOWN)
                except BackendError as error:
                    failures.append(error)
            for service in reversed(self._services):
                await service.end()
        if failures:
            raise failures[0]

    async def failing(self, checks: Sequence[str]) -> tuple[str, ...]:
        """Those of `checks` (`sandbox.prove.done` or `.undone`) that do not hold now."""
        return tuple([check for check in checks if not await _holds(check, self)])


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
            await _command(command, running, f"sandbox setup {number}")
        if inject:
            _copy(sandbox.inject[inject].copies, task_dir, workspace)
            for command in sandbox.inject[inject].run:
                await _command(command, running, f"sandbox failure {inject}")
        ready.touch()
    try:
        for service in sandbox.services:
            running._services.append(await _start(service, running))
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


# ── commands ─────────────────────────────────────────────────────────────────────────────────────


async def _run(command: str, running: Running) -> tuple[int, str]:
    """Exit code and the end of what it wrote. Output goes to a file: a process that the command left
    behind must not keep us waiting."""
    log = running.workspace / ".sandbox" / "commands.log"
    with log.open("ab") as out:
        out.write(f"$ {command}\n".encode())
        out.flush()
        start = out.tell()
        process = await anyio.open_process(
            ["sh", "-c", command],
            cwd=running.workspace,
            env=running._base | running.env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            code = await process.wait()
        except BaseException:
            _signal_group(process.pid, signal.SIGKILL)
            with anyio.CancelScope(shield=True):
                await process.wait()
            raise
    with log.open("rb") as done:
        done.seek(start)
        return code, clean(done.read()[-2000:])


async def _command(command: str, running: Running, where: str, *, within: float | None = None) -> None:
    """Raises `BackendError` when it fails, or has not ended `within` seconds."""
    code, output = None, ""
    with anyio.move_on_after(within):
        code, output = await _run(command, running)
    if code is None:
        raise BackendError(
            f"{one_line(command, 80)!r} did not end within {within:g} s",
            where=where,
            kept=f"the workspace {running.workspace} is as it left it",
            todo="See .sandbox/commands.log there",
        )
    if code:
        last = one_line(output.rstrip("\n").rpartition("\n")[2], 200)
        raise BackendError(
            f"exit code {code} from {one_line(command, 80)!r}" + (f": {last}" if last else ""),
            where=where,
            kept=f"the workspace {running.workspace} is as it left it",
            todo="See .sandbox/commands.log there",
        )


async def _holds(command: str, running: Running) -> bool:
    code, _ = await _run(command, running)
    return code == 0


# ── services ─────────────────────────────────────────────────────────────────────────────────────


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


@dataclass(slots=True)
class _Process:
    """A service's process, started by us or taken over from an engine that is gone. Its end is
    watched by a pidfd, which serves both."""

    pid: int
    fd: int
    note: Path
    child: subprocess.Popen[bytes] | None = None

    @property
    def ended(self) -> bool:
        return bool(select.select([self.fd], [], [], 0)[0])

    async def end(self) -> None:
        """TERM to the group, grace, KILL."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.ended:
                break
            _signal_group(self.pid, number)
            with anyio.move_on_after(GRACE):
                await anyio.wait_readable(self.fd)
        if self.child:  # not reaped yet, so its number still names its group, and what is left of it
            _signal_group(self.pid, signal.SIGKILL)
            self.child.wait()
        os.close(self.fd)
        self.note.unlink(missing_ok=True)


def _birth(pid: int) -> str:
    """When a process began, in clock ticks since boot; with the pid it names one process."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def _adopt(note: Path) -> _Process | None:
    """The service that an earlier engine left running, if it does."""
    try:
        pid, birth = note.read_text().split()
        fd = os.pidfd_open(int(pid))
    except (OSError, ValueError):
        return None
    try:
        if _birth(int(pid)) == birth:
            return _Process(int(pid), fd, note)
    except OSError:
        pass
    os.close(fd)
    return None


async def _start(service: Service, running: Running) -> _Process:
    state = running.workspace / ".sandbox"
    note = state / f"{service.name}.pid"
    process = _adopt(note)
    if process is None:
        with (state / f"{service.name}.log").open("ab") as log:
            child = subprocess.Popen(  # noqa: ASYNC220 - it outlives this call; a spawn takes a millisecond
                ["sh", "-c", f"exec {service.run}"],
                cwd=running.workspace,
                env=running._base | running.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        process = _Process(child.pid, os.pidfd_open(child.pid), note, child)
        note.write_text(f"{child.pid} {_birth(child.pid)}")
    try:
        await _until_ready(service, running, process)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await process.end()
        raise
    return process


async def _until_ready(service: Service, running: Running, process: _Process) -> None:
    why = f"was not ready within {service.ready.within:g} s"
    with anyio.move_on_after(service.ready.within):
        while not process.ended:
            if await _is_ready(service.ready, running):
                return
            with anyio.move_on_after(POLL):
                await anyio.wait_readable(process.fd)
        why = "ended before it was ready"
    raise BackendError(
        f"the service {why}",
        where=f"sandbox service {service.name}",
        kept=f"the workspace {running.workspace} is as it left it",
        todo=f"See .sandbox/{service.name}.log there",
    )


async def _is_ready(ready: Ready, running: Running) -> bool:
    if ready.file and not (running.workspace / ready.file).exists():
        return False
    if ready.port:
        try:
            async with await anyio.connect_tcp("127.0.0.1", int(running.env[ready.port])):
                pass
        except OSError:
            return False
    return not ready.run or await _holds(ready.run, running)
