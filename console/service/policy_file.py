"""The operator's policy files: what asks for two persons.

    /etc/plandeck/policy.d/*.yaml            of whoever administrates the machine, by name
    $XDG_CONFIG_HOME/plandeck/policy.yaml    the operator's own

    rules:
    - {risk: destructive, require: 2, why: change board}
    - {actions: ["deploy_*"], params: {env: production}, require: 2}
    - {on: ["db-*"], require: 2}
    allowed_signers: /etc/plandeck/signers     who may sign an approval, with which SSH key (ssh-keygen(1))

All rules of all files count and the strictest that fits holds: a file can only tighten what another says.
A file that others can write to, that is a link, or in which anything is unknown, is refused with everything
that it would have governed: no run starts under half a policy. Who may sign says the first file that names
signers, and the operator's own only where the machine has none.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any

from console.catalog.spec import Risk
from console.errors import Fault, InvalidDocument
from console.plan import strict
from console.run.events import PolicyLoaded
from console.run.policy import Rule
from console.settings import UnsafePlace, config_file

SYSTEM = Path("/etc/plandeck/policy.d")
LIMIT = 256 * 1024
MOST_PERSONS = 2
TOP = ("rules", "allowed_signers")
KEYS = ("risk", "actions", "on", "params", "require", "why")


class InvalidPolicy(InvalidDocument):
    """A policy file is wrong: nothing runs before it is mended."""

    exit_code = 2
    noun = "policy"


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """The rules of all files, and the files as they were when they were read (path -> SHA-256), that of the
    allowed signers among them."""

    rules: tuple[Rule, ...]
    prints: dict[str, str]
    signers: Path | None = None

    @property
    def loaded(self) -> PolicyLoaded:
        """The event that says so."""
        whole = sha256("\n".join(f"{path} {print_}" for path, print_ in self.prints.items()).encode())
        hash_ = whole.hexdigest() if self.prints else ""
        return PolicyLoaded(hash=hash_, files=tuple(self.prints), rules=len(self.rules))

    def changed(self) -> str:
        """What is not as it was read; empty when all is."""
        try:
            there = [*policy_files(), *([self.signers] if self.signers and self.signers.exists() else [])]
            now = {str(path): sha256(_content(path)).hexdigest() for path in there}
        except UnsafePlace as error:
            return f"the policy cannot be trusted any more: {error}"
        for path in sorted(self.prints.keys() | now.keys()):
            if self.prints.get(path) != now.get(path):
                what = (
                    "is gone" if path not in now else "is new" if path not in self.prints else "was changed"
                )
                return f"the policy file {path} {what}; nothing starts under another policy than was loaded"
        return ""


def policy_files() -> list[Path]:
    """The files that there are, the system's first."""
    try:
        found = sorted(entry for entry in SYSTEM.iterdir() if entry.suffix in (".yaml", ".yml"))
    except FileNotFoundError:
        found = []
    except OSError as error:
        raise UnsafePlace(f"cannot read this folder: {error.strerror}", where=str(SYSTEM)) from None
    own = config_file().with_name("policy.yaml")
    return [*found, *([own] if own.is_symlink() or own.exists() else [])]


def load_policy() -> PolicyFiles:
    """Every rule of every file. Raises `InvalidPolicy` with all faults, `UnsafePlace` for a file that
    somebody else could have written."""
    rules: list[Rule] = []
    faults: list[Fault] = []
    prints: dict[str, str] = {}
    signers: list[Path] = []
    files = policy_files()
    for path in files:
        raw = _content(path)
        prints[str(path)] = sha256(raw).hexdigest()
        document = strict.read(raw, file=str(path))
        for blot in document.blots:
            line = blot.line or (document.line_of(blot.path) if blot.path else 0)
            faults.append(Fault(line, "", blot.message, file=str(path)))
        if not document.broken:
            reader = _Reader(document, str(path))
            rules += reader.rules()
            faults += reader.faults
            if path.parent == SYSTEM or len(files) == 1:
                signers += reader.signers
    if faults:
        raise InvalidPolicy(faults, file="" if len(prints) > 1 else next(iter(prints)))
    for path in signers[:1]:
        prints[str(path)] = sha256(_content(path)).hexdigest()
    return PolicyFiles(tuple(rules), prints, next(iter(signers), None))


