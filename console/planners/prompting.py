"""The prompt files: versioned texts with a front matter, filled in once, never expanded again.

    ---
    id: plan-v1
    version: 1
    purpose: ...
    temperature: 0.1
    ---
    # system
    ...
    # user
    ... $goal ...

`plan-v1` comes with `replan-v1` and `mend-v1`: a version of the prompts is the three files that share
it. Besides the files here, a file of the operator's own can be named by its path; what it has no
companions for beside it is taken from the files here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from console.errors import Fault, InvalidDocument, UsageError

FOLDER = Path(__file__).parent / "prompts"
FIRST = "plan-v1"
MAX_CHARS = 64 * 1024

Purpose = Literal["plan", "replan", "mend", "agent"]

_FILE = re.compile(r"---\n(?P<front>.*?)\n---\n(?P<body>.*)", re.DOTALL)
_PART = re.compile(r"^# (system|user)$", re.MULTILINE)
_PLACE = re.compile(r"\$([a-z_]+)")
_KEYS = {"id", "version", "purpose", "temperature"}

_COMMON = {"goal", "template", "inputs", "facts", "want", "words", "tools", "left_out"}

PLACES: Mapping[Purpose, frozenset[str]] = {
    "plan": frozenset(_COMMON),
    "replan": frozenset(_COMMON | {"plan", "record", "number", "token"}),
    "mend": frozenset({"problems"}),
    "agent": frozenset({"profile", "calls", "token", "tools", "task", "context"}),
}
"""What the texts of each purpose may use."""


class InvalidPrompt(InvalidDocument):
    """A prompt file that cannot be used."""

    noun = "prompt"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt file. `parts` are its messages, role first."""

    id: str
    version: int
    temperature: float | None
    parts: tuple[tuple[str, str], ...]

    @property
    def label(self) -> str:
        """What the record of a run says: `plan-v1 (1)`."""
        return f"{self.id} ({self.version})"

    def messages(self, values: Mapping[str, str]) -> tuple[dict[str, str], ...]:
        """The messages with `values` in their places; what the values hold is not looked at."""
        return tuple(
            {"role": role, "content": _PLACE.sub(lambda m: values.get(m[1], m[0]), text).strip()}
            for role, text in self.parts
        )


@dataclass(frozen=True, slots=True)
class Prompts:
    """The three prompts of one version."""

    plan: Prompt
    replan: Prompt
    mend: Prompt


def known() -> tuple[str, ...]:
    """The versions that can be named without a path."""
    return tuple(sorted(file.stem for file in FOLDER.glob("plan-*.md")))


def load(name: str = FIRST) -> Prompts:
    """The prompts of a version, named (`plan-v1`) or given as the path of its plan file. Raises
    `UsageError` and `InvalidPrompt`."""
    name = name or FIRST
    is_path = "/" in name or name.endswith(".md")
    file = Path(name) if is_path else FOLDER / f"{name}.md"
    if not is_path and name not in known():
        raise UsageError(f"there is no prompt {name!r:.60}", todo=f"There are: {', '.join(known())}")
    return Prompts(read(file, "plan"), _companion(file, "replan"), _companion(file, "mend"))


def _companion(file: Path, purpose: Purpose) -> Prompt:
    name = re.sub("^plan", purpose, file.name)
    beside = file.with_name(name)
    return read(beside if name != file.name and beside.is_file() else FOLDER / f"{purpose}-v1.md", purpose)


def read(file: Path, purpose: Purpose) -> Prompt:
    """The prompt in a file. Raises `InvalidPrompt`."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(file, getattr(error, "strerror", "") or "it is not UTF-8 text") from None
    found = _FILE.fullmatch(text) if len(text) <= MAX_CHARS else None
    if found is None:
        raise _invalid(
            file, f"it has no front matter between two lines of ---, or over {MAX_CHARS} characters"
        )
    front = _front(file, found["front"])
    pieces = _PART.split(found["body"])
    parts = tuple(zip(pieces[1::2], pieces[2::2], strict=True))
    if not parts or parts[-1][0] != "user":
        raise _invalid(file, "it has no part under the heading `# user` at its end")
    unknown = {name for _, part in parts for name in _PLACE.findall(part)} - PLACES[purpose]
    if unknown:
        raise _invalid(file, f"nothing is known for ${', $'.join(sorted(unknown))}")
    temperature = front.get("temperature")
    if temperature is not None and not isinstance(temperature, int | float):
        raise _invalid(file, "temperature is a number")
    return Prompt(
        str(front.get("id") or file.stem), _version(file, front.get("version", 1)), temperature, parts
    )


def _front(file: Path, text: str) -> dict[str, object]:
    from console.plan import strict

    document = strict.read(text, file="front.yaml")
    if document.blots or not isinstance(document.value, dict):
        raise _invalid(
            file, document.blots[0].message if document.blots else "its front matter is no mapping"
        )
    if unknown := document.value.keys() - _KEYS:
        raise _invalid(file, f"unknown key {sorted(unknown)[0]} in its front matter")
    return document.value


def _version(file: Path, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _invalid(file, "version is a whole number")


def _invalid(file: Path, message: str) -> InvalidPrompt:
    return InvalidPrompt([Fault(0, "", message)], file=str(file))
