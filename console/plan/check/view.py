"""A plan as the checker sees it: its enabled steps, their order, and their contracts with values in place.

A word that is only known when the run gets there (a reference, a variable nothing binds) fits every
word: the checker speaks up about what it knows, never about what it cannot know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from console.catalog.contract import bind_pattern, binding_of, ground, variable
from console.catalog.spec import Catalog, Contract, Fact, Risk, ToolSpec
from console.plan.check.facts import FactIndex, fits, loose
from console.plan.check.known import Known
from console.plan.graph import Graph
from console.plan.model import Plan, Step, StepId


class View:
    """`facts` hold before the plan; when none are given it is not known what holds. `known` is what was
    known of its steps before, `graph` the plan's. Raises `ValueError` for a plan with a cycle."""

    def __init__(
        self,
        plan: Plan,
        catalog: Catalog,
        facts: Iterable[Fact] = (),
        *,
        known: Known | None = None,
        graph: Graph | None = None,
    ) -> None:
        self.plan = plan
        self.catalog = catalog
        self.facts = frozenset(facts)
        self.known = known if known is not None and known.catalog is catalog else Known(catalog)
        self.graph = graph or Graph.of(plan, self.known.referred)
        self._providing: dict[Fact, int] = {}
        self._removing: dict[Fact, int] = {}
        skipped, paced = self.graph.skipped, self.known.paced
        found = {s.id: s for s in paced(plan.leaves()) if s.id not in skipped}
        self.steps: dict[StepId, Step] = {i: found[i] for i in paced(self.graph.order) if i in found}
        self.tools: dict[StepId, ToolSpec] = {
            i: tool for i, step in paced(self.steps.items()) if (tool := catalog.get(step.action))
        }

    @property
    def facts_known(self) -> bool:
        return bool(self.facts)

    def risk(self, step: StepId) -> Risk:
        """The risk of a step's tool."""
        return self.catalog.risk(self.steps[step].action)

    def before(self, one: StepId, other: StepId) -> bool:
        """Whether the plan puts `one` before `other`."""
        return self.graph.above[other] >> self.graph.place[one] & 1 == 1

    def ancestors(self, step: StepId, among: int = -1) -> Iterator[StepId]:
        """The enabled steps before `step`, in order; only those `among` these (`bits`)."""
        return (other for other in self.named(self.above(step) & among) if other in self.steps)

    def above(self, step: StepId) -> int:
        """The steps before `step`, as `bits`."""
        return self.graph.above[step]

    def below(self, step: StepId) -> int:
        """The steps after `step`, as `bits`."""
        return self.graph.below[step]

    def bit(self, step: StepId) -> int:
        return 1 << self.graph.place[step]

    def named(self, bits: int, *, last_first: bool = False) -> Iterator[StepId]:
        """The steps of a set, in order."""
        while bits:
            found = (bits if last_first else bits & -bits).bit_length() - 1
            bits ^= 1 << found
            yield self.graph.order[found]

    def bits(self, steps: Iterable[StepId]) -> int:
        """A set of steps as a number: one bit a step, in their order, so that what holds of ten thousand
        steps is told in a few instructions."""
        number, place = bytearray(len(self.graph.order) // 8 + 1), self.graph.place
        for step in steps:
            at = place[step]
            number[at >> 3] |= 1 << (at & 7)
        return int.from_bytes(number, "little")

    def met_by(self, step: StepId) -> set[StepId]:
        """The steps whose contracts have to do with that of `step`: what one changes is what the other needs
        or changes, too."""
        mine = self.contracts[step]
        met: set[StepId] = set()
        for index, facts in (
            (self._provided, (*mine.requires, *mine.forbids, *mine.removes)),
            (self._removed, (*mine.requires, *mine.forbids, *mine.provides)),
            (self._needed, (*mine.removes, *mine.provides)),
            (self._written, mine.writes),
        ):
            for fact in facts:
                met.update(index.find(fact))
        return met

    @cached_property
    def contracts(self) -> dict[StepId, Contract]:
        """Each step's contract, its variables bound by what its ancestors leave behind."""
        bound: dict[StepId, Contract] = {}
        if not any(tool.contract.vars for tool in self.tools.values()):
            return {step: self.known.contract(self.steps[step]) for step in self.known.paced(self.tools)}
        provided, removed = FactIndex[StepId](), FactIndex[StepId]()
        for step, tool in self.tools.items():
            if tool.contract.vars:
                words = binding_of(tool, self.steps[step].params)
                wanted = [bind_pattern(pattern, words) for pattern in tool.contract.requires]
                state = self._left_behind(step, wanted, bound, provided, removed)
                contract = ground(tool, self.steps[step].params, state)
            else:
                contract = self.known.contract(self.steps[step])
            bound[step] = contract
            for index, facts in ((provided, contract.provides), (removed, contract.removes)):
                for fact in facts:
                    index.add(fact, step)
        return bound

    def _left_behind(
        self,
        step: StepId,
        wanted: Sequence[Fact],
        bound: Mapping[StepId, Contract],
        provided: FactIndex[StepId],
        removed: FactIndex[StepId],
    ) -> frozenset[Fact]:
        """What can be one of the `wanted` facts and holds when `step` begins."""

        def is_wanted(fact: Fact) -> bool:
            return any(fits(pattern, fact) for pattern in wanted)

        state = set(filter(is_wanted, self.facts))
        makers = {maker for pattern in wanted for maker in provided.find(pattern)}
        made = state.union(*(bound[maker].provides for maker in makers))
        enders = {ender for fact in filter(is_wanted, made) for ender in removed.find(fact)}
        for earlier in self.ancestors(step, self.bits(makers | enders)):
            gone = bound[earlier].removes
            state = {fact for fact in state if not any(fits(pattern, fact) for pattern in gone)}
            state |= set(filter(is_wanted, bound[earlier].provides))
        return frozenset(state)

    def providers(self, fact: Fact) -> list[StepId]:
        """The steps after which `fact` holds, in order."""
        return self._provided.find(fact)

    def removers(self, fact: Fact) -> list[StepId]:
        """The steps after which `fact` holds no more, in order."""
        return list(self.named(self.removing(fact)))

    def providing(self, fact: Fact) -> int:
        """`providers` as `bits`."""
        if fact not in self._providing:
            self._providing[fact] = self.bits(self.providers(fact))
        return self._providing[fact]

    def removing(self, fact: Fact) -> int:
        """`removers` as `bits`."""
        if fact not in self._removing:
            self._removing[fact] = self.bits(self._removed.find(fact)) & ~self.providing(fact)
        return self._removing[fact]

    @cached_property
    def _provided(self) -> FactIndex[StepId]:
        return FactIndex((p, s) for s, c in self.contracts.items() for p in c.provides)

    @cached_property
    def _removed(self) -> FactIndex[StepId]:
        return FactIndex((p, s) for s, c in self.contracts.items() for p in c.removes)

    @cached_property
    def _needed(self) -> FactIndex[StepId]:
        return FactIndex((p, s) for s, c in self.contracts.items() for p in (*c.requires, *c.forbids))

    @cached_property
    def _written(self) -> FactIndex[StepId]:
        return FactIndex((p, s) for s, c in self.contracts.items() for p in c.writes)

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
                mask |= self.above(step)
        return frozenset(self.named(mask)) & self.steps.keys()

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
