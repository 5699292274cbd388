"""The process that calls one Python function: `main(FILE)`, where FILE says which, and with what.

The function gets the step's parameters by name. What it gives back is the result: text as it is,
everything else as JSON; nothing for `None`. What it prints goes where its errors go. An exception is one
line there, and exit code 1; its traceback is above it, for whoever wrote the function.

The module is looked for beside the tool file first, then among what is installed.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Failed(Exception):
    """The call failed: why, in one line."""


def main(file: str) -> int:
    """Make the call of `file`; gives the exit code."""
    call = json.loads(Path(file).read_bytes())
    # The result alone goes to the output: whatever prints, now or in a thread, prints to the errors.
    result_fd = os.dup(1)
    os.dup2(2, 1)
    try:
        data = _encoded(_text(_called(call)))
    except Failed as error:
        sys.stdout.flush()
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.flush()
    with os.fdopen(result_fd, "wb") as result:
        result.write(data)
    return 0


def _called(call: dict[str, Any]) -> Any:
    function = _function(call["function"], call["beside"])
    try:
        return function(**call["params"])
    except SystemExit as leaving:
        raise Failed(f"{call['function']} left with {leaving.code!r} instead of an answer") from None
    except BaseException as error:  # noqa: BLE001 - whatever the function raises is its answer
        traceback.print_exc()
        raise Failed(f"{call['function']} failed: {_line(error)}") from None


def _function(name: str, beside: str) -> Callable[..., Any]:
    module_name, _, path = name.partition(":")
    if beside:
        sys.path.insert(0, beside)
    try:
        found: Any = importlib.import_module(module_name)
        for part in path.split("."):
            found = getattr(found, part)
    except BaseException as error:  # noqa: BLE001 - a module may raise anything while it loads
        if not isinstance(error, ImportError | AttributeError):
            traceback.print_exc()
        raise Failed(f"{name} cannot be loaded: {_line(error)}") from None
    if not callable(found):
        raise Failed(f"{name} is not a function")
    return found  # type: ignore[no-any-return]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Failed(f"what it gave back cannot be written as JSON: {_line(error)}") from None


def _encoded(text: str) -> bytes:
    """The text as bytes: those of a file name that is no UTF-8 come out as they went in."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise Failed("what it gave back holds half a character (a lone surrogate)") from None


def _line(error: BaseException) -> str:
    said = " ".join(str(error).split())[:500]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
