"""What a run comes to: the facts that hold by its contracts, and what a rollback left undone. Pure."""

from __future__ import annotations

from console.catalog.contract import ground, match, parse_fact, show
from console.catalog.spec import Catalog, Fact, Risk
from console.plan.model import StepId
from console.run.life import StepStatus
from console.run.state import RunState

_S = StepStatus


def facts_now(state: RunState, catalog: Catalog) -> set[str]:
    """The facts that hold by the contracts of what was done, in the order it was done."""
    facts: set[Fact] = {parse_fact(fact) for fact in state.facts}
    known = state.retired | state.leaves
    done = [leaf for leaf in known.values() if state.steps[leaf.id].status is _S.SUCCEEDED]
    for leaf in sorted(done, key=lambda leaf: state.steps[leaf.id].start_seq):
        tool = catalog.get(leaf.action)
        if tool is None:
            continue
        contract = ground(tool, tool.with_defaults(leaf.params), facts)
        gone = {
            fact for fact in facts for pattern in contract.removes if match(pattern, fact, {}) is not None
        }
        facts = (facts - gone) | set(contract.provides)
    return {show(fact) for fact in facts}


def fates(state: RunState, catalog: Catalog) -> tuple[tuple[StepId, ...], dict[StepId, str]]:
    """After a rollback: the steps undone, and those that are not, each with the reason."""
    rollback = state.rollback
    assert rollback is not None
    undone: dict[StepId, None] = {}
    not_undone: dict[StepId, str] = {}
    for item in rollback.plan.items:
        what = f"{item.step.action} ({item.step.id})"
        if item.fate == "planned":
            step = rollback.steps[item.step.id]
            if step.status is StepStatus.SUCCEEDED:
                undone.update(dict.fromkeys(item.undoes))
                continue
            reason = step.reason or ("it waited for one that failed" if not step.attempts else step.status)
            why = f"{what} did not succeed: {reason}"
        elif item.fate == "refused":
            why = f"{what} was refused: {item.why}"
        else:
            continue
        for subject in item.undoes or (item.step.id,):
            not_undone[subject] = why
    for subject in (*rollback.plan.uncovered, *rollback.plan.irreversible):
        not_undone.setdefault(subject, _uncovered(subject, state, catalog))
    return tuple(s for s in undone if s not in not_undone), not_undone


def _uncovered(subject: StepId, state: RunState, catalog: Catalog) -> str:
    """Why a step that nothing compensates counts as not undone."""
    action = (state.leaves.get(subject) or state.retired[subject]).action
    tool = catalog.get(action)
    if tool is not None and tool.risk_known:
        kind = "irreversible" if tool.risk is Risk.DESTRUCTIVE else tool.risk.value
        return f"{action} is {kind} and has no compensation"
    return (
        f"{action} has no compensation and its tool file does not say that it changes nothing (risk: observe)"
    )
