"""A run as one file of JSON lines: every record, and what the attempts printed.

    {"seq": 12, "time": …, "event": "step_failed", "head": …, "step": "7", …}      a record
    {"event": "output", "step": "7", "attempt": 1, "out": …, "err": …, "left_out": 0}

The output of an attempt stands after the record of its end; of a long one the beginning and the end are
kept, cut between lines, and `left_out` says how many bytes are not. Secrets that are set in the
environment of whoever exports are taken out of both. A file that was cut off, by a full disk or a lost
connection, is read up to there.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from console.errors import Fault, IllegalEvent, InvalidDocument, UsageError
from console.redact import Redactor
from console.run import events as ev
from console.run import journal
from console.run.control import spool
from console.run.state import RunState

OUTPUT = "output"
"""What a line that is no record says in the place of an event."""

LINE_LIMIT = 64 << 20

HEAD, TAIL = 16 << 10, 48 << 10
"""Bytes of a stream's beginning and end that are kept."""

_STEP = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")

ENDS = (ev.StepSucceeded, ev.StepFailed, ev.StepCancelled, ev.StepInDoubt)


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


def lines_of(directory: Path, secrets: Redactor, *, output: bool = True) -> Iterator[str]:
    """The run in `directory`, line by line. `secrets` takes out what nobody may read."""
    keys: dict[tuple[str, int], str] = {}
    for record in journal.read(directory):
        yield secrets.redact(json.dumps(record.to_json(), ensure_ascii=False, separators=(",", ":")))
        event = record.event
        if isinstance(event, ev.StepIntended):
            keys[event.step, event.attempt] = event.key
        elif output and isinstance(event, ENDS) and (key := keys.pop((event.step, event.attempt), "")):
            yield from _output(directory, key, event.step, event.attempt, secrets)


def _output(directory: Path, key: str, step: str, attempt: int, secrets: Redactor) -> Iterator[str]:
    folder = spool(directory, key)
    (out, lost_out), (err, lost_err) = _stream(folder / "out"), _stream(folder / "err")
    if not out and not err:
        return
    fact = {
        "event": OUTPUT,
        "step": step,
        "attempt": attempt,
        "out": secrets.redact(out),
        "err": secrets.redact(err),
        "left_out": lost_out + lost_err,
    }
    yield json.dumps(fact, ensure_ascii=False, separators=(",", ":"))


def _stream(file: Path) -> tuple[str, int]:
    """What is kept of a stream, and how many bytes are not. It is cut between lines only, so that half a
    secret is never left."""
    try:
        with file.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size <= HEAD + TAIL:
                return stream.read(HEAD + TAIL).decode("utf-8", "replace"), 0
            head = stream.read(HEAD)
            stream.seek(size - TAIL)
            tail = stream.read(TAIL)
    except OSError:
        return "", 0
    head = head[: head.rfind(b"\n") + 1]
    tail = tail[tail.find(b"\n") + 1 :] if b"\n" in tail else b""
    lost = size - len(head) - len(tail)
    between = f"… {lost:,} bytes are not in this export …\n".encode()
    return (head + between + tail).decode("utf-8", "replace"), lost


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Output:
    """What an attempt printed, as far as it was exported."""

    step: str
    attempt: int
    out: str = ""
    err: str = ""
    left_out: int = 0


@dataclass(slots=True)
class Exported:
    """An exported run: its records in order, and the output by step and attempt. `cut` is the line in the
    middle of which its file ends; 0 when it ends with a whole one."""

    records: list[ev.Record] = field(default_factory=list)
    output: dict[tuple[str, int], Output] = field(default_factory=dict)
    cut: int = 0


def read_exported(file: Path) -> Exported:
    """The run in `file`. Raises `UsageError` when it cannot be read, and `InvalidExport` with the first
    line that is no record of a run, or cannot follow the ones before it."""
    run, state = Exported(), RunState()
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(LINE_LIMIT), b""), 1):
                if not line.strip():
                    continue
                if not line.endswith(b"\n") and run.records and not _is_whole(line):
                    run.cut = number
                    break
                try:
                    _take(run, state, line)
                except NotARecord as error:
                    raise InvalidExport([Fault(number, "", str(error), error.hint)], file=str(file)) from None
    except OSError as error:
        raise UsageError(f"cannot read this file: {error.strerror}", where=str(file)) from None
    if not run.records:
        raise InvalidExport([Fault(0, "", "it holds no record")], file=str(file))
    return run


class InvalidExport(InvalidDocument):
    """A file is no run that can be played."""

    noun = "export"


class NotARecord(ValueError):
    """A line is not the next record of a run."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def _is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _take(run: Exported, state: RunState, line: bytes) -> None:
    """Take a line in. Raises `NotARecord`."""
    try:
        fields = json.loads(line)
        if fields["event"] == OUTPUT:
            output = _printed(fields)
            run.output[output.step, output.attempt] = output
            return
        seq, at, kind, head = (fields.pop(name) for name in ("seq", "time", "event", "head"))
        record = ev.Record(int(seq), float(at), _event(kind, fields), str(head))
    except NotARecord:
        raise
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise NotARecord(
            "this line is not a record of a run", "`plandeck export` writes such files"
        ) from None
    if record.seq != state.seq + 1:
        missing = "the first records are" if not state.seq else f"record {state.seq + 1} is"
        raise NotARecord(f"this is record {record.seq}: {missing} missing", "export the run again")
    try:
        state.apply(record)
    except IllegalEvent as error:
        raise NotARecord(f"record {record.seq} cannot follow the ones before it: {error}") from None
    run.records.append(record)


def _event(kind: str, fields: dict[str, object]) -> ev.Event:
    if kind not in ev.Event.kinds:
        raise NotARecord(
            f"this version knows no event {str(kind)[:60]!r}", "play it with the version that wrote it"
        )
    try:
        event = ev.decode(kind, json.dumps(fields))
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(str(part) for part in wrong["loc"])
        raise NotARecord(
            f"{kind} is not as this version knows it: {place}: {wrong['msg'].lower()}",
            "play it with the version that wrote it",
        ) from None
    if isinstance(event, ev.StepIntended):
        _check_key(event)
    return event


def _check_key(event: ev.StepIntended) -> None:
    """The key names files: it must be that of the attempt."""
    named = f"{event.step}/{event.attempt}"
    if not _STEP.fullmatch(event.step) or event.key.partition("/")[2] != named:
        raise ValueError("the key is not that of the attempt")


def _printed(fields: dict[str, object]) -> Output:
    step, out, err = (str(fields[name]) for name in ("step", "out", "err"))
    attempt, left_out = fields["attempt"], fields["left_out"]
    if not isinstance(attempt, int) or not isinstance(left_out, int):
        raise TypeError("not a number")
    return Output(step, attempt, out, err, left_out)
