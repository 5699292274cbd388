"""The command `plandeck`: the commands put together, and the one place where errors become lines.

Exit codes: 0 succeeded, 1 failed, 2 usage, 3 invalid plan or rejected, 4 stopped or detached,
5 rollback incomplete or something irreversible happened, 6 rolled back completely, 130/143 ended by a signal.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any, NoReturn

import typer

from console.commands import (
    browser,
    demos,
    doctor,
    evaluate,
    following,
    look,
    make,
    record,
    replaying,
    scripting,
    serve,
    starting,
    steer,
)
from console.commands import run as running
from console.commands.common import Ascii
from console.commands.helping import help_of, in_short
from console.errors import BadReply, InvalidDocument, PlandeckError
from console.service.crash import crash_line
from console.service.unwrap import heart

app = typer.Typer(
    name="plandeck",
    help="An operator console for plan-then-execute work: read a plan, approve it, watch it, roll it back.",
    epilog="Without a command the task picker opens.\n\n\b\nExample:\n  plandeck run deploy --set tag=v2.3.1",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_COMMANDS: dict[str, Callable[..., int]] = {
    "run": running.run,
    "plan": make.plan,
    "check": make.check,
    "attach": following.attach,
    "runs": look.runs,
    "show": look.show,
    "resume": running.resume,
    "rollback": steer.rollback,
    "stop": steer.stop,
    "verify": record.verify,
    "export": record.export,
    "replay": replaying.replay,
    "demo": demos.demo,
    "tools": make.tools,
    "serve": browser.serve,
    "mcp": serve.mcp,
    "eval": evaluate.evaluate,
    "doctor": doctor.doctor,
}
for _name, _command in _COMMANDS.items():
    app.command(_name, help=help_of(_command), short_help=in_short(_command))(_command)
for _name, _scripted in scripting.COMMANDS.items():
    scripting.script.command(_name, help=help_of(_scripted), short_help=in_short(_scripted))(_scripted)
app.add_typer(scripting.script, name="script")


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"plandeck {version('plandeck')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    _ascii: Ascii = False,
) -> int | None:
    if context.invoked_subcommand is None:
        return starting.pick()
    return None


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The console script. Every error leaves as one line and an exit code, never as a traceback."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in arguments
    _open_streams(_escaped if as_json else _drawn)
    try:
        code = app(arguments, standalone_mode=False, prog_name="plandeck")
    except BaseException as error:  # noqa: BLE001 - the seam: whatever comes up becomes a line here
        code = _tell(error, as_json=as_json)
    _leave(code if isinstance(code, int) else 0)


def _open_streams(encode: Callable[[UnicodeError], tuple[str, int]]) -> None:
    """Standard streams that can be used: one that the caller has closed leads nowhere (otherwise the next
    file that is opened would be in its place), and what an encoding does not have is written as `encode`
    says."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - for good
    if isinstance(sys.stdout, io.TextIOWrapper):
        codecs.register_error("plandeck", encode)
        sys.stdout.reconfigure(errors="plandeck")


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """As JSON writes it: the value stays the same."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _drawn(error: UnicodeError) -> tuple[str, int]:
    """A mark in its ASCII form, as on the screen; anything else as an escape."""
    from console.tui.marks import ASCII_MARKS

    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(ASCII_MARKS)
    return "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text), error.end


def _leave(code: int) -> NoReturn:
    try:
        sys.stdout.flush()
    except OSError as error:
        # Whoever read us has gone, or nothing can be written: the interpreter would complain of it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = code or (130 if isinstance(error, BrokenPipeError) else 1)
    sys.exit(code)


def _tell(error: BaseException, *, as_json: bool) -> int:
    """Say what went wrong and give the exit code."""
    error = heart(error)
    if isinstance(error, (KeyboardInterrupt, BrokenPipeError, typer.Abort)):
        return 130
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, typer.Exit):
        return int(error.exit_code)
    if isinstance(error, PlandeckError):
        return _report(str(error), error, error.exit_code, as_json=as_json)
    if hasattr(error, "format_message"):
        # The command line could not be read: the library's own error, under two names by its version.
        text = " ".join(str(error.format_message()).split())
        return _report(f"{text} See: {_command_path(error)} --help", None, 2, as_json=as_json)
    return _report(crash_line(error), None, 1, as_json=as_json)


def _command_path(error: Any) -> str:
    context = getattr(error, "ctx", None)
    return str(context.command_path) if context else "plandeck"


def _report(text: str, error: PlandeckError | None, code: int, *, as_json: bool) -> int:
    from console.text import clean

    faults = [str(fault) for fault in getattr(error, "faults", ())]
    if as_json:
        fact = {
            "event": "error",
            "error": text,
            "type": type(error).__name__ if error else "",
            "exit_code": code,
        }
        with suppress(OSError):
            print(json.dumps(fact | ({"faults": faults} if faults else {})), flush=True)  # noqa: T201
    lines = [text, *faults] if isinstance(error, BadReply) else [text]
    if isinstance(error, InvalidDocument) and len(faults) > 1:
        lines = [f"{error.where or error.noun}: not valid, nothing was started", *faults]
    for number, line in enumerate(lines):
        head = "plandeck: " if number == 0 else "  "
        with suppress(OSError):  # a terminal that is gone
            print(f"{head}{clean(line)}", file=sys.stderr)  # noqa: T201
    return code


if __name__ == "__main__":
    main()
