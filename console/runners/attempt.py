"""What an attempt's directory says of it: the whole truth, with or without a fork server.

no `claim`                          unknown: it was never started
`exit`                              exited or cancelled
`claim`, and `lock` is held         running
`claim`, `lock` free, no `exit`     lost: the supervisor was killed, or the machine was
`abandoned`                         lost, whatever comes later: the operator's verdict
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import socket
from dataclasses import replace
from pathlib import Path

from console.runners.backend import Phase, Status
from console.runners.order import MARKER
from console.runners.supervisor import CANCEL, CLAIM, EXIT, LOCK

ABANDONED = "abandoned"

HOST = socket.gethostname()
_SUPERVISOR = re.compile(rb"^supervisor ([1-9][0-9]{0,8})\n", re.MULTILINE)
_PROCESS = re.compile(rb"^process ([0-9]{1,9}) ([0-9]{1,12}\.[0-9]+)\n", re.MULTILINE)
_RECORD = 65_536  # bytes; a claim or an exit record has a few hundred
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


def read_status(directory: Path) -> Status:
    """What is known of the attempt in `directory`."""
    if os.access(f"{directory}/{ABANDONED}", os.F_OK):
        return Status("lost", host=HOST, error="the operator has given it up")
    if (over := _read_exit(directory)) is not None:
        return over
    claim = _read(directory, CLAIM)
    if claim is None:
        return Status("unknown", host=HOST)
    known = _read_claim(claim)
    if is_held(directory):
        return known
    return _read_exit(directory) or replace(known, phase="lost", error=_lost_words(directory, known.pid))


def is_held(directory: Path) -> bool:
    """Whether its supervisor lives."""
    try:
        fd = os.open(f"{directory}/{LOCK}", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def open_supervisor(directory: Path) -> int | None:
    """A pidfd of its supervisor; `None` when it has none, or none that can be named.

    The lock is looked at after the pidfd is open: held, the pid is still the supervisor's own.
    """
    pids = _SUPERVISOR.findall(_read(directory, CLAIM) or b"")
    if not pids:
        return None
    try:
        fd = os.pidfd_open(int(pids[-1]))
    except ProcessLookupError:
        return None
    if is_held(directory):
        return fd
    os.close(fd)
    return None


def ask_to_cancel(directory: Path) -> None:
    """Leave the order to cancel, and wake the supervisor to look for it."""
    (directory / CANCEL).touch(0o600)
    supervisor = open_supervisor(directory)
    if supervisor is None:
        return
    try:
        signal.pidfd_send_signal(supervisor, signal.SIGTERM)
    except ProcessLookupError:
        return
    finally:
        os.close(supervisor)


def close_off(directory: Path, why: str) -> bool:
    """Make sure that an attempt nobody has claimed never starts; False when it is claimed already.

    It counts as never started, because of `why`.
    """
    directory.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(os.open(directory / CLAIM, _CREATE, 0o600))
        part = directory / f"{EXIT}.part"
        part.touch(0o600)
        part.write_text(json.dumps({"never_started": True, "error": why}))
        part.rename(directory / EXIT)
    except (BlockingIOError, FileExistsError):
        return False
    finally:
        os.close(lock)
    return True


def give_up(directory: Path) -> None:
    """The operator's verdict; what comes later does not count. An attempt that is over stays so."""
    if (
        not close_off(directory, "the operator gave it up before it started")
        and not read_status(directory).is_over
    ):
        (directory / ABANDONED).touch(0o600)


def _read(directory: Path, name: str) -> bytes | None:
    try:
        fd = os.open(f"{directory}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return os.read(fd, _RECORD)
    finally:
        os.close(fd)


def _read_exit(directory: Path) -> Status | None:
    data = _read(directory, EXIT)
    if data is None:
        return None
    try:
        record = json.loads(data)
        phase: Phase = "cancelled" if record.pop("cancelled", False) else "exited"
        return Status(phase, host=HOST, **record)
    except (ValueError, TypeError, AttributeError):  # the power went before its bytes reached the disk
        return Status("lost", host=HOST, error="its exit record is damaged")


def _read_claim(claim: bytes) -> Status:
    pid, started = (_PROCESS.findall(claim) or [(0, 0)])[-1]
    return Status("running", pid=int(pid), host=HOST, started=float(started))


def _lost_words(directory: Path, pid: int) -> str:
    step, _, attempt = directory.name.rpartition(".")
    tail = f"/{step}/{attempt}".encode()
    words = "its supervisor ended without a word"
    if not pid:
        return words
    environment = _environment(pid)
    marker = next((line for line in environment if line.startswith(MARKER + b"=")), b"")
    return f"{words}; its process {pid} still runs" if marker.endswith(tail) else words


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
