"""Random small worlds, and what is true of them by brute force: no code of the planner's own is used."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

from console.catalog.contract import ground
from console.catalog.spec import Catalog, Contract, Fact, Parameter, Risk, Script, ToolSpec
from console.plan.graph import Graph
from console.plan.model import Plan, Step
from console.planners.base import Goal, Want

Facts = frozenset[Fact]


@dataclass(frozen=True)
class World:
    catalog: Catalog
    goal: Goal


def world(seed: int) -> World:
    """Up to nine tools over eight facts. Every third has a parameter over two places; where it stands is
    never forbidden, because the planner invents no place to go to just to be elsewhere."""
    rng = Random(seed)
    places = ("a", "b")
    facts: list[Fact] = [(f"f{i}",) for i in range(6)] + [("at", p) for p in places]

    def some(most: int) -> tuple[Fact, ...]:
        return tuple(rng.sample(facts, rng.randint(0, most)))

    tools = {}
    for i in range(rng.randint(4, 9)):
        provides = tuple(rng.sample(facts, rng.randint(1, 2)))
        parameters: tuple[Parameter, ...] = ()
        removes = tuple(f for f in some(2) if f not in provides)
        if rng.random() < 0.33:
            parameters = (Parameter(name="place", required=True),)
            provides = (("at", "$place"),)
            removes = (*((("at", "*"),) if rng.random() < 0.5 else ()), *(f for f in removes if len(f) == 1))
        tools[f"t{i}"] = ToolSpec(
            name=f"t{i}",
            parameters=parameters,
            script=Script(shell="true"),
            risk=rng.choice(list(Risk)),
            duration=float(rng.randint(1, 300)),
            contract=Contract(
                requires=some(2),
                provides=provides,
                removes=removes,
                forbids=(rng.choice(facts[:6]),) if rng.random() < 0.3 else (),
                writes=((rng.choice("xy"),),) if rng.random() < 0.4 else (),
                fails_adding=some(1) if rng.random() < 0.3 else (),
                fails_removing=some(1) if rng.random() < 0.3 else (),
            ),
        )
    start = frozenset(f for f in facts if rng.random() < 0.2)
    wanted = rng.sample(facts, rng.randint(1, 3))
    wants = [Want(f) for f in wanted]
    if len(wants) > 1 and rng.random() < 0.3:
        wants[-1] = Want(wanted[-1], after=(wanted[0],))
    return World(Catalog(tools=tools), Goal("", start, tuple(wants)))


def applied(tool: ToolSpec, params: dict[str, str], state: Facts) -> Facts | None:
    """The state after a call, or `None` when its contract forbids it."""
    contract = ground(tool, params, state)
    if not set(contract.requires) <= state or set(contract.forbids) & state:
        return None
    gone = {f for f in state for p in contract.removes if len(p) == len(f) and all(map(_fits, p, f))}
    return (state - gone) | frozenset(contract.provides)


def _fits(pattern: str, word: str) -> bool:
    return pattern in ("*", word)


def cheapest(a_world: World, prices: dict[str, int]) -> int | None:
    """The price of a cheapest plan by Dijkstra over all states; `None` when there is no plan."""
    calls = [
        (tool, {"place": place} if tool.parameters else {})
        for tool in a_world.catalog.tools.values()
        for place in (("a", "b") if tool.parameters else ("",))
    ]
    goal = a_world.goal
    order = count()
    start = (goal.facts, frozenset(i for i, w in enumerate(goal.want) if _done_at_once(w, goal.facts)))
    queue = [(0, next(order), start)]
    best: dict[tuple[Facts, frozenset[int]], int] = {}
    while queue:
        price, _, (state, met) = heapq.heappop(queue)
        if (state, met) in best:
            continue
        best[state, met] = price
        if all(w.fact in state and (not w.after or i in met) for i, w in enumerate(goal.want)):
            return price
        for tool, params in calls:
            then = applied(tool, params, state)
            if then is not None:
                given = ground(tool, params, state).provides
                now = {i for i, w in enumerate(goal.want) if w.fact in given and set(w.after) <= state}
                heapq.heappush(queue, (price + prices[tool.name], next(order), (then, met | now)))
    return None


def _done_at_once(want: Want, facts: Facts) -> bool:
    return want.fact in facts and set(want.after) <= facts


def linearisations(plan: Plan, most: int) -> Iterator[list[Step]]:
    """Orders of the steps that the dependencies allow, at most so many."""
    graph = Graph.of(plan)
    before = {name: graph.directly_before(name) for name in graph.order}
    steps = {s.id: s for s in plan.leaves()}
    left = most

    def go(done: list[str]) -> Iterator[list[Step]]:
        nonlocal left
        if left <= 0:
            return
        if len(done) == len(steps):
            left -= 1
            yield [steps[s] for s in done]
            return
        for name in steps:
            if name not in done and set(before[name]) <= set(done):
                yield from go([*done, name])

    return go([])


def fault_of(a_world: World, steps: list[Step]) -> str:
    """Why these steps in this order do not reach the goal; "" when they do."""
    goal, state = a_world.goal, a_world.goal.facts
    met = {i for i, w in enumerate(goal.want) if _done_at_once(w, state)}
    for step in steps:
        tool = a_world.catalog.tools[step.action]
        given = ground(tool, step.params, state).provides
        met |= {i for i, w in enumerate(goal.want) if w.fact in given and set(w.after) <= state}
        then = applied(tool, step.params, state)
        if then is None:
            return f"{step.id} {step.action} cannot run after {[s.id for s in steps[: steps.index(step)]]}"
        state = then
    for i, want in enumerate(goal.want):
        if want.fact not in state or (want.after and i not in met):
            return f"{want} is not reached by {[s.id for s in steps]}"
    return ""


def unordered_writers(a_world: World, plan: Plan) -> list[tuple[str, str]]:
    """Pairs of steps that write one resource and have no order."""
    graph = Graph.of(plan)
    writes = {s.id: set(a_world.catalog.tools[s.action].contract.writes) for s in plan.leaves()}
    return [
        (one, other)
        for one in writes
        for other in writes
        if one < other and writes[one] & writes[other] and not graph.ordered(one, other)
    ]
