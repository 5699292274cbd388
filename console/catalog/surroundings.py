"""What a tool file may take from the caller's environment: variables that it names, `$NAME` or `${NAME}`."""

from __future__ import annotations

import re
from collections.abc import Mapping

USUAL = ("PATH", "HOME", "LANG", "TZ", "USER", "LOGNAME", "SHELL", "TERM", "TMPDIR")
"""What of the caller's environment every step and every server gets, with LC_*; none of it is a secret."""

_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")


def variables_in(text: str) -> tuple[str, ...]:
    """The variables that `text` names, in order."""
    return tuple(plain or braced for plain, braced in _VARIABLE.findall(text))


def expanded(text: str, caller: Mapping[str, str]) -> str:
    """`text` with the caller's variables in place, in one pass. `KeyError` for one that is not set."""
    return _VARIABLE.sub(lambda match: caller[match[1] or match[2]], text)


def usual(caller: Mapping[str, str]) -> dict[str, str]:
    """The part of the caller's environment that everything gets."""
    return {name: value for name, value in caller.items() if name in USUAL or name.startswith("LC_")}
