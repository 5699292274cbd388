"""What a run has told, put away small.

A record is looked at once, when it is folded, and hardly ever again: by whoever opens the Events pane, a
screenful at a time. A record from a journal is kept as the text that it is there, a tenth of what its event
takes, and read again when somebody asks for it. One that holds a plan is kept as it is: plans share what is
the same in them (run/sharing.py), and their texts do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from console.run.events import Record, decode
from console.run.sharing import WITH_PLAN

_Text = tuple[int, float, str, str]
"""Number, time, kind and body."""


class Records(Sequence[Record]):
    """Grows at its end; gives any record as it came, without its hash."""

    def __init__(self) -> None:
        self._kept: list[_Text | Record] = []

    def append(self, record: Record) -> None:
        if type(record.event) in WITH_PLAN:
            self._kept.append(record._replace(body=""))
        elif record.body:
            self._kept.append((record.seq, record.at, record.event.kind, record.body))
        else:
            self._kept.append(record)

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...

    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        kept = self._kept[index]
        if isinstance(kept, Record):
            return kept
        seq, at, kind, body = kept
        return Record(seq, at, decode(kind, body), body=body)
