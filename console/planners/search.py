"""Ground actions -> a cheapest valid sequence, as far as the budget goes.

First a plan at all: lazy greedy best-first search with the relaxed-plan heuristic and helpful actions
(Hoffmann & Nebel, "The FF planning system", JAIR 2001). Then without what it does not need (greedy
action elimination, Nakhost & Müller, ICAPS 2010). Then the cheapest: A* under the bound of the plan
already found, guided by landmark cuts (Helmert & Domshlak, ICAPS 2009); very often the first cut
already proves that nothing is cheaper. That last part has a budget in evaluations, not in seconds, so
that the same task gives the same plan on every machine.

A state is a whole number, one bit per fact.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from console.catalog.spec import Fact
from console.planners.action import Action

INFINITE = 1 << 60
IMPROVE_WORK = 400_000
"""How many action visits the search for something cheaper may cost."""


@dataclass(frozen=True, slots=True)
class _Op:
    """One action in bits and in lists of bit numbers."""

    action: Action
    need: int
    add: int
    drop: int
    needs: tuple[int, ...]
    adds: tuple[int, ...]
    cost: int


class Search:
    """A search over a fixed set of actions; starts and goals may differ from call to call.

    `tick` is called once per state and may raise to end the search.
    """

    def __init__(self, actions: Iterable[Action], tick: Callable[[], None] = lambda: None) -> None:
        self._tick = tick
        self._bits: dict[Fact, int] = {}
        self._ops = [self._op(a) for a in actions]
        self._needed_by: list[list[int]] = [[] for _ in range(len(self._bits))]
        for number, op in enumerate(self._ops):
            for bit in op.needs:
                self._needed_by[bit].append(number)

    def _op(self, action: Action) -> _Op:
        needs, adds, drops = (
            tuple(sorted(self._bits.setdefault(f, len(self._bits)) for f in sorted(facts)))
            for facts in (action.needs, action.adds, action.drops)
        )
        return _Op(action, _mask(needs), _mask(adds), _mask(drops), needs, adds, action.cost)

    def _mask_of(self, facts: Iterable[Fact]) -> int:
        return _mask(self._bits[f] for f in facts if f in self._bits)

    def find(
        self, start: frozenset[Fact], goal: frozenset[Fact], *, work: int = IMPROVE_WORK
    ) -> list[Action] | None:
        """A sequence from `start` to `goal`, or `None` when there is none."""
        if any(f not in self._bits and f not in start for f in goal):
            return None
        state, aim = self._mask_of(start), self._mask_of(goal)
        first = self._greedy(state, aim)
        if first is None:
            return None
        plan = self._eliminate(state, aim, first)
        return [self._ops[i].action for i in self._cheaper(state, aim, plan, work)]

    def reachable(self, start: frozenset[Fact]) -> frozenset[Fact]:
        """The facts that could hold some time if nothing ever ceased to hold."""
        costs, _ = self._relaxed(self._mask_of(start), 0)
        return start | {f for f, bit in self._bits.items() if costs[bit] < INFINITE}

    # ── a plan at all ─────────────────────────────────────────────────────────────────────────────

    def _greedy(self, start: int, goal: int) -> list[int] | None:
        """Lazy greedy best-first: states are valued when taken up; helpful successors have a queue
        of their own, which is preferred as long as it makes progress."""
        order = count()
        parents: dict[int, tuple[int, int] | None] = {}
        open_: tuple[list[tuple[int, int, int, int, int]], ...] = ([], [])
        heapq.heappush(open_[0], (0, next(order), start, -1, -1))
        turn, best, favour = 0, INFINITE, 0
        while open_[0] or open_[1]:
            self._tick()
            turn = 1 if open_[1] and (favour > 0 or turn == 0 or not open_[0]) else 0
            favour -= favour > 0
            if not open_[turn]:
                turn = 1 - turn
            _, _, state, parent, via = heapq.heappop(open_[turn])
            if state in parents:
                continue
            parents[state] = (parent, via) if via >= 0 else None
            if state & goal == goal:
                return self._path(parents, state)
            value, helpful = self._relaxed_plan(state, goal)
            if value >= INFINITE:
                continue
            if value < best:
                best, favour = value, 100
            for number, op in enumerate(self._ops):
                after = (state & ~op.drop) | op.add
                if op.need & state == op.need and after not in parents:
                    heapq.heappush(open_[0], (value, next(order), after, state, number))
                    if number in helpful:
                        heapq.heappush(open_[1], (value, next(order), after, state, number))
        return None

    def _path(self, parents: dict[int, tuple[int, int] | None], state: int) -> list[int]:
        path: list[int] = []
        while (step := parents[state]) is not None:
            state, number = step
            path.append(number)
        return path[::-1]

    def _relaxed(self, state: int, goal: int) -> tuple[list[int], list[int]]:
        """For each fact the summed cost of its cheapest derivation without deletions, and the action
        that makes it (-1: none). Stops early when every fact of a non-empty goal is settled."""
        costs = [INFINITE] * len(self._bits)
        maker = [-1] * len(self._bits)
        left = [len(op.needs) for op in self._ops]
        sums = [op.cost for op in self._ops]
        heap: list[tuple[int, int]] = []
        for bit in _bits_of(state):
            costs[bit] = 0
            heap.append((0, bit))

        def fire(number: int) -> None:
            total = sums[number]
            for bit in self._ops[number].adds:
                if total < costs[bit]:
                    costs[bit], maker[bit] = total, number
                    heapq.heappush(heap, (total, bit))

        for number, op in enumerate(self._ops):
            if not op.needs:
                fire(number)
        open_goal = goal
        while heap:
            cost, bit = heapq.heappop(heap)
            if cost > costs[bit]:
                continue
            if open_goal:
                open_goal &= ~(1 << bit)
                if not open_goal:
                    break
            for number in self._needed_by[bit]:
                sums[number] += cost
                left[number] -= 1
                if left[number] == 0:
                    fire(number)
        return costs, maker

    def _relaxed_plan(self, state: int, goal: int) -> tuple[int, set[int]]:
        """The cost of a relaxed plan and those of its actions that can start now."""
        costs, maker = self._relaxed(state, goal)
        todo = _bits_of(goal & ~state)
        if any(costs[bit] >= INFINITE for bit in todo):
            return INFINITE, set()
        chosen: set[int] = set()
        done = state
        while todo:
            bit = todo.pop()
            if done >> bit & 1:
                continue
            done |= 1 << bit
            number = maker[bit]
            if number not in chosen:
                chosen.add(number)
                todo.extend(b for b in self._ops[number].needs if not done >> b & 1)
        value = sum(self._ops[n].cost for n in chosen)
        return value, {n for n in chosen if self._ops[n].need & state == self._ops[n].need}

    # ── without what it does not need ─────────────────────────────────────────────────────────────

    def _eliminate(self, start: int, goal: int, plan: list[int]) -> list[int]:
        """Take out each action, with what then can no longer run, when the goal is still reached."""
        position = 0
        while position < len(plan):
            state, rest = start, plan[:position]
            for number in rest:
                state = self._after(state, number)
            for number in plan[position + 1 :]:
                if self._ops[number].need & state == self._ops[number].need:
                    state = self._after(state, number)
                    rest.append(number)
            if state & goal == goal:
                plan = rest
            else:
                position += 1
        return plan

    def _after(self, state: int, number: int) -> int:
        op = self._ops[number]
        return (state & ~op.drop) | op.add

    # ── the cheapest ──────────────────────────────────────────────────────────────────────────────

    def _cheaper(self, start: int, goal: int, plan: list[int], work: int) -> list[int]:
        """A cheapest plan when the budget suffices, else `plan`."""
        bound = sum(self._ops[n].cost for n in plan)
        first, spent = self._landmark_cut(start, goal)
        if first >= bound:
            return plan
        order = count()
        best: dict[int, int] = {start: 0}
        parents: dict[int, tuple[int, int] | None] = {start: None}
        queue = [(first, first, next(order), start, 0)]
        while queue and spent < work:
            total, _, _, state, cost = heapq.heappop(queue)
            if cost > best[state] or total >= bound:
                continue
            if state & goal == goal:
                return self._path(parents, state)
            for number, op in enumerate(self._ops):
                after = (state & ~op.drop) | op.add
                paid = cost + op.cost
                if op.need & state != op.need or paid >= min(bound, best.get(after, INFINITE)):
                    continue
                self._tick()
                left, visits = self._landmark_cut(after, goal)
                spent += visits
                if paid + left < bound:
                    best[after], parents[after] = paid, (state, number)
                    heapq.heappush(queue, (paid + left, left, next(order), after, paid))
        return plan

    def _landmark_cut(self, state: int, goal: int) -> tuple[int, int]:
        """A lower bound of what is left to pay, and how many actions were visited for it."""
        price = [op.cost for op in self._ops]
        bound = visits = 0
        while True:
            self._tick()
            visits += len(self._ops)
            highest, hardest = self._dearest(state, price)
            aims = _bits_of(goal & ~state)
            if any(highest[b] >= INFINITE for b in aims):
                return INFINITE, visits
            if not aims or max(highest[b] for b in aims) == 0:
                return bound, visits
            cut = self._cut(state, max(aims, key=lambda b: highest[b]), price, hardest)
            least = min(price[n] for n in cut)
            bound += least
            for n in cut:
                price[n] -= least

    def _dearest(self, state: int, price: Sequence[int]) -> tuple[list[int], list[int]]:
        """For each fact the cost of its dearest necessary part; for each action its dearest need
        (-1 when it needs nothing, -2 when it can never run)."""
        costs = [INFINITE] * len(self._bits)
        left = [len(op.needs) for op in self._ops]
        hardest = [-2] * len(self._ops)
        heap = [(0, bit) for bit in _bits_of(state)]
        for _, bit in heap:
            costs[bit] = 0

        def fire(number: int, cost: int) -> None:
            total = cost + price[number]
            for bit in self._ops[number].adds:
                if total < costs[bit]:
                    costs[bit] = total
                    heapq.heappush(heap, (total, bit))

        for number, op in enumerate(self._ops):
            if not op.needs:
                hardest[number] = -1
                fire(number, 0)
        while heap:
            cost, bit = heapq.heappop(heap)
            if cost > costs[bit]:
                continue
            for number in self._needed_by[bit]:
                left[number] -= 1
                if left[number] == 0:
                    hardest[number] = bit
                    fire(number, cost)
        return costs, hardest

    def _cut(self, state: int, aim: int, price: Sequence[int], hardest: Sequence[int]) -> list[int]:
        """The actions one of which every plan must pay for: those that enter the zone from which the
        aim is free of charge."""
        zone = 1 << aim
        grown = True
        while grown:
            grown = False
            for number, op in enumerate(self._ops):
                if price[number] == 0 and op.add & zone and hardest[number] >= 0:
                    bit = 1 << hardest[number]
                    if not zone & bit:
                        zone |= bit
                        grown = True
        before = state & ~zone
        cut: set[int] = set()
        grown = True
        while grown:
            grown = False
            for number, op in enumerate(self._ops):
                if hardest[number] == -2 or number in cut:
                    continue
                if hardest[number] == -1 or before >> hardest[number] & 1:
                    if op.add & zone:
                        cut.add(number)
                        grown = True
                    elif op.add & ~before:
                        before |= op.add
                        grown = True
        return sorted(cut)


def _mask(bits: Iterable[int]) -> int:
    mask = 0
    for bit in bits:
        mask |= 1 << bit
    return mask


def _bits_of(mask: int) -> list[int]:
    bits = []
    while mask:
        low = mask & -mask
        bits.append(low.bit_length() - 1)
        mask ^= low
    return bits
