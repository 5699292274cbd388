"""What `--help` says of a command, made of its docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

EXAMPLE = "Example: "
AS_IT_IS = "\b"
"""Before a paragraph: its lines are not joined and wrapped."""


def help_of(command: Callable[..., int]) -> str:
    """The docstring, with its examples below each other at the end: a line to copy is never broken."""
    lines = inspect.cleandoc(command.__doc__ or "").splitlines()
    examples = [line.removeprefix(EXAMPLE) for line in lines if line.startswith(EXAMPLE)]
    told = "\n".join(line for line in lines if not line.startswith(EXAMPLE)).strip()
    heading = "Example:" if len(examples) == 1 else "Examples:"
    return "\n".join([told, "", AS_IT_IS, heading, *(f"  {example}" for example in examples)])


def in_short(command: Callable[..., int]) -> str:
    """The first sentence, as far as a list of commands needs it."""
    first = inspect.cleandoc(command.__doc__ or "").split("\n\n")[0].replace("\n", " ")
    return re.split(r"[:;.] |[.]$", first)[0]
