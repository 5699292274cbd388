"""Nothing is done on the word of a record that was changed: it says what was approved, and with which
commands things are undone."""

from __future__ import annotations

from pathlib import Path

from console.errors import JournalCorrupt
from console.run import journal


def refuse_changed(directory: Path) -> None:
    """Raises `JournalCorrupt` when the chain of the run's record is broken."""
    verdict = journal.verify(directory)
    if not verdict.ok:
        raise JournalCorrupt(
            f"its record was changed, nothing is done with it: {verdict.problem}",
            seq=verdict.records + 1,
            where=f"run {directory.name}",
            todo=f"Look at it with: plandeck show {directory.name}",
        )
