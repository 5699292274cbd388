"""When the next frame is painted: once the terminal has taken the one before.

Behind a slow link a terminal that is painted by the clock shows what was true seconds ago, and a key's
effect stands at the end of that queue. Here each frame ends with a question, and until it is answered only
`WINDOW` bytes more are sent; what changes meanwhile comes with the next frame, once. So the rate of frames
is what the link carries, and a key waits for one frame at most.

The question is DECRQM for synchronised output (`CSI ? 2026 $ p`). Where that is not known (tmux, screen, the
Linux console) it is DSR for the cursor's position (`CSI 6 n`). Never `CSI 5 n`: its answer is no sequence
that a key could not be. A terminal that answers neither is painted `1 / UNHEARD` times a second.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

if TYPE_CHECKING:
    from textual.app import App
    from textual.timer import Timer

QUESTIONS = {"mode": "\x1b[?2026$p", "position": "\x1b[6n"}

WINDOW = 2048
"""Bytes that may be on their way when a frame begins: a key's small change need not wait for a distant
terminal's answer."""
SMALL = 512
"""Bytes that may be written before the terminal is asked: a clock that goes on asks nothing."""
PATIENCE = 3.0
"""Seconds until an answer is taken for lost."""
UNHEARD = 0.1
"""Seconds between frames where nothing is answered."""
BATCH = 0.02
"""Seconds between looks whether an update has been put together."""
LOST = 2
"""Answers lost in a row that make a terminal one that answers nothing."""


SHARE = 3.0
"""Times as long as a frame takes, to make and to carry, that nothing is painted which nobody waits for."""


class Pace:
    """The frames that are on their way to a terminal. Says when one more may be painted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.begin()

    def begin(self) -> None:
        """A terminal of which nothing is known yet."""
        self.question = ""
        self._sent: deque[tuple[float, int]] = deque()
        self._last = float("-inf")
        self._unasked = 0
        self._lost = 0
        self.delay = 0.0
        self.cost = 0.0

    @property
    def rest(self) -> float:
        """Seconds that streams should leave between their frames, so that keys find the way free."""
        return min(SHARE * (self.delay + self.cost), PATIENCE)

    @property
    def is_answered(self) -> bool:
        return bool(self.question) and self._lost < LOST

    def wait(self) -> float:
        """Seconds until a frame may be painted; less when an answer comes."""
        now = self._clock()
        if self._sent and now - self._sent[0][0] >= PATIENCE:
            self._sent.clear()
            self._lost += 1
        if not self.is_answered:
            return max(0.0, self._last + UNHEARD - now)
        if sum(size for _, size in self._sent) <= WINDOW:
            return 0.0
        return self._sent[0][0] + PATIENCE - now

    def painted(self, size: int) -> str:
        """A frame of `size` bytes was written. Gives the question that is to follow it, if any."""
        self._last = self._clock()
        self._unasked += size
        if not self.question or self._unasked < SMALL:
            return ""
        self._sent.append((self._last, self._unasked))
        self._unasked = 0
        return QUESTIONS[self.question]

    def answered(self, kind: str) -> None:
        """The terminal answered; "mode" is asked for wherever it is known."""
        if kind == "mode" or not self.question:
            self.question = kind
        self._lost = 0
        if self._sent and kind == self.question:
            sent, _ = self._sent.popleft()
            self.delay = self._clock() - sent


class Gate:
    """Holds an application's frames back while its terminal is not ready for them. `is_stuck` says
    whether what was written has not even left."""

    def __init__(self, app: App[Any], pace: Pace, is_stuck: Callable[[], bool]) -> None:
        self._app = app
        self._pace = pace
        self._is_stuck = is_stuck
        self._held: Screen[Any] | None = None
        self._timer: Timer | None = None

    def admits(self, screen: Screen[Any]) -> bool:
        """Whether the screen may paint now. If not, it paints as soon as it may."""
        # While an update is put together Textual throws frames away, and what was dirty with them.
        unfit = BATCH if self._app._batch_count else UNHEARD if self._is_stuck() else 0.0
        wait = unfit or self._pace.wait()
        if wait <= 0:
            return True
        self._held = screen
        if self._timer is None:
            self._timer = self._app.set_timer(wait, self._open, name="pace")
        return False

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Note what a frame costs to make."""
        begin = time.perf_counter()
        yield
        self._pace.cost += (time.perf_counter() - begin - self._pace.cost) / 4

    def answered(self, kind: str) -> None:
        """The terminal answered: what was held is painted if it may be now."""
        self._pace.answered(kind)
        self._open()

    def _open(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        held, self._held = self._held, None
        if held is not None and held is self._app.screen:
            held._compositor_refresh()


_refresh = Screen._compositor_refresh


def _refresh_when_admitted(screen: Screen[Any]) -> None:
    """Paint what is dirty, or leave it so until the terminal has taken what was painted: the compositor
    keeps the regions, so that they are painted once, as they are then."""
    gate: Gate | None = getattr(screen.app._driver, "gate", None)
    if gate is None or screen is not screen.app.screen:
        _refresh(screen)
    elif gate.admits(screen):
        with gate.timed():
            _refresh(screen)
    else:
        screen._dirty_widgets.clear()


# Textual paints by its timer and offers no hook for this; every screen of its own goes this way, too.
Screen._compositor_refresh = _refresh_when_admitted  # type: ignore[method-assign,assignment]
