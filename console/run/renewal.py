"""What of a changed plan asks for approval again, and why. Pure.

The plan that was approved is held against the one that takes its place. A step asks again when it is
new, does something else, reaches further, or is riskier than it was: when what undoes it is another, or
when what made it safe (a backup, what it needs) does not come before it any more. A step that is dropped,
renamed, described in other words or merely put elsewhere does not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from console.catalog.contract import parse_fact
from console.catalog.spec import Catalog, Fact, Risk
from console.plan import references
from console.plan.canonical import digest
from console.plan.check.needs import needs
from console.plan.check.safety import backups
from console.plan.check.ties import tie_of
from console.plan.check.view import View
from console.plan.identical import identical
from console.plan.model import Compensation, Plan, Step, StepId, Undo
from console.run.life import StepStatus
from console.run.policy import risk_of
from console.run.so_far import SoFar, as_it_went
from console.run.state import RunState

NEW = "it is new"
TAKEN_IN = "it was left out"

_WIDER = {"on": "it runs on another host"}
_RISKIER = {
    "expect": "it expects something else",
    "on_failure": "its failure leads to something else",
    "timeout": "it has another time limit",
    "retry": "it is tried differently",
}

_TO_COME = frozenset(
    {StepStatus.PENDING, StepStatus.HELD, StepStatus.FAILED, StepStatus.CANCELLED, StepStatus.UNDONE}
)


def asks_again(
    old: Plan, new: Plan, catalog: Catalog, *, so_far: SoFar | None = None, facts: Iterable[Fact] = ()
) -> dict[StepId, str]:
    """The steps of `new` that an approval of `old` does not stand for, each with the reason, in the plan's
    order. What has run of the plans is `so_far`; `facts` held before them."""
    before, after = _taken_in(old), _taken_in(new)
    ids = _known(before, after)
    asking: dict[StepId, str] = {}
    for step in after.values():
        was = before.get(ids.get(step.id, ""))
        reason = NEW if was is None else _difference(was, step, ids)
        if reason and step.enabled:
            asking[step.id] = reason
    lost = _not_undone(old, new, catalog, ids)
    if _is_reordered(before, after, ids):
        lost = _lost(old, new, catalog, so_far or SoFar(), tuple(facts), ids) | lost
    asking |= {step: why for step, why in lost.items() if step not in asking and after[step].enabled}
    return {step: asking[step] for step in after if step in asking}


def renamed(old: Plan, new: Plan) -> dict[StepId, StepId]:
    """The steps of `new` that are steps of `old` under another name, with the old one."""
    ids = _known(_taken_in(old), _taken_in(new))
    return {name: was for name, was in ids.items() if name != was}


def asking_in(state: RunState, plan: Plan) -> dict[StepId, str]:
    """The steps of `plan` that have to be approved before they run in this run, with the reason; all of
    them, without one, while nothing was approved. What is done or runs asks no more."""
    to_come = {step.id for step in plan.leaves() if _is_to_come(state, step.id)}
    if state.approved_plan is None:
        return {step.id: "" for step in plan.leaves() if step.id in to_come}
    found = asks_again(
        state.approved_plan,
        plan,
        state.catalog,
        so_far=SoFar.of(state),
        facts=[parse_fact(fact) for fact in state.facts],
    )
    return {step: why for step, why in found.items() if step in to_come}


def _is_to_come(state: RunState, step: StepId) -> bool:
    known = state.steps.get(step)
    return known is None or known.status in _TO_COME


def _taken_in(plan: Plan) -> dict[StepId, Step]:
    """The leaves, each left out where a phase above it is."""
    off = {step.id for step, _ in plan.walk() if not step.enabled}
    return {
        step.id: step if off.isdisjoint(path) else step.model_copy(update={"enabled": False})
        for step, path in plan.walk()
        if not step.is_phase
    }


def _known(before: Mapping[StepId, Step], after: Mapping[StepId, Step]) -> dict[StepId, StepId]:
    """What the steps of `after` that were there before were called, by what they are called now. A step that
    is the same as one that is gone is that one, also where it uses results of others that are."""
    ids = {name: name for name in after if name in before}
    gone: defaultdict[str, list[StepId]] = defaultdict(list)
    for step in before.values():
        if step.id not in after:
            gone[_content(step, {})].append(step.id)
    come = [step for step in after.values() if step.id not in before]
    found = bool(gone)
    while found:
        found = False
        for step in come:
            if step.id not in ids and (names := gone.get(_content(step, ids))):
                ids[step.id], found = names.pop(0), True
    return ids


def _content(step: Step, ids: Mapping[StepId, StepId]) -> str:
    """What the step does, whatever it is called and wherever it stands, with references by the names in
    `ids`."""
    told = {"id", "description", "explain", "depends_on", "steps"}
    content = step.model_dump(mode="json", by_alias=True, exclude=told)
    return digest(references.renamed(content, {**ids, step.id: ""}))


def _difference(was: Step, step: Step, ids: Mapping[StepId, StepId]) -> str:
    """Why `step` is not what was approved as `was`; empty when it is."""
    if step.action != was.action:
        return f"it was {was.action}"
    if not was.enabled and step.enabled:
        return TAKEN_IN
    if changed := _changed_parameters(was, step, ids):
        return f"changed: {', '.join(changed)}"
    if not identical(was.undo, _renamed(step.undo, ids)):
        return "its undo is another"
    for field, reason in {**_WIDER, **_RISKIER}.items():
        if not identical(getattr(was, field), getattr(step, field)):
            return reason
    return "its gate is gone" if was.gate is not None and step.gate is None else ""


def _renamed(undo: Undo | None, ids: Mapping[StepId, StepId]) -> Undo | None:
    return undo and undo.model_copy(update={"params": references.renamed(undo.params, ids)})


def _changed_parameters(was: Step, step: Step, ids: Mapping[StepId, StepId]) -> list[str]:
    now = references.renamed(step.params, ids)
    names = dict.fromkeys((*was.params, *now))
    return [
        name
        for name in names
        if name not in was.params or name not in now or not identical(was.params[name], now[name])
    ]


def _is_reordered(
    before: Mapping[StepId, Step], after: Mapping[StepId, Step], ids: Mapping[StepId, StepId]
) -> bool:
    """Whether any step may come earlier than it did, or without another one."""
    if any(step.enabled and not (ids.get(name) and after[name].enabled) for name, step in before.items()):
        return True
    return any(
        not {ids.get(name, name) for name in step.depends_on}.issuperset(before[ids[step.id]].depends_on)
        for step in after.values()
        if step.id in ids
    )


def _not_undone(old: Plan, new: Plan, catalog: Catalog, ids: Mapping[StepId, StepId]) -> dict[StepId, str]:
    """The steps that an item of the plan's rollback undid which is not in it any more."""
    kept = Counter(_item(item, ids) for item in new.rollback)
    gone: list[Compensation] = []
    for item in old.rollback:
        if kept[_item(item, {})]:
            kept[_item(item, {})] -= 1
        else:
            gone.append(item)
    names = {was: name for name, was in ids.items()}
    undone = dict.fromkeys(step for item in gone for step in tie_of(item, old, catalog).undoes)
    return {names[step]: "the plan's rollback of it is another" for step in undone if step in names}


