"""What a plan must hold as a whole: ids told apart, dependencies and references that lead
somewhere, no circle. The parts of a plan check their own shape (model.py)."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from console.errors import Fault
from console.plan import references
from console.plan.cycles import cycles_in
from console.plan.model import Plan, Step, StepId
from console.plan.net import Net

LineOf = Callable[[StepId, tuple[str | int, ...]], int]
"""The line of a part of a step, or of the document where the id is empty; 0 when not known."""

MAX_COMPARED = 50_000
"""Names compared for hints in one plan: what ten thousand unknown names may cost is bounded."""

MAX_CYCLES = 20
MAX_FAULTS = 1000


def nearest(name: str, names: Sequence[str]) -> str:
    """Which of `names` was meant, as a hint; "" when none is close. A number is meant to be a number."""
    if name.isdecimal():
        close = [other for other in names if other.isdecimal()]
        close = [min(close, key=lambda other: abs(int(other) - int(name)))] if close else []
    else:
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"nearest is {close[0]}" if close else ""


def _path(names: Sequence[StepId]) -> str:
    shown = names if len(names) <= 12 else (*names[:6], f"… {len(names) - 12} more …", *names[-6:])
    return " → ".join(shown)


def faults_of(
    plan: Plan,
    *,
    line_of: LineOf = lambda *_: 0,
    file: str = "",
    spare: frozenset[StepId] = frozenset(),
) -> tuple[Fault, ...]:
    """Everything that is wrong with `plan` as a whole, in reading order; empty when it may run. Beyond
    a thousand faults no more are looked for. `spare` ids were not written by anybody: none is meant."""
    found = _Finder(plan, line_of, file, spare)
    return tuple(islice(found.all(), MAX_FAULTS))


def faults_of_step(step: Step, steps: dict[StepId, Step]) -> tuple[Fault, ...]:
    """What is wrong with one step among `steps`, circles apart."""
    found = _Finder(Plan(), lambda *_: 0, "", frozenset())
    found.take(steps)
    return tuple(found.of_step(step))


class _Finder:
    def __init__(self, plan: Plan, line_of: LineOf, file: str, spare: frozenset[StepId]) -> None:
        self._plan = plan
        self._line_of = line_of
        self._file = file
        self._spare = spare
        self._steps: dict[StepId, Step] = {}
        self._compared = 0

    def take(self, steps: dict[StepId, Step]) -> None:
        """Know these steps without looking at them."""
        self._steps = steps

    def all(self) -> Iterator[Fault]:
        yield from self._doubles()
        for step in self._steps.values():
            yield from self.of_step(step)
        yield from self._cycles()
        yield from self._rollback()

    def _fault(self, step: StepId, place: tuple[str | int, ...], message: str, hint: str = "") -> Fault:
        return Fault(self._line_of(step, place), step, message, hint, self._file)

    def _is_there(self, name: StepId) -> bool:
        return name in self._steps and name not in self._spare

    def _nearest(self, name: str) -> str:
        self._compared += len(self._steps)
        if self._compared > MAX_COMPARED:
            return ""
        return nearest(name, [step for step in self._steps if step not in self._spare])

    def _doubles(self) -> Iterator[Fault]:
        for step, _ in self._plan.walk():
            if step.id in self._steps:
                yield self._fault(step.id, ("id",), "this id is there twice")
            else:
                self._steps[step.id] = step

    def of_step(self, step: Step) -> Iterator[Fault]:
        if not step.action and not step.is_phase:
            yield self._fault(
                step.id, ("action",), "it has no action", "a note has the action none, a phase has steps"
            )
        if step.is_phase and (step.action or step.undo):
            yield self._fault(
                step.id, ("action",), "a phase has no action or undo of its own", "its steps have"
            )
        for index, before in enumerate(step.depends_on):
            place = ("depends_on", index)
            if before == step.id:
                yield self._fault(step.id, place, "it depends on itself")
            elif not self._is_there(before):
                yield self._fault(
                    step.id, place, f"it depends on {before}, which does not exist", self._nearest(before)
                )
        yield from self._references(step.id, ("params",), references.find(step.params), step.id)
        if step.undo is not None:
            yield from self._references(step.id, ("undo", "params"), references.find(step.undo.params), "")

    def _references(
        self, step: StepId, place: tuple[str | int, ...], found: Iterable[references.Reference], own: StepId
    ) -> Iterator[Fault]:
        for reference in dict.fromkeys(found):
            if reference.step == own:
                yield self._fault(step, place, f"{reference.text} refers to its own result")
            elif not self._is_there(reference.step):
                message = f"{reference.text} refers to step {reference.step}, which does not exist"
                yield self._fault(step, place, message, self._nearest(reference.step))
            elif self._steps[reference.step].is_phase:
                yield self._fault(step, place, f"{reference.text} refers to a phase, which has no result")
            if reference.path and (why := references.path_fault(reference.path)):
                yield self._fault(step, place, f"{reference.text} is not a valid path: {why}")

    def _cycles(self) -> Iterator[Fault]:
        net = Net.of(self._plan)
        for path in islice(cycles_in(dict(enumerate(net.after))), MAX_CYCLES):
            names = net.named(path)
            message = f"the dependencies go in a circle: {_path(names)}"
            yield self._fault(names[0], ("depends_on",), message, "take one of them out")

    def _rollback(self) -> Iterator[Fault]:
        for index, item in enumerate(self._plan.rollback):
            if not item.action:
                yield self._fault("", ("rollback", index), f"rollback item {index + 1} has no action")
            for at, undone in enumerate(item.undoes or ()):
                if not self._is_there(undone):
                    message = f"the rollback item {item.action} undoes {undone}, which does not exist"
                    yield self._fault("", ("rollback", index, "undoes", at), message, self._nearest(undone))
            place = ("rollback", index, "params")
            yield from self._references("", place, references.find(item.params), "")
