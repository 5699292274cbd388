"""Regular expressions that somebody else wrote, searched for a bounded time.

Python's own search cannot be interrupted: `(a+)+$` and forty letters keep a process busy for ever, and a
model may write that. The library `regex` reads the same language and gives up when it is told to. It takes a
while to import and few plans have a pattern: it is imported where one is used.
"""

from __future__ import annotations

SECONDS = 1.0


class TooSlow(Exception):
    """The pattern could not be held against the text within `SECONDS`."""


def pattern_fault(pattern: str) -> str:
    """Why this is no regular expression; empty when it is one."""
    import regex

    try:
        regex.compile(pattern)
    except (regex.error, OverflowError, RecursionError) as error:
        return str(error)
    return ""


def is_in(pattern: str, text: str) -> bool:
    """Whether the pattern is found in the text. Raises `TooSlow`."""
    import regex

    try:
        return regex.search(pattern, text, timeout=SECONDS) is not None
    except TimeoutError:
        raise TooSlow(f"the pattern {pattern!r:.80} takes longer than {SECONDS:g} s") from None
