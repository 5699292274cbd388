"""How far steps reach that are none of the plan's, what a step is done to, and what undoes what by values."""

from __future__ import annotations

import pytest

from console.plan.check.reach import blast_radius, target_of
from console.plan.check.ties import tie_of
from console.plan.codec import from_document, load
from console.plan.model import Compensation, Step, Undo
from tests.planners.seed_loader import catalog_of

CATALOG = catalog_of(
    """
tools:
  - {name: look, risk: observe}
  - {name: wipe, risk: destructive, parameters: [&db {name: db}], writes: [db $db]}
  - {name: fill, risk: destructive, parameters: [*db, {name: rows}], undo: {action: wipe, params: {db: $db}}}
  - {name: tune, risk: disruptive, parameters: [{name: options, type: object}, {name: fast, type: boolean}]}
  - {name: untune, risk: disruptive, parameters: [{name: options, type: object}, {name: fast, type: boolean}]}
  - {name: page, risk: reversible, parameters: [{name: text}], writes: [pager $text]}
"""
)
PLAN = load("steps: [{id: 1, action: look}]")


def test_calls_that_are_none_of_the_plans_steps_are_undone_by_their_tools_or_themselves() -> None:
    calls = [
        Step(id="a", action="wipe", params={"db": "shop"}),
        Step(id="b", action="fill", params={"db": "shop", "rows": "1"}),
        Step(id="c", action="wipe", params={"db": "logs"}, undo=Undo(action="fill", params={})),
        Step(id="d", action="gone", on="web-1"),
        Step(id="e", action="look"),
    ]
    reach = blast_radius(PLAN, CATALOG, calls)
    assert (reach.steps, reach.effects, reach.covered) == (5, 4, 2)
    assert reach.destructive == ("a", "b", "c", "d")  # nobody knows what an unknown tool does
    assert reach.irreversible == ("a", "d")
    assert reach.touches == ("db shop", "shop", "db logs", "web-1")


@pytest.mark.parametrize(
    ("step", "target"),
    [
        (Step(id="1", action="wipe", params={"db": "shop"}), "shop"),
        (Step(id="1", action="wipe", params={"db": "{step_2_result}"}, on="web-1"), "web-1"),
        (Step(id="1", action="page", params={"text": "operations"}), "operations"),
        (Step(id="1", action="page", params={"text": "all of us"}), ""),
    ],
)
def test_the_target_is_one_word_that_can_be_typed(step: Step, target: str) -> None:
    assert target_of(step, CATALOG) == target


@pytest.mark.parametrize(
    ("options", "undone"),
    [
        ({"sizes": ["large", 12]}, ("1",)),
        ({"sizes": ["small", 12]}, ()),
        ({"sizes": [None, 12]}, ()),
    ],
)
def test_values_within_lists_and_mappings_tie_and_short_ones_do_not(
    options: dict[str, object], undone: tuple[str, ...]
) -> None:
    params = {"options": {"kept": "large"}, "fast": True}
    plan = from_document([{"id": 1, "action": "tune", "params": params}])
    item = Compensation(action="untune", params={"options": options, "fast": True}, undoes=None)
    shared = tie_of(item, plan, CATALOG)
    assert (shared.undoes == undone) or not undone
    assert ("share the value 'large'" in shared.why) == bool(undone)


@pytest.mark.parametrize("contract", ["", ", requires: [backup shop]"])
def test_a_restore_needs_its_backup_by_contract_or_by_value(contract: str) -> None:
    specs = catalog_of(
        f"""
tools:
  - {{name: dump_all, risk: observe, parameters: [{{name: to}}], provides: [backup shop]}}
  - {{name: wipe_shop, risk: destructive}}
  - {{name: restore_shop, risk: destructive, parameters: [{{name: from}}]{contract}}}
"""
    )
    plan = load(
        "steps: [{id: 1, action: dump_all, params: {to: shop.sql}},"
        " {id: 2, action: wipe_shop, depends_on: [1]}]"
    )
    found = tie_of(Compensation(action="restore_shop", params={"from": "shop.sql"}), plan, specs)
    assert (found.undoes, found.needs) == (("2",), ("1",))
