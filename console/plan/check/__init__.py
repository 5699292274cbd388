"""The plan checker: what is wrong, risky or wasteful in a plan, whoever wrote it.

It reads any plan that could be loaded, with or without contracts. What it cannot know it does not
claim: without contracts it has only names to go by, and then says at most a note. Validity (unknown
tools, ill-typed parameters, cycles) is not its business but the codec's and catalog/fit.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.catalog.contract import parse_fact, show
from console.catalog.spec import Catalog, Fact, Risk
from console.plan.check.facts import fits
from console.plan.check.finding import SEVERITIES, Finding, Severity
from console.plan.check.known import Known
from console.plan.check.needs import needs, writers
from console.plan.check.reach import (
    BlastRadius,
    blast_radius,
    no_return_of,
    point_of_no_return,
    radius_of,
    target_of,
)
from console.plan.check.safety import backups, proofs, way_back
from console.plan.check.secrets import secrets
from console.plan.check.view import View
from console.plan.check.waste import needless_order, over_planned, repeated, unneeded, unused
from console.plan.edit import apply
from console.plan.model import Plan

__all__ = [
    "BlastRadius",
    "Finding",
    "Known",
    "Severity",
    "View",
    "apply_fix",
    "blast_radius",
    "check",
    "check_view",
    "no_return_of",
    "point_of_no_return",
    "radius_of",
    "target_of",
]


def check(
    plan: Plan,
    catalog: Catalog,
    *,
    facts: Iterable[Fact] = (),
    want: Iterable[Fact] = (),
    allowed_risk: Risk | None = None,
    known: Known | None = None,
) -> tuple[Finding, ...]:
    """All findings, worst first, then in the plan's order.

    `facts` hold before the plan (when none are given it is taken as not known what holds), `want` shall
    hold after it, `allowed_risk` is the highest risk that was asked for. A plan with a cycle gets
    only what can be said without an order. `known` is what was known of its steps before.
    """
    known = known if known is not None and known.catalog is catalog else Known(catalog)
    known.breathe()
    try:
        view = View(plan, catalog, facts, known=known)
    except ValueError:
        return tuple(secrets(plan, known.secrets))
    return check_view(view, want, allowed_risk)


def check_view(
    view: View, want: Iterable[Fact] = (), allowed_risk: Risk | None = None
) -> tuple[Finding, ...]:
    """As `check`, of a plan that was looked at already."""
    plan, known = view.plan, view.known
    found = list(secrets(plan, known.secrets))
    goal = frozenset(want) or _expected(plan, view)
    for rule in (
        *(needs(view), writers(view), backups(view), proofs(view), way_back(view)),
        *(_goal(view, goal), _risk(view, allowed_risk)),
        *(needless_order(view), repeated(view), unused(view), unneeded(view, goal), over_planned(view, goal)),
    ):
        known.breathe()
        found += known.paced(rule)
    place = {step.id: i for i, step in enumerate(known.paced(plan.leaves()))}
    known.breathe()
    rank = {severity: i for i, severity in enumerate(SEVERITIES)}
    return tuple(sorted(found, key=lambda f: (rank[f.severity], place.get(f.step, -1))))


def apply_fix(plan: Plan, finding: Finding) -> Plan:
    """`plan` with the finding's fix. Raises `EditRefused` when it cannot be applied (any more), and
    `ValueError` for a finding without one."""
    if finding.fix is None:
        raise ValueError(f"{finding.code} has no fix")
    return apply(plan, finding.fix)


def _expected(plan: Plan, view: View) -> frozenset[Fact]:
    """What the plan itself expects, as far as it is in facts that some tool provides."""
    facts = [parse_fact(line) for line in plan.expected]
    provided = [p for tool in view.catalog.tools.values() for p in tool.contract.provides]
    return frozenset(f for f in facts if any(fits(p, f) for p in provided))


def _goal(view: View, want: frozenset[Fact]) -> Iterator[Finding]:
    for fact in sorted(want):
        givers = view.providers(fact)
        enders = view.removers(fact)
        if not givers and not view.holds_first(fact):
            yield Finding("goal-not-reached", "error", "", f"no step provides {show(fact)}, which is wanted")
        elif enders and not any(all(view.before(e, g) for e in enders) for g in givers):
            text = f"it may end {show(fact)}, which is wanted at the end"
            yield Finding("goal-not-reached", "error", enders[-1], text)


def _risk(view: View, allowed: Risk | None) -> Iterator[Finding]:
    for step in view.steps if allowed is not None else ():
        risk = view.risk(step)
        if allowed is not None and risk.rank > allowed.rank:
            text = f"it is {risk.value}, and no more than {allowed.value} was asked for"
            yield Finding("risk-above-asked", "error", step, text)
