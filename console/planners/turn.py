"""A model's reply -> one turn of an agent: a call, or the result. Pure.

    {"thought": ..., "action": "tool", "params": {...}}      {"thought": ..., "finish": "the result"}

The call may stand in an object of its own, `{"call": {"action": ..., "params": ...}}`. `null` means *not
given*. What says both, neither, or something else is not followed: the model is told why, and what it said is
kept as its thought.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from console.errors import BadReply
from console.plan.reply.parsing import read_value
from console.planners.executor import Move

THOUGHTS = ("thought", "thoughts", "reasoning", "reason")
ACTIONS = ("action", "tool", "name")
PARAMS = ("params", "parameters", "arguments", "args", "action_input", "input")
RESULTS = ("finish", "final_answer", "answer", "result")


def read_turn(reply: str, tools: tuple[str, ...]) -> Move:
    """The turn in a reply; one with an `error` where there is none."""
    move = _read(reply, tools)
    return replace(move, thought=reply.strip()) if move.error and not move.thought else move


def _read(reply: str, tools: tuple[str, ...]) -> Move:
    try:
        document = read_value(reply).document
    except BadReply as error:
        return Move(error=f"{error.what}; answer with one JSON object")
    if not isinstance(document, dict):
        return Move(error="the reply is no JSON object")
    given = {key: value for key, value in document.items() if value is not None}
    thought = _text(_first(given, THOUGHTS))
    inner = given.get("call")
    call = {k: v for k, v in inner.items() if v is not None} if isinstance(inner, dict) else given
    action, result = _first(call, ACTIONS), _first(given, RESULTS)
    if action == "finish" and "finish" not in tools:
        result, action = result if result is not None else _first(call, PARAMS), None
    return replace(_move(action, _first(call, PARAMS), result), thought=thought)


def _move(action: Any, params: Any, result: Any) -> Move:
    if action is not None and result is not None:
        return Move(error="the reply has both a call and a result: give one of them")
    if result is not None:
        return Move(finish=_text(result))
    if not isinstance(action, str) or not action:
        return Move(error="the reply has neither a call (action, params) nor a result (finish)")
    params = {} if params is None else params
    if not isinstance(params, dict):
        return Move(error="params must be an object with the tool's parameters by name")
    return Move(action=action, params={name: value for name, value in params.items() if value is not None})


def _first(given: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((given[name] for name in names if name in given), None)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
