"""The `sandbox` key of a task, as it is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from console.errors import Fault, InvalidTask


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
