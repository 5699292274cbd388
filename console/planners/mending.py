"""What the checker misses in another planner's plan, put in: a backup, a proof, an edge, a way back.

The checker's own fixes are applied, worst finding first, as long as the plan gets better by them. The
result is an offer: it is shown as a diff, and nothing of it is taken unasked.
"""

from __future__ import annotations

from console.catalog.spec import Catalog
from console.plan.canonical import digest
from console.plan.check import Finding, apply_fix, check
from console.plan.codec import to_document
from console.plan.edit import EditRefused
from console.plan.model import Plan
from console.planners.base import Goal

MAX_FIXES = 60
"""A step that is put in may miss something itself; somewhere that ends."""


def mended(plan: Plan, catalog: Catalog, goal: Goal) -> tuple[Plan | None, tuple[str, ...]]:
    """A better plan and what was put in, each with the reason; `None` when there is none to be had."""
    first = _findings(plan, catalog, goal)
    made, told, found = plan, [], first
    seen = {_digest(plan)}
    for _ in range(MAX_FIXES):
        step = _next(made, found, seen)
        if step is None:
            break
        made, summary = step
        told.append(summary)
        found = _findings(made, catalog, goal)
    if not told or _weight(found) >= _weight(first):
        return None, ()
    return made, tuple(told)


def _next(plan: Plan, found: tuple[Finding, ...], seen: set[str]) -> tuple[Plan, str] | None:
    for finding in found:
        if finding.fix is None:
            continue
        try:
            made = apply_fix(plan, finding)
        except EditRefused:
            continue
        digest_ = _digest(made)
        if digest_ not in seen:
            seen.add(digest_)
            place = f"step {finding.step}: " if finding.step else ""
            return made, f"{finding.fix.summary} ({place}{finding.message})"
    return None


def _findings(plan: Plan, catalog: Catalog, goal: Goal) -> tuple[Finding, ...]:
    want = [wanted.fact for wanted in goal.want]
    found = check(plan, catalog, facts=goal.facts, want=want)
    return tuple(finding for finding in found if finding.severity != "note")


def _weight(found: tuple[Finding, ...]) -> tuple[int, int]:
    return sum(f.severity == "error" for f in found), len(found)


def _digest(plan: Plan) -> str:
    return digest(to_document(plan))
