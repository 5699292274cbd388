"""Who sits at a front end, as the kernel knows it.

Everybody who attaches to a run has the same user id: two persons at one shared account are told apart by
the id they logged in with (the audit subsystem's *loginuid*), which stays with every process of a session
through `su` and `sudo` and cannot be changed without privileges. Where none is set (in most containers, in
services) nobody can be told from anybody.
"""

from __future__ import annotations

import pwd
from pathlib import Path

UNSET = 4294967295


def loginuid(pid: int) -> int | None:
    """The user id that the session of this process was logged in with; `None` where there is none."""
    try:
        number = int(Path(f"/proc/{pid}/loginuid").read_text())
    except (OSError, ValueError):
        return None
    return None if number == UNSET else number


def person_of(pid: int) -> str:
    """The name of the person behind a process; "" where it cannot be told."""
    number = loginuid(pid)
    if number is None:
        return ""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
