"""How far plans agree: what the two measures promise."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from console.evaluation.agreement import agreement
from console.plan.model import Plan, Step


def plan(*steps: tuple[str, str] | tuple[str, str, tuple[str, ...]], **params: dict[str, str]) -> Plan:
    """A plan of (id, action, depends_on); keywords are the parameters of the step `s<id>`."""
    made = [
        Step(id=s[0], action=s[1], depends_on=s[2] if len(s) > 2 else (), params=params.get(f"s{s[0]}", {}))
        for s in steps
    ]
    return Plan(goal="g", steps=tuple(made))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    size = draw(st.integers(1, 7))
    steps = []
    for i in range(size):
        before = draw(st.sets(st.integers(0, i - 1), max_size=3)) if i else set()
        action = draw(st.sampled_from("abc"))
        value = draw(st.sampled_from(["x", "y"]))
        steps.append(
            Step(
                id=str(i),
                action=action,
                params={"v": value},
                depends_on=tuple(str(b) for b in sorted(before)),
            )
        )
    return Plan(goal="g", steps=tuple(steps))


@given(plans(), plans())
def test_both_measures_are_symmetric_and_bounded(one: Plan, other: Plan) -> None:
    there, back = agreement(one, other), agreement(other, one)
    assert there.f1 == back.f1
    assert 0 <= there.f1 <= 1
    assert there.edits >= abs(len(one.steps) - len(other.steps))


@given(plans(), st.randoms(use_true_random=False))
def test_ids_and_the_order_of_writing_do_not_matter(one: Plan, chance: random.Random) -> None:
    names = [f"n{i}" for i in range(len(one.steps))]
    chance.shuffle(names)
    new = {step.id: name for step, name in zip(one.steps, names, strict=True)}
    steps = [
        step.model_copy(update={"id": new[step.id], "depends_on": tuple(new[d] for d in step.depends_on)})
        for step in one.steps
    ]
    other = one.model_copy(update={"steps": tuple(steps)})
    assert agreement(one, other).f1 == 1.0
    assert agreement(one, other).edits == 0


def test_a_redundant_dependency_changes_nothing() -> None:
    chain = plan(("1", "a"), ("2", "b", ("1",)), ("3", "c", ("2",)))
    more = plan(("1", "a"), ("2", "b", ("1",)), ("3", "c", ("2", "1")))
    assert agreement(chain, more) == agreement(chain, chain)


def test_a_chain_for_a_fan_states_order_that_the_reference_does_not() -> None:
    fan = plan(("1", "a"), ("2", "b", ("1",)), ("3", "c", ("1",)))
    chain = plan(("1", "a"), ("2", "b", ("1",)), ("3", "c", ("2",)))
    found = agreement(chain, fan)
    assert found.f1 == 2 * 5 / (6 + 5)  # three calls and two orders shared; one order too many
    assert found.edits == 2  # c waits for b, and should wait for a


def test_a_missing_step_and_another_value_are_one_edit_each() -> None:
    reference = plan(("1", "a"), ("2", "b"), s1={"to": "production"})
    assert agreement(plan(("9", "a"), s9={"to": "production"}), reference).edits == 1
    assert agreement(plan(("1", "a"), ("2", "b"), s1={"to": "staging"}), reference).edits == 1


def test_a_reference_is_the_same_under_another_id() -> None:
    one = plan(("1", "a"), ("2", "b", ("1",)), s2={"v": "{step_1_result.x}"})
    other = plan(("7", "a"), ("8", "b", ("7",)), s8={"v": "{step_7_result.x}"})
    assert agreement(one, other).edits == 0


def test_plans_that_share_nothing_do_not_agree_at_all() -> None:
    assert agreement(plan(("1", "a")), plan(("1", "b"))).f1 == 0.0
