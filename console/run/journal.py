"""The record of a run: an append-only SQLite file with a hash chain.

    <run directory>/journal.db      records(seq, at, kind, body, hash), write-ahead log, FULL sync
    <run directory>/lock            held by the one process that writes

A record is durable when `append` returns, and nobody sees it before. Records that are ready together
share one commit. Each hash covers the hash before it, so that a record that was changed, removed
or put in is found; only records cut off at the end need the head that was printed to be noticed.

A write that failed is never tried again: after a failed sync nobody knows what is on the disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from console.errors import JournalCorrupt, JournalError, JournalFull, JournalUnsafe, RunHeld
from console.run.events import Event, Record, decode

SCHEMA = 1
GENESIS = hashlib.sha256(b"plandeck").hexdigest()

_CREATE = """
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
"""

Row = tuple[int, float, str, str, str]
"""A record as it is kept: its number, time, kind and body, and its hash."""


def chain(before: str, seq: int, at: float, kind: str, body: str) -> str:
    """The hash of a record: over the hash before it and everything it says."""
    return hashlib.sha256(f"{before}\n{seq}\n{at!r}\n{kind}\n{body}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found: `problem` is empty when the chain holds."""

    records: int
    head: str
    problem: str = ""

    @property
    def ok(self) -> bool:
        return not self.problem


class Journal:
    """The one writer of a run's record. Use `Journal.open`; close it when done."""

    def __init__(self, path: Path, lock: int, connection: sqlite3.Connection) -> None:
        self.path = path
        self._lock = lock
        self._connection = connection
        row = connection.execute("SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1").fetchone()
        self.seq: int = row[0] if row else 0
        self.head: str = row[1] if row else GENESIS
        self._broken = ""

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open the record in `directory`, made when it is not there (directory 0700, files 0600).

        Raises `RunHeld` when another process writes it, `JournalError` when it cannot be used.
        """
        before = os.umask(0o077)
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                _hold(lock, directory)
                connection = _connect(directory / "journal.db")
            except BaseException:
                os.close(lock)
                raise
            return cls(directory / "journal.db", lock, connection)
        except OSError as error:
            raise JournalError(
                f"the run's record cannot be written: {error.strerror}",
                where=str(error.filename or directory),
                todo="Free the place or choose another with XDG_STATE_HOME",
            ) from None
        finally:
            os.umask(before)

    def append(self, events: Sequence[tuple[float, Event]]) -> list[Record]:
        """Write events, each with its time, in one commit; give back their records, durable now.

        Raises `JournalFull` when there is no space and `JournalUnsafe` when nobody knows whether the
        write arrived; nothing more can be appended after that.
        """
        if self._broken:
            raise JournalUnsafe(
                self._broken, where=str(self.path), todo="Resume the run when the disk is well"
            )
        records: list[Record] = []
        rows: list[Row] = []
        seq, head = self.seq, self.head
        for at, event in events:
            seq += 1
            body = event.model_dump_json(by_alias=True, exclude_defaults=True)
            head = chain(head, seq, at, event.kind, body)
            rows.append((seq, at, event.kind, body, head))
            records.append(Record(seq, at, event, head, body))
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed(error) from None
        self.seq, self.head = seq, head
        return records

    def _failed(self, error: sqlite3.Error) -> JournalError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error as second:
                error = second
                code = 0
        if code == sqlite3.SQLITE_FULL:
            return JournalFull(
                "no space is left for the run's record",
                where=str(self.path),
                kept="everything up to now is kept; steps that run go on",
                todo="Free some space, then resume the run",
            )
        self._broken = f"the run's record may be incomplete: {error}"
        return JournalUnsafe(
            self._broken,
            where=str(self.path),
            kept="everything acknowledged is kept; nothing more is started",
            todo="Look at the disk, then resume the run",
        )

    def since(self, after: int) -> Iterator[Record]:
        """The records with numbers above `after`."""
        return read(self.path.parent, after)

    def close(self) -> None:
        """Let go of the run. The record stays as it is."""
        self._connection.close()
        os.close(self._lock)


def _hold(lock: int, directory: Path) -> None:
    """Take the exclusive lock, or say who has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 64, 0).decode("ascii", "replace").strip() or "unknown"
        raise RunHeld(
            f"another process executes this run (pid {holder})",
            where=directory.name,
            todo=f"Attach to it with: plandeck attach {directory.name}",
        ) from None
    if os.fstat(lock).st_nlink == 0:
        raise RunHeld(
            "the run's lock was removed while it was being taken", where=directory.name, todo="Try again"
        )
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=5.0, cached_statements=16)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            raise JournalError(
                f"the run's record is of a newer form ({version}, this program knows {SCHEMA})",
                where=str(path),
                kept="it was not touched",
                todo="Use the newer plandeck",
            )
        connection.executescript(_CREATE)
        connection.execute(f"PRAGMA user_version={SCHEMA}")
    except sqlite3.DatabaseError as error:
        raise JournalError(
            f"the run's record cannot be used: {error}",
            where=str(path),
            kept="it was not changed",
            todo="Look at the disk",
        ) from None
    return connection


def read(directory: Path, after: int = 0) -> Generator[Record]:
    """The records of a run with numbers above `after`, whether or not somebody writes it.

    Raises `JournalError` when there is no such run, `JournalCorrupt` for a record of no known kind.
    """
    for row in _all_rows(directory, after):
        yield parse(row)


def parse(row: Row, decode: Callable[[str, str], Event] = decode) -> Record:
    """The record that a row holds. Raises `JournalCorrupt`."""
    seq, at, kind, body, head = row
    try:
        return Record(seq, at, decode(kind, body), head, body)
    except (KeyError, ValidationError):
        raise JournalCorrupt(
            f"record {seq} ({kind}) is not one this program can read",
            seq=seq,
            todo="Use the plandeck that wrote it, or `plandeck verify`",
        ) from None


def last(directory: Path) -> int:
    """The number of a run's last record, 0 where there is none. Raises as `read`."""
    with _reading(directory) as connection:
        found = connection.execute("SELECT max(seq) FROM records").fetchone()[0]
    return int(found or 0)


def rows(directory: Path, after: int, count: int) -> list[Row]:
    """The first `count` rows with numbers above `after`; no record is made of them yet. Raises as `read`."""
    with _reading(directory) as connection:
        return connection.execute(f"{_ROWS} LIMIT ?", (after, count)).fetchall()


def _all_rows(directory: Path, after: int) -> Generator[Row]:
    with _reading(directory) as connection:
        yield from connection.execute(_ROWS, (after,))


_ROWS = "SELECT seq, at, kind, body, hash FROM records WHERE seq > ? ORDER BY seq"


@contextmanager
def _reading(directory: Path) -> Iterator[sqlite3.Connection]:
    path = directory / "journal.db"
    if not path.exists():
        raise JournalError("there is no such run", where=directory.name, todo="List them with: plandeck runs")
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, timeout=5.0)
        try:
            yield connection
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise JournalError(
            f"the run's record cannot be read: {error}", where=str(path), kept="it was not changed"
        ) from None


def verify(directory: Path) -> Verdict:
    """Walk the whole chain and say whether it holds."""
    head, expected, count = GENESIS, 1, 0
    for seq, at, kind, body, said in _all_rows(directory, 0):
        if seq != expected:
            return Verdict(count, head, f"record {expected} is missing")
        if chain(head, seq, at, kind, body) != said:
            return Verdict(
                count, head, f"record {seq} ({kind}) does not fit the chain: it or one before it was changed"
            )
        head, expected, count = said, seq + 1, count + 1
    return Verdict(count, head)
