"""Times for people."""

from __future__ import annotations

from datetime import datetime


def short_time(seconds: float) -> str:
    """A duration in few columns: `0.4s`, `12s`, `3m05`, `2h07`."""
    if seconds < 0:
        seconds = 0.0
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}"
    return f"{whole // 3600}h{whole % 3600 // 60:02}"


def clock_time(seconds: float) -> str:
    """A duration as a clock: `04:31`, `1:02:45`."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60:02}:{rest % 60:02}"


def time_of_day(at: float) -> str:
    """The operator's own wall clock, to the second; `at` is in seconds since the epoch."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")
