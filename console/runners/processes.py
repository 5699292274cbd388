"""What the supervisor knows of other processes: signals, and who descends from whom.

Only what the fork server can afford to load is imported here.
"""

# pathlib is not loaded here
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import ctypes
import os
import signal
from time import monotonic

SIGNALS = (signal.SIGCHLD, signal.SIGTERM)
"""What a supervisor waits for; blocked from before its fork on. TERM asks it to look whether it is
cancelled."""

_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """From now on everything that loses its parent below this process becomes its child."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def next_signal(due: float | None) -> int:
    """The next of `SIGNALS`, or 0 when `due` (monotonic) has come first."""
    if due is None:
        return signal.sigwaitinfo(SIGNALS).si_signo
    got = signal.sigtimedwait(SIGNALS, max(0.0, due - monotonic()))
    return got.si_signo if got else 0


def send(pid: int, *numbers: int) -> None:
    """Signals to a process, or to a group when `pid` is negative: if it is still there and may be
    signalled at all (a step can have become another user)."""
    for number in numbers:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            return


def facts(pid: int) -> tuple[str, int, int]:
    """State letter, parent and process group; state `X` when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
    except OSError:
        return "X", 0, 0
    state, parent, group = stat.rpartition(b")")[2].split(maxsplit=3)[:3]
    return state.decode(), int(parent), int(group)


def descendants(*, but: int = 0) -> list[tuple[int, int]]:
    """Every living process below this one, with its process group; `but` and what is below it not."""
    children: dict[int, list[tuple[int, int]]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            state, parent, group = facts(int(entry))
            children.setdefault(parent, []).append((0 if state in "ZX" else int(entry), group))
    found: list[tuple[int, int]] = []
    ahead = [os.getpid()]
    while ahead:
        below = [child for child in children.get(ahead.pop(), ()) if child[0] not in (0, but)]
        found += below
        ahead += [pid for pid, _ in below]
    return found
