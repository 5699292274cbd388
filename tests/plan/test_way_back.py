"""What is left of a plan's rollback list when steps of the plan go."""

from __future__ import annotations

import pytest

from console.plan.model import Compensation
from console.plan.way_back import still_undoing


def item(undoes: tuple[str, ...] | None, **params: str) -> Compensation:
    return Compensation(action="put_back", undoes=undoes, params=params)


@pytest.mark.parametrize(
    ("before", "started", "after"),
    [
        (item(None), (), [item(None)]),
        (item(()), (), [item(())]),
        (item(("1", "9")), (), [item(("1",))]),
        (item(("9",)), (), []),
        (item(("9",)), ("9",), [item(None)]),
        (item(("1",), to="{step_9_result}"), (), []),
        (item(("1",), to="{step_2_result}"), (), [item(("1",), to="{step_2_result}")]),
    ],
    ids=[
        "says-nothing",
        "undoes-nothing",
        "one-left",
        "all-gone",
        "gone-but-started",
        "its-word-gone",
        "whole",
    ],
)
def test_an_item_goes_with_the_steps_it_undoes(
    before: Compensation, started: tuple[str, ...], after: list[Compensation]
) -> None:
    assert list(still_undoing([before], {"1", "2"}, started)) == after
