"""What becomes of a plan while some of its steps are held or left out, in one line: what must wait for
them, what a rollback does not cover without them, how long the rest takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from console.catalog.spec import Catalog
from console.plan.model import Plan, Step, StepId
from console.run.life import StepStatus
from console.run.state import RunState
from console.tui.insight import about

MOST = 6
"""Steps that are named in a row."""


@dataclass(frozen=True, slots=True)
class Absence:
    """Steps that do not run as things are: `held` ones are waited for, the run goes on without those
    that are left `out`. Both in the plan's order."""

    held: tuple[StepId, ...] = ()
    out: tuple[StepId, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.held or self.out)


def absence(state: RunState, disabled: Set[StepId] = frozenset()) -> Absence:
    """The steps that somebody holds or leaves out now, the plan's `disabled` ones among them; one that
    waits at a gate or for an approval only is neither."""
    if state.plan is None or state.status.is_final:
        return Absence()
    asked = {request.step for request in state.requests.values()}
    held, out = [], []
    for step_id in state.leaves:
        life = state.steps[step_id]
        if life.status is StepStatus.HELD and step_id not in asked:
            held.append(step_id)
        elif step_id in disabled or (life.status is StepStatus.SKIPPED and not life.gone_round):
            out.append(step_id)
    return Absence(tuple(held), tuple(out))


def absence_line(plan: Plan, catalog: Catalog, away: Absence, parallel: int | None = None) -> str:
    """Pieces with " · " between them, "" when nothing is held or left out. Raises `ValueError` for a plan
    with a cycle."""
    from console.plan.graph import what_if

    if not away:
        return ""
    whole, rest = _without(plan, frozenset()), _without(plan, {*away.out})
    known = {
        leaf.id: 0.0 if leaf.id in away.out else tool.duration
        for leaf in rest.leaves()
        if (tool := catalog.get(leaf.action)) is not None and tool.duration
    }
    then = what_if(rest, {*away.held}, known, parallel)
    runs = _without(plan, {*away.out, *away.held, *then.blocked})
    pieces = [
        f"held {_listed(away.held)}: blocks {_listed(then.blocked) or 'nothing'}" if away.held else "",
        f"left out {_listed(away.out)}{_goes_on(whole, away)}" if away.out else "",
        *_coverage(whole, runs, catalog),
        about(then.estimate) if known else "",
    ]
    return " · ".join(piece for piece in pieces if piece)


def _coverage(whole: Plan, runs: Plan, catalog: Catalog) -> Iterator[str]:
    """What a rollback covers of the steps that run, and which of them now lack a backup, or something
    else that they need."""
    from console.plan.check import blast_radius

    radius = blast_radius(runs, catalog)
    yield (
        f"rollback covers {radius.covered}/{radius.effects}" if radius.effects else "the rest changes nothing"
    )
    wanting = _wanting(whole, catalog)
    bare = [step for step in _wanting(runs, catalog) if step not in wanting]
    if bare:
        yield f"{_listed(bare)} {'lacks' if len(bare) == 1 else 'lack'} what came before"


def _wanting(plan: Plan, catalog: Catalog) -> list[StepId]:
    """The steps that are without something they need, a backup among it."""
    from console.plan.check.needs import needs
    from console.plan.check.safety import backups
    from console.plan.check.view import View

    view = View(plan, catalog)
    return list(dict.fromkeys(finding.step for finding in (*needs(view), *backups(view))))


def _goes_on(plan: Plan, away: Absence) -> str:
    """The steps that then start without what they would have waited for."""
    from console.plan.graph import Graph

    graph = Graph.of(plan)
    after = {name for step in away.out for name in graph.successors.get(step, ())} - set(away.out)
    named = [name for name in graph.order if name in after]
    return f": {_listed(named)} go{'es' if len(named) == 1 else ''} on without" if named else ""


def _without(plan: Plan, out: Set[StepId]) -> Plan:
    """The plan with every step taken in but these."""

    def switched(step: Step) -> Step:
        children = tuple(switched(child) for child in step.steps)
        return step.model_copy(update={"steps": children, "enabled": step.id not in out})

    return plan.model_copy(update={"steps": tuple(switched(step) for step in plan.steps)})


def _listed(steps: Sequence[StepId]) -> str:
    more = f" +{len(steps) - MOST}" if len(steps) > MOST else ""
    return " ".join(steps[:MOST]) + more
