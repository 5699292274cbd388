"""Every path that is told of a result leads a reference to what stands there."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from console.plan.references import resolve
from console.plan.shape import DEPTH, parts_of

names = st.sampled_from(["a", "b_1", "Name", "or", "null", "no path", "", "1x", "ä"])
results = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(results)
def test_a_path_leads_to_its_part(result: Any) -> None:
    for path, part in parts_of(result):
        if part is not None:  # which a reference takes for nothing
            assert resolve("{step_1_result" + path + "}", lambda _: json.dumps(result)) == part


def test_fields_and_first_items_are_told_to_a_depth() -> None:
    result = {"ports": [{"number": 80, "deep": {"deeper": 1}}], "no path": 1, "empty": []}
    assert [path for path, _ in parts_of(result)] == [
        ".ports",
        ".ports[0]",
        ".ports[0].number",
        ".ports[0].deep",
        ".empty",
    ]
    assert list(parts_of([1, 2])) == []
    assert len(list(parts_of({"a": {"a": {"a": {"a": 1}}}}))) == DEPTH
