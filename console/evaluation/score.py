"""A plan -> numbers: what can be said of it without carrying it out. Pure."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from console.catalog import fit
from console.catalog.spec import Catalog
from console.errors import Fault
from console.evaluation.agreement import agreement
from console.plan.check import check
from console.plan.codec import faults_of
from console.plan.graph import Graph
from console.plan.model import Plan
from console.planners.base import Goal


class Score(BaseModel):
    """`valid`: it can be carried out. The rest is of valid plans alone: findings of the checker by
    severity, with their codes; steps, the most that may run at once, the longest chain in steps, and the
    estimated seconds of one after the other over those side by side (`speedup`); agreement with the
    reference and the edits towards it, where there is one."""

    model_config = ConfigDict(frozen=True)

    valid: bool = False
    faults: tuple[str, ...] = ()
    errors: int = 0
    warnings: int = 0
    notes: int = 0
    codes: tuple[str, ...] = ()
    steps: int = 0
    width: int = 0
    depth: int = 0
    speedup: float = 1.0
    agreement: float | None = None
    edits: int | None = None

    @property
    def findings(self) -> int:
        """What should be mended: notes do not count."""
        return self.errors + self.warnings


def score(plan: Plan, catalog: Catalog, goal: Goal, reference: Plan | None = None) -> Score:
    """The score of `plan` as an answer to `goal`."""
    faults: list[Fault] = [*faults_of(plan), *fit.faults(plan, catalog)]
    if faults or not plan.leaves():
        return Score(faults=tuple(map(str, faults)) or ("it has no steps",))
    findings = check(plan, catalog, facts=goal.facts, want=[want.fact for want in goal.want])
    graph = Graph.of(plan)
    seconds = {
        step.id: tool.duration
        for step in plan.leaves()
        if (tool := catalog.get(step.action)) is not None and tool.duration
    }
    together = graph.makespan(seconds)
    alike = agreement(plan, reference) if reference else None
    by_severity = [finding.severity for finding in findings]
    return Score(
        valid=True,
        errors=by_severity.count("error"),
        warnings=by_severity.count("warning"),
        notes=by_severity.count("note"),
        codes=tuple(finding.code for finding in findings),
        steps=len(graph.order),
        width=graph.width(),
        depth=len(graph.levels()),
        speedup=graph.makespan(seconds, 1) / together if together else 1.0,
        agreement=alike.f1 if alike else None,
        edits=alike.edits if alike else None,
    )
