"""A document out of a model's reply -> one the codec can read, every change told.

Only what is certain is mended: missing ids are numbered, dependencies of a step on itself or on nothing
are dropped, a plan that says nothing of dependencies becomes a sequence. Everything else that is wrong is
left to be told as a fault.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any

from console.plan import codec
from console.plan.model import Plan, Step, StepId
from console.plan.references import renamed
from console.plan.way_back import still_undoing
from console.planners.base import History
from console.planners.llm_schema import PHASE
from console.planners.situation import WAITING

Document = dict[str, Any]

_GONE = ("failed", "cancelled")


def shaped(
    document: Any, known: Collection[StepId] = (), *, phases: bool = False
) -> tuple[Document, str, list[str]]:
    """The plan document, the model's reason, and the changes. `known` are ids of steps that are not in
    the document and may be depended on all the same; with `phases` the action `phase` is one."""
    plan: Document = dict(document) if isinstance(document, dict) else {"steps": document}
    if isinstance(plan.get("plan"), list) and "steps" not in plan:
        plan["steps"] = plan.pop("plan")
    reason = plan.pop("reason", "")
    repairs: list[str] = []
    steps = [_own_keys(step) if isinstance(step, dict) else step for step in plan.get("steps") or ()]
    if phases:
        steps = [_phase(step) for step in steps]
    _number(steps, repairs)
    _chain(steps, repairs)
    ids = {*known, *(_id(step) for step in _walk(steps))}
    plan["steps"] = [_connected(step, ids, repairs) for step in steps]
    if isinstance(plan.get("rollback"), list):
        plan["rollback"] = [_given(item) for item in plan["rollback"]]
    return plan, reason if isinstance(reason, str) else "", repairs


def _own_keys(step: Document) -> Document:
    """`step` in words of our own: `step: 3` is an id, `step: "fetch it"` a description."""
    step = _given(step)
    if isinstance(step.get("steps"), list):
        step["steps"] = [_own_keys(child) if isinstance(child, dict) else child for child in step["steps"]]
    if "step" in step:
        key = "id" if isinstance(step["step"], int) else "description"
        if key not in step:
            step[key] = step.pop("step")
    return step


def _phase(step: Any) -> Any:
    """A phase that is planned later, in the plan's own words."""
    if not isinstance(step, dict) or step.get("action") != PHASE or step.get("params"):
        return step
    return {k: v for k, v in step.items() if k not in ("action", "params", "gate")} | {"expand": True}


def _given(part: Any) -> Any:
    """`part` without parameters that are null, which a strict schema wants for those not given."""
    if not isinstance(part, dict):
        return part
    return {
        key: {k: v for k, v in value.items() if v is not None}
        if key == "params" and isinstance(value, dict)
        else value
        for key, value in part.items()
    }


def _id(step: Document) -> StepId:
    value = step.get("id", step.get("step_number"))
    return "" if value is None else str(value)


def _walk(steps: Sequence[Any]) -> Iterator[Document]:
    for step in steps:
        if isinstance(step, dict):
            yield step
            if isinstance(step.get("steps"), list):
                yield from _walk(step["steps"])


def _number(steps: Sequence[Any], repairs: list[str]) -> None:
    every = list(_walk(steps))
    if len(every) and not any(_id(step) for step in every):
        for number, step in enumerate(every, 1):
            step["id"] = number
        repairs.append("the steps had no ids: they were numbered")


def _chain(steps: Sequence[Any], repairs: list[str]) -> None:
    """Steps of which none says what it depends on were meant one after the other."""
    flat = [step for step in steps if isinstance(step, dict)]
    if len(flat) > 1 and not any("depends_on" in step for step in _walk(steps)):
        for before, step in pairwise(flat):
            step["depends_on"] = [before.get("id", before.get("step_number"))]
        repairs.append("no step said what it depends on: they run one after the other")


def _connected(step: Any, ids: Collection[StepId], repairs: list[str]) -> Any:
    if not isinstance(step, dict):
        return step
    if isinstance(step.get("steps"), list):
        step = {**step, "steps": [_connected(child, ids, repairs) for child in step["steps"]]}
    before = step.get("depends_on")
    if not isinstance(before, list):
        return step
    own = _id(step)
    kept = []
    for name in before:
        if str(name) == own:
            repairs.append(f"step {own}: a dependency on itself was dropped")
        elif isinstance(name, str | int) and str(name) not in ids:
            repairs.append(
                f"step {own}: a dependency on step {name!s:.64}, which does not exist, was dropped"
            )
        else:
            kept.append(name)
    return {**step, "depends_on": kept}


