"""What can be told of a plan before it runs: order, estimates, coverage of a rollback, findings.

Made anew when the plan changes, never for an event of a step, and beside the screen: a plan may be
large. A plan that is not valid (a cycle) still gets what can be told of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from console.catalog.spec import Catalog
from console.plan.model import Plan, StepId
from console.run.history import Estimates
from console.run.so_far import SoFar, check_rest
from console.tui.when import short_time

if TYPE_CHECKING:
    from console.plan.check import BlastRadius, Finding, Known
    from console.plan.graph import Graph


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked at. `facts` hold before the plan; `parallel` is how many steps may run at once;
    `so_far` is what has run of it. `estimates` reads what past runs took. `known` is what was known of
    its steps before."""

    plan: Plan
    catalog: Catalog
    facts: tuple[str, ...] = ()
    parallel: int | None = None
    so_far: SoFar = field(default_factory=SoFar)
    estimates: Callable[[], Estimates] = Estimates
    known: Known | None = None


@dataclass(frozen=True, slots=True)
class Insight:
    """`path` is the critical path before anything has run, `critical` the steps on it. `compensated` are the
    steps that have an undo of their own or of their tool; `no_return` is the first step whose effect nothing
    undoes; `disabled` are left out by the plan; `estimate` is in seconds, 0 when nothing is known of how long
    any step takes; `durations` is what is known, and `graph` is there when the plan has no cycle."""

    levels: Sequence[Sequence[StepId]] = ()
    critical: frozenset[StepId] = frozenset()
    estimate: float = 0.0
    compensated: frozenset[StepId] = frozenset()
    no_return: StepId = ""
    disabled: frozenset[StepId] = frozenset()
    findings: tuple[Finding, ...] = ()
    blast: str = ""
    durations: Mapping[StepId, float] = field(default_factory=dict)
    graph: Graph | None = None
    path: tuple[StepId, ...] = ()


def look_at(question: Question) -> Insight:
    """Everything above. Reads nothing that changes, so that a thread can do it."""
    from console.catalog.contract import parse_fact
    from console.plan.check import Known, View, no_return_of, radius_of

    plan, catalog = question.plan, question.catalog
    facts = [parse_fact(fact) for fact in question.facts]
    kept = question.known or Known(catalog)
    has_undo = {name for name, tool in catalog.tools.items() if tool.undo is not None}
    compensated = frozenset(
        step.id for step in plan.leaves() if step.undo is not None or step.action in has_undo
    )
    try:
        view = View(plan, catalog, facts, known=kept)
    except ValueError:
        findings = check_rest(plan, catalog, question.so_far, facts, kept)
        return Insight(compensated=compensated, findings=findings, blast="its steps go round in a circle")
    graph = view.graph
    findings = check_rest(plan, catalog, question.so_far, facts, kept, view)
    kept.breathe()
    radius, no_return = radius_of(view), no_return_of(view)
    kept.breathe()
    known = question.estimates().of_plan(plan, catalog)
    path = graph.critical_path(known) if known else ()
    return Insight(
        graph.levels(),
        frozenset(path),
        graph.makespan(known, question.parallel) if known else 0.0,
        compensated,
        no_return or "",
        graph.skipped,
        findings,
        blast_line(radius, len(findings)),
        known,
        graph,
        path,
    )


def blast_line(radius: BlastRadius, findings: int) -> str:
    """What the plan may do to the world, in one line."""
    found = f"{_count(findings, 'finding')} (w)" if findings else "no findings"
    return f"{reach_line(radius, named=3)} · {found}"


def reach_line(radius: BlastRadius, *, undone: bool = True, named: int | None = None) -> str:
    """How far steps reach; `undone`: with what a rollback covers of them; `named`: at most so many of the
    things they touch by name."""
    rollback = f"rollback covers {radius.covered}/{radius.effects}" if undone else ""
    parts = [
        _count(radius.steps, "step"),
        f"{len(radius.destructive)} destructive" if radius.destructive else "",
        f"{len(radius.irreversible)} irreversible" if radius.irreversible and undone else "",
        _touches(radius.touches, named),
        rollback if radius.effects else "changes nothing",
    ]
    return " · ".join(part for part in parts if part)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _touches(names: Sequence[str], most: int | None) -> str:
    shown = names[:most]
    more = f" +{len(names) - len(shown)}" if len(names) > len(shown) else ""
    return f"touches {', '.join(shown)}{more}" if names else ""


def about(seconds: float) -> str:
    """An estimate for people: `~6m00`."""
    return f"~{short_time(seconds)}" if seconds else ""
