"""The dependencies that a plan lacks by its tools' contracts, put in.

Models forget edges, and where a schema wants the list they leave it empty: then every two steps that
write one resource lack an order. What the others imply is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from console.plan import tree
from console.plan.check import Finding
from console.plan.check.fixes import AddDependency
from console.plan.graph import Graph
from console.plan.model import Plan, Step, StepId

MAX_ROUNDS = 20
"""Times that edges are looked for: one may ask for another."""


def connected(
    plan: Plan, check: Callable[[Plan], Iterable[Finding]], started: Collection[StepId] = ()
) -> tuple[Plan, tuple[str, ...]]:
    """`plan` with the dependencies that the errors and warnings of `check` ask for, each told with its
    reason. Steps that have `started` wait for nothing any more."""
    told: list[str] = []
    for _ in range(MAX_ROUNDS):
        found = [finding.fix for finding in check(plan) if finding.severity != "note"]
        wanted = [fix for fix in found if isinstance(fix, AddDependency) and fix.step not in started]
        added = _needed(plan, wanted)
        if not added:
            break
        plan = _put_in(plan, added)
        told += [f"step {edge.step} waits for step {edge.on}: {edge.why}" for edge in added]
    return plan, tuple(told)


def _needed(plan: Plan, wanted: Sequence[AddDependency]) -> list[AddDependency]:
    """Those of `wanted` that close no circle and that no others imply: each step waits for the nearest
    before it first."""
    if not wanted:
        return []
    graph = Graph.of(plan)
    place = {name: number for number, name in enumerate(graph.order)}
    above = {name: set(graph.ancestors(name)) for name in graph.order}
    added = []
    for edge in sorted(wanted, key=lambda edge: (place[edge.step], -place[edge.on])):
        if edge.on in above[edge.step] or edge.step in above[edge.on] or edge.on == edge.step:
            continue
        added.append(edge)
        earlier = {edge.on, *above[edge.on]}
        for name, before in above.items():
            if name == edge.step or edge.step in before:
                before |= earlier
    return added


def _put_in(plan: Plan, added: Sequence[AddDependency]) -> Plan:
    edges: dict[StepId, dict[StepId, str]] = {}
    for edge in added:
        edges.setdefault(edge.step, {})[edge.on] = edge.why

    def waiting(step: Step) -> Step:
        new = edges.get(step.id)
        if not new:
            return step
        depends = (*step.depends_on, *new)
        return step.model_copy(update={"depends_on": depends, "explain": {**step.explain, **new}})

    return tree.with_steps(plan, tree.each(plan.steps, waiting))
