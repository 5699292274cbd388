"""What a plan could do without: orders nobody needs, calls made twice, steps and results nobody uses."""

from __future__ import annotations

from collections.abc import Iterator

from console.catalog.contract import show
from console.catalog.parameters import text_of
from console.catalog.spec import Fact, Risk
from console.plan.check.facts import FactIndex, fits
from console.plan.check.finding import Finding
from console.plan.check.fixes import DropDependency
from console.plan.check.view import View
from console.plan.model import StepId


def needless_order(view: View) -> Iterator[Finding]:
    """Dependencies that no data, contract or resource asks for. A closing step that requires nothing
    (a notice at the end) stands where it stands on purpose."""
    always = view.bits(step for step in view.steps if step not in view.tools)
    looks = view.bits(step for step in view.tools if view.risk(step) is Risk.OBSERVE)
    for name, step in view.steps.items():
        if not step.depends_on or name not in view.tools or step.gate or _is_closing(view, name):
            continue
        for on in step.depends_on:
            others = [d for d in step.depends_on if d != on and d in view.steps]
            if on not in view.tools or any(view.before(on, other) for other in others):
                continue
            if _both_known(view, on, name) and not _reason(view, on, name):
                asked_for = view.bits(_asked_for(view, name)) | always
                if view.risk(name).rank >= Risk.DISRUPTIVE.rank:
                    asked_for |= looks
                for other in others:
                    asked_for &= ~(view.above(other) | view.bit(other))
                instead = tuple(view.ancestors(on, asked_for))
                text = f"nothing asks for it to wait for step {on}; without that they could run at once"
                yield Finding("needless-order", "note", name, text, DropDependency(name, on, instead))


def _is_closing(view: View, step: StepId) -> bool:
    return not view.contracts[step].requires and not view.below(step)


def _both_known(view: View, one: StepId, other: StepId) -> bool:
    return not view.tools[one].contract.is_empty and not view.tools[other].contract.is_empty


def _reason(view: View, on: StepId, step: StepId) -> bool:
    """Whether anything asks for `on` to come before `step`."""
    if view.risk(on) is Risk.OBSERVE and view.risk(step).rank >= Risk.DISRUPTIVE.rank:
        return True  # looking before acting
    later = view.steps[step]
    if on in view.known.referred(later) or later.explain.get(on) or on not in view.tools:
        return True
    one, two = view.contracts[on], view.contracts[step]
    touching = (
        (one.provides, (*two.requires, *two.forbids, *two.removes)),
        (one.removes, (*two.requires, *two.forbids, *two.provides)),
        ((*one.requires, *one.forbids), (*two.removes, *two.provides)),
        (one.writes, two.writes),
    )
    for left, right in touching:
        for a in left:
            for b in right:
                if fits(a, b):
                    return True
    return False


def _asked_for(view: View, step: StepId) -> set[StepId]:
    """The steps for which `_reason` holds, but for those that hold of every step of their kind."""
    later = view.steps[step]
    asked = view.met_by(step)
    asked.update(view.known.referred(later))
    asked.update(on for on, why in later.explain.items() if why)
    return asked & view.steps.keys()


def repeated(view: View) -> Iterator[Finding]:
    """The same look twice with nothing done in between."""
    seen: dict[tuple[str, str], StepId] = {}
    changing = view.bits(
        s
        for s in view.steps
        if view.risk(s) is not Risk.OBSERVE or (s in view.contracts and view.contracts[s].removes)
    )
    for name, step in view.steps.items():
        if view.risk(name) is not Risk.OBSERVE or step.is_note:
            continue
        call = (step.action, text_of({k: step.params[k] for k in sorted(step.params)}))
        first = seen.setdefault(call, name)
        if first != name and not changing & ~view.above(first) & ~view.below(name):
            text = f"it makes the same call as step {first}, and nothing changes in between"
            yield Finding("repeated-call", "note", name, text)


def unused(view: View) -> Iterator[Finding]:
    """Results that nothing reads, in a plan whose steps do read each other's results."""
    read = _read(view)
    if not read:
        return
    last = list(view.steps)[-1]
    for name, tool in view.tools.items():
        if tool.risk is Risk.OBSERVE and name not in read and name != last and not tool.contract.provides:
            yield Finding("unused-result", "note", name, "no step uses its result")


def _read(view: View) -> set[StepId]:
    """The steps whose results another one uses."""
    return {name for step in view.steps.values() for name in view.known.referred(step)}


def unneeded(view: View, want: frozenset[Fact]) -> Iterator[Finding]:
    """Steps that bring only what neither the goal nor another step asks for."""
    if not want:
        return
    asked = FactIndex((f, f) for f in want.union(*(c.requires for c in view.contracts.values())))
    read = _read(view)
    proved = {tool.verify for tool in view.tools.values()}
    for name, contract in view.contracts.items():
        if not contract.provides or contract.removes or view.steps[name].action in proved:
            continue
        if name not in read and not any(asked.find(p) for p in contract.provides):
            text = f"neither the goal nor a step asks for {show(contract.provides[0])}"
            yield Finding("unneeded-step", "note", name, text)


def over_planned(view: View, want: frozenset[Fact]) -> Iterator[Finding]:
    """Several steps for what one call would answer."""
    if not want or len(view.steps) < 3:
        return
    for name, contract in view.contracts.items():
        alone = all(any(fits(p, f) for p in contract.provides) for f in want)
        if alone and all(view.holds_first(f) for f in contract.requires) and not contract.forbids:
            text = f"step {name}, {view.steps[name].action}, alone gives what was asked for"
            yield Finding("over-planned", "note", "", text)
            return
