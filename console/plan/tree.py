"""The tree of steps, taken apart and put together again: every function gives a new tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from console.plan import references
from console.plan.identical import identical
from console.plan.model import Plan, Step, StepId

Steps = tuple[Step, ...]


def with_steps(plan: Plan, steps: Steps) -> Plan:
    return plan.model_copy(update={"steps": steps})


def replaced(steps: Steps, step_id: StepId, new: Steps) -> Steps:
    """The tree with `new` in the place of one step."""
    return edited(steps, lambda step: new if step.id == step_id else None)


def edited(steps: Steps, change: Callable[[Step], Steps | None]) -> Steps:
    """The tree with each step replaced by what `change` gives for it, outermost first; `None` leaves a
    step as it is and goes on to its children."""
    made: list[Step] = []
    for step in steps:
        new = change(step)
        if new is not None:
            made += new
            continue
        if not step.steps:
            made.append(step)
            continue
        children = edited(step.steps, change)
        same = len(children) == len(step.steps) and all(map(_is, children, step.steps))
        made.append(step if same else step.model_copy(update={"steps": children}))
    return tuple(made)


def each(steps: Steps, change: Callable[[Step], Step]) -> Steps:
    """The tree with `change` applied to every step, children before their phase."""
    made = []
    for step in steps:
        if not step.steps:
            made.append(change(step))
            continue
        children = each(step.steps, change)
        same = all(map(_is, children, step.steps))
        made.append(change(step if same else step.model_copy(update={"steps": children})))
    return tuple(made)


def inside(step: Step) -> Iterator[Step]:
    """`step` and everything it holds."""
    yield step
    for child in step.steps:
        yield from inside(child)


def ids_in(step: Step) -> frozenset[StepId]:
    return frozenset(held.id for held in inside(step))


def needs(step: Step) -> tuple[StepId, ...]:
    """What a step itself asks for: its dependencies and the steps whose results it uses."""
    asked = (*step.depends_on, *references.referred(step))
    return tuple(dict.fromkeys(asked)) if len(asked) > 1 else asked


def with_dependencies(step: Step, ids: tuple[StepId, ...]) -> Step:
    """`step` with these dependencies, each once; reasons for others are dropped."""
    kept = tuple(dict.fromkeys(name for name in ids if name != step.id))
    if kept == step.depends_on:
        return step
    explain = {name: reason for name, reason in step.explain.items() if name in kept}
    return step.model_copy(update={"depends_on": kept, "explain": explain})


def with_ids(step: Step, ids: Mapping[StepId, StepId]) -> Step:
    """`step` and all it holds under new ids, what they say of each other included."""
    undo = step.undo and step.undo.model_copy(update={"params": references.renamed(step.undo.params, ids)})
    return step.model_copy(
        update={
            "id": ids.get(step.id, step.id),
            "params": references.renamed(step.params, ids),
            "depends_on": tuple(ids.get(name, name) for name in step.depends_on),
            "explain": {ids.get(name, name): reason for name, reason in step.explain.items()},
            "undo": undo,
            "steps": tuple(with_ids(child, ids) for child in step.steps),
        }
    )


def _is(one: object, other: object) -> bool:
    return one is other


def shared(plan: Plan, other: Plan) -> Plan:
    """`plan`, with the very steps of `other` where they are the same: what was read twice is kept once."""
    known = {step.id: step for step, _ in other.walk()}

    def known_or(step: Step) -> Step:
        was = known.get(step.id)
        return was if was is not None and _same(was, step) else step

    return with_steps(plan, each(plan.steps, known_or))


def _same(one: Step, other: Step) -> bool:
    """Whether two steps with the same children say the same; 1, 1.0 and true are not the same."""
    return (
        one == other
        and [*one.params] == [*other.params]
        and identical(one.params, other.params)
        and (one.undo is None or identical(one.undo, other.undo))
        and (one.expect is None or identical(one.expect, other.expect))
    )
