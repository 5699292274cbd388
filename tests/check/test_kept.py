"""What is kept of single steps from one check to the next changes nothing of what is found."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from console.plan.check import Known, check
from console.plan.edit import DeleteStep, Edit, EditRefused, MoveStep, Place, ReplaceStep, SetEnabled, apply
from console.plan.model import Plan
from tests.check.corpus import Case, from_worlds, plain, seeds, spoilt, unexplained

GOOD = (*seeds(), *map(unexplained, seeds()), *plain(), *from_worlds(40))
CASES = (*GOOD, *(bad for case in GOOD for bad in spoilt(case, Random(5))))


def an_edit(plan: Plan, rng: Random) -> Edit:
    step, other = (rng.choice(plan.leaves()) for _ in range(2))
    edits: list[Edit] = [
        DeleteStep(step.id, rewire=True),
        SetEnabled(step.id, not step.enabled),
        MoveStep(step.id, Place(after=other.id), rewire=True),
        ReplaceStep(step.id, step.model_copy(update={"params": other.params, "undo": other.undo})),
        ReplaceStep(step.id, step.model_copy(update={"depends_on": (other.id,), "explain": {}})),
        ReplaceStep(step.id, step.model_copy(update={"action": other.action, "params": other.params})),
    ]
    return rng.choice(edits)


@given(st.sampled_from(CASES), st.randoms(use_true_random=False))
def test_a_check_after_edits_finds_what_a_fresh_one_does(case: Case, rng: Random) -> None:
    plan, known = case.plan, Known(case.catalog)
    for _ in range(4):
        kept = check(plan, case.catalog, facts=case.facts, want=case.want, known=known)
        assert kept == check(plan, case.catalog, facts=case.facts, want=case.want)
        if plan.leaves():
            try:
                plan = apply(plan, an_edit(plan, rng))
            except EditRefused:
                continue
