"""Every error a person can meet, and whose fault it is.

    PlandeckError
    ├── UsageError             operator: asked for something that is not there             exit 2
    ├── InvalidDocument        author: a file is wrong; carries all faults together        exit 3
    │   ├── InvalidPlan
    │   ├── InvalidTask
    │   ├── InvalidCatalog
    │   └── MissingDocument    a task, plan or tool file that was named is not there
    ├── PlannerError           planner: no plan came out                                   exit 3
    │   ├── NoPlanner          nothing is there that could plan this task
    │   ├── NoExecutor         no model is there for an agent
    │   ├── NoPlanExists       the goal cannot be reached with these tools
    │   └── BadReply           a model's reply is not a plan
    ├── ReferenceFailed        tool: a reference finds nothing in a result                 the step fails
    ├── ControlRefused         operator: the state of the run does not allow a wish        exit 2
    │   └── StaleRevision      it was made on an older revision of the plan
    ├── IllegalEvent           us: an event that the tables in run/life.py forbid          exit 1
    ├── NoOutput               host: what is printed cannot be written                     exit 1
    ├── JournalError           host: the record of the run                                 exit 4
    │   ├── JournalUnsafe      a write may not be durable; the run must not go on
    │   ├── JournalFull        no space; the run pauses
    │   ├── JournalCorrupt     the chain is broken
    │   └── RunHeld            another process holds this run
    └── BackendError           tool or host: a step could not be carried out               the step fails
        └── NeverStarted       and certainly had no effect

A message is one line: what, where, what was kept, what to do. `str(error)` is that line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class PlandeckError(Exception):
    """Base of everything that is told to a person as one line.

    `what` says what is wrong; `where` names the step, file or line; `kept` what is safe;
    `todo` what to do next. `exit_code` is the command's exit code when nobody handles it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", kept: str = "", todo: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.kept = kept
        self.todo = todo

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return ". ".join(part.rstrip(".") for part in (head, self.kept, self.todo) if part)


class UsageError(PlandeckError):
    """The command line, or a key, asked for something that is not there."""

    exit_code = 2


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong in a document.

    `line` counts from 1 and is 0 when it is not known. `hint` is the nearest valid name or
    the way out, a phrase without a full stop.
    """

    line: int
    step: str
    message: str
    hint: str = ""
    file: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line or "") if part)
        step = f"step {self.step}" if self.step else ""
        head = " ".join(part for part in (place, step) if part)
        tail = f" ({self.hint})" if self.hint else ""
        return f"{head}: {self.message}{tail}" if head else f"{self.message}{tail}"


class InvalidDocument(PlandeckError):
    """A plan, task or tool file is wrong. `faults` are all of them, in the document's order."""

    exit_code = 3
    noun = "document"

    def __init__(self, faults: Iterable[Fault], *, file: str = "", todo: str = "") -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        count = len(self.faults)
        first = str(self.faults[0]) if self.faults else "it is empty"
        more = f" (and {count - 1} more)" if count > 1 else ""
        super().__init__(
            f"the {self.noun} is not valid: {first}{more}",
            where=file,
            kept="nothing was started",
            todo=todo,
        )


class InvalidPlan(InvalidDocument):
    """A plan that must not run."""

    noun = "plan"


class InvalidTask(InvalidDocument):
    """A task file that says no task."""

    noun = "task"


class InvalidCatalog(InvalidDocument):
    """A tool file that cannot be used."""

    noun = "tool file"


class MissingDocument(InvalidDocument):
    """A task, plan or tool file that was named is not there."""

    def __init__(self, what: str, *, where: str = "", todo: str = "") -> None:
        self.faults = (Fault(0, "", what, file=where),)
        PlandeckError.__init__(self, what, where=where, kept="nothing was started", todo=todo)


class PlannerError(PlandeckError):
    """No plan came out of a planner."""

    exit_code = 3


class NoPlanner(PlannerError):
    """Nothing is configured that could plan this task."""


class NoExecutor(PlannerError):
    """A step is an agent's, and no model is there to think for it."""


class NoPlanExists(PlannerError):
    """The goal cannot be reached: `unreachable` names the facts that nothing provides."""

    def __init__(self, what: str, *, unreachable: Iterable[str] = (), todo: str = "") -> None:
        super().__init__(what, todo=todo)
        self.unreachable: tuple[str, ...] = tuple(unreachable)


class BadReply(PlannerError):
    """A model's reply is not a plan; `reply` is kept whole.

    `draft` is what could be read of it, as YAML to be mended by hand, and `faults` what is wrong with it,
    at its lines. `tokens`, `cost` (US dollars) and `seconds` are what asking took, `calls`
    the calls of the model one by one.
    """

    def __init__(
        self, what: str, *, reply: str = "", todo: str = "", draft: str = "", faults: Iterable[Fault] = ()
    ) -> None:
        super().__init__(what, todo=todo)
        self.reply, self.draft, self.faults = reply, draft, tuple(faults)
        self.tokens, self.cost, self.seconds = 0, 0.0, 0.0
        self.calls: tuple[Any, ...] = ()


class ReferenceFailed(PlandeckError):
    """A reference finds nothing in the result it points into."""


class ControlRefused(PlandeckError):
    """The state of the run does not allow this wish; nothing has changed."""

    exit_code = 2


class StaleRevision(ControlRefused):
    """The wish was made on an older revision of the plan."""


class IllegalEvent(PlandeckError):
    """An event the transition table forbids: a fault of this program, never of its user."""


class NoOutput(PlandeckError):
    """Standard output takes nothing: a full disk, not a reader who left."""


class JournalError(PlandeckError):
    """The record of the run cannot be kept or read."""

    exit_code = 4


class JournalUnsafe(JournalError):
    """A write may not have become durable; nothing more may start."""


class JournalFull(JournalError):
    """No space is left for the record; the run pauses and can be resumed."""


class JournalCorrupt(JournalError):
    """The chain of the record is broken at `seq`."""

    def __init__(self, what: str, *, seq: int, where: str = "", todo: str = "") -> None:
        super().__init__(what, where=where, todo=todo)
        self.seq = seq


class RunHeld(JournalError):
    """Another process executes this run."""


class BackendError(PlandeckError):
    """A step could not be carried out; what it did is not known unless it says so."""


class NeverStarted(BackendError):
    """The step's process was never started: there is no effect to undo."""
