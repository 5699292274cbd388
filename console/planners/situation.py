"""The record of a run -> what a replan starts from: what holds now, who made it so, what is banned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from console.catalog.contract import bind_pattern
from console.catalog.spec import Catalog, Fact
from console.plan.graph import Graph
from console.plan.model import Plan, Step, StepId
from console.planners.action import MET, Action, ActionKey, action_of, call_text, plain, spread
from console.planners.base import Done, Goal, History, Want
from console.run.life import StepStatus

WAITING = frozenset({StepStatus.PENDING, StepStatus.HELD, StepStatus.READY})
"""A step in one of these has not started and may still be changed."""

_HELPED = frozenset({StepStatus.SUCCEEDED, StepStatus.SKIPPED})
"""What was skipped lets its dependents go: the operator answers for its effect."""


@dataclass(slots=True)
class Situation:
    """`givers` maps a fact to the done step that made it true; `gone` are the steps that have started
    and will not succeed, `tried` what they tried; `waiting` are those that have not started."""

    facts: frozenset[Fact]
    givers: dict[Fact, StepId] = field(default_factory=dict)
    done: dict[StepId, Action] = field(default_factory=dict)
    running: dict[StepId, Action] = field(default_factory=dict)
    waiting: list[Step] = field(default_factory=list)
    gone: set[StepId] = field(default_factory=set)
    tried: dict[StepId, Action] = field(default_factory=dict)
    banned: dict[ActionKey, str] = field(default_factory=dict)
    met: set[int] = field(default_factory=set)


def situation(goal: Goal, catalog: Catalog, plan: Plan, history: History, wants: Sequence[Want]) -> Situation:
    """Play the record over the goal's facts, in an order the plan allows."""
    now = Situation(goal.facts)
    records = {d.step: d for d in history.steps}
    leaves = {leaf.id: leaf for leaf in plan.leaves()}
    graph = Graph.of(plan)
    for name in graph.order:
        if name not in leaves:
            continue
        status = _status(records.get(name))
        if status in WAITING and name in graph.skipped:
            status = StepStatus.SKIPPED
        _play(now, catalog, leaves[name], status, wants)
    for record in history.steps:
        if record.step in leaves and (record.banned or record.step == history.failed):
            why = "failed" if record.status == StepStatus.FAILED else "is not wanted"
            _ban(now, catalog, leaves[record.step], why)
    return now


def _ban(now: Situation, catalog: Catalog, step: Step, why: str) -> None:
    """What was tried is banned with the effect it was to have; what was not, whatever its effect."""
    call = call_of(step, catalog)
    if step.id in now.tried:
        now.banned[now.tried[step.id].key] = why
    elif call is not None:
        now.banned[(*call, frozenset())] = why


def _status(record: Done | None) -> StepStatus:
    return StepStatus(record.status) if record else StepStatus.PENDING


def _play(now: Situation, catalog: Catalog, step: Step, status: StepStatus, wants: Sequence[Want]) -> None:
    if status in WAITING:
        now.waiting.append(step)
        return
    tool = catalog.get(step.action)
    action = action_of(tool, step.params, now.facts) if tool else None
    if status is StepStatus.RUNNING:
        if action is not None:
            now.running[step.id] = _meeting(action, now.facts, wants)
    elif status in _HELPED:
        if action is not None:
            _succeeded(now, step.id, action, wants)
    else:
        now.gone.add(step.id)
        if action is not None:
            now.tried[step.id] = action
            if status is not StepStatus.UNDONE:
                _failed(now, action, status)


def _succeeded(now: Situation, step: StepId, action: Action, wants: Sequence[Want]) -> None:
    meeting = _meeting(action, now.facts, wants)
    now.met |= {int(f[1]) for f in meeting.adds if f[0] == MET}
    now.facts = (now.facts - action.drops) | plain(action.adds)
    now.givers = {f: s for f, s in now.givers.items() if f not in action.drops}
    now.givers |= dict.fromkeys(plain(action.adds), step)
    now.done[step] = action


def _failed(now: Situation, action: Action, status: StepStatus) -> None:
    """After a failed attempt: what the tool's file says. When the end is not known, what may have
    ceased to hold is not relied on either."""
    contract = action.tool.contract
    adds = frozenset(bind_pattern(p, action.binding) for p in contract.fails_adding)
    drops = spread(contract.fails_removing, action.binding, now.facts)
    if status is not StepStatus.FAILED:
        drops |= action.drops
    now.facts = (now.facts - drops) | adds
    now.givers = {f: s for f, s in now.givers.items() if f in now.facts and f not in adds}


def _meeting(action: Action, facts: frozenset[Fact], wants: Sequence[Want]) -> Action:
    """`action`, which also meets the wants that it answers in their order and with their parameters."""
    call: Mapping[str, object] = action.tool.with_defaults(action.params)
    met = {
        (MET, str(i))
        for i, want in enumerate(wants)
        if want.fact in action.adds
        and all(a in facts for a in want.after)
        and all(call.get(k) == v for k, v in want.params.items())
    }
    return replace(action, adds=action.adds | met)


def call_of(step: Step, catalog: Catalog) -> tuple[str, str] | None:
    """The identity of a step's call; `None` when its tool is not there."""
    tool = catalog.get(step.action)
    return (tool.name, call_text(tool, step.params)) if tool else None
