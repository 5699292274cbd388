"""The process that owns one MCP server: `python -I -S mcp_guard.py ROOT PARENT COMMAND ARGS...`.

The server is its child, in a process group of its own, and talks to the client through the pipes that
both inherited. When the server ends, or the client wants it to (TERM), or the client is gone (the kernel
says so), the guard ends everything that the server has started, whatever its session, and ends itself
with the server's exit code. Should the guard be killed, the kernel kills the server.

Nothing but the standard library, and of ours only what loads quickly, is imported here: it is started
once for each server.
"""

from __future__ import annotations

import os
import signal
import sys
from time import monotonic

GRACE = 1.0
"""Seconds from TERM to KILL."""

NO_PROGRAM = 127
_PR_SET_PDEATHSIG = 1


def main(parent: int, argv: list[str]) -> int:
    """Start the server and stay until nothing of it is left; gives its exit code."""
    from console.runners.processes import SIGNALS, become_subreaper, next_signal

    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    _die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        return 1
    become_subreaper()
    server = _start(argv)
    _let_go_of_pipes()
    code = None
    while code is None:
        if next_signal(None) == signal.SIGTERM:
            break
        code = _reaped(server)
    return _sweep(server, code)


def _die_with_parent(number: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def _start(argv: list[str]) -> int:
    guard, pid = os.getpid(), os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        _die_with_parent(signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        if os.getppid() == guard:
            os.execvp(argv[0], argv)  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(2, f"{argv[0]} cannot be started: {error.strerror}\n".encode("utf-8", "surrogateescape"))
    os._exit(NO_PROGRAM)


def _let_go_of_pipes() -> None:
    """The server alone holds its ends: the client then sees at once when it closes them."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)


def _reaped(server: int) -> int | None:
    """Take the exits of all that is over; the server's code when it is among them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if not pid:
            return code
        if pid == server:
            code = os.waitstatus_to_exitcode(status)


def _sweep(server: int, code: int | None) -> int:
    """End what is left: TERM, grace, KILL."""
    from console.runners.processes import descendants, next_signal, send

    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid, _ in descendants():
            send(pid, number, signal.SIGCONT)
        due = monotonic() + GRACE
        while descendants() and monotonic() < due:
            next_signal(min(due, monotonic() + 0.05))
            found = _reaped(server)
            code = found if code is None else code
    found = _reaped(server)
    code = found if code is None else code
    return 0 if code is None else code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.path.append(sys.argv[1])
    sys.exit(main(int(sys.argv[2]), sys.argv[3:]))
