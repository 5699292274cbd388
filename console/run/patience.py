"""A limit on work that cannot be asked to stop: a pattern can take longer than the world lasts."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 0.05
"""Seconds from one alarm to the next."""


class TooLong(Exception):
    """The time was used up."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise `TooLong` in the block after so many seconds, and again until the block is left: what is raised
    while garbage is collected, or below an `except`, goes no further. The alarm reaches the main thread only:
    in another there is no limit."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    is_over = False

    def ring(_number: int, frame: FrameType | None) -> None:
        watchers = {getattr(watcher, "__code__", None) for watcher in gc.callbacks}
        while frame is not None and frame.f_code.co_name != "__del__" and frame.f_code not in watchers:
            frame = frame.f_back
        if frame is None and not is_over:  # out of a finalizer, or what watches for them, it would go nowhere
            raise TooLong

    def lost(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, TooLong):  # it is raised again
            hook(unraisable)

    hook, sys.unraisablehook = sys.unraisablehook, lost
    before = signal.signal(signal.SIGALRM, ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        is_over = True
        signal.setitimer(signal.ITIMER_REAL, left, interval)
        signal.signal(signal.SIGALRM, before)
        sys.unraisablehook = hook
