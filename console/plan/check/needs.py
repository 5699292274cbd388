"""Does every step find what it needs: requires, forbids, and resources that two steps write."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator

from console.catalog.contract import bind_pattern, show
from console.catalog.spec import Fact, ToolSpec
from console.plan.check.facts import loose
from console.plan.check.finding import Finding
from console.plan.check.fixes import AddDependency, InsertStep
from console.plan.check.view import View
from console.plan.model import Params, StepId


def needs(view: View) -> Iterator[Finding]:
    """Every fact that a step requires and does not surely find, or forbids and may find."""
    for step, contract in view.contracts.items():
        for fact in contract.requires:
            yield from _required(view, step, fact)
        for fact in contract.forbids:
            yield from _forbidden(view, step, fact)


def _required(view: View, step: StepId, fact: Fact) -> Iterator[Finding]:
    givers = view.providing(fact) & ~view.bit(step)
    sources = givers & view.above(step)
    if sources or view.holds_first(fact):
        yield from _kept(view, step, fact, sources)
    elif givers:
        yield from _misplaced(view, step, fact, list(view.named(givers)))
    else:
        yield from _unmet(view, step, fact)


def _kept(view: View, step: StepId, fact: Fact, sources: int) -> Iterator[Finding]:
    """A source is there, the plan's beginning where no step is; does the fact stay true until the step?"""
    between = view.removing(fact) & ~view.bit(step) & ~view.below(step)
    if view.holds_first(fact) and not between:
        return
    enders, fewest = between, between.bit_count() if view.holds_first(fact) else -1
    for source in view.named(sources, last_first=True):
        left = enders & ~view.above(source)
        if not left:
            return
        if left.bit_count() <= fewest or fewest < 0:
            between, fewest = left, left.bit_count()
    ender = next(view.named(between))
    if view.before(ender, step):
        text = f"it needs {show(fact)}, which step {ender} ends before"
        yield Finding("fact-ended", "error", step, text)
    else:
        text = f"it needs {show(fact)}, which step {ender} may end before it has run"
        why = f"ends {show(fact)}, which step {step} needs"
        yield Finding("fact-at-risk", "error", step, text, AddDependency(ender, step, why))


def _misplaced(view: View, step: StepId, fact: Fact, givers: list[StepId]) -> Iterator[Finding]:
    free = [p for p in givers if not view.before(step, p)]
    if not view.facts_known and any(map(loose, fact)):
        return
    if free:
        text = f"it needs {show(fact)}, which step {free[0]} provides, but does not wait for it"
        fix = AddDependency(step, free[0], f"needs {show(fact)}")
        yield Finding("missing-dependency", "error", step, text, fix)
    else:
        text = f"it needs {show(fact)}, which only step {givers[0]} provides, after it"
        yield Finding("wrong-order", "error", step, text)


def _unmet(view: View, step: StepId, fact: Fact) -> Iterator[Finding]:
    """Nobody in the plan provides it. What holds before the plan may not be known: then only a fact
    that some tool could have provided is missed."""
    offer = view.tool_for(fact)
    if offer is not None:
        fix = insertion(view, *offer, before=step, why=f"needs {show(fact)}")
        text = f"it needs {show(fact)}, which no step provides ({offer[0].name} would)"
        yield Finding("unmet-requirement", "error" if view.facts_known else "warning", step, text, fix)
    elif view.facts_known:
        text = f"it needs {show(fact)}, which does not hold and which no tool provides"
        yield Finding("unmet-requirement", "error", step, text)


def _forbidden(view: View, step: StepId, fact: Fact) -> Iterator[Finding]:
    makers = view.providing(fact) & ~view.bit(step) & ~view.below(step)
    enders = view.removing(fact) & view.above(step)
    for ender in view.named(enders, last_first=True) if makers else ():
        makers &= ~view.above(ender)
        if not makers:
            break
    for maker in view.named(makers):
        if view.before(maker, step):
            text = f"it must not run while {show(fact)} holds, as it does after step {maker}"
            yield Finding("forbidden-fact", "error", step, text)
        else:
            text = f"it must not run while {show(fact)} holds, as it may after step {maker}"
            fix = AddDependency(maker, step, f"step {step} must run before {show(fact)} holds")
            yield Finding("forbidden-fact", "error", step, text, fix)
        return
    if view.holds_first(fact) and not any(map(loose, fact)) and not enders:
        text = f"it must not run while {show(fact)} holds, and no step before it ends that"
        yield Finding("forbidden-fact", "error", step, text)


def writers(view: View) -> Iterator[Finding]:
    """Pairs of steps that change one resource and could run at once."""
    by_resource: dict[Fact, list[StepId]] = defaultdict(list)
    for step, contract in view.contracts.items():
        for resource in contract.writes:
            if not any(map(loose, resource)):
                by_resource[resource].append(step)
    told: set[tuple[StepId, StepId]] = set()
    for resource, steps in by_resource.items():
        before = 0
        for later in steps:
            for earlier in view.named(before & ~view.above(later) & ~view.below(later)):
                if (earlier, later) not in told:
                    told.add((earlier, later))
                    text = f"it and step {earlier} both write {show(resource)}, in no order"
                    fix = AddDependency(later, earlier, f"both write {show(resource)}")
                    yield Finding("unordered-writers", "warning", later, text, fix)
            before |= view.bit(later)


def insertion(
    view: View, tool: ToolSpec, words: dict[str, str], *, why: str, before: StepId = "", after: StepId = ""
) -> InsertStep | None:
    """The edit that puts a call of `tool` in, waiting for what it needs itself; `None` when a required
    parameter or something it needs is not there. Its undo is the tool's."""
    params: Params = {}
    for p in tool.parameters:
        if p.name in words:
            params[p.name] = words[p.name] if p.type == "string" else _value(words[p.name])
        elif p.required and p.default is None:
            return None
    behind = {after: why} if after else {}
    for pattern in tool.contract.requires:
        fact = bind_pattern(pattern, words)
        free = [p for p in view.providers(fact) if p != before and not (before and view.before(before, p))]
        if free and not any(p in behind for p in free):
            behind[free[-1]] = f"needs {show(fact)}"
        elif not free and not view.holds_first(fact) and (view.facts_known or view.tool_for(fact)):
            return None
    return InsertStep(
        action=tool.name,
        params=params,
        after=tuple(behind.items()),
        before=before,
        why=why if before else "",
        description=tool.description.split("\n")[0] if "$" not in tool.description else "",
    )


def _value(word: str) -> object:
    try:
        return json.loads(word)
    except ValueError:
        return word
