"""What a terminal sends, put together again: whole escape sequences, however the line cut them.

A slow link delivers the three bytes of an arrow key in two parts, and whoever takes the first for the
Escape key takes the rest for letters. Here a sequence waits for its end, and one that never ends, or that
says nothing the console knows, is dropped: no part of it is ever a key.

An Escape alone is the key as soon as anything proves that it stands alone. A terminal answers in order, so
the proof is cheap: it is asked something, and what it sends next begins a sequence of its own. One that
answers nothing is waited for `ALONE` seconds, and what then still comes of a sequence is swallowed.

Control sequences are those of ECMA-48, 5.4 (parameters, intermediates, a final) and 5.6 (strings).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import SPECIAL_SEQUENCES

ESC = "\x1b"
ESCAPE_KEY = "\x1b[27u"
"""The Escape key as the kitty protocol writes it: nothing can follow it."""

ALONE = 0.1
"""Seconds after which an Escape is a key where the terminal answers nothing."""
ANSWER = 3.0
"""Seconds that an Escape waits for a terminal that answers."""
TAIL = 2.0
"""Seconds in which the rest of a sequence may follow an Escape that was taken for the key."""
UNFINISHED = 3.0
"""Seconds until a sequence that does not end is given up."""
LONGEST = 4096

_CSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_CSI_OPEN = re.compile(r"\x1b\[[0-?]*[ -/]*")
_STRING = re.compile(r"\x1b[\]PX^_].*?(?:\x1b\\|\x07)", re.DOTALL)
_MODE = re.compile(r"\x1b\[\?2026;\d+\$y")
_POSITION = re.compile(r"\x1b\[\d+;\d+R")
_UNDERSTOOD = re.compile(
    r"\x1b\[(?:<\d+;-?\d+;-?\d+[Mm]|M...|[\d;:]+[u~ABCDEFHPQRS]|\?\d+;\d\$y|48;[\d:]+;[\d:]+;[\d:]+;[\d:]+t)",
    re.DOTALL,
)
_OPENERS = "[O]PX^_"
PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"


class Keyboard:
    """Takes text as it was read and gives whole characters and sequences. `ask` has the terminal answer
    something, and says whether it will; `answered` is called with each answer ("mode" or "position"),
    which goes no further."""

    def __init__(
        self,
        ask: Callable[[], bool],
        answered: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._answered = answered
        self._clock = clock
        self._open = ""
        self._until = 0.0
        self._tail_until = 0.0
        self._told_mode = False
        self._pasting = False

    @property
    def waits(self) -> bool:
        """Whether `tick` may have something to give."""
        return bool(self._open)

    def feed(self, text: str) -> str:
        """What is whole, of all that has come so far."""
        rest, self._open = self._open + text, ""
        given: list[str] = []
        if rest and self._clock() < self._tail_until:
            rest = self._without_tail(rest)
        while rest:
            at = rest.find(ESC)
            if at:
                given.append(rest if at < 0 else rest[:at])
                rest = "" if at < 0 else rest[at:]
                continue
            size = _size(rest)
            if not size:
                self._wait_for_more(rest, anew=bool(text))
                break
            given.append(self._unit(rest[:size]))
            rest = rest[size:]
        return "".join(given)

    def tick(self) -> str:
        """What the time that has passed decides."""
        if not self._open or self._clock() < self._until:
            return ""
        whole, self._open = self._open, ""
        if whole != ESC or self._pasting:
            return ""
        self._tail_until = self._clock() + TAIL
        return ESCAPE_KEY

    def _wait_for_more(self, sequence: str, *, anew: bool) -> None:
        if len(sequence) > LONGEST:
            return
        self._open = sequence
        if anew:
            alone = sequence == ESC and not self._pasting
            wait = UNFINISHED if not alone else ANSWER if self._ask() else ALONE
            self._until = self._clock() + wait

    def _unit(self, unit: str) -> str:
        """A sequence as it is passed on: an answer and what nobody understands are not."""
        if _MODE.fullmatch(unit):
            self._answered("mode")
            told, self._told_mode = self._told_mode, True
            return "" if told else unit
        if _POSITION.fullmatch(unit):  # F3 with shift is written like this, too: it is no key here
            self._answered("position")
            return ""
        if unit == ESC:
            self._tail_until = self._clock() + TAIL
            return unit if self._pasting else ESCAPE_KEY
        if unit in SPECIAL_SEQUENCES:
            self._pasting = unit == PASTE_BEGINS or (self._pasting and unit != PASTE_ENDS)
            return unit
        if (
            (len(unit) == 2 and unit[1] not in _OPENERS)
            or unit in ANSI_SEQUENCES_KEYS
            or _UNDERSTOOD.fullmatch(unit)
        ):
            return unit
        return ""

    def _without_tail(self, text: str) -> str:
        """`text` without what a sequence would go on with whose Escape has been taken for the key."""
        if text[0] not in "[O":
            self._tail_until = 0.0
            return text
        size = _size(ESC + text)
        if not size:  # its end is still to come, and is part of it
            self._open, self._until = text, self._tail_until
            return ""
        self._tail_until = 0.0
        return text[size - 1 :]


def _size(text: str) -> int:
    """The length of the sequence that `text` begins with; 0 while it may go on."""
    if len(text) < 2:
        return 0
    kind = text[1]
    if kind == ESC:
        return 1
    if kind == "O":
        return 3 if len(text) > 2 else 0
    if kind in "]PX^_":
        match = _STRING.match(text)
        return match.end() if match else 0
    if kind != "[":
        return 2
    if text.startswith("\x1b[M"):
        return 6 if len(text) >= 6 else 0
    match = _CSI.match(text)
    if match:
        return match.end()
    begun = _CSI_OPEN.match(text)
    assert begun is not None
    return begun.end() if begun.end() < len(text) else 0
