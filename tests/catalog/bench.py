"""Runs the tools that come with plandeck as a step would: command, then process, in a folder."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.catalog.command import Command, command, probe_command
from console.catalog.contract import undo_of
from console.catalog.load import load
from console.catalog.spec import Catalog
from console.plan import references


@dataclass(frozen=True)
class Done:
    """How a tool ended: its exit code, its result (standard output without trailing newlines), its errors."""

    tool: str
    params: dict[str, Any]
    code: int
    result: str
    errors: str


class Bench:
    """One bundled tool file at work in `folder`."""

    def __init__(self, name: str, folder: Path) -> None:
        self.catalog: Catalog = load([name])
        self.folder = folder
        self.used: set[str] = set()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}

    def try_(self, tool: str, **params: Any) -> Done:
        self.used.add(tool)
        done = self._run(
            command(self.catalog.tools[tool], params, workspace=str(self.folder), caller=self.env)
        )
        result, errors = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        return Done(tool, params, done.returncode, result.rstrip("\n"), errors)

    def do(self, tool: str, **params: Any) -> Done:
        done = self.try_(tool, **params)
        assert done.code == 0, done
        return done

    def fail(self, tool: str, **params: Any) -> str:
        done = self.try_(tool, **params)
        assert done.code != 0, done
        return done.errors

    def undo(self, done: Done) -> Done:
        undo = undo_of(self.catalog.tools[done.tool], done.params, "7")
        assert undo is not None
        return self.do(undo.action, **references.resolve(undo.params, {"7": done.result}))

    def probe(self, done: Done) -> int:
        probe = probe_command(
            self.catalog.tools[done.tool], done.params, workspace=str(self.folder), caller=self.env
        )
        assert probe is not None
        return self._run(probe).returncode

    def _run(self, made: Command) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            made.argv,
            cwd=made.cwd,
            env={**self.env, **made.env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=False,
        )

    def all_used(self) -> bool:
        return self.used == set(self.catalog.tools)
