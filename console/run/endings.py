"""What a run comes to: the facts that hold by its contracts, and what a rollback undid and left. Pure."""

from __future__ import annotations

from console.catalog.contract import ground, match, parse_fact, show
from console.catalog.spec import Catalog, Fact, Risk
from console.plan.model import StepId
from console.run import events as ev
from console.run.life import StepStatus
from console.run.state import RunState

_S = StepStatus


def facts_now(state: RunState, catalog: Catalog) -> set[str]:
    """The facts that hold by the contracts of what was done, in the order it was done."""
    facts: set[Fact] = {parse_fact(fact) for fact in state.facts}
    known = state.retired | state.leaves | state.calls
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


def unmet_facts(state: RunState, catalog: Catalog) -> tuple[str, ...]:
    """Expected facts that the contracts of what succeeded do not give."""
    if state.plan is None or not state.plan.expected:
        return ()
    facts = facts_now(state, catalog)
    return tuple(fact for fact in state.plan.expected if show(parse_fact(fact)) not in facts)


def end_of_rollback(state: RunState, catalog: Catalog) -> tuple[ev.Event, ...]:
    """The events that end a rollback: what is undone and what is not, and with it the run, unless it was
    rolled back to a step only."""
    assert state.rollback is not None
    rollback = state.rollback.plan
    undone, not_undone = fates(state, catalog)
    complete = not not_undone and not rollback.irreversible
    finished = ev.RollbackFinished(
        complete=complete, undone=undone, not_undone=not_undone, irreversible=rollback.irreversible
    )
    if rollback.back_to:
        return finished, ev.RunPaused(by="", reason=f"rolled back to step {rollback.back_to}")
    if complete:
        reason = "everything that was done was undone" if undone else "there was nothing to undo"
        return finished, ev.RunFinished(outcome="rolled_back", exit_code=6, reason=reason)
    left = "; ".join(f"step {s}: {why}" for s, why in not_undone.items())
    return finished, ev.RunFinished(outcome="rollback_incomplete", exit_code=5, reason=f"not undone: {left}")


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
            reason = step.reason or ("it was not reached" if not step.attempts else step.status)
            why = f"{what} did not succeed: {reason}"
        elif item.fate == "refused" and item.undoes:
            why = f"{what} was refused: {item.why}"
        else:  # left out, or refused where there is nothing that it would undo
            continue
        for subject in item.undoes or (item.step.id,):
            not_undone[subject] = why
    for subject in (*rollback.plan.uncovered, *rollback.plan.irreversible):
        not_undone.setdefault(subject, _uncovered(subject, state, catalog))
    return tuple(s for s in undone if s not in not_undone), not_undone


def _uncovered(subject: StepId, state: RunState, catalog: Catalog) -> str:
    """Why a step that nothing compensates counts as not undone."""
    action = state.find(subject).action
    tool = catalog.get(action)
    if tool is not None and tool.risk_known:
        kind = "irreversible" if tool.risk is Risk.DESTRUCTIVE else tool.risk.value
        return f"{action} is {kind} and has no compensation"
    return (
        f"{action} has no compensation and its tool file does not say that it changes nothing (risk: observe)"
    )
