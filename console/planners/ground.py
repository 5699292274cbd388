"""Tools and facts -> the few actions that matter for a goal.

An `Action` is a tool with its contract bound: which facts must hold, which it makes true and untrue.
Binding starts from the goal (backward, with `None` for a word that is not known yet), so that only
relevant tools and values are looked at, and is completed from the facts that can hold at all
(forward, ignoring `removes`).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from console.catalog.contract import bind_pattern, match, parse_fact
from console.catalog.parameters import text_of
from console.catalog.spec import Catalog, Fact, Parameter, ToolSpec
from console.errors import PlannerError
from console.json_schema import validator
from console.plan.model import Params
from console.planners.action import MET, NOT, Action, Binding, Pattern, cost_of, loosen, spread, unify
from console.planners.base import Want

_ANY = "\x00any"
"""The shelf of all facts of one length."""

MAX_ACTIONS = 20_000


@dataclass(frozen=True, slots=True)
class Problem:
    """Ground actions, what holds now, and what shall hold. `missing` says which tools could not be
    used because nothing gives a required parameter."""

    actions: tuple[Action, ...]
    start: frozenset[Fact]
    goal: frozenset[Fact]
    missing: Mapping[str, str] = field(default_factory=dict)


def ground_problem(
    catalog: Catalog,
    facts: frozenset[Fact],
    wants: Sequence[Want],
    inputs: Mapping[str, Any],
    *,
    recovery: bool = False,
    met: frozenset[int] = frozenset(),
    ends: frozenset[Fact] = frozenset(),
    tick: Callable[[], None] = lambda: None,
) -> Problem:
    """The problem of reaching `wants` from `facts`, with the actions that end one of `ends` as well.

    `recovery` lets recovery tools in; wants in `met` need no step of their own any more; `tick` is
    called often and may raise. Raises `PlannerError` when there are too many actions.
    """
    tools = [t for t in catalog.tools.values() if recovery or not t.recovery]
    needed = [(True, p) for w in wants for p in (w.fact, *w.after)] + [(False, p) for p in ends]
    relevant = _relevant(tools, needed, tick)
    grounder = _Grounder(facts, inputs, wants, tick)
    bound = grounder.run(tools, relevant)
    goal = {w.fact for w in wants} | {(MET, str(i)) for i, w in enumerate(wants) if _is_special(w)}
    start = set(facts) | {(MET, str(i)) for i in met}
    start |= {
        (MET, str(i))
        for i, w in enumerate(wants)
        if not w.params and w.fact in facts and all(a in facts for a in w.after)
    }
    actions = _compile(bound, facts)
    absent = {n for a in actions for n in a.needs if n[0] == NOT and n[1:] not in facts}
    return Problem(actions, frozenset(start | absent), frozenset(goal), grounder.missing)


def _is_special(want: Want) -> bool:
    return bool(want.after or want.params)


# ── backward: which bindings can matter ───────────────────────────────────────────────────────────


def _relevant(
    tools: Sequence[ToolSpec], needed: Iterable[tuple[bool, Pattern]], tick: Callable[[], None]
) -> dict[str, list[Binding]]:
    """For each tool the partial bindings under which it provides (or, for False, ends) what is needed."""
    found: dict[str, list[Binding]] = defaultdict(list)
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    queue = sorted(needed, key=str)
    known = set(queue)
    by_name = {t.name: t for t in tools}

    def use(tool: ToolSpec, binding: Binding) -> None:
        mark = (tool.name, frozenset(binding.items()))
        if mark in seen:
            return
        seen.add(mark)
        found[tool.name].append(binding)
        needs = [(True, p) for p in tool.contract.requires] + [(False, p) for p in tool.contract.forbids]
        prover = by_name.get(tool.verify or "")
        if tool.verify and prover is None:
            needs.append((True, parse_fact(tool.verify)))
        elif prover is not None:
            shared = {k: v for k, v in binding.items() if k in {p.name for p in prover.parameters}}
            use(prover, shared)
        for sign, pattern in needs:
            entry = (sign, loosen(pattern, binding))
            if entry not in known:
                known.add(entry)
                queue.append(entry)

    while queue:
        tick()
        sign, need = queue.pop()
        for tool in tools:
            for effect in tool.contract.provides if sign else tool.contract.removes:
                binding = unify(effect, need)
                if binding is not None:
                    use(tool, binding)
    return found


# ── forward: complete the bindings from what can hold ─────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Bound:
    """A tool with every word of its contract known; `removes` and `forbids` may still hold `None`."""

    tool: ToolSpec
    params: Params
    binding: Binding
    requires: frozenset[Fact]
    provides: frozenset[Fact]
    wants: frozenset[int] = frozenset()


class _Grounder:
    """Joins what tools require with the facts that can hold, until nothing new comes out."""

    def __init__(
        self,
        facts: frozenset[Fact],
        inputs: Mapping[str, Any],
        wants: Sequence[Want],
        tick: Callable[[], None],
    ) -> None:
        self.inputs = inputs
        self.wants = wants
        self.tick = tick
        self.missing: dict[str, str] = {}
        self._facts: dict[tuple[str, int], dict[Fact, None]] = defaultdict(dict)
        self._bound: dict[tuple[str, frozenset[tuple[str, str]], frozenset[int]], _Bound] = {}
        self._changed: set[tuple[str, int]] = set()
        for fact in sorted(facts):
            self._hold(fact)

    def run(self, tools: Sequence[ToolSpec], relevant: Mapping[str, list[Binding]]) -> list[_Bound]:
        active = [t for t in tools if t.name in relevant]
        heads = {t.name: {_head(r) for r in t.contract.requires} for t in active}
        todo = active
        while todo:
            self._changed = set()
            for tool in todo:
                for start in relevant[tool.name]:
                    for binding in self._join(tool.contract.requires, start):
                        self.tick()
                        for whole in self._completed(tool, binding, relevant[tool.name]):
                            self._accept(tool, whole)
            todo = [t for t in active if heads[t.name] & self._changed]
        return list(self._bound.values())

    def _hold(self, fact: Fact) -> None:
        for shelf in (_head(fact), (_ANY, len(fact))):
            if fact not in self._facts[shelf]:
                self._facts[shelf][fact] = None
                self._changed.add(shelf)

    def _join(self, requires: tuple[Fact, ...], binding: Binding) -> Iterator[Binding]:
        if not requires:
            yield binding
            return
        loose = loosen(requires[0], binding)
        if None not in loose:
            if loose in self._facts[_head(requires[0])]:
                yield from self._join(requires[1:], binding)
            return
        for fact in tuple(self._facts[_head(requires[0])]):
            more = match(requires[0], fact, binding)
            if more is not None:
                yield from self._join(requires[1:], more)

    def _completed(self, tool: ToolSpec, binding: Binding, known: list[Binding]) -> Iterator[Binding]:
        """`binding` with what nothing has bound yet: the task's input of that name, else the default,
        else every value that the goal gives this tool elsewhere."""
        contract = tool.contract
        patterns = (*contract.provides, *contract.writes, *contract.requires)
        free = sorted({w[1:] for p in patterns for w in p if w.startswith("$")} - binding.keys())
        defaults = {p.name: p.default for p in tool.parameters if p.default is not None}
        choices: list[list[str]] = []
        for name in free:
            if name in self.inputs:
                choices.append([text_of(self.inputs[name])])
            elif name in defaults:
                choices.append([text_of(defaults[name])])
            else:
                choices.append(sorted({b[name] for b in known if name in b}))
            if not choices[-1]:
                self.missing.setdefault(tool.name, f"nothing says what {name} shall be")
        for words in product(*choices):
            yield {**binding, **dict(zip(free, words, strict=True))}

    def _accept(self, tool: ToolSpec, binding: Binding) -> None:
        """Keep the calls of `tool` with this binding."""
        contract = tool.contract
        requires = frozenset(bind_pattern(p, binding) for p in contract.requires)
        provides = frozenset(bind_pattern(p, binding) for p in contract.provides)
        for wants, given in self._calls(tool, binding, provides):
            params = self._params(tool, binding, given)
            if params is not None:
                after = frozenset(a for i in wants for a in self.wants[i].after)
                self._keep(_Bound(tool, params, binding, requires | after, provides, wants))

    def _calls(
        self, tool: ToolSpec, binding: Binding, provides: frozenset[Fact]
    ) -> Iterator[tuple[frozenset[int], Params]]:
        """The plain call, and one for each want that asks for this effect in its own way."""
        yield frozenset(), {}
        names = {p.name for p in tool.parameters}
        for number, want in enumerate(self.wants):
            fits = all(binding.get(k, text_of(v)) == text_of(v) for k, v in want.params.items())
            if _is_special(want) and want.fact in provides and want.params.keys() <= names and fits:
                yield frozenset({number}), want.params

    def _params(self, tool: ToolSpec, binding: Binding, given: Params) -> Params | None:
        """The step's parameters, typed; `None` when one is missing or cannot have its value."""
        params: Params = {}
        for p in tool.parameters:
            if p.name in given:
                value = given[p.name]
            elif p.name in binding:
                value = _typed(p, binding[p.name])
            elif p.name in self.inputs:
                value = self.inputs[p.name]
            elif p.required and p.default is None:
                self.missing.setdefault(tool.name, f"nothing gives its parameter {p.name}")
                return None
            else:
                continue
            if p.default is not None and value == p.default and type(value) is type(p.default):
                continue
            if not _valid(p, value):
                return None
            params[p.name] = value
        return params

    def _keep(self, one: _Bound) -> None:
        key = (one.tool.name, frozenset(one.binding.items()), one.wants)
        if key in self._bound:
            return
        if len(self._bound) >= MAX_ACTIONS:
            raise PlannerError(
                f"more than {MAX_ACTIONS} tool calls would have to be weighed",
                where=one.tool.name,
                todo="give the task fewer facts or fewer tools",
            )
        self._bound[key] = one
        for fact in one.provides:
            self._hold(fact)


