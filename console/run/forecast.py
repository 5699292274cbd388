"""When the steps of a run are likely to start and end, and how far it is. Pure.

What has run is as it was; the rest is laid out as the engine would start it, the longest remaining path
first, each step as long as it is estimated.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Set
from dataclasses import dataclass

from console.plan.graph import DEFAULT_DURATION, Graph
from console.plan.model import StepId
from console.run.life import SETTLED, StepStatus
from console.run.state import RunState

Span = tuple[float, float]
"""Start and end, in seconds since the epoch."""

PARALLEL = 4
"""Steps that go side by side where a run does not say."""

_RUNNING = frozenset({StepStatus.RUNNING, StepStatus.IN_DOUBT})
_OVER = SETTLED | {StepStatus.UNDONE, StepStatus.UNDOING, StepStatus.UNDO_FAILED}


@dataclass(frozen=True, slots=True)
class Forecast:
    """`spans` are where each step stood or is expected to stand; `end` is when everything is done, and
    `done` the part of the estimated work that is behind, from 0 to 1. `path` is the critical path, with what
    took longer than expected, or less, as it did."""

    spans: Mapping[StepId, Span]
    end: float
    done: float
    path: tuple[StepId, ...] = ()


def parallel_of(state: RunState) -> int:
    """How many steps of the run go side by side."""
    return int(state.limits.get("parallel", 0)) or PARALLEL


def forecast(
    graph: Graph, state: RunState, durations: Mapping[StepId, float], now: float, workers: int | None = None
) -> Forecast:
    """The run as it will be when every step takes what is expected. A step that runs longer than that
    is taken to end now."""
    spans: dict[StepId, Span] = {}
    took: dict[StepId, float] = {}
    left_out: set[StepId] = set()
    running: list[tuple[float, StepId]] = []
    behind = whole = 0.0
    for name in graph.order:
        life, seconds = state.steps.get(name), durations.get(name, DEFAULT_DURATION)
        if name in graph.skipped:
            spans[name] = (now, now)
            left_out.add(name)
            continue
        whole += seconds
        attempt = life.attempt if life else None
        if life is not None and life.status in _OVER:
            spans[name] = (attempt.intended, attempt.ended or now) if attempt else (now, now)
            took[name] = spans[name][1] - life.attempts[0].intended if attempt else 0.0
            behind += seconds
            if life.status is StepStatus.SKIPPED:
                left_out.add(name)
        elif life is not None and life.status in _RUNNING and attempt:
            spans[name] = (attempt.intended, max(now, attempt.intended + seconds))
            behind += min(seconds * 0.95, now - attempt.intended)
            took[name] = spans[name][1] - life.attempts[0].intended
            running.append((spans[name][1], name))
    _lay_out(graph, durations, spans, left_out, running, now, workers)
    end = max((span[1] for span in spans.values()), default=now)
    path = graph.critical_path({**durations, **took}) if durations else ()
    path = tuple(name for name in path if took.get(name) != 0.0)
    return Forecast(spans, end, behind / whole if whole else 0.0, path)


def _lay_out(
    graph: Graph,
    durations: Mapping[StepId, float],
    spans: dict[StepId, Span],
    left_out: Set[StepId],
    running: list[tuple[float, StepId]],
    now: float,
    workers: int | None,
) -> None:
    """Give every step that has no span yet the one it would have. What is `left_out` has one, but what is
    ordered through it waits for what comes before it."""
    urgency = graph.remaining(durations)
    busy = {name for _, name in running}
    settled = spans.keys() - busy - left_out
    waiting = graph.waiting(settled, left_out)
    rank = {name: index for index, name in enumerate(graph.order)}
    ready = [(-urgency[s], rank[s], s) for s in graph.order if s not in spans and waiting.is_free(s)]
    heapq.heapify(ready)
    heapq.heapify(running)
    room = max(1, workers or len(graph.order))
    while ready or running:
        while ready and len(running) < room:
            name = heapq.heappop(ready)[2]
            spans[name] = (now, now + durations.get(name, DEFAULT_DURATION))
            heapq.heappush(running, (spans[name][1], name))
        now, done = heapq.heappop(running)
        for after in waiting.settle(done):
            if after not in spans:
                heapq.heappush(ready, (-urgency[after], rank[after], after))
