"""The calls of a tool that may be about the same things as another call."""

from __future__ import annotations

from collections.abc import Mapping

from console.catalog.contract import binding_of
from console.plan.check.facts import FactIndex
from console.plan.check.view import View
from console.plan.model import StepId

Names = tuple[str, ...]


class Calls:
    """The steps of a plan by the tool they call and the words they call it with."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._calls: dict[str, dict[Names, list[tuple[Mapping[str, str], StepId]]]] = {}
        self._indexes: dict[tuple[str, Names, Names], FactIndex[StepId]] = {}
        for step, tool in view.tools.items():
            words = binding_of(tool, view.steps[step].params)
            by_names = self._calls.setdefault(view.steps[step].action, {})
            by_names.setdefault(tuple(sorted(words)), []).append((words, step))

    def agreeing(self, action: str, words: Mapping[str, str]) -> list[StepId]:
        """The calls of `action` whose words can be the same as those of the same names in `words`, in the
        plan's order."""
        found: list[StepId] = []
        for names, calls in self._calls.get(action, {}).items():
            shared = tuple(name for name in names if name in words)
            key = (action, names, shared)
            if key not in self._indexes:
                entries = ((tuple(mine[name] for name in shared), step) for mine, step in calls)
                self._indexes[key] = FactIndex(entries)
            found += self._indexes[key].find(tuple(words[name] for name in shared))
        return list(self._view.named(self._view.bits(found)))
