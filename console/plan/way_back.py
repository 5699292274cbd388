"""A plan's rollback list after steps of the plan have gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from console.plan.model import Compensation, StepId
from console.plan.references import find


def still_undoing(
    items: Sequence[Compensation], there: Collection[StepId], started: Collection[StepId] = ()
) -> tuple[Compensation, ...]:
    """`items` for a plan with the steps `there`. An item whose steps are all gone goes too, unless one of
    them has `started`: what it did may still have to be undone, and the item is then tied by what it does
    (check/ties.py). One that uses the result of a step that is gone can never be carried out."""
    kept = []
    for item in items:
        if any(reference.step not in there for reference in find(item.params)):
            continue
        undoes = item.undoes and tuple(step for step in item.undoes if step in there)
        if undoes == () and item.undoes:
            if not any(step in started for step in item.undoes):
                continue
            undoes = None
        kept.append(item.model_copy(update={"undoes": undoes}))
    return tuple(kept)
