"""Where a script would evaluate a value a second time: those scripts are refused.

A value arrives as a positional parameter and is data to the shell. It becomes code again in an
argument of `eval`, in the text given to `sh -c` or to a remote shell, in a sed, awk or Python
program, in arithmetic, as the name of a command, or through a variable that ends up in one of
these. The rules below are about one simple command each, and lean towards refusing: the way out is
always the same, a script file that takes the value as an argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import dropwhile, pairwise

from console.catalog.evaluators import (
    BUILTINS,
    CODE_VARIABLES,
    COMMAND_OPTIONS,
    EVALUATES,
    EXECUTING_ADDRESS,
    FIRST_OPERAND,
    NAMES_VARIABLES,
    OPERANDS_BEFORE_COMMAND,
    POSITIONAL,
    PREFIXES,
    PROGRAMS,
    READ_A_SCRIPT,
    READS_NO_OPTIONS,
    REMOTE,
    RUN_THEIR_OPERAND,
    SHELLS,
    SSH_SAFE_OPTIONS,
    SSH_WITH_VALUE,
    TAKES_C,
)
from console.catalog.words import SLOT, Scan, SimpleCommand, Word

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*|(?<=\$)[1-9@*]|(?<=\$\{)[1-9@*]")
_ELEMENT = re.compile(r"\w+\[(.*)\]\+?=", re.DOTALL)
_ASSIGNMENT = re.compile(r"^([A-Za-z_]\w*)\+?=")
_WAY_OUT = "put the code in a script file and pass the value as its argument"


def refusals(found: Scan) -> Iterator[tuple[int, str]]:
    """Where a value would be evaluated: (offset in the script, why)."""
    judge = _Judge(_tainted(found))
    for slot in found.slots:
        if slot.in_function:
            yield slot.at, f"{{{{{slot.name}}}}} stands in a function: assign it to a variable before it"
    for at, inner in found.arithmetic:
        yield from judge.named(at, inner)
    for command in found.commands:
        if command.kind == "command":
            yield from judge(command)


def _tainted(found: Scan) -> frozenset[str]:
    """Variables that may hold a value: `$1`, `$@`, what is assigned from a placeholder or from such a one."""
    tainted = set(POSITIONAL)
    while True:
        before = len(tainted)
        for command in found.commands:
            tainted.update(
                _receives(command, lambda w: bool(w.slots or tainted.intersection(w.names)), tainted)
            )
        if len(tainted) == before:
            return frozenset(tainted)


def assigned(found: Scan) -> Iterator[str]:
    """The variables that the script sets by an assignment, a loop or `read`."""
    for command in found.commands:
        for word in command.words:
            match = _ASSIGNMENT.match(word.text)
            if match and match[1] not in word.names:
                yield match[1]
        words = [word.text for word in command.words if not _ASSIGNMENT.match(word.text)]
        if command.kind == "for" and len(words) > 1:
            yield words[1]
        elif words[:1] == ["read"]:
            yield from (text for text in words[1:] if not text.startswith("-"))


def _receives(command: SimpleCommand, dirty: Callable[[Word], bool], tainted: set[str]) -> Iterator[str]:
    for word in command.words:
        match = _ASSIGNMENT.match(word.text)
        if match and dirty(word):
            yield match[1]
    if command.kind == "for" and len(command.words) > 1 and any(map(dirty, command.words)):
        yield command.words[1].text
    words = [w for w in command.words if not _ASSIGNMENT.match(w.text)]
    piped = bool(command.piped_slots or tainted.intersection(command.piped_names))
    if words and words[0].text == "read" and (piped or any(map(dirty, command.targets))):
        yield from (w.text for w in words[1:] if not w.text.startswith("-"))


class _Judge:
    """Reads one command at a time; knows which variables hold values."""

    def __init__(self, tainted: frozenset[str]) -> None:
        self.tainted = tainted

    def __call__(self, command: SimpleCommand) -> Iterator[tuple[int, str]]:
        words = list(dropwhile(lambda word: _ASSIGNMENT.match(word.text), command.words))
        yield from self.deciding(command.words[: len(command.words) - len(words)])
        if not words:
            return
        if self.dirty(words[0]):
            yield words[0].at, f"{self.what(words[0])} would be the name of a command"
            return
        if element := _ELEMENT.match(words[0].text):
            yield from self.named(words[0].at, element[1])
        yield from self.variable_by_value(words)
        yield from self.first_command(words)
        runs_others = _base(words[0]) in PREFIXES
        for index, word in enumerate(words):
            if index == 0 or runs_others:
                here = index == 0 or (index == 1 and _base(words[0]) in ("command", "builtin", "time"))
                yield from self.evaluating(words[index:], command, here=here)
            if _base(word) in TAKES_C and not self.dirty(word):
                yield from self.dash_c(words[index:], words, command)

    def dirty(self, word: Word) -> bool:
        return bool(word.slots or self.tainted.intersection(word.names))

    def what(self, word: Word) -> str:
        if word.slots:
            return f"{{{{{word.slots[0].name}}}}}"
        return f"${next(name for name in word.names if name in self.tainted)}, which holds a parameter,"

    def deciding(self, words: Sequence[Word]) -> Iterator[tuple[int, str]]:
        """Values for variables that decide what code runs."""
        for word in words:
            if self.dirty(word) and (match := CODE_VARIABLES.match(word.text)):
                yield word.at, f"{self.what(word)} would set {match[1]}, which decides what code runs"

    def each(self, words: Sequence[Word], reason: str) -> Iterator[tuple[int, str]]:
        for word in words:
            if self.dirty(word):
                yield word.at, f"{self.what(word)} {reason}: {_WAY_OUT}"

    def named(self, at: int, arithmetic: str) -> Iterator[tuple[int, str]]:
        """Text that bash evaluates as arithmetic, where a bare name stands for its value."""
        for name in self.tainted.intersection(_IDENTIFIER.findall(arithmetic)):
            yield at, f"${name} holds a parameter and stands in arithmetic, which evaluates it"

    def variable_by_value(self, words: Sequence[Word]) -> Iterator[tuple[int, str]]:
        """What bash evaluates in words of its own builtins: numbers, and names of variables."""
        base, rest = _base(words[0]), words[1:]
        integer = base in NAMES_VARIABLES and any(re.match(r"-\w*i", word.text) for word in rest)
        if integer or base in ("let", "[["):
            for word in rest:
                yield from self.named(word.at, word.text)
                if integer and self.dirty(word):
                    yield word.at, f"{self.what(word)} would be evaluated as a number"
        options = {"[": ("-v", "-R"), "test": ("-v", "-R"), "printf": ("-v",)}.get(base, ())
        for before, word in pairwise(rest):
            if before.text in options and self.dirty(word):
                yield word.at, f"{self.what(word)} would name a variable"

    def first_command(self, words: Sequence[Word]) -> Iterator[tuple[int, str]]:
        """A prefix command whose own command would be a value; variables named by a value."""
        base = _base(words[0])
        if base in RUN_THEIR_OPERAND:
            operands = list(_operands(words, PREFIXES[base]))
            skip = OPERANDS_BEFORE_COMMAND.get(base, 0)
            if base in ("env", "sudo", "doas"):
                settings = [w for w in operands if _ASSIGNMENT.match(w.text)]
                operands = [w for w in operands if w not in settings]
                yield from self.deciding(settings)
            if len(operands) > skip and self.dirty(operands[skip]):
                yield operands[skip].at, f"{self.what(operands[skip])} would be the name of a command"
        if base in NAMES_VARIABLES:
            yield from self.deciding(words[1:])
            for word in words[1:]:
                if self.dirty(word) and not _ASSIGNMENT.match(word.text):
                    yield word.at, f"{self.what(word)} would name a variable"
        if base == "shift" or (base == "set" and _renumbers(words[1:])):
            yield words[0].at, f"{base} renumbers the parameters the placeholders become: use variables"

    def evaluating(
        self, words: Sequence[Word], command: SimpleCommand, *, here: bool
    ) -> Iterator[tuple[int, str]]:
        base, rest = _base(words[0]), words[1:]
        if base in EVALUATES and (base not in BUILTINS or here):
            yield from self.each(rest, f"stands in the words of {base}, which evaluates them")
        elif base in REMOTE:
            yield from self.remote(words, command)
        elif _without_version(base) in PROGRAMS:
            yield from self.each(list(_program_text(words)), f"stands in program text for {base}")
        elif base in SHELLS or base in READ_A_SCRIPT:
            yield from self.fed(words, command)
        elif base in COMMAND_OPTIONS:
            yield from self.option(words)
        elif base == "socat":
            addresses = [word for word in rest if EXECUTING_ADDRESS.match(word.text)]
            yield from self.each(addresses, "stands in an address of socat that is a command")
        elif (
            base == "find"
            and any(_base(w) in SHELLS for w in rest)
            and any("{}" in w.text and w.text != "{}" for w in rest)
        ):
            yield from self.each(rest, "reaches the text of a shell through {}")
        for before, word in pairwise(rest):
            if base == "find" and before.text in ("-exec", "-execdir", "-ok", "-okdir") and self.dirty(word):
                yield word.at, f"{self.what(word)} would be the name of a command"

    def option(self, words: Sequence[Word]) -> Iterator[tuple[int, str]]:
        """An option whose value is a command: apart, attached, or after `=`."""
        base = _base(words[0])
        for before, word in pairwise(words):
            for flag in COMMAND_OPTIONS[base]:
                attached = word.text.startswith(flag if len(flag) == 2 else f"{flag}=")
                if before.text == flag or attached:
                    yield from self.each([word], f"stands in the option {flag} of {base}, which is a command")

    def remote(self, words: Sequence[Word], command: SimpleCommand) -> Iterator[tuple[int, str]]:
        operands = list(_operands(words, SSH_WITH_VALUE))
        destination = operands[0] if operands else None
        previous = ""
        for word in words[1:]:
            if word is not destination and previous not in SSH_SAFE_OPTIONS:
                yield from self.each([word], "would be evaluated by the remote shell")
            previous = word.text
        if len(operands) < 2:
            yield from self.fed(words, command)

    def fed(self, words: Sequence[Word], command: SimpleCommand) -> Iterator[tuple[int, str]]:
        """What reads a script for a shell from its standard input."""
        operands = list(_operands(words, "oO"))
        if operands and _base(words[0]) in SHELLS and not any(w.text == "-s" for w in words):
            return
        source = [*command.piped_slots[:1]]
        if source:
            yield (
                source[0].at,
                f"{{{{{source[0].name}}}}} is piped into {_base(words[0])}, which evaluates it: {_WAY_OUT}",
            )
        for name in self.tainted.intersection([*command.piped_names, *command.here]):
            yield words[0].at, f"${name}, which holds a parameter, is fed to {_base(words[0])}: {_WAY_OUT}"
        yield from self.each(command.targets, f"is fed to {_base(words[0])}, which evaluates it")

    def dash_c(
        self, words: Sequence[Word], whole: Sequence[Word], command: SimpleCommand
    ) -> Iterator[tuple[int, str]]:
        """`sh -c TEXT name args...`: only TEXT is code; what follows arrives as data."""
        base = _base(words[0])
        for index, word in enumerate(words[1:], start=1):
            if re.fullmatch(r"-[A-Za-z]*c[A-Za-z]*|--command(=.*)?", word.text, re.DOTALL):
                text = next((w for w in words[index + 1 :] if not w.text.startswith("-")), None)
                code = words[index + 1 : words.index(text) + 1] if text and base in SHELLS else words[index:]
                yield from self.each(code, f"stands in the text of {base} {word.text.split('=')[0]}")
                if text and re.search(r"(^|[\s;&|(])(eval|\.|source)\s", text.text):
                    yield from self.each(words[index + 1 :], f"reaches an eval in the text of {base} -c")
                if _base(whole[0]) == "xargs" and text and command.piped_slots and "{}" in text.text:
                    slot = command.piped_slots[0]
                    yield (
                        slot.at,
                        f"{{{{{slot.name}}}}} reaches the text of {base} -c through xargs: {_WAY_OUT}",
                    )
                return


def _renumbers(words: Sequence[Word]) -> bool:
    """Whether these words of `set` are operands, and not only options (`-eu`, `-o pipefail`)."""
    option_name = False
    for word in words:
        if option_name:
            option_name = False
        elif word.text[:1] not in ("-", "+") or word.text == "--":
            return True
        else:
            option_name = word.text.endswith("o")
    return False


def _base(word: Word) -> str:
    return word.text.rsplit("/", 1)[-1]


def _without_version(base: str) -> str:
    """`python` of `python3.11`."""
    return base.rstrip("0123456789.")


def _operands(words: Sequence[Word], with_value: str) -> Iterator[Word]:
    """The words that are not options nor the values of the short options in `with_value`."""
    skip = ended = False
    for word in words[1:]:
        if skip:
            skip = False
        elif ended or not word.text.startswith("-") or word.text == "-":
            yield word
        elif word.text == "--":
            ended = True
        else:
            skip = not word.text.startswith("--") and len(word.text) == 2 and word.text[1] in with_value


def _program_text(words: Sequence[Word]) -> Iterator[Word]:
    base = _base(words[0])
    flags = PROGRAMS[_without_version(base)]
    given = False
    for before, word in pairwise(words):
        short = [f for f in flags if len(f) == 2]
        attached = any(word.text.startswith(f) and word.text != f for f in short) or any(
            word.text.startswith(f + "=") for f in flags
        )
        follows = before.text in flags or (
            bool(short)
            and bool(re.fullmatch(r"-[A-Za-z]+", before.text))
            and any(before.text.endswith(f[1]) for f in short)
        )
        if attached or follows:
            given = True
            yield word
    if (
        base in FIRST_OPERAND
        and not given
        and not any(w.text.startswith(("-f", "--file")) for w in words[1:])
    ):
        yield from list(_operands(words, "vFfi" if base != "sed" else "l"))[:1]


def mark_bare(command: SimpleCommand) -> None:
    """Mark the placeholders of `command` whose value begins an argument."""
    if command.kind != "command":
        return
    words = [w for w in command.words if not _ASSIGNMENT.match(w.text)]
    if not words or _base(words[0]) in READS_NO_OPTIONS:
        return
    base = _base(words[0])
    ended = False
    for index, word in enumerate(words[1:]):
        if word.text == "--" and base not in PREFIXES:
            ended = True
        formatted = base == "printf" and index > 0
        if word.text.startswith(SLOT) and word.slots and not ended and not formatted:
            word.slots[0].bare = True
