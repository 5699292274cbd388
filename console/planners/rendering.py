"""What a model is told, as text: tools, facts, inputs, the record of a run.

Output of programs is untrusted. It stands between two lines with a token that is drawn anew for each
prompt, cut to its last `OUTPUT_CHARS` characters, cleaned; the prompt says that it is data. Values of
secrets are taken out of everything (`redactor`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from console.catalog.contract import show
from console.catalog.spec import Catalog, Fact, ToolSpec
from console.plan.model import Plan
from console.planners.base import Goal, History, Want
from console.redact import TELLING, Redactor
from console.text import clean

OUTPUT_CHARS = 1_000
LEFT_OUT_NAMES = 200
SHORTLY = 12

_URL_PASSWORD = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
_SECRET_FROM = 8
"""Characters; a shorter value would be found everywhere."""


def redactor(environ: Mapping[str, str], catalog: Catalog) -> Redactor:
    """Takes out the values of the tools' secrets, of every variable whose name tells of one, and the
    passwords in variables that are addresses."""
    named = {name for tool in catalog.tools.values() for name in tool.secrets}
    values: dict[str, str] = {}
    for name, value in environ.items():
        if name in named or TELLING.search(name):
            values[name] = value
        elif found := _URL_PASSWORD.search(value):
            values[name] = found[1]
    return Redactor({name: value for name, value in values.items() if len(value) >= _SECRET_FROM})


def tool_text(tool: ToolSpec) -> str:
    """One tool as one line of JSON: what a planner must know, and nothing of how it is carried out."""
    contract = tool.contract
    told: dict[str, Any] = {
        "name": tool.name,
        "description": tool.description.strip(),
        "params": {key: value for key, value in tool.schema_of_parameters.items() if key != "type"},
        "risk": tool.risk.value,
        "requires": [show(fact) for fact in contract.requires],
        "provides": [show(fact) for fact in contract.provides],
        "removes": [show(fact) for fact in contract.removes],
        "forbids": [show(fact) for fact in contract.forbids],
        "writes": [show(fact) for fact in contract.writes],
        "after_failure": [show(fact) for fact in contract.fails_adding],
        "recovery": tool.recovery,
        "undo": tool.undo and tool.undo.action,
        "verify": tool.verify,
        "seconds": tool.duration,
    }
    return json.dumps({k: v for k, v in told.items() if v not in (None, [], "", False)}, ensure_ascii=False)


def goal_values(goal: Goal, template: str) -> dict[str, str]:
    """The parts of a prompt that a goal gives; `template` says what pattern its words fit."""
    return {
        "goal": clean(goal.text),
        "template": clean(template),
        "words": clean(goal.words) or "nothing",
        "inputs": _lines(
            f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in goal.inputs.items()
        ),
        "facts": _facts(sorted(goal.facts)),
        "want": _lines(map(_want, goal.want)),
    }


def tool_values(tools: Iterable[ToolSpec], left_out: tuple[str, ...]) -> dict[str, str]:
    """The parts of a prompt that the tools give."""
    hidden = f"Tools that exist and are not shown here: {_names(left_out)}" if left_out else ""
    return {"tools": _lines(map(tool_text, tools)), "left_out": hidden}


def not_shown(left_out: tuple[str, ...], most: int = LEFT_OUT_NAMES) -> str:
    """For the operator: which tools the model was not shown; empty when it was shown them all."""
    return f"{len(left_out)} tools were not shown to the model: {_names(left_out, most)}" if left_out else ""


def _names(names: tuple[str, ...], most: int = LEFT_OUT_NAMES) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def record_text(plan: Plan, history: History, token: str) -> str:
    """What happened, step by step; all that programs wrote is fenced."""
    actions = {step.id: step.action for step in plan.leaves()}
    parts = []
    for done in history.steps:
        mark = " (banned)" if done.banned else ""
        parts.append(f"step {done.step} {done.call or actions.get(done.step, '')}: {done.status}{mark}")
        said = "\n".join(part for part in (done.error.strip(), done.output.strip()) if part)
        if said:
            parts.append(fenced(said, token))
    return "\n".join(parts) or "nothing has run"


def fenced(text: str, token: str, most: int = OUTPUT_CHARS) -> str:
    """Untrusted text between two lines that it cannot write itself; of a longer one its end."""
    safe = clean(text).replace(token, "")
    cut = safe if len(safe) <= most else f"… {safe[-most:]}"
    return f"<<<data {token}\n{cut}\n{token} data>>>"


def _want(want: Want) -> str:
    after = f", after: {'; '.join(map(show, want.after))}" if want.after else ""
    params = f", with {json.dumps(want.params, ensure_ascii=False)}" if want.params else ""
    return f"{show(want.fact)}{after}{params}"


def _facts(facts: Iterable[Fact]) -> str:
    return _lines(map(show, facts))


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "- none given"
