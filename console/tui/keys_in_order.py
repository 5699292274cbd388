"""Keys one after the other, however many come in one piece.

What a widget handles itself (a letter in a line) happens as soon as the key gets there; what is bound (an
arrow, Backspace) happens when the key has come back up to the application unused. Of keys that a slow line
delivers together, the letters would overtake the arrows, and a key could act on a screen that the one before
it has opened or closed. So each key waits until the one before it has come back up, or has been used: a mark
follows it on the same way, through the same queues.
"""

from __future__ import annotations

import time
from collections import deque

from textual import events
from textual.message import Message
from textual.message_pump import MessagePump

PATIENCE = 0.2
"""Seconds after which a mark is given up: what it was sent to is gone."""

Typed = events.Key | events.Paste


class Passed(Message):
    """Follows what was typed, from whom it was sent to up to the application."""

    def __init__(self, typed: Typed) -> None:
        super().__init__()
        self.typed = typed


class KeysInOrder:
    """What was typed and is under way, and what waits for it."""

    def __init__(self) -> None:
        self._under_way: Typed | None = None
        self._since = 0.0
        self._waiting: deque[Typed] = deque()

    def must_wait(self, typed: Typed) -> bool:
        """Whether something typed before it is still under way; then it is kept."""
        if self._under_way is None:
            return False
        self._waiting.append(typed)
        return True

    def sent(self, typed: Typed, to: MessagePump) -> None:
        """It is on its way, from `to` upwards."""
        if to.post_message(Passed(typed)):
            self._under_way, self._since = typed, time.monotonic()

    def next(self, after: Typed | None = None) -> Typed | None:
        """What is to be sent now that `after` has passed, or that nothing has come back for too long."""
        if self._under_way is not None:
            is_lost = time.monotonic() - self._since >= PATIENCE
            if after is not self._under_way and not is_lost:
                return None
            self._under_way = None
        return self._waiting.popleft() if self._waiting else None
