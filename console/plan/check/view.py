"""A plan as the checker sees it: its enabled steps, their order, and their contracts with values in place.

A word that is only known when the run gets there (a reference, a variable nothing binds) fits every
word: the checker speaks up about what it knows, never about what it cannot know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Generic, TypeVar

from console.catalog.contract import ground, variable
from console.catalog.spec import Catalog, Contract, Fact, Risk, ToolSpec
from console.plan.graph import Graph
from console.plan.model import Plan, Step, StepId

T = TypeVar("T")


class View:
    """`facts` hold before the plan; when none are given it is not known what holds. Raises `ValueError`
    for a plan with a cycle."""

    def __init__(self, plan: Plan, catalog: Catalog, facts: Iterable[Fact] = ()) -> None:
        self.plan = plan
        self.catalog = catalog
        self.facts = frozenset(facts)
        self.graph = Graph.of(plan)
        skipped = self.graph.skipped
        found = {s.id: s for s in plan.leaves() if s.id not in skipped}
        self.steps: dict[StepId, Step] = {i: found[i] for i in self.graph.order if i in found}
        self.tools: dict[StepId, ToolSpec] = {
            i: tool for i, step in self.steps.items() if (tool := catalog.get(step.action))
        }

    @property
    def facts_known(self) -> bool:
        return bool(self.facts)

    def risk(self, step: StepId) -> Risk:
        """The risk of a step's tool."""
        return self.catalog.risk(self.steps[step].action)

    def before(self, one: StepId, other: StepId) -> bool:
        """Whether the plan puts `one` before `other`."""
        return self._above[other] >> self._bit[one] & 1 == 1

    def ordered(self, one: StepId, other: StepId) -> bool:
        return self.before(one, other) or self.before(other, one)

    def ancestors(self, step: StepId) -> Iterator[StepId]:
        """The enabled steps before `step`, in order."""
        return (other for other in self.steps if self.before(other, step))

    @cached_property
    def _bit(self) -> dict[StepId, int]:
        return {step: i for i, step in enumerate(self.graph.order)}

    @cached_property
    def _above(self) -> dict[StepId, int]:
        above: dict[StepId, int] = {}
        for step in self.graph.order:
            mask = 0
            for earlier in self.graph.predecessors[step]:
                mask |= above[earlier] | 1 << self._bit[earlier]
            above[step] = mask
        return above

    @cached_property
    def contracts(self) -> dict[StepId, Contract]:
        """Each step's contract, its variables bound by what its ancestors leave behind."""
        bound: dict[StepId, Contract] = {}
        for step, tool in self.tools.items():
            state: frozenset[Fact] = frozenset()
            if tool.contract.vars:
                state = self.facts
                for earlier in self.ancestors(step):
                    if earlier in bound:
                        gone = bound[earlier].removes
                        state = frozenset(f for f in state if not any(fits(p, f) for p in gone))
                        state |= set(bound[earlier].provides)
            bound[step] = ground(tool, self.steps[step].params, state)
        return bound

    def providers(self, fact: Fact) -> list[StepId]:
        """The steps after which `fact` holds, in order."""
        return self._provided.find(fact)

    def removers(self, fact: Fact) -> list[StepId]:
        """The steps after which `fact` holds no more."""
        kept = set(self._provided.find(fact))
        return [step for step in self._removed.find(fact) if step not in kept]

    @cached_property
    def _provided(self) -> FactIndex[StepId]:
        return FactIndex((p, s) for s, c in self.contracts.items() for p in c.provides)

    @cached_property
    def _removed(self) -> FactIndex[StepId]:
        return FactIndex((p, s) for s, c in self.contracts.items() for p in c.removes)

    @cached_property
    def _offered(self) -> FactIndex[tuple[str, Fact]]:
        tools = self.catalog.tools.values()
        return FactIndex((p, (t.name, p)) for t in tools if not t.recovery for p in t.contract.provides)

    @cached_property
    def looked_at(self) -> frozenset[StepId]:
        """The steps that some observing step comes after."""
        mask = 0
        for step, tool in self.tools.items():
            if tool.risk is Risk.OBSERVE:
                mask |= self._above[step]
        return frozenset(step for step in self.steps if mask >> self._bit[step] & 1)

    def holds_first(self, fact: Fact) -> bool:
        """Whether `fact` is known to hold before the plan."""
        return any(fits(fact, known) for known in self.facts)

    def tool_for(self, fact: Fact) -> tuple[ToolSpec, dict[str, str]] | None:
        """A tool of the catalog that provides `fact`, with the words that bind it."""
        for name, pattern in self._offered.find(fact):
            pairs = zip(pattern, fact, strict=True)
            words = {variable(p): w for p, w in pairs if variable(p) and not loose(w)}
            return self.catalog.tools[name], words
        return None


class FactIndex(Generic[T]):
    """Values by the facts they are about: facts known in full at once, others by trying."""

    def __init__(self, entries: Iterable[tuple[Fact, T]]) -> None:
        self._exact: dict[Fact, list[tuple[int, T]]] = defaultdict(list)
        self._loose: list[tuple[Fact, tuple[int, T]]] = []
        for number, (fact, value) in enumerate(entries):
            if any(map(loose, fact)):
                self._loose.append((fact, (number, value)))
            else:
                self._exact[fact].append((number, value))

    def find(self, fact: Fact) -> list[T]:
        """The values whose facts can be `fact`, each once, in the order they came in."""
        found = [entry for known, entry in self._loose if fits(known, fact)]
        if any(map(loose, fact)):
            found += [
                entry for known, entries in self._exact.items() if fits(known, fact) for entry in entries
            ]
        else:
            found += self._exact.get(fact, ())
        return list(dict.fromkeys(value for _, value in sorted(found, key=lambda entry: entry[0])))


def loose(word: str) -> bool:
    """Whether nobody can say yet what this word will be."""
    return word == "*" or bool(variable(word)) or "{step_" in word


def fits(pattern: Fact, fact: Fact) -> bool:
    """Whether the two can be the same fact."""
    return len(pattern) == len(fact) and all(
        a == b or loose(a) or loose(b) for a, b in zip(pattern, fact, strict=True)
    )
