"""A `shell` script with `{{name}}` placeholders -> a script without them, and where each value goes.

A value never becomes text of the script: each placeholder becomes a positional parameter, so
`bash deploy.sh {{env}}` is carried out as `sh -c 'bash deploy.sh "$1"' sh VALUE`. How it is written
depends on the quotes around it:

    cmd {{x}}          cmd "$1"            an argument of its own, never split
    cmd "a {{x}}"      cmd "a ${1}"        already inside double quotes
    cmd 'a {{x}}'      cmd 'a '"$1"''      close, value, reopen
    # {{x}}            # {{x}}             a comment stays a comment

Since the value is never parsed as script, a mistake of this lexer can cost a word its quoting but
cannot run a value. What can run one is a place where the shell, or a program, evaluates its words a
second time (`eval`, `sh -c`, a remote shell, arithmetic, sed and awk programs, a command's own name):
a script with a placeholder in such a place is refused when its file is read (console/catalog/evaluation.py).

The lexer follows POSIX.1-2024, Shell Command Language, 2.2 (quoting) and 2.3 (token recognition).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from console.catalog import evaluation
from console.catalog.lexer import scan
from console.catalog.words import EXPANSION, PLACEHOLDER, SLOT, Quote, Scan, SimpleCommand, Slot, Word
from console.errors import PlandeckError


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a script cannot be compiled; `line` counts from 0 inside the script."""

    line: int
    reason: str


class ShellRefused(PlandeckError):
    """A placeholder stands where a value could be evaluated. `refusals` are all of them."""

    def __init__(self, refusals: Collection[Refusal]) -> None:
        super().__init__("; ".join(dict.fromkeys(r.reason for r in refusals)))
        self.refusals = tuple(refusals)


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled script: `pieces` are its text and its placeholders in order; `names` the
    placeholders' names in the order of their positional parameters."""

    pieces: tuple[str | Slot, ...]
    names: tuple[str, ...]
    bare: frozenset[str]

    @property
    def script(self) -> str:
        """The text given to `sh -c`; it holds no value."""
        return "".join(p if isinstance(p, str) else self._positional(p) for p in self.pieces)

    def argv(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """The process for these values (by name; `KeyError` when one is missing)."""
        return ("sh", "-c", self.script, "sh", *(values[name] for name in self.names))

    def display(self, values: Mapping[str, str]) -> str:
        """The script with each value quoted in its place: shell text that means the same."""
        return "".join(p if isinstance(p, str) else quoted(values[p.name], p.quote) for p in self.pieces)

    def _positional(self, slot: Slot) -> str:
        number = self.names.index(slot.name) + 1
        plain = f'"${number}"' if number < 10 else f'"${{{number}}}"'
        return {"": plain, '"': f"${{{number}}}", "'": f"'{plain}'"}[slot.quote]


def quoted(value: str, quote: Quote) -> str:
    """`value` as shell text for a place inside `quote`."""
    if quote == '"':
        return re.sub(r'([\\"$`])', r"\\\1", value)
    if quote == "'":
        return value.replace("'", "'\"'\"'")
    return shlex.quote(value)


def compile_shell(text: str) -> Template:
    """The template of a `shell` script. Raises `ShellRefused` with every reason against it."""
    if SLOT in text or EXPANSION in text:
        raise ShellRefused([Refusal(0, "the script holds a control character")])
    found = scan(text)
    slots = found.slots
    refusals = set(found.refusals)
    if slots:
        refusals |= {*found.dialects, *evaluation.refusals(found)}
    if refusals:
        raise ShellRefused([Refusal(text.count("\n", 0, at), why) for at, why in sorted(refusals)])
    for command in found.commands:
        evaluation.mark_bare(command)
    names = tuple(dict.fromkeys(slot.name for slot in slots))
    return Template(tuple(found.pieces), names, frozenset(s.name for s in slots if s.bare))


def assigned(text: str) -> frozenset[str]:
    """The variables that a script sets itself, without reading them in the same word (`P=${P:-1}`)."""
    return frozenset(evaluation.assigned(scan(text)))


def _as_command(command: str, args: Sequence[str]) -> SimpleCommand:
    """A process given as a list, as if it were words of a script: the same rules hold for it."""
    words = []
    for text in (command, *args):
        slots = [Slot(m[1], "", 0) for m in PLACEHOLDER.finditer(text)]
        words.append(Word(PLACEHOLDER.sub(SLOT, text), 0, slots, []))
    return SimpleCommand(0, words=words)


def bare_args(command: str, args: Sequence[str]) -> frozenset[str]:
    """The placeholders whose value begins an argument of the process."""
    whole = _as_command(command, args)
    evaluation.mark_bare(whole)
    return frozenset(slot.name for word in whole.words for slot in word.slots if slot.bare)


def refuse_args(command: str, args: Sequence[str]) -> None:
    """Raise `ShellRefused` when a placeholder in a process's list stands where it is evaluated."""
    found = Scan(commands=[_as_command(command, args)])
    refusals = [Refusal(0, why) for _, why in evaluation.refusals(found)]
    if refusals:
        raise ShellRefused(refusals)
