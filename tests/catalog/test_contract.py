"""Facts, patterns and contracts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.catalog.contract import (
    bind_pattern,
    bindings,
    ground,
    match,
    parse_fact,
    show,
    undo_of,
)
from console.catalog.spec import Contract, Parameter, ToolSpec
from console.plan.model import Undo

MIGRATE = ToolSpec(
    name="migrate",
    parameters=(Parameter(name="db"), Parameter(name="n", type="integer", default=3)),
    contract=Contract(
        requires=(("backup", "$db"), ("version", "$db", "$old")),
        provides=(("migrated", "$db", "$old", "$n"),),
        removes=(("version", "$db", "*"),),
        writes=(("db", "$db"),),
        vars=("old",),
    ),
)


@given(st.lists(st.text(), max_size=4).map(tuple))
def test_a_fact_that_is_shown_reads_back(fact: tuple[str, ...]) -> None:
    assert parse_fact(show(fact)) == fact


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("backup  maindb ", ("backup", "maindb")),
        ('notified "hello  team"', ("notified", "hello  team")),
        ("it's 5\" long", ("it's", '5"', "long")),
        ('"open', ('"open',)),
        ("", ()),
    ],
)
def test_a_written_fact_is_its_words(text: str, fact: tuple[str, ...]) -> None:
    assert parse_fact(text) == fact


def test_a_value_with_spaces_is_one_word() -> None:
    assert bind_pattern(("notified", "$x", "$y"), {"x": "hello team"}) == ("notified", "hello team", "$y")


@pytest.mark.parametrize(
    ("pattern", "fact", "binding", "bound"),
    [
        ("a $x", "a b", {}, {"x": "b"}),
        ("a $x", "a b", {"x": "b"}, {"x": "b"}),
        ("a $x", "a b", {"x": "c"}, None),
        ("a $x $x", "a b c", {}, None),
        ("a * $x", "a b c", {}, {"x": "c"}),
        ("a", "a b", {}, None),
        ("a $", "a b", {}, None),
        ("a b", "a c", {}, None),
    ],
)
def test_a_pattern_matches_word_by_word(
    pattern: str, fact: str, binding: dict[str, str], bound: dict[str, str] | None
) -> None:
    assert match(parse_fact(pattern), parse_fact(fact), binding) == bound


_words = st.sampled_from(["a", "b", "$x", "$y"])


@given(
    st.lists(st.lists(_words, min_size=1, max_size=2).map(tuple), max_size=3),
    st.sets(st.lists(st.sampled_from("ab"), min_size=1, max_size=2).map(tuple), max_size=5),
)
def test_bindings_are_all_and_only_those_that_meet_every_pattern(
    patterns: list[tuple[str, ...]], facts: set[tuple[str, ...]]
) -> None:
    names = sorted({word[1:] for pattern in patterns for word in pattern if word[0] == "$"})
    every = [dict(zip(names, values, strict=True)) for values in itertools.product("ab", repeat=len(names))]
    meeting = [b for b in every if all(bind_pattern(pattern, b) in facts for pattern in patterns)]
    found = {tuple(sorted(b.items())) for b in bindings(patterns, facts, {})}
    assert found == {tuple(sorted(b.items())) for b in meeting}


def test_a_contract_is_grounded_by_parameters_and_known_facts() -> None:
    facts = {("version", "main", "7"), ("version", "other", "1"), ("backup", "main")}
    contract = ground(MIGRATE, {"db": "main"}, facts)
    assert contract.requires == (("backup", "main"), ("version", "main", "7"))
    assert contract.provides == (("migrated", "main", "7", "3"),)
    assert contract.removes == (("version", "main", "*"),)


def test_what_nothing_binds_stays_a_variable() -> None:
    assert ground(MIGRATE, {"db": "main"}).provides == (("migrated", "main", "$old", "3"),)
    assert ground(MIGRATE, {}, [("version", "main", "7")]).writes == (("db", "main"),)
    partly = ground(MIGRATE, {"db": "main"}, [("version", "main", "7")])
    assert partly.requires == (("backup", "main"), ("version", "main", "7"))


def test_the_undo_of_a_step_gets_its_values_and_its_own_result() -> None:
    undo = Undo(
        action="back",
        params={
            "a": "$db",
            "b": "{{n}}",
            "c": "to {{db}} {{n}}",
            "d": "{step_result.old}",
            "e": ["$n", 1],
            "f": "{{gone}}",
        },
    )
    made = undo_of(MIGRATE.model_copy(update={"undo": undo}), {"db": "{step_result} {{n}}"}, "4b")
    assert made == Undo(
        action="back",
        params={
            "a": "{step_result} {{n}}",
            "b": 3,
            "c": "to {step_result} {{n}} 3",
            "d": "{step_4b_result.old}",
            "e": [3, 1],
        },
    )
    assert undo_of(MIGRATE, {}, "1") is None
