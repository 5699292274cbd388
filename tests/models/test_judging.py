"""Whatever stands in a reply, judging it gives a verdict: a plan that may run, or faults to tell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.plan.codec import faults_of
from console.planners.base import Done, Goal, History
from console.planners.judging import Before, Judge
from tests.models.lines import TOOLS
from tests.models.test_planner import PLAN

KEYS = (
    "id", "action", "params", "depends_on", "description", "gate", "undo", "expect", "timeout", "retry",
    "steps", "expand", "on", "enabled", "step", "step_number", "tool", "input", "on_failure",
)  # fmt: skip
SCALARS = st.sampled_from(
    [None, True, 0, 5, 1.5, "", "x", "1", "phase", "none", "{step_1_result}", "é\u200b"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=5,
)
USUAL = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["1", "2", "3", "4", 5]),
        "action": st.sampled_from(["back_up", "look", "tell", "wipe", "phase", "none"]),
        "params": st.sampled_from([{"db": "main"}, {"at": "main"}, {"message": "m"}, {}]),
        "depends_on": st.sampled_from([[], ["1"], ["2", "1"]]),
    }
)
STEPS = st.builds(
    lambda one, odd: one | odd, USUAL, st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3)
)
REPLIES = st.builds(
    lambda steps, odd: odd | {"steps": steps},
    st.lists(STEPS | VALUES, max_size=4),
    st.dictionaries(
        st.sampled_from(["reason", "rollback", "goal", "meta", "expected", "plan"]), VALUES, max_size=3
    ),
)
PAST = History((Done("1", "succeeded"), Done("2", "failed", banned=True), Done("3", "held")), failed="2")


@pytest.mark.parametrize("before", [None, Before(PLAN, PAST)])
@settings(max_examples=150)
@given(reply=REPLIES)
def test_any_reply_is_judged(before: Before | None, reply: dict[str, Any]) -> None:
    verdict = Judge(Goal("g"), TOOLS, before).verdict(json.dumps(reply))
    if verdict.plan is None:
        assert verdict.faults or verdict.unread
        assert verdict.told()
    else:
        assert faults_of(verdict.plan) == ()
    if before is not None and verdict.plan is not None:
        assert PLAN.steps[0] in verdict.plan.leaves()
