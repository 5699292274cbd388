"""Evaluations, kept: `$XDG_STATE_HOME/plandeck/evaluations.db`, a row a trial, written as it comes.

    evaluations(id, at, by, version, places, options)     options is JSON
    trials(evaluation, number, task, contender, repeat, body)     body is the trial as JSON

An evaluation that was interrupted keeps the trials it had.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.errors import JournalError, UsageError
from console.evaluation.trial import Trial
from console.settings import open_log, private_dir, state_dir

_CREATE = """
CREATE TABLE IF NOT EXISTS evaluations (
    id TEXT PRIMARY KEY, at REAL NOT NULL, by TEXT NOT NULL, version TEXT NOT NULL, places TEXT NOT NULL,
    options TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS trials (
    evaluation TEXT NOT NULL REFERENCES evaluations(id), number INTEGER NOT NULL, task TEXT NOT NULL,
    contender TEXT NOT NULL, repeat INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (evaluation, number)
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was evaluated, when and by whom; `at` is in seconds since the epoch, `trials` are counted."""

    id: str
    at: float
    by: str
    version: str
    places: tuple[str, ...]
    options: Mapping[str, Any]
    trials: int


def file() -> Path:
    """Where evaluations are kept."""
    return private_dir(state_dir()) / "evaluations.db"


class Store:
    """The kept evaluations. Use `opened`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def begin(self, at: float, by: str, version: str, places: list[str], options: Mapping[str, Any]) -> str:
        """A new evaluation; gives its id."""
        name = secrets.token_hex(2)
        while self._connection.execute("SELECT 1 FROM evaluations WHERE id = ?", (name,)).fetchone():
            name = secrets.token_hex(4)
        row = (name, at, by, version, json.dumps(places), json.dumps(options))
        with self._connection:
            self._connection.execute("INSERT INTO evaluations VALUES (?, ?, ?, ?, ?, ?)", row)
        return name

    def add(self, evaluation: str, trial: Trial) -> None:
        """Keep a trial, durably."""
        count = "SELECT count(*) + 1 FROM trials WHERE evaluation = ?"
        with self._connection:
            (number,) = self._connection.execute(count, (evaluation,)).fetchone()
            row = (evaluation, number, trial.task, trial.contender, trial.repeat, trial.model_dump_json())
            self._connection.execute("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?)", row)

    def trials(self, evaluation: str) -> tuple[Trial, ...]:
        """The trials of an evaluation, in the order they were made."""
        query = "SELECT body FROM trials WHERE evaluation = ? ORDER BY number"
        rows = self._connection.execute(query, (evaluation,))
        return tuple(Trial.model_validate_json(body) for (body,) in rows)

    def all(self) -> tuple[Evaluation, ...]:
        """Every evaluation, the last one first."""
        count = "(SELECT count(*) FROM trials WHERE evaluation = id)"
        rows = self._connection.execute(f"SELECT *, {count} FROM evaluations ORDER BY at DESC")  # noqa: S608
        return tuple(
            Evaluation(name, at, by, version, tuple(json.loads(places)), json.loads(options), trials)
            for name, at, by, version, places, options, trials in rows
        )

    def find(self, name: str) -> Evaluation:
        """The evaluation with this id, or that begins so; `last` is the newest. Raises `UsageError`."""
        kept = self.all()
        hits = [one for one in kept if one.id == name or (name == "last" and one is kept[0])]
        hits = hits or [one for one in kept if one.id.startswith(name)]
        if len(hits) == 1:
            return hits[0]
        what = f"{name!r} could be any of {', '.join(one.id for one in hits)}" if hits else ""
        raise UsageError(
            what or f"there is no evaluation {name!r}", todo="`plandeck eval --list` shows what is kept"
        )


@contextmanager
def opened() -> Iterator[Store]:
    """The store as long as the block lasts, made (0600) when it is not there. Raises `JournalError` when
    it cannot be used."""
    path = file()
    os.close(open_log(path))
    try:
        connection = sqlite3.connect(path, timeout=10)
        try:
            connection.executescript(_CREATE)
            yield Store(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise JournalError(
            f"the evaluations cannot be kept or read: {error}",
            where=str(path),
            todo="Free the place, or move the file away",
        ) from None
