"""How long tools took in past runs, and what fields their results had: a small SQLite file beside the runs,
fed when a process lets go of one.

    $XDG_STATE_HOME/plandeck/history.db     durations(run, step, attempt, tool, host, seconds, at)
                                            fields(tool, paths)     names alone, never a value

It is a help and nothing else: a file that is missing, in use, broken or not ours alone is as good as an
empty one, and nothing of a run waits for it. Why it could not be used goes to the log.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from statistics import median

from console.catalog.spec import Catalog
from console.plan import strict
from console.plan.model import Plan, Step, StepId
from console.plan.shape import parts_of
from console.run.state import RunState
from console.settings import UnsafePlace, private_dir, state_dir

log = logging.getLogger(__name__)

NEWEST = 20
"""Attempts of a tool that an estimate is made of."""

KEPT = 200
"""Attempts of a tool that are kept."""

FIELDS = 40
"""Fields of a tool's result that are kept."""

ENOUGH = 3
"""Attempts on one host from which that host is estimated by itself."""

_PATIENCE = 0.5
_CREATE = """
CREATE TABLE IF NOT EXISTS durations (
    run TEXT NOT NULL, step TEXT NOT NULL, attempt INTEGER NOT NULL, tool TEXT NOT NULL, host TEXT NOT NULL,
    seconds REAL NOT NULL, at REAL NOT NULL, PRIMARY KEY (run, step, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS newest ON durations (tool, at);
CREATE TABLE IF NOT EXISTS fields (tool TEXT PRIMARY KEY, paths TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
_TRIM = """
DELETE FROM durations WHERE tool = ?1 AND at < (
    SELECT min(at) FROM (SELECT at FROM durations WHERE tool = ?1 ORDER BY at DESC LIMIT ?2)
)
"""


@dataclass(frozen=True, slots=True)
class Estimates:
    """Seconds by tool, and by tool and host where that is known; paths into the tool's results."""

    by_tool: Mapping[str, float] = field(default_factory=dict)
    by_host: Mapping[tuple[str, str], float] = field(default_factory=dict)
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def of(self, step: Step, catalog: Catalog) -> float | None:
        """What a step is expected to take: as in past runs, else as its tool says; `None`: nobody knows."""
        if step.on and (step.action, step.on) in self.by_host:
            return self.by_host[step.action, step.on]
        if step.action in self.by_tool:
            return self.by_tool[step.action]
        tool = catalog.get(step.action)
        return tool.duration if tool is not None and tool.duration else None

    def of_plan(self, plan: Plan, catalog: Catalog) -> dict[StepId, float]:
        """The steps of which something is known."""
        return {step.id: seconds for step in plan.leaves() if (seconds := self.of(step, catalog)) is not None}


def history_file() -> Path:
    return state_dir() / "history.db"


def learn(state: RunState, file: Path | None = None) -> None:
    """Take in what the steps of a run took that have succeeded; what was taken in before stays as it is."""
    rows = list(_rows(state))
    if not rows:
        return
    try:
        with closing(_open(file or history_file())) as connection, connection:
            connection.executescript(_CREATE)
            connection.executemany("INSERT OR IGNORE INTO durations VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            connection.executemany("INSERT OR REPLACE INTO fields VALUES (?, ?)", _fields(state))
            for tool in {row[3] for row in rows}:
                connection.execute(_TRIM, (tool, KEPT))
    except (sqlite3.Error, OSError, UnsafePlace) as error:
        log.warning("the durations of this run were not kept: %s", error)


def estimates(file: Path | None = None) -> Estimates:
    """What past runs say; nothing when they cannot be read."""
    path = file or history_file()
    if not path.is_file():
        return Estimates()
    try:
        with closing(_open(path)) as connection:
            connection.executescript(_CREATE)  # the file may be of an earlier version
            rows = connection.execute("SELECT tool, host, seconds FROM durations ORDER BY at DESC").fetchall()
            fields = connection.execute("SELECT tool, paths FROM fields").fetchall()
    except (sqlite3.Error, OSError, UnsafePlace) as error:
        log.warning("the durations of past runs cannot be read: %s", error)
        return Estimates()
    return replace(_estimated(rows), fields={tool: tuple(paths.split()) for tool, paths in fields})


def _estimated(rows: Iterable[tuple[str, str, float]]) -> Estimates:
    by_tool: defaultdict[str, list[float]] = defaultdict(list)
    by_host: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for tool, host, seconds in rows:
        by_tool[tool].append(seconds)
        by_host[tool, host].append(seconds)
    return Estimates(
        {tool: median(found[:NEWEST]) for tool, found in by_tool.items()},
        {key: median(found[:NEWEST]) for key, found in by_host.items() if key[1] and len(found) >= ENOUGH},
    )


def _rows(state: RunState) -> Iterator[tuple[str, str, int, str, str, float, float]]:
    steps = state.leaves | state.retired
    for step_id, life in state.steps.items():
        step = steps.get(step_id)
        for attempt in life.attempts:
            if step is not None and not step.is_note and attempt.outcome == "succeeded" and attempt.started:
                seconds = max(0.0, attempt.ended - attempt.started)
                host = step.on or attempt.host
                yield state.run, step_id, attempt.number, step.action, host, seconds, attempt.ended


def _fields(state: RunState) -> Iterator[tuple[str, str]]:
    """The tools whose results are objects or lists, with the paths into the newest; the beginning of a result
    that is longer than what is kept of it with the run tells nothing."""
    steps = state.leaves | state.retired
    for step_id, life in state.steps.items():
        step, attempt = steps.get(step_id), life.attempt
        if step is None or step.is_note or attempt is None or attempt.outcome != "succeeded":
            continue
        with suppress(ValueError):
            paths = [path for path, _ in islice(parts_of(strict.parse_json(attempt.preview)), FIELDS)]
            if paths:
                yield step.action, " ".join(paths)


def _open(path: Path) -> sqlite3.Connection:
    """The file, made for us alone where it is not there. A link is refused."""
    private_dir(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    connection = sqlite3.connect(path, timeout=_PATIENCE)
    connection.execute("PRAGMA journal_mode = TRUNCATE")
    return connection
