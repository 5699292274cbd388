"""Everybody who watches a run: the newest records in memory, the older ones from the journal.

No viewer has a queue of its own, so that a slow one costs the run nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator

import anyio

from console.run.events import Record

_REMEMBERED = 4_096


class Audience:
    """Tells records to whoever asks. `since` reads older ones from the journal."""

    def __init__(self, since: Callable[[int], Iterator[Record]]) -> None:
        self._since = since
        self._recent: deque[Record] = deque(maxlen=_REMEMBERED)
        self._news = anyio.Event()
        self._over = False

    def remember(self, records: Iterable[Record]) -> None:
        """Take in records that everybody may have seen already."""
        self._recent.extend(records)

    def tell(self, records: Iterable[Record]) -> None:
        self._recent.extend(records)
        news, self._news = self._news, anyio.Event()
        news.set()

    def close(self) -> None:
        """Nothing will be told any more."""
        self._over = True
        self._news.set()

    async def records(self, after: int) -> AsyncGenerator[Record]:
        """Every record with a number above `after`, until the end."""
        while True:
            news, over = self._news, self._over
            fresh = self._fresh(after)
            for record in fresh:
                after = record.seq
                yield record
            if fresh:
                continue
            if over:
                return
            await news.wait()

    def _fresh(self, after: int) -> list[Record]:
        if self._recent and after >= self._recent[0].seq - 1:
            missing = self._recent[-1].seq - after
            return list(self._recent)[-missing:] if missing > 0 else []
        return list(self._since(after))
