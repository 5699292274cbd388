"""What a rollback would do: a pure function of the plan, the catalog and the state of the run.

First the compensations of every step that may have had an effect, newest start first, side by side
where the steps did not depend on each other; then the plan's own rollback list, in its order. Each item
is a step with an id of its own, so that it runs, fails and is retried like any other.

An item of the plan's list says rarely what it undoes. That tie is read off the plan (plan/check/ties.py),
because a flat list run blindly destroys: it restores from a backup that was never made. So an item
whose subject never started is left out, and one that needs a step that did not succeed is refused. So is a
step's own compensation that needs a backup which the plan was to make and did not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from console.catalog.contract import ground, parse_fact, show, undo_of
from console.catalog.spec import Catalog, Fact, Risk
from console.errors import ControlRefused
from console.plan.check.safety import BACKUP_FACTS
from console.plan.check.ties import Tie, tie_of
from console.plan.codec import digest
from console.plan.graph import Graph
from console.plan.model import Compensation, Params, Plan, Step, StepId, Undo
from console.plan.references import find
from console.run.events import RollbackItem, RollbackPlan, RollbackRequested
from console.run.life import RunStatus, StepStatus
from console.run.policy import risk_of
from console.run.state import RunState

REASON = 500
"""Characters that are kept of why somebody asks for a rollback."""

_OVER = {StepStatus.UNDONE}


def affected(state: RunState, back_to: StepId | None = None) -> list[StepId]:
    """Steps that may have had an effect which is not undone, newest start first.

    With `back_to` only those that started after it.
    """
    since = state.steps[back_to].start_seq if back_to else -1
    started = [
        (step.start_seq, step_id)
        for step_id, step in state.steps.items()
        if (step.has_started or step.marked_by) and step.status not in _OVER and step.start_seq > since
    ]
    return [step_id for _, step_id in sorted(started, reverse=True)]


def plan_rollback(
    plan: Plan,
    catalog: Catalog,
    state: RunState,
    *,
    back_to: StepId | None = None,
    ties: Mapping[StepId, Sequence[StepId]] | None = None,
) -> RollbackPlan:
    """The rollback of the run as it is now; `ties` are the operator's own, by item id."""
    subjects = affected(state, back_to)
    effects = [s for s in subjects if _has_effect(s, catalog, state)]
    names = _Names(state)
    own = _own_items(plan, catalog, state, effects, names)
    covered = {s for item in own if item.fate == "planned" for s in item.undoes}
    listed = [] if back_to else _listed_items(plan, catalog, state, effects, own, names, ties or {})
    covered |= {s for item in listed if item.fate == "planned" for s in item.undoes}
    uncovered = [s for s in effects if s not in covered]
    return RollbackPlan(
        items=(*own, *listed),
        back_to=back_to,
        uncovered=tuple(s for s in uncovered if not _is_destructive(s, catalog, state)),
        irreversible=tuple(s for s in uncovered if _is_destructive(s, catalog, state)),
    )


def rollback_hash(rollback: RollbackPlan) -> str:
    """What an approval of this rollback names."""
    return digest(rollback.model_dump(mode="json"))


def requested(state: RunState, *, by: str, reason: str, back_to: StepId | None) -> RollbackRequested:
    """What it comes to that `by`, who may not roll back, asks for it. Raises `ControlRefused` when there
    is nothing to ask for."""
    kept = "nothing was changed"
    if back_to and back_to not in state.steps:
        raise ControlRefused("there is no such step", where=f"step {back_to}", kept=kept)
    if not any(step.has_started for step in state.steps.values()):
        raise ControlRefused("no step has started; there is nothing to undo", kept=kept)
    if state.status in (RunStatus.ROLLING_BACK, RunStatus.ROLLED_BACK):
        raise ControlRefused(f"the run is {state.status.replace('_', ' ')}", kept=kept)
    if any(asked.by == by for asked in state.rollback_requests):
        raise ControlRefused("it was asked for already", kept=kept, todo="Wait for the operator")
    return RollbackRequested(by=by, reason=reason[:REASON], back_to=back_to or "")


class _Names:
    """Ids for items that no step and no earlier rollback has."""

    def __init__(self, state: RunState) -> None:
        self._used = set(state.steps)
        self._round = state.rollbacks

    def take(self, stem: str) -> StepId:
        name = stem if not self._round else f"{stem}-{self._round + 1}"
        while name in self._used:
            name += "x"
        self._used.add(name)
        return name


def _has_effect(step_id: StepId, catalog: Catalog, state: RunState) -> bool:
    """Whether there is something to undo. A recovery step is a way back itself: undoing it would bring
    back what went wrong. An agent does nothing but its calls, which are undone one by one."""
    step = state.find(step_id)
    tool = catalog.get(step.action)
    return risk_of(step, catalog) is not Risk.OBSERVE and not (tool and (tool.recovery or tool.agent))


def _is_destructive(step_id: StepId, catalog: Catalog, state: RunState) -> bool:
    return risk_of(state.find(step_id), catalog) is Risk.DESTRUCTIVE


def carried_out(state: RunState) -> dict[StepId, Params]:
    """The parameters that steps were last carried out with, references replaced."""
    return {step: life.attempt.params for step, life in state.steps.items() if life.attempt}


def compensation_of(step: Step, catalog: Catalog, params: Params) -> Undo | None:
    """A step's compensation: its own, else what its tool's file offers for `params` as they were
    carried out."""
    if step.undo:
        return step.undo
    tool = catalog.get(step.action)
    return undo_of(tool, params, step.id) if tool else None


