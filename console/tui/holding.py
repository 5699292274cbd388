"""What becomes of a plan while some of its steps are held, left out or deleted: what must wait for them,
what a rollback does not cover without them, where the point of no return is then, what decides how long
the rest takes. Held against the plan as it was planned or approved last, and told before an approval.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.catalog.spec import Catalog
from console.plan import tree
from console.plan.model import Plan, Step, StepId
from console.run.history import Estimates
from console.run.life import StepStatus
from console.run.state import RunState
from console.tui.insight import about

if TYPE_CHECKING:
    from console.plan.check import BlastRadius, Known
    from console.plan.graph import Graph

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
    counts = state.counts()
    asked = {request.step for request in state.requests.values()}
    held, out = [], []
    some = disabled or counts.get(StepStatus.HELD) or counts.get(StepStatus.SKIPPED)
    for leaf in plan.leaves() if some else ():
        life = state.steps.get(leaf.id)
        if life is not None and life.status is StepStatus.HELD and leaf.id not in asked:
            held.append(leaf.id)
        elif leaf.id in disabled or (
            life is not None and life.status is StepStatus.SKIPPED and not life.gone_round
        ):
            out.append(leaf.id)
    return Absence(tuple(held), tuple(out), _gone(state.base, plan))


def _gone(base: Plan | None, plan: Plan) -> tuple[StepId, ...]:
    if base is None or base is plan:
        return ()
    there = {leaf.id for leaf in plan.leaves()}
    return tuple(step.id for step in base.leaves() if step.id not in there)


def absence_line(
    base: Plan,
    plan: Plan,
    catalog: Catalog,
    away: Absence,
    parallel: int | None = None,
    estimates: Estimates | None = None,
) -> str:
    """What `Prospects.line` tells, once."""
    from console.plan.check import Known

    return Prospects().line(base, plan, Known(catalog), away, parallel, estimates)


@dataclass(frozen=True, slots=True)
class _Prospect:
    """What a plan comes to. `wanting` are the steps that are without something they need, a backup among
    it."""

    graph: Graph
    radius: BlastRadius
    no_return: StepId
    wanting: tuple[StepId, ...]


class Prospects:
    """Tells what absences come to, one after the other. What the whole plan comes to is kept from one to the
    next."""

    def __init__(self) -> None:
        self._whole: tuple[Plan, Known, Plan, _Prospect] | None = None

    def line(
        self,
        base: Plan,
        plan: Plan,
        known: Known,
        away: Absence,
        parallel: int | None = None,
        estimates: Estimates | None = None,
    ) -> str:
        """Pieces with " · " between them, "" when nothing is away. `base` is what `plan` was made from,
        `known` what is known of its steps. Raises `ValueError` for a plan with a cycle."""
        from console.plan.graph import Graph, what_if

        if not away:
            return ""
        if self._whole is None or self._whole[0] is not base or self._whole[1] is not known:
            whole = _without(base, frozenset())
            self._whole = (base, known, whole, _prospect(whole, known))
        _, _, whole, before = self._whole
        expected = estimates or Estimates()
        lasts = expected.of_plan(whole, known.catalog)
        rest = _without(plan, {*away.out})
        times = expected.of_plan(rest, known.catalog) | dict.fromkeys(away.out, 0.0)
        known.breathe()
        graph = Graph.of(rest, known.referred)
        known.breathe()
        then = what_if(rest, {*away.held}, times, parallel, graph=graph)
        known.breathe()
        waits = {*away.held, *then.blocked}
        runs = _without(rest, waits | {*away.out}) if waits else rest
        now = _prospect(runs, known, graph if runs is rest else None)
        pieces = [
            f"held {_listed(away.held)}: blocks {_listed(then.blocked) or 'nothing'}" if away.held else "",
            f"left out {_listed(away.out)}{_goes_on(before.graph, away.out)}" if away.out else "",
            f"deleted {_listed(away.gone)}{_goes_on(before.graph, away.gone)}" if away.gone else "",
            *_coverage(before, now),
            _no_return(before, now),
        ]
        if lasts:
            was = what_if(whole, frozenset(), lasts, parallel, graph=before.graph)
            if then.critical_path != was.critical_path:
                pieces.append(f"critical path {_listed(then.critical_path) or 'empty'}")
            said = f" (was {about(was.estimate)})" if then.estimate != was.estimate else ""
            pieces.append(f"{about(then.estimate) or '~0s'}{said}")
        return " · ".join(piece for piece in pieces if piece)


def _prospect(plan: Plan, known: Known, graph: Graph | None = None) -> _Prospect:
    from console.plan.check import View, no_return_of, radius_of
    from console.plan.check.needs import needs
    from console.plan.check.safety import backups

    view = View(plan, known.catalog, known=known, graph=graph)
    known.breathe()
    wanting = tuple(dict.fromkeys(finding.step for finding in (*needs(view), *backups(view))))
    known.breathe()
    return _Prospect(view.graph, radius_of(view), no_return_of(view) or "", wanting)


def _coverage(before: _Prospect, now: _Prospect) -> Iterator[str]:
    """What a rollback covers of the steps that run, and which of them now lack a backup, or something
    else that they need."""
    covers, did = (f"{p.radius.covered}/{p.radius.effects}" for p in (now, before))
    if not now.radius.effects:
        yield "the rest changes nothing"
    else:
        gaps = [step for step in now.radius.uncovered if step not in before.radius.uncovered]
        named = f": not {_listed(gaps)}" if gaps else ""
        yield f"rollback covers {covers}" + (f" (was {did})" if did != covers else "") + named
    known = frozenset(before.wanting)
    bare = [step for step in now.wanting if step not in known]
    if bare:
        yield f"{_listed(bare)} {'lacks' if len(bare) == 1 else 'lack'} what came before"


def _no_return(before: _Prospect, now: _Prospect) -> str:
    """Where the point of no return is, if it is not where it was."""
    if before.no_return == now.no_return:
        return ""
    said = f"point of no return {now.no_return}" if now.no_return else "no point of no return"
    return f"{said} (was {before.no_return or 'nowhere'})"


def _goes_on(graph: Graph, out: Sequence[StepId]) -> str:
    """The steps that then start without what they would have waited for."""
    after = {name for step in out for name in graph.directly_after(step)} - set(out)
    named = [name for name in graph.order if name in after]
    return f": {_listed(named)} go{'es' if len(named) == 1 else ''} on without" if named else ""


def _without(plan: Plan, out: Set[StepId]) -> Plan:
    """The plan with every step taken in but these."""

    def switched(step: Step) -> Step:
        enabled = step.id not in out
        return step if step.enabled is enabled else step.model_copy(update={"enabled": enabled})

    return tree.with_steps(plan, tree.each(plan.steps, switched))


def _listed(steps: Sequence[StepId]) -> str:
    more = f" +{len(steps) - MOST}" if len(steps) > MOST else ""
    return " ".join(steps[:MOST]) + more
