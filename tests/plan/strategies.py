"""Plans and values for Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from console.plan.model import Compensation, Expect, Gate, Plan, Retry, Step, Undo

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.from_regex(r"[a-z][a-z_]{0,7}", fullmatch=True).filter(lambda name: name != "none")
numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts
json_values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
params = st.dictionaries(texts, json_values, max_size=3)
undos = st.builds(Undo, action=names, params=params)
expects = st.builds(
    Expect,
    exit_code=st.none() | st.integers(0, 255),
    matches=st.none() | st.sampled_from(["", "ok$", "a|b"]),
    json_paths=st.none() | st.dictionaries(st.sampled_from(["a.b", "rows[0]"]), json_values),
    json_schema=st.none() | st.sampled_from([{}, {"type": "object"}]),
)
retries = st.builds(Retry, attempts=st.integers(1, 100), backoff=st.floats(0, 86_400))
step_ids = st.integers(0, 99).map(str) | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,5}", fullmatch=True)


@st.composite
def plans(draw: st.DrawFn, min_size: int = 1, max_size: int = 7) -> Plan:
    """A valid plan: dependencies lead back in document order, runs of steps may be grouped into phases."""
    ids = draw(st.lists(step_ids, min_size=min_size + 3, max_size=max_size + 3, unique=True))
    spare, ids = ids[:3], ids[3:]
    steps: list[Step] = []
    for index, name in enumerate(ids):
        steps.append(_leaf(draw, name, ids[:index]))
    for phase in spare:
        wanted: bool = draw(st.booleans())
        if steps and wanted:
            start = draw(st.integers(0, len(steps) - 1))
            end = draw(st.integers(start + 1, len(steps)))
            before = (
                draw(st.lists(st.sampled_from([step.id for step in steps[:start]]), max_size=2, unique=True))
                if start
                else []
            )
            held = Step(
                id=phase, description=draw(texts), steps=tuple(steps[start:end]), depends_on=tuple(before)
            )
            steps[start:end] = [held]
    undoes = (
        st.none() | st.lists(st.sampled_from(ids), max_size=2, unique=True).map(tuple) if ids else st.none()
    )
    items = st.builds(Compensation, action=names, params=params, undoes=undoes, description=texts)
    return Plan(
        goal=draw(texts),
        steps=tuple(steps),
        rollback=tuple(draw(st.lists(items, max_size=2))),
        expected=tuple(draw(st.lists(texts, max_size=2))),
        meta=draw(params),
    )


def _leaf(draw: st.DrawFn, name: str, earlier: list[str]) -> Step:
    needs = draw(st.lists(st.sampled_from(earlier), max_size=3, unique=True)) if earlier else []
    given = draw(params)
    uses: bool = draw(st.booleans())
    if earlier and uses:
        given = {**given, "uses": f"got {{step_{draw(st.sampled_from(earlier))}_result.a}}!"}
    if draw(st.integers(0, 9)) == 0:
        return Step(id=name, action="none", params={"text": draw(texts)}, depends_on=tuple(needs))
    if draw(st.integers(0, 4)) > 0:
        return Step(id=name, action=draw(names), params=given, depends_on=tuple(needs))
    return Step(
        id=name,
        action=draw(names),
        params=given,
        depends_on=tuple(needs),
        description=draw(texts),
        undo=draw(st.none() | undos),
        expect=draw(st.none() | expects),
        timeout=draw(st.none() | st.floats(0.001, 1000)),
        retry=draw(st.none() | retries),
        gate=draw(st.none() | st.builds(Gate, question=texts)),
        on_failure=draw(st.sampled_from([None, "replan", "ask", "stop", "continue"])),
        on=draw(st.none() | texts),
        enabled=draw(st.booleans()),
        explain={other: draw(texts) for other in needs},
    )
