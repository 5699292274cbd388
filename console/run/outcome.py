"""From what a backend says of an attempt to what the run says of the step.

A step succeeded when its process exited 0 (or as `expect` says) and every expectation holds for its
result. Expectations are how a tool that says success while its text says failure is caught.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from console.errors import PlandeckError
from console.json_schema import validator
from console.patterns import TooSlow, is_in
from console.plan.model import Expect, Step
from console.run import events as ev
from console.run.control import spool
from console.run.patience import TooLong, at_most
from console.run.results import read_result
from console.runners.backend import CHANGED, Status
from console.text import clean

PATIENCE = 5.0
"""Seconds that it may take to hold a result against what is expected."""

PREVIEW = 300
TAIL = 2_000
_SIGNALS = {1: "HUP", 2: "INT", 3: "QUIT", 6: "ABRT", 9: "KILL", 11: "SEGV", 13: "PIPE", 15: "TERM"}


def unmet(expect: Expect, result: str) -> str:
    """Why `result` is not what was expected; empty when it is."""
    try:
        with at_most(PATIENCE):
            return _unmet(expect, result)
    except TooLong:
        return f"the result cannot be checked: it takes longer than {PATIENCE:g} s"


def _unmet(expect: Expect, result: str) -> str:
    if expect.matches is not None:
        try:
            if not is_in(expect.matches, result):
                return f"the result does not match {expect.matches!r}"
        except TooSlow as error:
            return f"the result cannot be checked: {error}"
    if expect.json_paths is None and expect.json_schema is None:
        return ""
    try:
        value = json.loads(result)
    except ValueError:
        return "the result is not JSON"
    return _unmet_json(expect, value)


def _unmet_json(expect: Expect, value: Any) -> str:
    if expect.json_paths:
        import jmespath

        for path, wanted in expect.json_paths.items():
            try:
                found = jmespath.search(path, value)
            except jmespath.exceptions.JMESPathError as error:
                return f"{path!r} cannot be looked up: {error}"
            if found != wanted:
                return f"{path} is {json.dumps(found)}, not {json.dumps(wanted)}"
    if expect.json_schema:
        from referencing.exceptions import Unresolvable

        try:
            misfit = next(validator(expect.json_schema).iter_errors(value), None)
        except (Unresolvable, RecursionError):
            return "the result cannot be checked: the expected schema refers to what is not in it"
        if misfit is not None:
            return f"the result does not fit the schema at {misfit.json_path}: {misfit.message}"
    return ""


def judge(step: Step, attempt: int, key: str, status: Status, directory: Path) -> ev.StepEvent:
    """The event that says how an attempt ended."""
    duration = max(0.0, status.ended - status.started) if status.started else 0.0
    if status.phase == "lost":
        return ev.StepInDoubt(
            step=step.id, attempt=attempt, reason=status.error or "its supervisor is gone without a word"
        )
    if status.phase == "cancelled":
        return ev.StepCancelled(step=step.id, attempt=attempt, reason="cancelled")

    def failed(error: str) -> ev.StepFailed:
        return ev.StepFailed(
            step=step.id,
            attempt=attempt,
            error=error,
            exit_code=status.exit_code,
            duration=duration,
            tail=clean(read_tail(spool(directory, key))),
            timed_out=status.timed_out,
            never_started=status.never_started,
            changed=_changed(spool(directory, key)) if status.never_started else None,
        )

    if status.never_started or status.exit_code is None:
        return failed(status.error or "it could not be started")
    if status.timed_out:
        return failed(f"it took longer than {step.timeout or 0:g} s" if step.timeout else "it took too long")
    expect = step.expect or Expect()
    if status.exit_code != (expect.exit_code or 0):
        return failed(_exit_words(status.exit_code))
    if expect.matches is not None or expect.json_paths is not None or expect.json_schema is not None:
        try:
            problem = unmet(expect, read_result(directory, key))
        except PlandeckError as error:
            problem = str(error)
        if problem:
            return failed(f"not as expected: {problem}")
    size, preview = _preview(spool(directory, key) / "out")
    return ev.StepSucceeded(
        step=step.id,
        attempt=attempt,
        exit_code=status.exit_code,
        duration=duration,
        size=size,
        preview=preview,
    )


def _changed(directory: Path) -> dict[str, Any] | None:
    """How the tool is defined now, where the call was refused because of that."""
    try:
        found = json.loads((directory / CHANGED).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _exit_words(code: int) -> str:
    if code < 0:
        return f"ended by signal {_SIGNALS.get(-code, -code)}"
    return f"exit code {code}"


def _preview(path: Path) -> tuple[int, str]:
    """How long a result is, and its beginning; why not, where it cannot be read."""
    try:
        with path.open("rb") as stream:
            size, data = os.fstat(stream.fileno()).st_size, stream.read(PREVIEW + 1)
    except FileNotFoundError:
        return 0, ""
    except OSError as error:
        return 0, f"(its output cannot be read: {error.strerror})"
    text = clean(data[:PREVIEW]).rstrip("\n")
    return size, text + "…" if len(data) > PREVIEW else text


def read_tail(directory: Path) -> bytes:
    """The end of an attempt's error output, or of its output when it wrote no errors."""
    for name in ("err", "out"):
        path = directory / name
        try:
            with path.open("rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                if size:
                    stream.seek(max(0, size - TAIL))
                    return stream.read(TAIL)
        except OSError:
            continue
    return b""
