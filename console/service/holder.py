"""Who holds a run, looked at from outside.

Taking the lock to find out would turn away whoever resumes the run at that moment; the kernel's list
of locks tells it without touching anything.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

_LOCKS = Path("/proc/locks")


def holder_of(directory: Path) -> int:
    """The process that executes the run in `directory`, or prepares to; 0 when there is none."""
    lock = directory / "lock"
    try:
        pid, inode = lock.read_text().strip(), lock.stat().st_ino
        held = _LOCKS.read_text().splitlines()
    except OSError:
        return 0
    for line in held:
        # 3: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF
        words = line.split()
        if words[1] == "FLOCK" and words[4] == pid and words[5].rpartition(":")[2] == str(inode):
            return int(pid)
    return 0


def tell_to_end(directory: Path) -> None:
    """Tell the process that executes the run in `directory`, or prepares to, to let go of it. Nothing when
    there is none."""
    pid = holder_of(directory)
    if not pid:
        return
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if holder_of(directory) == pid:  # else the number may be another process's by now
            signal.pidfd_send_signal(process, signal.SIGTERM)
    except ProcessLookupError:
        pass
    finally:
        os.close(process)


async def let_go(directory: Path, seconds: float) -> bool:
    """Wait until the process that executes the run has ended, at most so long; whether it has. One that has
    said its last word still holds the run for a moment."""
    import anyio  # only who waits pays for it

    pid = holder_of(directory)
    if not pid:
        return True
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        with anyio.move_on_after(seconds):
            await anyio.wait_readable(process)
    finally:
        os.close(process)
    return not holder_of(directory)
