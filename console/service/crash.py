"""What is said of an error of ours: one line to whoever asked, the rest to the log."""

from __future__ import annotations

import os
import traceback

from console.errors import PlandeckError
from console.settings import log_file, open_log


def crash_line(error: BaseException) -> str:
    """One line about an error of ours; the rest goes to the log, without any variable's value."""
    text = f"internal error: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    try:
        path = log_file()
        with os.fdopen(open_log(path), "a", encoding="utf-8") as log:
            traceback.print_exception(error, file=log)
    except (PlandeckError, OSError):
        return f"{text.rstrip(': ')}. This is a fault of plandeck"
    return f"{text.rstrip(': ')}. This is a fault of plandeck; the details are in {path}"
