"""What the checker knows of single steps, whatever plan they stand in.

Whoever checks a plan again and again, an edit apart, keeps one `Known`: what holds of a step by itself is
then worked out for the steps that are new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from console.catalog.contract import ground, undo_of
from console.catalog.spec import Catalog, Contract, Fact
from console.plan.by_step import ByStep
from console.plan.check.finding import Finding
from console.plan.check.secrets import secrets_in
from console.plan.model import Step, StepId, Undo
from console.plan.references import referred

T = TypeVar("T")

PIECE = 500
"""Things that are looked at between two breaths."""


class Known:
    """Functions of a step of plans for one catalog. `breathe` is called between the pieces of a look at a
    whole plan, for whoever else needs a turn."""

    def __init__(self, catalog: Catalog, breathe: Callable[[], None] = lambda: None) -> None:
        self.catalog = catalog
        self.breathe = breathe
        self.referred: ByStep[tuple[StepId, ...]] = ByStep(referred)
        self.secrets: ByStep[tuple[Finding, ...]] = ByStep(lambda step: tuple(secrets_in(step)))
        self.contract: ByStep[Contract] = ByStep(self._contract)
        self.undo: ByStep[Undo | None] = ByStep(self._undo)
        self.undo_requires: ByStep[tuple[Fact, ...]] = ByStep(self._undo_requires)

    def paced(self, things: Iterable[T]) -> Iterator[T]:
        """These things, with a breath after every few hundred."""
        for number, thing in enumerate(things, 1):
            yield thing
            if not number % PIECE:
                self.breathe()

    def _contract(self, step: Step) -> Contract:
        """The contract of a step whose tool has no variables to be bound by what comes before it."""
        return ground(self.catalog.tools[step.action], step.params)

    def _undo(self, step: Step) -> Undo | None:
        """What undoes the step: as it says itself, else as its tool says."""
        tool = self.catalog.get(step.action)
        return step.undo or (undo_of(tool, step.params, step.id) if tool else None)

    def _undo_requires(self, step: Step) -> tuple[Fact, ...]:
        """What has to hold for a step to be undone."""
        undo = self.undo(step)
        tool = self.catalog.get(undo.action) if undo else None
        return ground(tool, undo.params).requires if tool and undo else ()
