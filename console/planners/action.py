"""An action: a tool with its contract bound, and what can be read off it.

What must *not* hold is a fact of its own, with "not" in front: the search, the order and the
explanation then treat `forbids` like everything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from console.catalog.contract import bind_pattern, binding_of, bindings
from console.catalog.spec import Fact, ToolSpec
from console.plan.model import Params

NOT = "\x00not"
"""First word of "this fact does not hold"; cannot be written in a tool file."""

MET = "\x00met"
"""First word of "want number n was met in its order and with its parameters"."""

ASKED = "\x00asked"
"""First word of "this very tool was asked for"."""

Binding = Mapping[str, str]
Pattern = tuple[str | None, ...]
"""A fact with `None` for each word that may be anything."""

ActionKey = tuple[str, str, frozenset[Fact]]


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """A tool call with its contract bound. `needs`, `adds` and `drops` hold facts and "not" facts;
    `params` leaves out what the tool fills in by itself; `binding` has every word that is known."""

    tool: ToolSpec
    params: Params
    binding: Mapping[str, str]
    needs: frozenset[Fact]
    adds: frozenset[Fact]
    drops: frozenset[Fact]
    writes: frozenset[Fact]
    cost: int
    wants: frozenset[int] = frozenset()

    @property
    def key(self) -> ActionKey:
        """What makes two actions the same: tool, parameters and effect."""
        return self.tool.name, call_text(self.tool, self.params), plain(self.adds)


def plain(facts: Iterable[Fact]) -> frozenset[Fact]:
    """Only the facts a person could write."""
    return frozenset(f for f in facts if f[0] not in (NOT, MET, ASKED))


def call_text(tool: ToolSpec, params: Params) -> str:
    """The identity of a call: its parameters, defaults included, as sorted JSON."""
    return json.dumps(tool.with_defaults(params), sort_keys=True, default=str)


# ── patterns ──────────────────────────────────────────────────────────────────────────────────────


def loosen(pattern: Fact, binding: Binding) -> Pattern:
    """`pattern` with what `binding` knows; the rest may be anything."""
    return tuple(binding.get(w[1:]) if w.startswith("$") else None if w == "*" else w for w in pattern)


def unify(effect: Fact, need: Pattern) -> dict[str, str] | None:
    """The binding under which `effect` gives `need`, or `None` when it cannot."""
    if len(effect) != len(need):
        return None
    binding: dict[str, str] = {}
    for word, wanted in zip(effect, need, strict=True):
        if word.startswith("$"):
            if wanted is not None and binding.setdefault(word[1:], wanted) != wanted:
                return None
        elif word not in ("*", wanted) and wanted is not None:
            return None
    return binding


def action_of(tool: ToolSpec, params: Params, facts: frozenset[Fact]) -> Action:
    """The action that a step of a plan stands for, its variables bound by what holds before it."""
    given: Binding = binding_of(tool, params)
    binding = next(bindings(tool.contract.requires, sorted(facts), given), given)
    contract = tool.contract
    adds = frozenset(bind_pattern(p, binding) for p in contract.provides)
    drops = spread(contract.removes, binding, facts) - adds
    forbids = spread(contract.forbids, binding, facts)
    return Action(
        tool=tool,
        params=params,
        binding=binding,
        needs=frozenset(bind_pattern(p, binding) for p in contract.requires) | {(NOT, *f) for f in forbids},
        adds=adds,
        drops=drops,
        writes=frozenset(bind_pattern(p, binding) for p in contract.writes),
        cost=cost_of(tool),
    )


def among(action: Action, universe: frozenset[Fact]) -> Action:
    """`action` with its `*` and the "not" facts spelt out over `universe`."""
    adds = frozenset(f for f in action.adds if f[0] != NOT)
    drops = spread(action.tool.contract.removes, action.binding, universe) - adds
    return replace(
        action, adds=adds | {(NOT, *f) for f in drops}, drops=drops | {(NOT, *f) for f in plain(adds)}
    )


def spread(patterns: Iterable[Fact], binding: Binding, universe: frozenset[Fact]) -> frozenset[Fact]:
    """The facts of `universe` that one of `patterns` means."""
    found: set[Fact] = set()
    for pattern in patterns:
        loose = loosen(pattern, binding)
        if None not in loose:
            found |= {fact for fact in (bind_pattern(pattern, binding),) if fact in universe}
        else:
            found |= {fact for fact in universe if covers(loose, fact)}
    return frozenset(found)


def covers(pattern: Pattern, fact: Fact) -> bool:
    """Whether `fact` is one of those that `pattern` means."""
    return len(pattern) == len(fact) and all(p is None or p == w for p, w in zip(pattern, fact, strict=True))


def cost_of(tool: ToolSpec) -> int:
    """What a call weighs: one for being a step, its minutes, ten a dollar, a little for its risk.

    In thousandths. A tool that does not say how long it takes is taken to need half a minute.
    """
    seconds = 30.0 if tool.duration is None else tool.duration
    return round(1000 * (1 + seconds / 60 + 10 * (tool.cost or 0.0)) + 50 * tool.risk.rank**2)
