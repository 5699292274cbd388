"""Which steps may start now, and which of them first.

`ready(graph, statuses)` is the definition: a pure function of the plan and the state. `Frontier`
gives the same answer step by step at a cost that does not grow with the plan; a test holds one against
the other. Among ready steps the one with the longest remaining path goes first: that is what keeps the
end of a run from waiting for one long tail (critical-path list scheduling, Graham 1969).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping

from console.plan.graph import Asked, Graph
from console.plan.model import StepId
from console.run.life import StepStatus

TO_COME = frozenset({StepStatus.PENDING, StepStatus.HELD})


def ready(
    graph: Graph, statuses: Mapping[StepId, StepStatus], settled: Asked, left_out: Asked
) -> set[StepId]:
    """Pending steps whose dependencies are all settled; of one that is left out, its own dependencies."""

    def is_free(step: StepId) -> bool:
        return all(
            settled(before) and (is_free(before) or not left_out(before))
            for before in graph.directly_before(step)
        )

    return {step for step in graph.order if statuses[step] is StepStatus.PENDING and is_free(step)}


def is_needed(step: StepId, graph: Graph, status: Callable[[StepId], StepStatus]) -> bool:
    """Whether something that is still to come waits for `step`, those that are skipped aside."""
    after = graph.directly_after(step, through=lambda other: status(other) is StepStatus.SKIPPED)
    return any(status(other) in TO_COME for other in after)


class Frontier:
    """The ready steps of one graph, kept up to date.

    `release(step)` says that a pending step could run (again); `settle(step)` that its dependents may
    go. `take()` gives ready steps, the most urgent first, each once.
    """

    def __init__(
        self,
        graph: Graph,
        statuses: Mapping[StepId, StepStatus],
        settled: Asked,
        left_out: Asked,
        durations: Mapping[StepId, float],
    ) -> None:
        self._left_out = left_out
        self._urgency = graph.remaining(durations)
        self._rank = {step: index for index, step in enumerate(graph.order)}
        self._settled = {step for step in graph.order if settled(step)}
        out = {step for step in self._settled if left_out(step)}
        self._on = graph.waiting(self._settled - out, out)
        self._heap: list[tuple[float, int, StepId]] = []
        self._waiting: set[StepId] = set()
        for step in graph.order:
            if statuses[step] is StepStatus.PENDING:
                self.release(step)

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, step: StepId) -> bool:
        return step in self._waiting

    def is_free(self, step: StepId) -> bool:
        """Whether it waits for no other step any more."""
        return self._on.is_free(step)

    def has_settled(self, step: StepId) -> bool:
        """Whether it has let its dependents go; it may have been begun again since."""
        return step in self._settled

    def release(self, step: StepId) -> None:
        """`step` is pending: it is ready as soon as nothing is missing."""
        if self._on.is_free(step) and step not in self._waiting:
            self._waiting.add(step)
            heapq.heappush(self._heap, (-self._urgency[step], self._rank[step], step))

    def withhold(self, step: StepId) -> None:
        """`step` is pending no more: held, skipped or done by hand."""
        self._waiting.discard(step)

    def settle(self, step: StepId, pending: Callable[[StepId], bool]) -> None:
        """`step` lets its dependents go; `pending` tells which of them could run."""
        if step in self._settled:
            return
        self._settled.add(step)
        free = self._on.leave_out(step) if self._left_out(step) else self._on.settle(step)
        for after in free:
            if pending(after):
                self.release(after)

    def take(self, may_start: Callable[[StepId], bool], limit: int) -> list[StepId]:
        """Up to `limit` ready steps that may start, most urgent first; the others stay ready."""
        taken: list[StepId] = []
        put_back: list[tuple[float, int, StepId]] = []
        while self._heap and len(taken) < limit:
            entry = heapq.heappop(self._heap)
            step = entry[2]
            if step not in self._waiting:
                continue
            if may_start(step):
                self._waiting.discard(step)
                taken.append(step)
            else:
                put_back.append(entry)
        for entry in put_back:
            heapq.heappush(self._heap, entry)
        return taken
