"""Which steps still wait for others, kept up to date while those are settled one by one."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from console.plan.model import StepId
from console.plan.net import Net


class Waiting:
    """Counted on the net, where the ends of phases pass by themselves: to settle every step costs no more
    than the net is large, however many steps of a phase wait for each of another.

    `before` are the points that lead to each point, `steps` what is settled by a caller, `settled` what is
    so from the beginning. Steps that are `left_out` pass by themselves, too, each when its turn has come:
    what is ordered through them stays ordered.
    """

    def __init__(
        self,
        net: Net,
        before: Sequence[Sequence[int]],
        steps: Container[StepId],
        settled: Iterable[StepId] = (),
        left_out: Iterable[StepId] = (),
    ) -> None:
        self._net, self._steps, self._out = net, steps, set(left_out)
        self._missing = list(map(len, before))
        first = [point for point, count in enumerate(self._missing) if not count]
        self._pass([point for point in first if self._passes(net.names[point])])
        for step in settled:
            self.settle(step)

    def is_free(self, step: StepId) -> bool:
        """Whether it waits for nothing any more."""
        return not self._missing[self._net.first[step]]

    def settle(self, step: StepId) -> list[StepId]:
        """Nothing waits for it any more, for good. The steps that have become free by it."""
        return self._pass([self._net.first[step]])

    def leave_out(self, step: StepId) -> list[StepId]:
        """What waits for it waits for what it would have waited for, for good. The steps that have become
        free by it."""
        self._out.add(step)
        return self._pass([self._net.first[step]]) if self.is_free(step) else []

    def _passes(self, name: StepId) -> bool:
        return name not in self._steps or name in self._out

    def _pass(self, points: list[int]) -> list[StepId]:
        names, after, missing = self._net.names, self._net.after, self._missing
        free = []
        while points:
            for point in after[points.pop()]:
                missing[point] -= 1
                if missing[point]:
                    continue
                if self._passes(names[point]):
                    points.append(point)
                else:
                    free.append(names[point])
        return free
