"""Facts of which a word may not be known yet, and what is about them, found without trying everything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from console.catalog.contract import variable
from console.catalog.spec import Fact

T = TypeVar("T")


def loose(word: str) -> bool:
    """Whether nobody can say yet what this word will be."""
    return word == "*" or bool(variable(word)) or "{step_" in word


def fits(pattern: Fact, fact: Fact) -> bool:
    """Whether the two can be the same fact."""
    return len(pattern) == len(fact) and all(
        a == b or loose(a) or loose(b) for a, b in zip(pattern, fact, strict=True)
    )


class FactIndex(Generic[T]):
    """Values by the facts they are about. A fact known in full is found at once, others among those that
    have one of their words in its place."""

    def __init__(self, entries: Iterable[tuple[Fact, T]] = ()) -> None:
        self._exact: dict[Fact, list[tuple[int, T]]] = {}
        self._loose: dict[Fact, list[tuple[int, T]]] = {}
        self._with: dict[tuple[int, int, str], list[Fact]] = defaultdict(list)
        self._unsorted: list[Fact] = []
        self._count = 0
        for fact, value in entries:
            self.add(fact, value)

    def add(self, fact: Fact, value: T) -> None:
        self._count += 1
        known = self._exact.get(fact) or self._loose.get(fact)
        if known is None:
            known = (self._loose if any(map(loose, fact)) else self._exact).setdefault(fact, [])
            self._unsorted.append(fact)
        known.append((self._count, value))

    def find(self, fact: Fact) -> list[T]:
        """The values whose facts can be `fact`, each once, in the order they came in."""
        found: list[tuple[int, T]] = []
        exact = self._exact.get(fact)
        if exact is not None and not self._loose:
            return [exact[0][1]] if len(exact) == 1 else list(dict.fromkeys(value for _, value in exact))
        if not any(map(loose, fact)):
            found += self._exact.get(fact, ())
            near = self._near(fact) if self._loose else ()
            found += [entry for known in near if known in self._loose for entry in self._loose[known]]
        else:
            for known in self._near(fact):
                found += (self._loose if known in self._loose else self._exact)[known]
        found.sort(key=lambda entry: entry[0])
        return list(dict.fromkeys(value for _, value in found))

    def _near(self, fact: Fact) -> Iterator[Fact]:
        """The known facts that can be `fact`."""
        for known in self._unsorted:
            for place, word in enumerate(known):
                self._with[len(known), place, "" if loose(word) else word].append(known)
        self._unsorted = []
        size = len(fact)
        ways: list[tuple[Sequence[Fact], ...]] = [
            (self._with.get((size, place, word), ()), self._with.get((size, place, ""), ()))
            for place, word in enumerate(fact)
            if not loose(word)
        ]
        near = min(ways, key=lambda way: sum(map(len, way)), default=((*self._exact, *self._loose),))
        return (known for part in near for known in part if fits(known, fact))