def _content(path: Path) -> bytes:
    """The bytes of a policy file that nobody but root and its owner can have written."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise UnsafePlace(
            f"cannot read this policy file: {(error.strerror or str(error)).lower()}",
            where=str(path),
            todo="A policy file is a plain file that you may read, and no link",
        ) from None
    with os.fdopen(fd, "rb") as file:
        found = os.fstat(fd)
        _refuse_unsafe(path, found)
        return file.read(LIMIT)


def _refuse_unsafe(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        wrong, todo = "is no file", "Move it away"
    elif found.st_uid not in (0, os.geteuid()):
        wrong, todo = f"belongs to user {found.st_uid}", "It must belong to root or to you"
    elif found.st_mode & 0o022:
        wrong, todo = f"can be written by others (mode {stat.S_IMODE(found.st_mode):04o})", "chmod go-w it"
    elif found.st_size >= LIMIT:
        wrong, todo = f"is larger than {LIMIT // 1024} KiB", "Make it smaller"
    else:
        return
    raise UnsafePlace(f"this policy file {wrong}", where=str(path), kept="nothing was started", todo=todo)


class _Reader:
    """Rules out of one document, and the file of `signers` where it names one; what is wrong is collected in
    `faults`."""

    def __init__(self, document: strict.Document, file: str) -> None:
        self._document, self._file = document, file
        self.faults: list[Fault] = []
        self.signers: list[Path] = []

    def rules(self) -> Iterator[Rule]:
        document = self._document.value
        if not isinstance(document, dict):
            self._fault((), "must be a mapping with a list `rules`")
            return
        self._known(document, TOP, ())
        if (signers := document.get("allowed_signers")) is not None:
            if isinstance(signers, str) and signers.startswith("/"):
                self.signers.append(Path(signers))
            else:
                self._fault(("allowed_signers",), "allowed_signers: must be the whole path of a file")
        rules = document.get("rules", [] if self.signers else None)
        if not isinstance(rules, list):
            self._fault(("rules",), "rules: must be a list")
            return
        for number, one in enumerate(rules):
            before = len(self.faults)
            rule = self._rule(one, ("rules", number))
            if rule is not None and len(self.faults) == before:
                yield rule

    def _rule(self, one: Any, at: strict.Path) -> Rule | None:
        if not isinstance(one, dict):
            self._fault(at, "a rule is a mapping")
            return None
        self._known(one, KEYS, at)
        require, risk = one.get("require"), one.get("risk")
        if type(require) is not int or not 1 <= require <= MOST_PERSONS:
            self._fault((*at, "require"), f"require: must be how many persons, 1 to {MOST_PERSONS}")
        if risk is not None and risk not in list(Risk):
            self._fault((*at, "risk"), f"risk: must be one of {', '.join(Risk)}")
        params = one.get("params", {})
        if not isinstance(params, dict):
            self._fault((*at, "params"), "params: must be a mapping of names to patterns")
            params = {}
        actions, on = (self._patterns(one.get(key, []), (*at, key)) for key in ("actions", "on"))
        values = {str(name): self._patterns(value, (*at, "params", name)) for name, value in params.items()}
        why = one.get("why", "")
        if not isinstance(why, str):
            self._fault((*at, "why"), "why: must be text")
        if len(self.faults):
            return None
        return Rule(
            require=require if isinstance(require, int) else MOST_PERSONS,
            risk=Risk(risk) if risk else None,
            actions=actions,
            on=on,
            params=values,
            why=str(why),
        )

    def _patterns(self, given: Any, at: strict.Path) -> tuple[str, ...]:
        """A pattern or a list of them."""
        found = given if isinstance(given, list) else [given]
        if not all(isinstance(one, str | int | bool) for one in found):
            self._fault(at, f"{at[-1]}: must be a pattern or a list of patterns")
            return ()
        return tuple(one if isinstance(one, str) else str(one).lower() for one in found)

    def _known(self, mapping: dict[str, Any], keys: tuple[str, ...], at: strict.Path) -> None:
        for key in mapping:
            if key not in keys:
                near = get_close_matches(str(key), keys, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(keys)}"
                self._fault((*at, key), f"unknown key {key!r}", hint)

    def _fault(self, at: strict.Path, message: str, hint: str = "") -> None:
        self.faults.append(Fault(self._document.line_of(at), "", message, hint, self._file))
