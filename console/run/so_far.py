"""A plan in the middle of its run, as the checker has to see it: what is done came before what is to
come, and what failed or was left out gives nothing any more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.catalog.spec import Catalog, Fact
from console.plan.model import Plan, Step, StepId
from console.run.life import StepStatus
from console.run.state import RunState

if TYPE_CHECKING:
    from console.plan.check import Finding, Known, View
    from console.plan.graph import Graph

_DONE = frozenset({StepStatus.SUCCEEDED, StepStatus.RUNNING})
_GONE = frozenset({StepStatus.SKIPPED, StepStatus.FAILED, StepStatus.CANCELLED})

FAILED = frozenset({StepStatus.FAILED, StepStatus.CANCELLED})
"""Statuses of a step that a revision may try again."""

MOST_EDGES = 20_000
"""Edges that are added at most; a wider plan is checked as it is written."""

_OF_WHOLE_PLANS = frozenset({"over-planned", "unneeded-step"})
"""Findings that say nothing of the rest of a plan."""


@dataclass(frozen=True, slots=True)
class SoFar:
    """The steps that have run or do, and those that failed or were left out. Nothing of either is to
    come."""

    done: frozenset[StepId] = frozenset()
    gone: frozenset[StepId] = frozenset()

    @classmethod
    def of(cls, state: RunState, *, again: Iterable[StepId] = ()) -> SoFar:
        """What has become of a run's steps; the failed ones in `again` are still to come."""
        open_ = frozenset(again)
        lives = {step: life.status for step, life in state.steps.items() if step not in open_}
        return cls(
            frozenset(step for step, status in lives.items() if status in _DONE),
            frozenset(step for step, status in lives.items() if status in _GONE),
        )


def findings_of(plan: Plan, state: RunState) -> tuple[Finding, ...]:
    """The findings about a plan that is to take the place of the run's; a failed step that it keeps is still
    to come where something waits for it."""
    from console.catalog.contract import parse_fact
    from console.plan.graph import Graph

    facts = [parse_fact(fact) for fact in state.facts]
    return check_rest(plan, state.catalog, SoFar.of(state, again=tried_again(Graph.of(plan), state)), facts)


def tried_again(graph: Graph, state: RunState) -> frozenset[StepId]:
    """The steps that failed and that the plan of `graph` tries again, since something that is still to come
    waits for them; it goes round the others."""
    from console.run.schedule import is_needed

    def status(name: StepId) -> StepStatus:
        known = state.steps.get(name)
        return known.status if known else StepStatus.PENDING

    return frozenset(
        step for step in graph.order if status(step) in FAILED and is_needed(step, graph, status)
    )


def check_rest(
    plan: Plan,
    catalog: Catalog,
    so_far: SoFar,
    facts: Iterable[Fact] = (),
    known: Known | None = None,
    view: View | None = None,
) -> tuple[Finding, ...]:
    """The findings about what is still to come; about the whole plan while nothing has run. `known` is what
    was known of its steps before, `view` the plan with these facts, where it was looked at already."""
    from console.plan.check import check, check_view

    if not so_far.done and not so_far.gone:
        return check_view(view) if view else check(plan, catalog, facts=facts, known=known)
    past = so_far.done | so_far.gone
    return tuple(
        finding
        for finding in check(as_it_went(plan, so_far), catalog, facts=facts, known=known)
        if finding.step not in past and finding.code not in _OF_WHOLE_PLANS
    )


def as_it_went(plan: Plan, so_far: SoFar) -> Plan:
    """The plan without what is gone, its first steps to come waiting for the last ones that are done."""
    from console.plan import tree
    from console.plan.graph import Graph

    try:
        graph = Graph.of(plan)
    except ValueError:
        return plan
    past = so_far.done | so_far.gone
    ends = [s for s in graph.order if s in so_far.done and so_far.done.isdisjoint(graph.directly_after(s))]
    waiting = graph.waiting(settled=[step for step in graph.order if step in past])
    begins = [s for s in graph.order if s not in past and waiting.is_free(s)]
    if len(ends) * len(begins) > MOST_EDGES:
        ends = []

    first = frozenset(begins)

    def went(step: Step) -> tuple[Step] | None:
        if step.steps:
            return None
        if step.id in so_far.gone:
            return (step.model_copy(update={"enabled": False}),)
        if step.id not in first:
            return None
        added = tuple(end for end in ends if end not in step.depends_on)
        explain = {**step.explain, **dict.fromkeys(added, "it has run")}
        return (step.model_copy(update={"depends_on": (*step.depends_on, *added), "explain": explain}),)

    return tree.with_steps(plan, tree.edited(plan.steps, went))
