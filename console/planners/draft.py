"""A solution -> the steps of a plan: parameters, undo, reasons, and the plan's own rollback."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from console.catalog.contract import show, undo_of
from console.catalog.spec import Catalog, Fact, Risk
from console.plan.model import Compensation, Step, StepId
from console.planners.action import ASKED, Action, plain
from console.planners.base import Want
from console.planners.ground import Problem, ground_problem
from console.planners.solve import Solution, after

_PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}|\$([A-Za-z_][A-Za-z0-9_]*)")


def step_of(action: Action, step: StepId, edges: Mapping[StepId, str]) -> Step:
    """The step for `action`; `edges` maps each dependency to its reason."""
    return Step(
        id=step,
        action=action.tool.name,
        params=action.params,
        depends_on=tuple(edges),
        description=described(action),
        undo=undo_of(action.tool, {**action.binding, **action.params}, step),
        explain={d: why for d, why in edges.items() if why},
    )


def described(action: Action) -> str:
    """The first line of the tool's description with its parameters in place."""
    known = dict(action.binding) | {k: str(v) for k, v in action.tool.with_defaults(action.params).items()}
    text = action.tool.description.strip().splitlines()
    return _PLACE.sub(lambda m: known.get(m[1] or m[2], m[0]), text[0]) if text else ""


def origin_of(action: Action, solution: Solution, wants: Sequence[Want]) -> str:
    """Why the step is in the plan, in a few words."""
    for want in wants:
        if want.fact in action.adds:
            return f"provides {show(want.fact)}" if want.fact[0] != ASKED else "what was asked for"
    if action in solution.proofs:
        return f"verifies {', '.join(sorted({a.tool.name for a in solution.proofs[action]}))}"
    given = sorted(plain(action.adds))
    return f"provides {show(given[0])}" if given else f"ends {show(sorted(plain(action.drops))[0])}"


def expected(wants: Sequence[Want]) -> tuple[str, ...]:
    """The wanted facts, for the check at the end."""
    return tuple(show(w.fact) for w in wants if w.fact[0] != ASKED)


def rollback_of(
    catalog: Catalog, solution: Solution, ids: Mapping[Action, StepId]
) -> tuple[Compensation, ...]:
    """For each step that changes something and has no undo of its own: the recovery tool that can run
    right after it and brings back what it ended, or ends what it brought; last step first."""
    state = solution.start
    items: list[Compensation] = []
    for action in solution.sequence:
        before, state = state, after(state, action)
        harmless = action.tool.recovery or action.tool.risk.rank < Risk.DISRUPTIVE.rank
        if action not in ids or action.tool.undo or harmless:
            continue
        remedy = _remedy(catalog, action, before, state)
        if remedy is not None:
            items.append(
                Compensation(
                    action=remedy.tool.name,
                    params=remedy.params,
                    undoes=(ids[action],),
                    description=described(remedy),
                )
            )
    return tuple(reversed(items))


def _remedy(
    catalog: Catalog, action: Action, before: frozenset[Fact], state: frozenset[Fact]
) -> Action | None:
    lost, won = plain(before - state), plain(state - before)
    tools = {n: t for n, t in catalog.tools.items() if t.recovery}
    best: tuple[int, Action] | None = None
    wants = [Want(fact) for fact in sorted(lost)]
    problem = _recoveries(catalog.model_copy(update={"tools": tools}), plain(state), wants, won)
    for remedy in problem.actions:
        if not plain(remedy.needs) <= state or not remedy.writes & action.writes:
            continue
        result = after(state, remedy)
        score = len(lost & result) + len(won - result)
        if score and (best is None or score > best[0]):
            best = (score, remedy)
    return best[1] if best else None


def _recoveries(
    catalog: Catalog, state: frozenset[Fact], wants: Sequence[Want], ends: frozenset[Fact]
) -> Problem:
    """The recovery actions that give one of `wants` or end one of `ends`."""
    return ground_problem(catalog, state, wants, {}, recovery=True, ends=ends)


def reading_order(sequence: Sequence[Action], catalog: Catalog) -> Callable[[int], tuple[int, ...]]:
    """Of the steps that could be next the one an operator reads first: what can do no harm before what
    can, then as the tools stand in the catalog."""
    rank = {name: i for i, name in enumerate(catalog.tools)}
    mild = Risk.REVERSIBLE.rank

    def first(position: int) -> tuple[int, ...]:
        tool = sequence[position].tool
        return max(mild, tool.risk.rank), rank[tool.name], position

    return first
