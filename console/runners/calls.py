"""Calls that are processes of their own: an http request, a Python function.

They run under the supervisor like every command, so timeouts, cancelling, output and crashes are
handled in one place. What is called waits in the attempt's directory, in a file of ours alone: an
argument could be read by everybody on this machine.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from console.errors import NeverStarted
from console.runners.backend import Spec

CALL = "call"
"""The file in the attempt's directory."""

PROCESSES = {"http": "http_call", "function": "function_call"}
"""Which module of this folder carries out which kind of call."""

_ROOT = str(Path(__file__).parents[2])
# Not `-m`: what is in the workspace must not be taken for one of our modules, or one that they need.
_BOOT = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from console.runners.{module} import main; sys.exit(main(sys.argv[2]))"
)


def as_process(spec: Spec) -> Spec:
    """The process that makes the call of `spec`. Raises `NeverStarted` when it cannot be written down."""
    assert spec.call is not None
    file = spec.spool / CALL
    module = PROCESSES[str(spec.call["kind"])]
    try:
        spec.spool.mkdir(mode=0o700, exist_ok=True)
        _write(file, json.dumps(dict(spec.call)).encode())
    except OSError as error:
        raise NeverStarted(
            f"the call cannot be written down: {error.strerror}",
            where=str(file),
            kept="it was never started",
        ) from None
    return replace(
        spec, argv=(sys.executable, "-P", "-c", _BOOT.format(module=module), _ROOT, str(file)), call=None
    )


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all: the same attempt may be submitted again."""
    part = file.with_name(f"{CALL}.part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as stream:
        stream.write(data)
    part.rename(file)