def _head(pattern: Fact) -> tuple[str, int]:
    """The shelf on which facts like this one stand."""
    return _ANY if pattern[0].startswith("$") else pattern[0], len(pattern)


_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")


def _typed(parameter: Parameter, word: str) -> Any:
    """The word as a value of the parameter's type; the word itself when it is none."""
    if parameter.type == "string":
        return word
    if parameter.type in ("integer", "number") and not _NUMBER.fullmatch(word):
        return word
    try:
        return json.loads(word)
    except ValueError:
        return word


def _valid(parameter: Parameter, value: Any) -> bool:
    if parameter.type == "string" and not parameter.json_schema:
        return isinstance(value, str)
    return bool(validator({"type": parameter.type, **parameter.json_schema}).is_valid(value))


# ── what the search sees ──────────────────────────────────────────────────────────────────────────


def _compile(bound: Sequence[_Bound], facts: frozenset[Fact]) -> tuple[Action, ...]:
    """Actions with `*` and `forbids` spelt out over all facts that can ever hold."""
    universe = facts.union(*(b.provides for b in bound))
    forbidden = [spread(b.tool.contract.forbids, b.binding, universe) for b in bound]
    watched = frozenset[Fact]().union(*forbidden)
    actions = []
    for one, forbids in zip(bound, forbidden, strict=True):
        adds = one.provides | {(MET, str(i)) for i in one.wants}
        drops = spread(one.tool.contract.removes, one.binding, universe) - adds
        actions.append(
            Action(
                tool=one.tool,
                params=one.params,
                binding=one.binding,
                needs=one.requires | {(NOT, *f) for f in forbids},
                adds=adds | {(NOT, *f) for f in drops & watched},
                drops=drops | {(NOT, *f) for f in one.provides & watched},
                writes=frozenset(bind_pattern(p, one.binding) for p in one.tool.contract.writes),
                cost=cost_of(one.tool),
                wants=one.wants,
            )
        )
    return tuple(actions)
