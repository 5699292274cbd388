"""What a step comes to by itself, worked out once: steps are frozen, and an edit keeps those it does not
change, so that most of what was known of a plan is known of the next one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from console.plan.model import Step

T = TypeVar("T")

MOST = 30_000
"""Steps that are remembered: the largest plan and many edits of it."""


class ByStep(Generic[T]):
    """A function of a step that remembers what it gave for this very object, whatever plan it stands in."""

    def __init__(self, make: Callable[[Step], T]) -> None:
        self._make = make
        self._kept: dict[int, tuple[Step, T]] = {}

    def __call__(self, step: Step) -> T:
        kept = self._kept.get(id(step))
        if kept is None:
            if len(self._kept) >= MOST:
                self._kept = {}
            kept = self._kept[id(step)] = (step, self._make(step))
        return kept[1]
