"""Starting the process that executes a run, and leaving it alone.

The process gets a session of its own and no terminal: it outlives the screen, a lost connection and
the shell. What it shall do stands in `order.json` in the run's folder; what it has to say goes to
`service.log` there. It answers once, on a pipe: that it listens, or in one line why not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from console.errors import PlandeckError
from console.service.holder import tell_to_end
from console.service.order import Order, save_order
from console.settings import carried, open_log

LOG = "service.log"
LOG_TAIL = 2000


class NotLaunched(PlandeckError):
    """The process that should execute a run did not come up; `exit_code` is its own."""

    def __init__(
        self, what: str, *, exit_code: int = 1, where: str = "", kept: str = "", todo: str = ""
    ) -> None:
        super().__init__(what, where=where, kept=kept, todo=todo)
        self.exit_code = exit_code


def launch(order: Order) -> None:
    """Start the process that executes `order` and wait until it listens.

    Raises `NotLaunched` with what it said when it did not come up. Who is interrupted meanwhile takes back
    what was asked: the process ends.
    """
    save_order(order)
    reading, writing = os.pipe()
    log = open_log(order.directory / LOG)
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "console.service.main", str(order.directory), str(writing)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writing,),
            start_new_session=True,
            cwd="/",
            env=carried(os.environ),
        )
    finally:
        os.close(writing)
        os.close(log)
    # It leaves a child of its own behind and ends: what executes the run is nobody's child here.
    try:
        code = process.wait()
        with os.fdopen(reading, "rb") as pipe:
            answer = pipe.read()
    except KeyboardInterrupt:
        tell_to_end(order.directory)
        raise
    if answer != READY:
        raise _failure(answer, code, order)


READY = b"ready\n"


def say_ready(pipe: int) -> None:
    """From the process: it listens."""
    os.write(pipe, READY)
    os.close(pipe)


def say_failure(pipe: int, error: PlandeckError) -> None:
    """From the process: it gives up, and why."""
    lines = [str(fault) for fault in getattr(error, "faults", ())]
    os.write(pipe, json.dumps({"error": str(error), "code": error.exit_code, "faults": lines}).encode())
    os.close(pipe)


def _failure(answer: bytes, code: int, order: Order) -> NotLaunched:
    if answer:
        said = json.loads(answer)
        return NotLaunched("\n".join([said["error"], *said["faults"][1:]]), exit_code=said["code"])
    log = order.directory / LOG
    tail = _tail(log)
    return NotLaunched(
        f"the process of the run ended at once{_how(code)}" + (f": {tail}" if tail else ""),
        where=f"run {order.run}",
        kept="nothing was started",
        todo=f"Look into {log}",
    )


def _how(code: int) -> str:
    return f" (signal {-code})" if code < 0 else f" (exit code {code})" if code else ""


def _tail(log: Path) -> str:
    try:
        text = log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:]
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
