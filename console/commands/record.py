"""Commands about the record of a run: check it, write it out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.common import Json, Output, Run, emit, must_be_writable, say
from console.errors import JournalError, UsageError

if TYPE_CHECKING:
    from console.redact import Redactor


def verify(run: Run, as_json: Json = False) -> int:
    """Check that the record of a run was not changed: the chain of its hashes.

    Compare the head with the one that was printed at the end of the run: records that were cut off
    at the end cannot be noticed otherwise. Exit code 4 when the chain is broken.

    Example: plandeck verify 4f1c
    """
    from console.run import journal
    from console.settings import find_run

    directory = find_run(run)
    verdict = journal.verify(directory)
    if as_json:
        emit(
            {
                "run": directory.name,
                "ok": verdict.ok,
                "records": verdict.records,
                "head": verdict.head,
                "problem": verdict.problem,
            }
        )
    elif verdict.ok:
        say(f"run {directory.name}: {verdict.records} records, the chain holds, head {verdict.head}")
    else:
        say(f"run {directory.name}: THE RECORD IS BROKEN: {verdict.problem}")
        say(f"the first {verdict.records} records hold")
    return 0 if verdict.ok else JournalError.exit_code


def export(
    run: Run,
    output: Output = None,
    otlp: Annotated[
        bool, typer.Option("--otlp", help="Send it as spans to the collector of OTEL_EXPORTER_OTLP_ENDPOINT.")
    ] = False,
    without_output: Annotated[
        bool, typer.Option("--without-output", help="Leave out what the steps printed.")
    ] = False,
) -> int:
    """Write the record of a run as JSON lines: audit log, replay and test recording in one.

    What the steps printed comes along, of a long output the beginning and the end. Values of secrets that
    are set in this environment are taken out.

    Example: plandeck export 4f1c -o run.jsonl
    """
    from console.service.exported import lines_of
    from console.settings import find_run, write_private
    from console.text import json_shown

    if otlp and (output is not None or without_output):
        raise UsageError("--otlp sends the record, and writes no file", todo="Leave the other options out")
    if otlp:
        from console.tracing.resending import send

        say(f"{send(find_run(run))} spans were sent")
        return 0
    directory = find_run(run)
    lines = map(json_shown, lines_of(directory, _secrets_of(directory), output=not without_output))
    if output is None:
        for line in lines:
            say(line)
        return 0
    must_be_writable(output)
    write_private(output.absolute(), "".join(f"{line}\n" for line in lines))
    return 0


def _secrets_of(directory: Path) -> Redactor:
    """What takes out the secrets that the run's tools are given and that are set here."""
    import os

    from console.redact import Redactor
    from console.run import events as ev
    from console.run import journal
    from console.service.parts import secrets_of

    secrets: dict[str, str] = {}
    for record in journal.read(directory):
        if isinstance(record.event, ev.CatalogLoaded):
            secrets |= secrets_of(record.event.catalog, os.environ)
    return Redactor({name: value for name, value in secrets.items() if value})
