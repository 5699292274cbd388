"""The folder of a server of tools: its own as long as it lives, and swept by the next one when it was killed.

    $XDG_STATE_HOME/plandeck/serving/SERVER/owner     locked by the server
    $XDG_STATE_HOME/plandeck/serving/SERVER/steps/    the attempts of its calls

What a killed server's tools still do is ended: nobody waits for it any more.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from console.runners import attempt
from console.settings import private_dir, state_dir

OWNER = "owner"


class Folder:
    """A new folder, `path`; `leave` removes it."""

    def __init__(self) -> None:
        private_dir(state_dir())
        root = private_dir(state_dir() / "serving")
        with _locked(root / "lock"):
            _sweep(root)
            self.path = private_dir(root / secrets.token_hex(4))
            self._owner = _lock(self.path / OWNER)

    def leave(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._owner)


def _sweep(root: Path) -> None:
    """End what killed servers have left running, and remove the folders of those that left nothing."""
    for folder in root.iterdir():
        with suppress(OSError):  # what cannot be swept hinders nobody
            if folder.is_dir() and not _has_owner(folder):
                _clear(folder)


def _clear(folder: Path) -> None:
    running = [one for one in folder.glob("steps/*") if attempt.is_held(one)]
    for one in running:
        attempt.ask_to_cancel(one)
    if not running:
        shutil.rmtree(folder, ignore_errors=True)


def _has_owner(folder: Path) -> bool:
    try:
        os.close(_lock(folder / OWNER))
    except BlockingIOError:
        return True
    return False


def _lock(file: Path) -> int:
    """A descriptor that holds the lock on `file`. Raises `BlockingIOError` when another process does."""
    fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise
    return fd


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """One server at a time."""
    fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