def _item(item: Compensation, ids: Mapping[StepId, StepId]) -> str:
    undoes = None if item.undoes is None else sorted(ids.get(step, step) for step in item.undoes)
    return digest([item.action, references.renamed(item.params, ids), undoes])


def _lost(
    old: Plan,
    new: Plan,
    catalog: Catalog,
    so_far: SoFar,
    facts: tuple[Fact, ...],
    ids: Mapping[StepId, StepId],
) -> dict[StepId, str]:
    """The steps that lack more of what makes them safe than they did."""
    try:
        had = Counter((code, step) for code, step, _ in _lacking(old, catalog, so_far, facts))
        now = list(_lacking(new, catalog, so_far, facts))
    except ValueError:  # a plan that goes in a circle is refused before anything of it is approved
        return {}
    found: dict[StepId, str] = {}
    for code, step, message in now:
        known = code, ids.get(step, "")
        had[known] -= 1
        if had[known] < 0:
            found.setdefault(step, message)
    return found


def _lacking(
    plan: Plan, catalog: Catalog, so_far: SoFar, facts: tuple[Fact, ...]
) -> Iterator[tuple[str, StepId, str]]:
    view = View(as_it_went(plan, so_far), catalog, facts)
    for finding in (*needs(view), *backups(view)):
        if finding.step in view.steps and risk_of(view.steps[finding.step], catalog) is not Risk.OBSERVE:
            yield finding.code, finding.step, finding.message
