"""How far a plan reaches: what it touches, how much of it could be undone, where it can no longer go back,
and the word that names what a step is done to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from console.catalog.contract import show, undo_of
from console.catalog.spec import Catalog, Fact, Risk
from console.plan.check.safety import covered
from console.plan.check.view import View
from console.plan.model import Params, Plan, Step, StepId
from console.plan.references import find

TARGET_NAMES = (
    "environment", "env", "host", "hostname", "target", "cluster", "namespace", "database", "db",
    "server", "service", "region", "bucket", "table", "volume", "app", "name", "path", "file",
)  # fmt: skip
"""Parameters that usually name what a step is done to, the best first."""

_TYPEABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@:-]{0,63}")


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """How far steps reach. `touches` are the resources they write, the targets of disruptive ones that
    declare none, and the hosts they name, in order; of `effects` steps that change something `covered` have
    a way back, and `uncovered` are the others; `irreversible` are the destructive ones among them."""

    steps: int
    destructive: tuple[StepId, ...]
    irreversible: tuple[StepId, ...]
    touches: tuple[str, ...]
    covered: int
    effects: int
    uncovered: tuple[StepId, ...] = ()


def blast_radius(plan: Plan, catalog: Catalog, steps: Sequence[Step] | None = None) -> BlastRadius:
    """How far `steps` reach, all that are enabled in `plan` where none are given; some may be none of the
    plan's, such as an agent's calls. Raises `ValueError` for a plan with a cycle."""
    return radius_of(View(plan, catalog), steps)


def radius_of(view: View, steps: Sequence[Step] | None = None) -> BlastRadius:
    """As `blast_radius`."""
    catalog, undone = view.catalog, covered(view)
    chosen = tuple(view.steps.values()) if steps is None else steps
    effects = [s for s in chosen if catalog.risk(s.action) is not Risk.OBSERVE]
    back = {s.id for s in effects if s.id in undone or (s.id not in view.steps and _undone(s, catalog))}
    destructive = tuple(s.id for s in effects if catalog.risk(s.action) is Risk.DESTRUCTIVE)
    return BlastRadius(
        steps=len(chosen),
        destructive=destructive,
        irreversible=tuple(s for s in destructive if s not in back),
        touches=tuple(dict.fromkeys(name for step in chosen for name in _touched(step, view))),
        covered=len(back),
        effects=len(effects),
        uncovered=tuple(s.id for s in effects if s.id not in back),
    )


def point_of_no_return(plan: Plan, catalog: Catalog) -> StepId | None:
    """The first step, in the plan's order, that changes something for others and that nothing undoes.
    Raises `ValueError` for a plan with a cycle."""
    return no_return_of(View(plan, catalog))


def no_return_of(view: View) -> StepId | None:
    """As `point_of_no_return`."""
    undone = covered(view)
    for step in view.steps:
        if view.risk(step).rank >= Risk.DISRUPTIVE.rank and step not in undone:
            return step
    return None


def target_of(step: Step, catalog: Catalog) -> str:
    """The word for what `step` is done to: its target parameter, what it writes, its host; "" when
    nothing names it with one word that can be typed."""
    params = _params(step, catalog)
    tool = catalog.get(step.action)
    named = [params[name] for name in TARGET_NAMES if name in params]
    written = [_bound(fact, params)[-1] for fact in (tool.contract.writes if tool else ()) if fact]
    for word in (*named, *written, step.on or ""):
        if isinstance(word, str) and _TYPEABLE.fullmatch(word) and not find(word):
            return word
    return ""


def _touched(step: Step, view: View) -> list[str]:
    tool = view.catalog.get(step.action)
    if tool is None:
        return [step.on] if step.on else []
    known = view.contracts.get(step.id)
    if known is not None:
        facts: Sequence[Fact] = known.writes
    else:
        params = _params(step, view.catalog)
        facts = [_bound(fact, params) for fact in tool.contract.writes]
    names = [show(fact) for fact in facts]
    if not names and tool.risk.rank >= Risk.DISRUPTIVE.rank:
        names.append(target_of(step, view.catalog))
    return [name for name in (*names, step.on or "") if name]


def _undone(step: Step, catalog: Catalog) -> bool:
    tool = catalog.get(step.action)
    return step.undo is not None or (tool is not None and undo_of(tool, step.params, step.id) is not None)


def _params(step: Step, catalog: Catalog) -> Params:
    tool = catalog.get(step.action)
    return tool.with_defaults(step.params) if tool else step.params


def _bound(fact: Fact, params: Params) -> Fact:
    return tuple(str(params.get(word[1:], word)) if word.startswith("$") else word for word in fact)
