"""Goals in words that a saved task was made for: `Deploy v2.4.0 safely`, where one says `Deploy $tag safely`.

One with a ready plan is for the values it was planned for, and is taken by its name alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.errors import UsageError
from console.plan import strict
from console.task.saved import saved

_WORD = re.compile(r"\$(?:(\$)|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")


@dataclass(frozen=True, slots=True)
class Fit:
    """The saved task `name` in `file`, and what the words give its inputs."""

    name: str
    file: Path
    values: dict[str, str]

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"taken as the saved task {self.name}" + (f" with {given}" if given else "")


def fitting(words: str) -> Fit | None:
    """The saved task whose goal says the same, each input one word; of several the one that says most itself.
    Raises `UsageError` where two say as much."""
    found: list[tuple[int, Fit]] = []
    for name, file in saved().items():
        goal = _goal_in(file)
        pattern, literal = _pattern(goal)
        if goal and (match := re.fullmatch(pattern, " ".join(words.split()), re.IGNORECASE)):
            found.append((literal, Fit(name, file, match.groupdict())))
    best = [fit for literal, fit in found if literal == max(literal for literal, _ in found)]
    if len(best) > 1:
        raise UsageError(
            f"several saved tasks are for this goal: {', '.join(fit.name for fit in best)}",
            todo="Name the one that is meant",
        )
    return best[0] if best else None


def _goal_in(file: Path) -> str:
    try:
        document: Any = strict.read(file.read_bytes(), file=str(file)).value
    except OSError:
        return ""
    goal = document.get("goal") if isinstance(document, dict) and "plan" not in document else None
    return " ".join(goal.split()) if isinstance(goal, str) else ""


def _pattern(goal: str) -> tuple[str, int]:
    """What the goal matches, and how many letters of it are its own."""
    parts: list[str] = []
    names: set[str] = set()
    end = literal = 0
    for one in _WORD.finditer(goal):
        before = goal[end : one.start()] + ("$" if one[1] else "")
        literal, end = literal + len(before), one.end()
        parts.append(re.escape(before))
        if name := one[2] or one[3]:
            parts.append(f"(?P={name})" if name in names else rf"(?P<{name}>\S+)")
            names.add(name)
    return "".join([*parts, re.escape(goal[end:])]), literal + len(goal) - end
