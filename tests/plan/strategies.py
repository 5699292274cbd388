"""Plans and values for Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from console.plan.model import Compensation, Expect, Gate, Plan, Retry, Step, Undo

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.sampled_from(["run", "make_it", "files.copy", "on", "7", "null", "é t"])
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
IDS = ["1", "2", "3", "7", "10", "11", "42", "01", "a", "b", "A-1", "x_result", "step_2", "0", "z9", "Q"]
step_ids = st.sampled_from(IDS)


@st.composite
def plans(draw: st.DrawFn, min_size: int = 1, max_size: int = 7, *, bare: bool = False) -> Plan:
    """A valid plan: dependencies lead back in document order, runs of steps may be grouped into phases.
    `bare` plans are all structure."""
    size = draw(st.integers(min_size, max_size))
    shift = draw(st.integers(0, len(IDS) - 1))
    ids = [*IDS[shift:], *IDS[:shift]]
    ids, spare = ids[:size], ids[size : size + 2]
    steps = [_leaf(draw, name, ids[:index], bare) for index, name in enumerate(ids)]
    for phase in spare:
        if steps and _coin(draw):
            start = draw(st.integers(0, len(steps) - 1))
            end = draw(st.integers(start + 1, len(steps)))
            before = _some(draw, [step.id for step in steps[:start]])
            title = "" if bare else draw(texts)
            steps[start:end] = [
                Step(id=phase, description=title, steps=tuple(steps[start:end]), depends_on=before)
            ]
    if bare:
        return Plan(steps=tuple(steps))
    items = [
        Compensation(
            action=draw(names), params=draw(params), undoes=_some(draw, ids) if _coin(draw) else None
        )
        for _ in range(draw(st.integers(0, 2)))
    ]
    expected = tuple(draw(st.lists(texts, max_size=2)))
    return Plan(
        goal=draw(texts), steps=tuple(steps), rollback=tuple(items), expected=expected, meta=draw(params)
    )


def _coin(draw: st.DrawFn) -> bool:
    return draw(st.booleans())


def _some(draw: st.DrawFn, ids: list[str]) -> tuple[str, ...]:
    """Up to three of `ids`, each once."""
    if not ids:
        return ()
    return tuple(dict.fromkeys(draw(st.lists(st.sampled_from(ids), max_size=3))))


def _leaf(draw: st.DrawFn, name: str, earlier: list[str], bare: bool) -> Step:
    needs = _some(draw, earlier)
    uses = (
        {"uses": f"got {{step_{draw(st.sampled_from(earlier))}_result.a}}!"}
        if earlier and _coin(draw)
        else {}
    )
    if bare:
        return Step(id=name, action="do", params=uses, depends_on=needs, enabled=draw(st.integers(0, 5)) > 0)
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return Step(id=name, action="none", params={"text": draw(texts)}, depends_on=needs)
    if kind < 4:
        return Step(id=name, action=draw(names), params=uses | draw(params), depends_on=needs)
    return Step(
        id=name,
        action=draw(names),
        params=draw(params),
        depends_on=needs,
        description=draw(texts),
        undo=draw(st.none() | undos),
        expect=draw(st.none() | expects),
        timeout=draw(st.none() | st.floats(0.001, 1000)),
        retry=draw(st.none() | retries),
        gate=draw(st.none() | st.builds(Gate, question=texts)),
        on_failure=draw(st.sampled_from([None, "replan", "ask", "stop", "continue"])),
        on=draw(st.none() | texts),
        enabled=_coin(draw),
        explain={other: draw(texts) for other in needs},
    )
