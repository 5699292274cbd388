"""Which steps are marked, so that one key acts on all of them."""

from __future__ import annotations

from collections.abc import Iterable, Set

from console.plan.model import StepId


class Marks:
    """`last` is the step that was marked last, where a range begins."""

    def __init__(self) -> None:
        self._steps: set[StepId] = set()
        self.last: StepId = ""

    def __len__(self) -> int:
        return len(self._steps)

    def __contains__(self, step: object) -> bool:
        return step in self._steps

    def toggle(self, step: StepId) -> None:
        self._steps ^= {step}
        self.last = step if step in self._steps else self.last

    def add(self, steps: Iterable[StepId]) -> None:
        self._steps.update(steps)

    def keep(self, steps: Set[StepId]) -> None:
        """Forget the marks of steps that are gone."""
        self._steps &= steps

    def clear(self) -> None:
        self._steps.clear()
        self.last = ""
