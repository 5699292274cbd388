"""Secrets out of a step's output: a process between the command and its spool files.

Only a step that was given secrets has one; every other writes straight to its files.
"""

from __future__ import annotations

import os
import select

from console.redact import Redactor

_PIECE = 65_536


def interpose(
    out: int, err: int, secrets: dict[bytes, bytes], *, held: tuple[int, ...]
) -> tuple[int, int, int]:
    """Start the redactor in front of the files `out` and `err`, which are taken over.

    Gives its pid and the two pipes to write to. It must not keep what the supervisor has `held`: only
    the supervisor's life is the attempt's.
    """
    names = {os.fsdecode(name): os.fsdecode(value) for name, value in secrets.items()}
    files = {out: Redactor(names), err: Redactor(names)}
    (from_out, to_out), (from_err, to_err) = os.pipe(), os.pipe()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            for fd in (*held, to_out, to_err):
                os.close(fd)
            _pump({from_out: out, from_err: err}, files)
            status = 0
        finally:
            os._exit(status)
    for fd in (out, err, from_out, from_err):
        os.close(fd)
    return pid, to_out, to_err


def _pump(pipes: dict[int, int], redactors: dict[int, Redactor]) -> None:
    """Pass on what comes, until the last writer of both has gone."""
    poller = select.poll()
    for pipe in pipes:
        poller.register(pipe, select.POLLIN)
    while pipes:
        for pipe, _ in poller.poll():
            data = os.read(pipe, _PIECE)
            redactor = redactors[pipes[pipe]]
            _write_all(pipes[pipe], redactor.feed(data) if data else redactor.close())
            if not data:
                poller.unregister(pipe)
                del pipes[pipe]


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
