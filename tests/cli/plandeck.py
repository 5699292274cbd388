"""Runs the command as a person would: in a process of its own, with folders of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOOLS = """
name: t
description: small tools
version: "1"
tools:
  - name: hello
    description: Say hello.
    risk: observe
    parameters: [{name: who, type: string, required: true}]
    script:
      shell: "echo hello {{who}}"
  - {name: boom, description: Fail., risk: observe, script: {shell: "echo oops >&2; exit 3"}}
  - name: make
    description: Make a file.
    risk: reversible
    parameters: [{name: file, type: string, required: true}]
    script:
      shell: "touch {{file}}"
  - name: unmake
    description: Remove a file.
    risk: reversible
    parameters: [{name: file, type: string, required: true}]
    script:
      shell: "rm {{file}}"
  - name: wait
    description: Wait for a file.
    risk: observe
    script:
      shell: "until test -e go; do sleep 0.05; done; echo went"
  - name: wipe
    description: Destroy the target.
    risk: destructive
    parameters: [{name: target, type: string, required: true}]
    script:
      shell: "touch {{target}}"
  - {name: erase, description: Destroy., risk: destructive, script: {shell: "touch erased"}}
  - name: see
    description: Show variables.
    risk: observe
    script:
      shell: "echo \\"$SEEN-${HIDDEN:-none}\\"; env | cut -d= -f1 | sort | tr '\\\\n' ' '"
"""

MAKE = {
    "goal": "Make a file",
    "steps": [
        {
            "id": 1,
            "action": "make",
            "params": {"file": "made"},
            "undo": {"action": "unmake", "params": {"file": "made"}},
        },
        {"id": 2, "action": "boom", "depends_on": [1]},
    ],
}
GREET = {"goal": "Greet", "steps": [{"id": 1, "action": "hello", "params": {"who": "you"}}]}
WAIT = {
    "goal": "Wait",
    "steps": [
        {"id": 1, "action": "wait"},
        {"id": 2, "action": "hello", "params": {"who": "{step_1_result}"}},
    ],
}
ERASE = {"goal": "Erase", "steps": [{"id": 1, "action": "erase"}]}
SEE = {"goal": "See", "steps": [{"id": 1, "action": "see"}]}


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def facts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def fact(self, kind: str) -> dict[str, Any]:
        return next(fact for fact in reversed(self.facts) if fact["event"] == kind)


class Shell:
    """A folder with tool files and plans, and the command in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tools.yaml").write_text(TOOLS)

    def plan(self, plan: Any) -> str:
        (self.folder / "plan.json").write_text(json.dumps(plan))
        return "plan.json"

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "console.cli", *words],
            cwd=self.folder,
            env=os.environ | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def plandeck(self, *words: str, **env: str) -> Done:
        with self.start(*words, **env) as process:
            out, err = process.communicate(timeout=50)
        return Done(process.returncode, out, err)

    def run(self, plan: Any, *words: str, **env: str) -> Done:
        return self.plandeck("run", self.plan(plan), "--tools", "tools.yaml", *words, **env)

    def leave(self, process: subprocess.Popen[str], after: str, number: signal.Signals) -> Done:
        """Send a signal once the process has printed a line with `after`."""
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if after in line:
                process.send_signal(number)
                break
        out, err = process.communicate(timeout=30)
        return Done(process.returncode, "".join(lines) + out, err)
