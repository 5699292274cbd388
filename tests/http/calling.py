"""A tool file's text and the parameters of a step -> what came of the call."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.catalog.spec import Catalog, ToolSpec
from console.catalog.toolfile import read_tool_file
from console.plan.model import Step
from console.run.attempts import Place, spec_of
from console.runners.backend import Spec, Status
from console.runners.router import Router

KEY = "run/1/1"


@dataclass
class Outcome:
    status: Status
    out: str
    err: str


def tool_of(text: str, file: str = "") -> ToolSpec:
    read = read_tool_file(text, file=file)
    assert not read.faults, [str(fault) for fault in read.faults]
    return read.tools[0]


def spec_for(
    tool: ToolSpec, run_dir: Path, *, env: dict[str, str] | None = None, timeout: float = 20, **params: Any
) -> Spec:
    secrets = {name: value for name, value in (env or {}).items() if name in tool.secrets}
    around = {"PATH": os.environ["PATH"], **{k: v for k, v in (env or {}).items() if k not in secrets}}
    place = Place(run_dir, str(run_dir), around, secrets)
    step = Step(id="1", action=tool.name, params=params, timeout=timeout)
    (run_dir / "steps").mkdir(exist_ok=True)
    return spec_of(step, KEY, params, Catalog(tools={tool.name: tool}), place)


async def call(backend: Router, tool: ToolSpec, run_dir: Path, **given: Any) -> Outcome:
    spec = spec_for(tool, run_dir, **given)
    await backend.submit(spec)
    status = await backend.status(KEY, wait=None)
    return Outcome(status, (spec.spool / "out").read_text(), (spec.spool / "err").read_text())
