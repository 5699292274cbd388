"""An agent's step: what it has used up, what it may do, what follows from the turn it took. Pure.

    think ──> a call ──> approved with the step, or asked about, or refused ──> carried out ──> think ...
          └─> finished: the step's result
          └─> a reply that cannot be followed: the next turn is told

A call is a step below the agent's, with an id of its own, and goes the way of every step: policy, intent,
backend, journal. What the agent knows is made anew from the record each turn, so that a crash costs
no more than the turn in which it came.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from console.catalog import agents
from console.catalog.fit import faults as misfits
from console.catalog.spec import Agent, Catalog
from console.plan.model import Params, Plan, Step, StepId
from console.plan.references import find
from console.planners.executor import Move
from console.run import events as ev
from console.run.life import StepStatus
from console.run.standing import Turn
from console.run.state import RunState
from console.text import clean

STEM = 48
"""Characters of an agent's id that the ids of its calls begin with."""

LAST_WORD = 1
"""Turns after the last call, for saying the result."""

THOUGHT_CAP, RESULT_CAP, PARAMS_CAP = 8_000, 200_000, 100_000
"""Characters."""

_OPEN = (StepStatus.PENDING, StepStatus.HELD, StepStatus.RUNNING, StepStatus.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class Left:
    """What an attempt of an agent may still use up."""

    calls: int
    tokens: int
    seconds: float
    cost: float | None = None


def profile_of(step: Step, catalog: Catalog) -> Agent | None:
    """The profile of an agent's step; `None` for any other step."""
    tool = catalog.get(step.action)
    return tool.agent if tool else None


def turns_now(state: RunState, step_id: StepId) -> list[Turn]:
    """The turns of the newest attempt."""
    life = state.step(step_id)
    number = life.attempt.number if life.attempt else 0
    return [turn for turn in life.turns if turn.attempt == number]


def open_call(state: RunState, step_id: StepId) -> StepId:
    """The call that the agent waits for; empty when it waits for none."""
    turns = turns_now(state, step_id)
    call = turns[-1].call if turns else ""
    return call if call and state.steps[call].status in _OPEN else ""


def left(state: RunState, step: Step, profile: Agent) -> Left:
    """What is left of the limits; waiting for a person uses up nothing."""
    turns = turns_now(state, step.id)
    attempts = [a for turn in turns if turn.call for a in state.steps[turn.call].attempts]
    at_work = sum(a.ended - a.intended for a in attempts if a.ended)
    cost = None
    if profile.cost_usd is not None:
        cost = max(0.0, profile.cost_usd - sum(turn.cost for turn in turns))
    if (of_run := state.limits.get("cost_usd")) is not None:
        rest = max(0.0, of_run - state.cost)
        cost = rest if cost is None else min(cost, rest)
    return Left(
        calls=profile.steps - sum(turn.finish is None for turn in turns),
        tokens=profile.tokens - sum(turn.tokens for turn in turns),
        seconds=(step.timeout or profile.timeout) - at_work - sum(turn.seconds for turn in turns),
        cost=cost,
    )


def exhausted(rest: Left, profile: Agent) -> str:
    """Which limit is used up, in a line; empty while it can go on."""
    if rest.calls + LAST_WORD <= 0:
        return f"its {profile.steps} calls are used up and it gave no result"
    if rest.tokens <= 0:
        return f"its {profile.tokens} tokens are used up"
    if rest.seconds <= 0:
        return "its time is used up"
    if rest.cost is not None and rest.cost <= 0:
        return "what it may cost is used up"
    return ""


def thought(move: Move, step: Step, state: RunState, catalog: Catalog, seconds: float) -> ev.AgentThought:
    """The record of a turn: the call it makes where that can be made, else why it cannot."""
    life = state.step(step.id)
    assert life.attempt is not None
    tool = catalog.get(step.action)
    assert tool is not None
    assert tool.agent is not None
    rest = left(state, step, tool.agent)
    call, error, finish = None, move.error, move.finish
    if not error and finish is None:
        allowed = agents.tools_of(tool, catalog)
        error = _objection(move, list(allowed), catalog, rest)
        if not error:
            own = allowed[move.action].timeout
            limit = max(0.1, min(own, rest.seconds - seconds))
            call = Step(id=_call_id(step.id, state), action=move.action, params=move.params, timeout=limit)
    if finish is not None and len(finish) > RESULT_CAP:
        finish, error = None, f"the result is longer than {RESULT_CAP} characters: give less"
    return ev.AgentThought(
        step=step.id,
        attempt=life.attempt.number,
        turn=len(turns_now(state, step.id)) + 1,
        thought=clean(move.thought)[:THOUGHT_CAP],
        call=call,
        finish=finish if not error else None,
        error=clean(error)[:THOUGHT_CAP],
        model=move.model,
        tokens=move.tokens,
        cost=move.cost,
        seconds=seconds,
    )


def _objection(move: Move, allowed: list[str], catalog: Catalog, rest: Left) -> str:
    """Why a call cannot be made; empty when it can."""
    if rest.calls <= 0:
        return "no call is left: say the result"
    if move.action not in allowed:
        return f"there is no tool {move.action!r:.80}; the tools are {', '.join(allowed)}"
    if len(json.dumps(move.params)) > PARAMS_CAP:
        return f"the parameters are longer than {PARAMS_CAP} characters"
    if find(move.params):
        return "the parameters of a call are values; a reference to another step's result is none"
    call = Step(id="call", action=move.action, params=move.params)
    problems = misfits(Plan(steps=(call,)), catalog)
    return "; ".join(f"{p.message} ({p.hint})" if p.hint else p.message for p in problems)


def _call_id(step_id: StepId, state: RunState) -> StepId:
    """An id that nothing else in the run has."""
    taken = set(state.steps)
    if state.plan is not None:
        taken |= {step.id for step, _ in state.plan.walk()}
    if state.proposal is not None:
        taken |= {step.id for step, _ in state.proposal.plan.walk()}
    number = 1 + len([turn for turn in state.steps[step_id].turns if turn.call])
    name = f"{step_id[:STEM]}-a{number}"
    while name in taken:
        name += "x"
    return name


def work_of(params: Params) -> tuple[str, str]:
    """An agent's task and context, as text."""
    task, context = params.get("task", ""), params.get("context", "")
    return str(task), context if isinstance(context, str) else json.dumps(context, ensure_ascii=False)