def _own_items(
    plan: Plan, catalog: Catalog, state: RunState, effects: list[StepId], names: _Names
) -> list[RollbackItem]:
    graph, unmade = Graph.of(plan), _Unmade(plan, catalog, state)
    items: dict[StepId, RollbackItem] = {}
    for step_id in effects:
        step = state.find(step_id)
        attempt = state.steps[step_id].attempt
        undo = compensation_of(step, catalog, attempt.params if attempt else step.params)
        if undo is None:
            continue
        below = graph.descendants(step_id)  # a set: the order is the items', or two processes' hashes differ
        later = [item.step.id for s, item in items.items() if s in below and item.fate == "planned"]
        why = _missing_result(undo.params, state) or unmade.needed_by(undo)
        item = Step(
            id=names.take(f"undo-{step_id}"),
            action=undo.action,
            params=undo.params,
            depends_on=() if why else tuple(later),
            description=f"undo step {step_id}, {step.action}",
        )
        items[step_id] = RollbackItem(
            step=item,
            undoes=(step_id,),
            tie="its own compensation" if step.undo else f"the compensation of {step.action}",
            fate="refused" if why else "planned",
            why=why,
        )
    return list(items.values())


class _Unmade:
    """The backups that steps of the plan were to make, and that none of them has made."""

    def __init__(self, plan: Plan, catalog: Catalog, state: RunState) -> None:
        self._catalog = catalog
        self._makers: defaultdict[Fact, list[StepId]] = defaultdict(list)
        made: set[Fact] = {parse_fact(fact) for fact in state.facts}
        carried = carried_out(state)
        for step in plan.leaves():
            for fact in self._facts(step.action, carried.get(step.id, step.params), "provides"):
                self._makers[fact].append(step.id)
                life = state.steps.get(step.id)
                if life is not None and (life.marked_by or _ever_succeeded(state, step.id)):
                    made.add(fact)
        for fact in made:
            self._makers.pop(fact, None)

    def _facts(self, action: str, params: Params, which: Literal["provides", "requires"]) -> list[Fact]:
        tool = self._catalog.get(action)
        pattern: tuple[Fact, ...] = getattr(tool.contract, which) if tool else ()
        if tool is None or not any(fact[0] in BACKUP_FACTS for fact in pattern):
            return []
        found: tuple[Fact, ...] = getattr(ground(tool, tool.with_defaults(params)), which)
        return [fact for fact in found if fact[0] in BACKUP_FACTS]

    def needed_by(self, undo: Undo) -> str:
        """Why this compensation must not run; empty when it may."""
        for fact in self._facts(undo.action, undo.params, "requires") if self._makers else ():
            if makers := self._makers.get(fact):
                return f"it needs {show(fact)}, and step {', '.join(makers)} did not succeed"
        return ""


def _missing_result(params: Params, state: RunState) -> str:
    for reference in find(params):
        step = state.steps.get(reference.step)
        if step is None or (
            step.status is not StepStatus.SUCCEEDED and not _ever_succeeded(state, reference.step)
        ):
            return f"it needs the result of step {reference.step}, which there is not"
    return ""


def _ever_succeeded(state: RunState, step_id: StepId) -> bool:
    return any(a.outcome == "succeeded" for a in state.steps[step_id].attempts)


def _listed_items(
    plan: Plan,
    catalog: Catalog,
    state: RunState,
    effects: list[StepId],
    own: list[RollbackItem],
    names: _Names,
    ties: Mapping[StepId, Sequence[StepId]],
) -> list[RollbackItem]:
    """The plan's own list: one after the other, each after all the steps' own compensations."""
    before = tuple(item.step.id for item in own if item.fate == "planned")
    items: list[RollbackItem] = []
    carried = carried_out(state)
    for number, compensation in enumerate(plan.rollback, 1):
        item_id = names.take(f"rollback-{number}")
        tie = tie_of(compensation, plan, catalog, carried)
        if item_id in ties:
            tie = Tie(tuple(ties[item_id]), "as you said", tie.needs)
        if _done_already(compensation, own):
            continue
        fate, why, ask = _fate(compensation, tie, catalog, state, effects)
        items.append(
            RollbackItem(
                step=Step(
                    id=item_id,
                    action=compensation.action,
                    params=compensation.params,
                    depends_on=before if fate == "planned" else (),
                    description=compensation.description,
                ),
                undoes=tuple(s for s in tie.undoes if s in effects),
                tie=tie.why,
                fate=fate,
                why=why,
                ask=ask,
            )
        )
        if fate == "planned":
            before = (item_id,)
    return items


def _done_already(compensation: Compensation, own: list[RollbackItem]) -> bool:
    """Whether a step's own compensation is the very same call."""
    return any(
        item.fate == "planned"
        and (item.step.action, item.step.params) == (compensation.action, compensation.params)
        for item in own
    )


def _fate(
    compensation: Compensation,
    tie: Tie,
    catalog: Catalog,
    state: RunState,
    effects: list[StepId],
) -> tuple[str, str, bool]:
    """Whether an item runs, why not, and whether it asks first."""
    missing = _missing_result(compensation.params, state)
    if missing:
        return "refused", missing, False
    unmet = [s for s in tie.needs if not _ever_succeeded(state, s) and not state.steps[s].marked_by]
    if tie.needs and len(unmet) == len(tie.needs):
        return "refused", f"step {', '.join(unmet)}, which it needs, did not succeed", False
    if tie.undoes:
        if not any(s in effects for s in tie.undoes):
            return "left_out", f"there is nothing it would undo (step {', '.join(tie.undoes)})", False
        return "planned", "", False
    if not effects:
        return "left_out", "no step that changes anything has started", False
    if catalog.risk(compensation.action) is Risk.DESTRUCTIVE:
        if not any(_is_destructive(s, catalog, state) for s in effects):
            return "left_out", "it is destructive and no destructive step has started", False
        return "planned", "", True
    return "planned", "", False
