"""What went wrong: each failed or in-doubt step with where, the exit code, its last lines, what depends
on it, and what can be done with which key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from console.plan.graph import Graph
from console.plan.model import Step, StepId
from console.run.life import StepStatus
from console.run.standing import StepState
from console.run.state import RunState
from console.tui.ink import Part, Row, row, wrap
from console.tui.marks import MARKS
from console.tui.reasons import words
from console.tui.view import all_steps, in_trouble
from console.tui.widgets.lines import Rows

TROUBLE = (StepStatus.FAILED, StepStatus.UNDO_FAILED, StepStatus.IN_DOUBT, StepStatus.CANCELLED)

LAST_LINES = 8
NAMED = 50
"""Steps that are named in a row."""

_WAYS_OUT = {
    StepStatus.FAILED: (
        ("r", "retry"),
        ("s", "skip"),
        ("m", "mark done by hand"),
        ("R", "roll back"),
        ("2", "output"),
    ),
    StepStatus.CANCELLED: (("r", "retry"), ("s", "skip"), ("m", "mark done by hand"), ("R", "roll back")),
    StepStatus.IN_DOUBT: (
        ("v", "verify with its probe"),
        ("a", "say what became of it"),
        ("p", "resume: then it is asked about"),
        ("m", "mark done by hand"),
        ("s", "skip"),
        ("R", "roll back"),
    ),
    StepStatus.UNDO_FAILED: (("0", "rollback pane: retry the item there"),),
}


def troubled(state: RunState) -> list[StepId]:
    """The steps and rollback items that are in trouble, the newest first."""
    lives: dict[StepId, StepState] = dict(state.steps)
    if state.rollback is not None:
        lives |= state.rollback.steps
    ids = [
        step
        for step, life in lives.items()
        if life.status in TROUBLE and (in_trouble(life) or not life.parent)
    ]
    return sorted(ids, key=lambda step: -lives[step].start_seq)


def failure_rows(state: RunState, width: int, *, can_act: bool = True) -> list[Row]:
    """All of them; each begins with a row that the cursor can stand on. Where nothing `can_act`, the keys
    that only look are told."""
    ids, steps = troubled(state), all_steps(state)
    rows: list[Row] = []
    if state.error:
        rows += [
            row(("the planner", "strong")),
            *wrap(state.error, width - 2, "bad", first=["  "], indent=2),
            Row(),
        ]
    try:
        graph = Graph.of(state.plan) if ids and state.plan else None
    except ValueError:
        graph = None
    for step in ids:
        rows += [*_one(state, steps, graph, step, width, can_act), Row()]
    return rows or [row(("nothing has failed", "dim"))]


def _one(
    state: RunState,
    steps: Mapping[StepId, Step],
    graph: Graph | None,
    step_id: StepId,
    width: int,
    can_act: bool,
) -> Iterator[Row]:
    life, step = state.step(step_id), steps.get(step_id)
    mark, ink = MARKS[life.status]
    action = step.action if step else "no longer in the plan"
    yield row(
        (f"{mark} ", ink), (f"{step_id} {action}", "strong"), (f"  {words(life.status)}", ink), step=step_id
    )
    attempt = life.attempt
    if life.reason:
        yield from wrap(life.reason, width - 2, ink, first=["  "], indent=2)
    if attempt is not None:
        facts = [
            f"exit {code}"
            if (code := attempt.exit_code) is not None and f"code {code}" not in life.reason
            else "",
            "timed out" if attempt.timed_out else "",
            "never started" if attempt.never_started else "",
            f"on {attempt.host}" if attempt.host else "",
            f"attempt {attempt.number}",
        ]
        yield row((f"  {' · '.join(f for f in facts if f)}", "quiet"))
        for line in attempt.tail.splitlines()[-LAST_LINES:]:
            yield from wrap(line, width - 4, first=[("  ▎ ", ink)], indent=4)
    if life.probe:
        yield row((f"  the probe says: {words(life.probe)}", "doubt"))
    if step is not None and step.on_failure == "continue" and life.status is StepStatus.FAILED:
        yield row(("  the run goes on without it, as its plan says", "quiet"))
    elif graph is not None and step_id in graph.place:
        yield from _blocked(graph, steps, step_id, width)
    yield from _keys(_ways_out(state, step, life) if can_act else [("2", "output")], width)


def _keys(ways: Iterable[tuple[str, str]], width: int) -> Iterator[Row]:
    """Keys and what they do, as many in a row as there is room for."""
    parts: list[Part] = ["  "]
    used = 2
    for key, does in ways:
        takes = len(f"{key} {does}   ")
        if used + takes - 3 > width and used > 2:
            yield row(*parts)
            parts, used = ["  "], 2
        parts += [(key, "accent strong"), (f" {does}   ", "quiet")]
        used += takes
    yield row(*parts)


def _ways_out(state: RunState, step: Step | None, life: StepState) -> Iterator[tuple[str, str]]:
    """Keys that do something now, and what they do."""
    if state.status.is_final:
        yield from (("p", "take the run up again"), ("R", "roll back"), ("2", "output"))
        return
    tool = state.catalog.get(step.action) if step else None
    asked = step is not None and any(request.step == step.id for request in state.requests.values())
    dead = {
        "v": tool is None or tool.probe is None,
        "a": not asked,
        "p": asked or not state.paused,
    }
    for key, does in _WAYS_OUT[life.status]:
        if not (life.status is StepStatus.IN_DOUBT and dead.get(key)):
            yield key, does


def _blocked(graph: Graph, steps: Mapping[StepId, Step], step_id: StepId, width: int) -> Iterator[Row]:
    below = graph.descendants(step_id)
    waiting = [step for name, step in steps.items() if name in below and not step.is_phase]
    if waiting:
        more = f" and {len(waiting) - NAMED} more" if len(waiting) > NAMED else ""
        text = "blocks " + ", ".join(f"{s.id} {s.action}" for s in waiting[:NAMED]) + more
        yield from wrap(text, width - 2, "warn", first=["  "], indent=2)


class FailuresPane(Rows):
    """Its cursor goes from failure to failure."""

    def __init__(self, *, id: str = "failures") -> None:
        super().__init__(id=id)

    def show(self, state: RunState, *, can_act: bool = True) -> None:
        self.build(lambda width: failure_rows(state, width, can_act=can_act), of=(state, state.seq, can_act))
