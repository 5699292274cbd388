"""What becomes of a plan while some of its steps are held, left out or deleted: what must wait for them,
what a rollback does not cover without them, where the point of no return is then, what decides how long
the rest takes. Held against the plan as it was planned or approved last, and told before an approval.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from console.catalog.spec import Catalog
from console.plan.model import Plan, Step, StepId
from console.run.history import Estimates
from console.run.life import StepStatus
from console.run.state import RunState
from console.tui.insight import about

MOST = 6
"""Steps that are named in a row."""


@dataclass(frozen=True, slots=True)
class Absence:
    """Steps that do not run as things are: `held` ones are waited for, the run goes on without those
    that are left `out` and those that are `gone` from the plan. All in the plan's order."""

    held: tuple[StepId, ...] = ()
    out: tuple[StepId, ...] = ()
    gone: tuple[StepId, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.held or self.out or self.gone)


def absence(state: RunState, plan: Plan | None, disabled: Set[StepId] = frozenset()) -> Absence:
    """The steps that somebody holds, leaves out or has deleted now, the `disabled` ones of `plan` among
    them; one that waits at a gate or for an approval only is none of these."""
    if plan is None or state.status.is_final:
        return Absence()
    asked = {request.step for request in state.requests.values()}
    held, out, there = [], [], set()
    for leaf in plan.leaves():
        there.add(leaf.id)
        life = state.steps.get(leaf.id)
        if life is not None and life.status is StepStatus.HELD and leaf.id not in asked:
            held.append(leaf.id)
        elif leaf.id in disabled or (
            life is not None and life.status is StepStatus.SKIPPED and not life.gone_round
        ):
            out.append(leaf.id)
    before = state.base.leaves() if state.base is not None and state.base is not plan else ()
    return Absence(tuple(held), tuple(out), tuple(step.id for step in before if step.id not in there))


def absence_line(
    base: Plan,
    plan: Plan,
    catalog: Catalog,
    away: Absence,
    parallel: int | None = None,
    estimates: Estimates | None = None,
) -> str:
    """Pieces with " · " between them, "" when nothing is away. `base` is what `plan` was made from. Raises
    `ValueError` for a plan with a cycle."""
    from console.plan.graph import what_if

    if not away:
        return ""
    known = estimates or Estimates()
    whole, rest = _without(base, frozenset()), _without(plan, {*away.out})
    times = dict.fromkeys(away.out, 0.0)
    then = what_if(rest, {*away.held}, known.of_plan(rest, catalog) | times, parallel)
    before = what_if(whole, frozenset(), known.of_plan(whole, catalog), parallel)
    runs = _without(plan, {*away.out, *away.held, *then.blocked})
    pieces = [
        f"held {_listed(away.held)}: blocks {_listed(then.blocked) or 'nothing'}" if away.held else "",
        f"left out {_listed(away.out)}{_goes_on(whole, away.out)}" if away.out else "",
        f"deleted {_listed(away.gone)}{_goes_on(whole, away.gone)}" if away.gone else "",
        *_coverage(whole, runs, catalog),
        _no_return(whole, runs, catalog),
    ]
    if known.of_plan(whole, catalog):
        if then.critical_path != before.critical_path:
            pieces.append(f"critical path {_listed(then.critical_path) or 'empty'}")
        was = f" (was {about(before.estimate)})" if then.estimate != before.estimate else ""
        pieces.append(f"{about(then.estimate) or '~0s'}{was}")
    return " · ".join(piece for piece in pieces if piece)


def _coverage(whole: Plan, runs: Plan, catalog: Catalog) -> Iterator[str]:
    """What a rollback covers of the steps that run, and which of them now lack a backup, or something
    else that they need."""
    from console.plan.check import blast_radius

    before, radius = blast_radius(whole, catalog), blast_radius(runs, catalog)
    now, was = f"{radius.covered}/{radius.effects}", f"{before.covered}/{before.effects}"
    if not radius.effects:
        yield "the rest changes nothing"
    else:
        gaps = [step for step in radius.uncovered if step not in before.uncovered]
        named = f": not {_listed(gaps)}" if gaps else ""
        yield f"rollback covers {now}" + (f" (was {was})" if was != now else "") + named
    wanting = _wanting(whole, catalog)
    bare = [step for step in _wanting(runs, catalog) if step not in wanting]
    if bare:
        yield f"{_listed(bare)} {'lacks' if len(bare) == 1 else 'lack'} what came before"


def _no_return(whole: Plan, runs: Plan, catalog: Catalog) -> str:
    """Where the point of no return is, if it is not where it was."""
    from console.plan.check import point_of_no_return

    before, now = point_of_no_return(whole, catalog), point_of_no_return(runs, catalog)
    if before == now:
        return ""
    said = f"point of no return {now}" if now else "no point of no return"
    return f"{said} (was {before or 'nowhere'})"


def _wanting(plan: Plan, catalog: Catalog) -> list[StepId]:
    """The steps that are without something they need, a backup among it."""
    from console.plan.check.needs import needs
    from console.plan.check.safety import backups
    from console.plan.check.view import View

    view = View(plan, catalog)
    return list(dict.fromkeys(finding.step for finding in (*needs(view), *backups(view))))


def _goes_on(plan: Plan, out: Sequence[StepId]) -> str:
    """The steps that then start without what they would have waited for."""
    from console.plan.graph import Graph

    graph = Graph.of(plan)
    after = {name for step in out for name in graph.successors.get(step, ())} - set(out)
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
