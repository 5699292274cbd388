"""Which steps still wait for others, kept up to date while those are settled one by one."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from console.plan.model import StepId
from console.plan.net import Net


class Waiting:
    """Counted on the net, where the ends of phases pass by themselves: to settle every step costs no more
    than the net is large, however many steps of a phase wait for each of another.

    `before` are the points that lead to each point, `steps` what is settled by a caller, `settled` what is
    so from the beginning.
    """

    def __init__(
        self,
        net: Net,
        before: Sequence[Sequence[int]],
        steps: Container[StepId],
        settled: Iterable[StepId] = (),
    ) -> None:
        self._net, self._steps = net, steps
        self._missing = list(map(len, before))
        first = [point for point, count in enumerate(self._missing) if not count]
        self._pass([point for point in first if net.names[point] not in steps])
        for step in settled:
            self.settle(step)

    def is_free(self, step: StepId) -> bool:
        """Whether it waits for nothing any more."""
        return not self._missing[self._net.first[step]]

    def settle(self, step: StepId) -> list[StepId]:
        """Once for each step: nothing waits for it any more. The steps that have become free by it."""
        return self._pass([self._net.first[step]])

    def _pass(self, points: list[int]) -> list[StepId]:
        names, after, missing = self._net.names, self._net.after, self._missing
        free = []
        while points:
            for point in after[points.pop()]:
                missing[point] -= 1
                if missing[point]:
                    continue
                if names[point] in self._steps:
                    free.append(names[point])
                else:
                    points.append(point)
        return free
