"""What of a changed plan asks for approval again, and why. Pure.

The plan that was approved is held against the one that takes its place. A step asks again when it is
new, does something else, reaches further, or is riskier than it was: when its undo is another, or when
what made it safe (a backup, what it needs) does not come before it any more. A step that is dropped,
renamed, described in other words or merely put elsewhere does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from console.catalog.contract import parse_fact
from console.catalog.spec import Catalog, Fact, Risk
from console.plan import references
from console.plan.canonical import digest
from console.plan.check.needs import needs
from console.plan.check.safety import backups
from console.plan.check.view import View
from console.plan.diff import identical
from console.plan.model import Plan, Step, StepId
from console.run.life import StepStatus
from console.run.policy import risk_of
from console.run.so_far import SoFar, as_it_went
from console.run.state import RunState

NEW = "it is new"
TAKEN_IN = "it was left out"

_WIDER = {"on": "it runs on another host"}
_RISKIER = {
    "undo": "its undo is another",
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
    ids = {step.id: step.id for step in after.values() if step.id in before} | _renamed(before, after)
    asking: dict[StepId, str] = {}
    for step in after.values():
        was = before.get(ids.get(step.id, ""))
        reason = NEW if was is None else _difference(was, step, ids)
        if reason and step.enabled:
            asking[step.id] = reason
    if _is_reordered(before, after, ids):
        lost = _lost(old, new, catalog, so_far or SoFar(), tuple(facts))
        asking |= {step: why for step, why in lost.items() if step not in asking and after[step].enabled}
    return {step: asking[step] for step in after if step in asking}


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


def _renamed(before: Mapping[StepId, Step], after: Mapping[StepId, Step]) -> dict[StepId, StepId]:
    """New ids of steps that are the same under an old id that is gone, by new id."""
    gone = {_content(step): step.id for step in before.values() if step.id not in after}
    if not gone:
        return {}
    come = [step for step in after.values() if step.id not in before]
    found: dict[StepId, StepId] = {}
    for step in come:
        if (old := gone.pop(_content(step), "")) != "":
            found[step.id] = old
    return found


def _content(step: Step) -> str:
    """What the step does, whatever it is called and wherever it stands."""
    told = {"id", "description", "explain", "depends_on", "steps"}
    return digest(step.model_dump(mode="json", by_alias=True, exclude=told))


def _difference(was: Step, step: Step, ids: Mapping[StepId, StepId]) -> str:
    """Why `step` is not what was approved as `was`; empty when it is."""
    if step.action != was.action:
        return f"it was {was.action}"
    if not was.enabled and step.enabled:
        return TAKEN_IN
    if changed := _changed_parameters(was, step, ids):
        return f"changed: {', '.join(changed)}"
    for field, reason in {**_WIDER, **_RISKIER}.items():
        if not identical(getattr(was, field), getattr(step, field)):
            return reason
    return "its gate is gone" if was.gate is not None and step.gate is None else ""


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


def _lost(
    old: Plan, new: Plan, catalog: Catalog, so_far: SoFar, facts: tuple[Fact, ...]
) -> dict[StepId, str]:
    """The steps that did not lack what makes them safe, and do now."""
    try:
        had = {(code, step) for code, step, _ in _lacking(old, catalog, so_far, facts)}
        now = list(_lacking(new, catalog, so_far, facts))
    except ValueError:  # a plan that goes in a circle is refused before anything of it is approved
        return {}
    found: dict[StepId, str] = {}
    for code, step, message in now:
        if (code, step) not in had:
            found.setdefault(step, message)
    return found


def _lacking(
    plan: Plan, catalog: Catalog, so_far: SoFar, facts: tuple[Fact, ...]
) -> Iterator[tuple[str, StepId, str]]:
    view = View(as_it_went(plan, so_far), catalog, facts)
    for finding in (*needs(view), *backups(view)):
        if finding.step in view.steps and risk_of(view.steps[finding.step], catalog) is not Risk.OBSERVE:
            yield finding.code, finding.step, finding.message
