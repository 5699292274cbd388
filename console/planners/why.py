"""Why a goal cannot be reached: from the wanted fact down to the one nothing provides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.catalog.contract import show
from console.catalog.spec import Catalog, Fact, ToolSpec
from console.errors import NoPlanExists
from console.planners.action import ASKED, NOT, ActionKey, Binding, Pattern, covers, loosen, unify
from console.planners.base import Want


@dataclass(frozen=True, slots=True)
class Known:
    """What the search knows. `reachable` are the facts that could hold some time; `missing` says why a
    tool could not be used at all; `banned` why an action must not be used."""

    catalog: Catalog
    reachable: frozenset[Fact]
    missing: Mapping[str, str]
    banned: Mapping[ActionKey, str]
    recovery: bool


def unreachable(known: Known, wants: Sequence[Want]) -> NoPlanExists:
    """The error that names what cannot be reached, and why."""
    for want in wants:
        for fact in (*want.after, want.fact):
            if fact not in known.reachable:
                root, why = _root(known, fact, set())
                failed = why.startswith("its provider")
                named = "" if root == fact else f" ({show(fact)} needs it)"
                return NoPlanExists(
                    f"{_told(root)} cannot be reached{named}: {why}",
                    unreachable=(_told(root),),
                    todo="retry, skip or mark that step done, or edit the plan"
                    if failed
                    else "add a tool that provides it, or list it under facts if it holds",
                )
    facts = [show(w.fact) for w in wants]
    if any(w.params for w in wants):
        given = next(w for w in wants if w.params)
        return NoPlanExists(
            f"no tool provides {show(given.fact)} with the parameters {', '.join(sorted(given.params))}",
            unreachable=[show(given.fact)],
            todo="give it parameters that its tool has",
        )
    return NoPlanExists(
        f"{' and '.join(facts)} cannot be made true together: what one needs, another ends",
        unreachable=facts,
        todo="ask for them in an order with after, or leave one out",
    )


def _told(pattern: Pattern) -> str:
    if pattern[0] == NOT:
        return "not: " + _told(pattern[1:])
    if pattern[0] == ASKED:
        return _told(pattern[1:])
    return show(tuple("*" if word is None else word for word in pattern))


_Reason = tuple[int, Pattern, str]
"""How much it says (less is more), the need it is about, and the reason."""

_FAILED, _NO_VALUE, _DEEPER, _AT_ONCE, _RECOVERY = range(5)


def _root(known: Known, need: Pattern, seen: set[Pattern]) -> tuple[Pattern, str]:
    """The deepest need below `need` that nothing provides, with the reason."""
    seen.add(need)
    reasons: list[_Reason] = []
    for tool in known.catalog.tools.values():
        for effect in tool.contract.provides:
            binding = unify(effect, need)
            if binding is not None:
                reasons.append(_because(known, need, tool, binding, seen))
                break
    if not reasons:
        return need, "no tool provides it"
    _, root, why = min(reasons, key=lambda r: r[0])
    return root, why


def _because(known: Known, need: Pattern, tool: ToolSpec, binding: Binding, seen: set[Pattern]) -> _Reason:
    """Why `tool` does not give `need`."""
    for (name, _, effects), why in known.banned.items():
        if name == tool.name and any(covers(need, e) for e in effects):
            return _FAILED, need, f"its provider {tool.name} {why}"
    if tool.recovery and not known.recovery:
        return _RECOVERY, need, f"only {tool.name} provides it, which is for recovery"
    for pattern in tool.contract.requires:
        loose = loosen(pattern, binding)
        if any(covers(loose, fact) for fact in known.reachable):
            continue
        if loose not in seen:
            return _DEEPER, *_root(known, loose, seen)
        return _AT_ONCE, need, f"{tool.name} needs {_told(loose)} first, which needs it in turn"
    if tool.name in known.missing:
        return _NO_VALUE, need, f"{tool.name} provides it, but {known.missing[tool.name]}"
    for pattern in tool.contract.forbids:
        loose = loosen(pattern, binding)
        if not any((NOT, *f) in known.reachable for f in known.reachable if covers(loose, f)):
            return (
                _AT_ONCE,
                need,
                f"{tool.name} must not run while {_told(loose)} holds, and no tool ends that",
            )
    return _AT_ONCE, need, f"what {tool.name} needs for it cannot hold at once"
