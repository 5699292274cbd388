"""What can be told of a plan before it runs: order, estimates, coverage of a rollback, findings.

Made anew when the plan changes, never for an event of a step. A plan that is not valid (a cycle)
still gets what can be told of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.catalog.spec import Catalog, Risk
from console.plan.model import Plan, Step, StepId, Undo
from console.run.policy import risk_of
from console.run.state import RunState
from console.tui.when import short_time

if TYPE_CHECKING:
    from console.plan.check import Finding


@dataclass(frozen=True, slots=True)
class Insight:
    """`compensated` are the steps that something would undo; `open_effects` those with an effect that
    nothing would; `estimate` is in seconds, 0 when no tool says how long it takes."""

    levels: Sequence[Sequence[StepId]] = ()
    critical: frozenset[StepId] = frozenset()
    estimate: float = 0.0
    compensated: frozenset[StepId] = frozenset()
    open_effects: tuple[StepId, ...] = ()
    no_return: StepId = ""
    findings: tuple[Finding, ...] = ()
    blast: str = ""


def look_at(state: RunState) -> Insight:
    """Everything above for the state's plan."""
    try:
        from console.plan.check import check
    except ImportError:

        def check(plan, catalog):
            return ()

    plan, catalog = state.plan, state.catalog
    if plan is None:
        return Insight()
    leaves = [step for step in plan.leaves() if step.enabled]
    compensated, open_effects = coverage(state, leaves)
    levels, critical, estimate = _order(plan, catalog, int(state.limits.get("parallel", 4)) or None)
    findings = tuple(check(plan, catalog))
    no_return = next((s for s in open_effects if _risk(plan, s, catalog).rank >= Risk.DISRUPTIVE.rank), "")
    return Insight(
        levels,
        critical,
        estimate,
        compensated,
        open_effects,
        no_return,
        findings,
        blast_line(leaves, catalog, open_effects, len(findings)),
    )


def _risk(plan: Plan, step: StepId, catalog: Catalog) -> Risk:
    return risk_of(plan.step(step), catalog)


def coverage(state: RunState, leaves: Sequence[Step]) -> tuple[frozenset[StepId], tuple[StepId, ...]]:
    """The steps that a rollback would undo, and those with an effect that it would not."""
    from console.run.ties import tie_of

    plan, catalog = state.plan or Plan(), state.catalog
    covered = {step.id for step in leaves if undo_of(step, catalog)}
    for item in plan.rollback:
        covered |= set(tie_of(item, plan, catalog, state).undoes)
    effects = [step.id for step in leaves if risk_of(step, catalog) is not Risk.OBSERVE]
    return frozenset(covered), tuple(s for s in effects if s not in covered)


def undo_of(step: Step, catalog: Catalog) -> Undo | None:
    """A step's own compensation, else the one its tool offers."""
    tool = catalog.get(step.action)
    return step.undo or (tool.undo if tool else None)


def _order(
    plan: Plan, catalog: Catalog, parallel: int | None
) -> tuple[Sequence[Sequence[StepId]], frozenset[StepId], float]:
    from console.plan.graph import Graph

    try:
        graph = Graph.of(plan)
    except ValueError:
        return (), frozenset(), 0.0
    known = {
        leaf.id: tool.duration
        for leaf in plan.leaves()
        if (tool := catalog.get(leaf.action)) and tool.duration
    }
    critical = frozenset(graph.critical_path(known)) if known else frozenset()
    return graph.levels(), critical, graph.makespan(known, parallel) if known else 0.0


def blast_line(
    leaves: Sequence[Step],
    catalog: Catalog,
    open_effects: Sequence[StepId],
    findings: int,
) -> str:
    """What the plan may do to the world, in one line."""
    risks = {step.id: risk_of(step, catalog) for step in leaves}
    destructive = [s for s, risk in risks.items() if risk is Risk.DESTRUCTIVE]
    irreversible = [s for s in destructive if s in open_effects]
    effects = [s for s, risk in risks.items() if risk is not Risk.OBSERVE]
    parts = [
        _count(len(leaves), "step"),
        f"{len(destructive)} destructive" if destructive else "",
        f"{len(irreversible)} irreversible" if irreversible else "",
        _touches(leaves, catalog),
        f"rollback covers {len(effects) - len(open_effects)}/{len(effects)}"
        if effects
        else "changes nothing",
        f"{_count(findings, 'finding')} (w)" if findings else "no findings",
    ]
    return " · ".join(part for part in parts if part)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _touches(leaves: Sequence[Step], catalog: Catalog) -> str:
    """The resources that steps write, a few by name."""
    names: dict[str, None] = {}
    for step in leaves:
        tool = catalog.get(step.action)
        given = tool.with_defaults(step.params) if tool else {}
        for fact in tool.contract.writes if tool else ():
            names[" ".join(str(given.get(w[1:], w)) if w.startswith("$") else w for w in fact)] = None
        if step.on:
            names[step.on] = None
    if not names:
        return ""
    shown = list(names)[:3]
    more = f" +{len(names) - 3}" if len(names) > 3 else ""
    return f"touches {', '.join(shown)}{more}"


def about(seconds: float) -> str:
    """An estimate for people: `~6m00`."""
    return f"~{short_time(seconds)}" if seconds else ""