# ── revisions ────────────────────────────────────────────────────────────────────────────────────


def restored(
    document: Document, plan: Plan, history: History
) -> tuple[Document, list[str], list[tuple[StepId, str]]]:
    """The document of a revision with every step that has started as it is in `plan`; with it the changes
    and, by step, what cannot be taken. A failed step that is planned in another way gets a new id."""
    repairs: list[str] = []
    faults: list[tuple[StepId, str]] = []
    leaves = {step.id: step for step in plan.leaves()}
    started = {
        done.step: done for done in history.steps if done.step in leaves and done.status not in WAITING
    }
    kept = {name: leaves[name] for name, done in started.items() if done.status not in _GONE}
    names: dict[StepId, StepId] = {}
    spare = _spare(document, plan)

    def one(step: Any) -> Any:
        if not isinstance(step, dict):
            return step
        name = _id(step)
        if name in kept:
            if not _same_call(step, kept[name]):
                repairs.append(f"step {name} has started: it stays as it is")
            return codec.step_document(kept[name])
        if isinstance(step.get("steps"), list):
            return {**step, "steps": [one(child) for child in step["steps"]]}
        if name in started:
            if not _same_call(step, leaves[name]):
                names[name] = str(next(spare))
                repairs.append(f"step {name} failed: what is done instead is step {names[name]}")
                return {**step, "id": names[name]}
            if started[name].banned and not history.words:
                faults.append((name, "it failed that way; do it differently or leave it out"))
        return step

    steps = [one(step) for step in document["steps"]]
    present = {_id(step) for step in _walk(steps)}
    missing = [codec.step_document(step) for name, step in kept.items() if name not in present]
    if names:
        steps = [_renamed(step, names, kept) for step in steps]
    ids = {*present, *names.values(), *kept}
    steps = [_without_lost(step, kept, ids) for step in (*missing, *steps)]
    made = {**document, "steps": steps}
    if not made.get("rollback") and plan.rollback:
        there = {_id(step) for step in _walk(steps)}
        kept_back = plan.model_copy(update={"rollback": still_undoing(plan.rollback, there)})
        made["rollback"] = codec.to_document(kept_back).get("rollback", [])
    return made, repairs, faults


def _without_lost(step: Any, kept: Collection[StepId], ids: Collection[StepId]) -> Any:
    """A started step without dependencies on steps that are not in the plan any more."""
    if not isinstance(step, dict) or _id(step) not in kept or "depends_on" not in step:
        return step
    return {**step, "depends_on": [name for name in step["depends_on"] if str(name) in ids]}


def _spare(document: Document, plan: Plan) -> Iterator[int]:
    """Numbers that no step has or had."""
    used = [_id(step) for step in _walk(document["steps"])] + [step.id for step, _ in plan.walk()]
    number = max((int(name) for name in used if name.isdecimal() and len(name) < 10), default=0)
    while True:
        number += 1
        yield number


def _same_call(document: Document, step: Step) -> bool:
    action = document.get("action", document.get("tool", document.get("tool_to_use")))
    params = document.get("params")
    return action == step.action and (params or {}) == step.params


def _renamed(step: Any, names: dict[StepId, StepId], kept: Collection[StepId]) -> Any:
    """`step` with what it waits for and refers to under their new ids; started steps stay as they are."""
    if not isinstance(step, dict) or _id(step) in kept:
        return step
    made = {**step, "params": renamed(step.get("params") or {}, names)} if "params" in step else dict(step)
    if isinstance(step.get("depends_on"), list):
        made["depends_on"] = [names.get(str(name), name) for name in step["depends_on"]]
    if isinstance(step.get("steps"), list):
        made["steps"] = [_renamed(child, names, kept) for child in step["steps"]]
    return made


def same_plan(one: Plan, other: Plan) -> bool:
    """Whether two plans do the same, whatever their words are."""
    return _decisive(one) == _decisive(other)


def _decisive(plan: Plan) -> bytes:
    rollback = codec.to_document(plan).get("rollback", [])
    return codec.canonical([[codec.decisive(step) for step in plan.steps], rollback])
