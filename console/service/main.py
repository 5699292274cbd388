"""The process that executes a run: `python -m console.service.main DIRECTORY PIPE`.

Started by launch.py, without a terminal. Standard error is the run's log. It says on the pipe, once,
that it listens or why it does not.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from pathlib import Path

import anyio

from console.errors import PlandeckError
from console.service.launch import say_failure, say_ready
from console.service.order import load_order
from console.service.unwrap import heart

log = logging.getLogger("plandeck.service")

_PR_SET_DUMPABLE = 4


def main(directory: Path, pipe: int) -> int:
    """Execute the order in `directory`; gives the exit code."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    # Nobody may look into this process's memory: it holds the caller's environment.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    told = False

    def ready() -> None:
        nonlocal told
        told = True
        say_ready(pipe)

    try:
        from console.service.host import host

        return anyio.run(host, load_order(directory), None, ready)
    except BaseException as error:
        cause = heart(error)
        if not isinstance(cause, PlandeckError):
            raise
        log.error("%s", cause)  # noqa: TRY400 - the line says what a traceback would not
        if not told:
            say_failure(pipe, cause)
        return cause.exit_code


if __name__ == "__main__":
    if os.fork():
        os._exit(0)
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
