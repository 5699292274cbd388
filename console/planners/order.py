"""A valid sequence -> the fewest orders that keep it valid, each with its reason.

For every need of every action one producer is chosen (what holds at the start, else the earliest action
after which the fact stays true), which gives a causal link; every action that drops the fact is put
before the producer or behind the consumer, as it stood in the sequence. Then every linearisation of
the result is valid: at each consumer the producer has run and nothing that drops the fact lies between.
Two writers of one resource keep their order as well. What the rest implies is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from console.catalog.contract import show
from console.catalog.spec import Fact
from console.planners.action import MET, NOT, Action
from console.planners.base import Want

Order = dict[int, dict[int, str]]
"""For each position in the sequence: the positions it must follow, with the reason."""

_START = -1


def partial_order(
    sequence: Sequence[Action],
    start: frozenset[Fact],
    goal: frozenset[Fact],
    wants: Sequence[Want] = (),
    proofs: Mapping[int, Collection[int]] | None = None,
) -> Order:
    """The orders that `sequence` needs. `proofs` maps a verification to what it verifies."""
    afters = {a for i in range(len(sequence)) for w in sequence[i].wants for a in wants[w].after}
    builder = _Builder(sequence, start, frozenset(afters))
    for position, action in enumerate(sequence):
        for fact in sorted(action.needs):
            builder.link(fact, position)
    for fact in sorted(goal):
        builder.link(fact, len(sequence))
    builder.writers()
    for position, proved in (proofs or {}).items():
        for earlier in proved:
            builder.add(earlier, position, f"verifies {sequence[earlier].tool.name}")
    return reduced(builder.order)


class _Builder:
    """Collects orders; the first reason for an order is the one that is told."""

    def __init__(self, sequence: Sequence[Action], start: frozenset[Fact], afters: frozenset[Fact]) -> None:
        self.sequence = sequence
        self.start = start
        self.afters = afters
        self.order: Order = {i: {} for i in range(len(sequence))}

    def add(self, earlier: int, later: int, reason: str) -> None:
        if earlier != _START and later != len(self.sequence):
            self.order[later].setdefault(earlier, reason)

    def link(self, fact: Fact, consumer: int) -> None:
        """Tie `consumer` to a producer of `fact` and keep everything that drops it out of between."""
        droppers = [i for i, a in enumerate(self.sequence) if fact in a.drops and i != consumer]
        producer = self._producer(fact, consumer, droppers)
        word = "after" if fact in self.afters else "needs"
        self.add(producer, consumer, f"{word} {told(fact)}")
        for dropper in droppers:
            if dropper < producer:
                self.add(dropper, producer, f"{told(fact)} must stay true from here on")
            elif dropper > consumer:
                self.add(consumer, dropper, f"ends {told(fact)}, which {self._name(consumer)} needs")

    def _name(self, position: int) -> str:
        return self.sequence[position].tool.name

    def _producer(self, fact: Fact, consumer: int, droppers: Sequence[int]) -> int:
        last = max((d for d in droppers if d < consumer), default=_START)
        if last == _START and fact in self.start:
            return _START
        return next(i for i in range(last + 1, consumer) if fact in self.sequence[i].adds)

    def writers(self) -> None:
        """Keep the order of two actions that change the same resource."""
        for later, action in enumerate(self.sequence):
            for earlier in range(later):
                for resource in sorted(action.writes & self.sequence[earlier].writes):
                    self.add(earlier, later, f"both write {show(resource)}")


def told(fact: Fact) -> str:
    """A need in words."""
    if fact[0] == NOT:
        return f"no {show(fact[1:])}"
    return "its place" if fact[0] == MET else show(fact)


def reduced(order: Order) -> Order:
    """Without the orders that others imply. Every order goes from a smaller to a larger position."""
    above: dict[int, set[int]] = {}
    slim: Order = {}
    for position in sorted(order):
        kept: dict[int, str] = {}
        implied: set[int] = set()
        for earlier in sorted(order[position], reverse=True):
            if earlier not in implied:
                kept[earlier] = order[position][earlier]
                implied |= {earlier} | above[earlier]
        slim[position] = dict(sorted(kept.items()))
        above[position] = implied
    return slim


def numbered(order: Order, first: Callable[[int], tuple[int, ...]]) -> list[int]:
    """All positions, each behind those it must follow; of those that could be next the one for which
    `first` gives the least."""
    left = {i: set(earlier) for i, earlier in order.items()}
    done: list[int] = []
    while left:
        ready = [i for i, earlier in left.items() if earlier <= set(done)]
        done.append(min(ready, key=first))
        del left[done[-1]]
    return done


def from_start(sequence: Sequence[Action], start: frozenset[Fact], position: int) -> list[Fact]:
    """What the action at `position` needs that held from the start, never dropped before it."""
    dropped = frozenset[Fact]().union(*(a.drops for a in sequence[:position]))
    return sorted((sequence[position].needs & start) - dropped)
