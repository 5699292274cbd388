"""Which tools a model is shown when there are too many for its context: local, lexical, repeatable.

Tools are ranked by BM25 (Robertson and Zaragoza, 2009) of the words of the task against the words of
each tool. With a tool come those that provide what it requires, that undo and that verify it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from console.catalog.spec import Catalog, ToolSpec

K1 = 1.2
B = 0.75

_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Choice:
    """The tools that are shown, in the catalog's order, and the names of those left out."""

    tools: tuple[ToolSpec, ...]
    left_out: tuple[str, ...] = ()


def choose(
    catalog: Catalog, task: str, sizes: Mapping[str, int], room: int, keep: Iterable[str] = ()
) -> Choice:
    """The tools for `task` whose `sizes` together stay within `room`. Those in `keep` are always taken, what
    they bring with them where there is room."""
    if sum(sizes.values()) <= room:
        return Choice(tuple(catalog.tools.values()))
    scores = _scores(list(catalog.tools.values()), words(task))
    ranked = sorted(catalog.tools, key=lambda name: -scores[name])
    givers: dict[tuple[str, int], list[str]] = {}
    for tool in catalog.tools.values():
        for shape in dict.fromkeys((fact[0], len(fact)) for fact in tool.contract.provides):
            givers.setdefault(shape, []).append(tool.name)
    taken: dict[str, None] = {}
    left, kept = room, dict.fromkeys(keep)
    for name in [*kept, *ranked]:
        for wanted in (name, *_companions(catalog.tools.get(name), givers)):
            if wanted in catalog.tools and wanted not in taken and (sizes[wanted] <= left or wanted in kept):
                taken[wanted] = None
                left -= sizes[wanted]
    shown = tuple(tool for name, tool in catalog.tools.items() if name in taken)
    return Choice(shown, tuple(name for name in catalog.tools if name not in taken))


def words(text: str) -> list[str]:
    """The words of a text, of names in snake_case and camelCase too, roughly without endings."""
    return [_stem(word.lower()) for word in _WORD.findall(_CAMEL.sub(" ", text))]


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _text(tool: ToolSpec) -> str:
    facts = (*tool.contract.provides, *tool.contract.requires, *tool.contract.removes, *tool.contract.writes)
    names = [f"{p.name} {p.description}" for p in tool.parameters]
    return " ".join((tool.name, tool.name, tool.description, *names, *(" ".join(fact) for fact in facts)))


def _scores(tools: Sequence[ToolSpec], query: Sequence[str]) -> dict[str, float]:
    texts = {tool.name: Counter(words(_text(tool))) for tool in tools}
    lengths = {name: sum(counts.values()) for name, counts in texts.items()}
    mean = sum(lengths.values()) / max(len(lengths), 1)
    found = Counter(word for counts in texts.values() for word in counts)
    scores = dict.fromkeys(texts, 0.0)
    for word in set(query):
        weight = math.log(1 + (len(texts) - found[word] + 0.5) / (found[word] + 0.5))
        for name, counts in texts.items():
            if times := counts[word]:
                norm = K1 * (1 - B + B * lengths[name] / mean)
                scores[name] += weight * times * (K1 + 1) / (times + norm)
    return scores


def _companions(tool: ToolSpec | None, givers: Mapping[tuple[str, int], Sequence[str]]) -> Iterator[str]:
    """The tools that the use of one brings with it; `givers` are those that provide facts of a shape, which
    is the first word and the number of words."""
    if tool is None:
        return
    if tool.undo:
        yield tool.undo.action
    if tool.verify:
        yield tool.verify
    for need in tool.contract.requires:
        yield from givers.get((need[0], len(need)), ())
