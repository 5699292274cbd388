"""A catalog from the text of a tool file."""

from __future__ import annotations

from typing import Any

import yaml

from console.catalog.contract import parse_fact
from console.catalog.spec import Catalog, Contract, Fact, Goal, Parameter, Risk, Script, ToolSpec
from console.plan.model import Undo

_SAME = ("name", "description", "verify", "probe", "duration", "cost")


def catalog_of(*texts: str) -> Catalog:
    """The tools and goals of tool files, in order."""
    tools: dict[str, ToolSpec] = {}
    goals: list[Goal] = []
    for text in texts:
        data = yaml.safe_load(text)
        tools |= {t["name"]: _tool(t) for t in data.get("tools", [])}
        goals += [Goal(pattern=g["pattern"], want=_facts(g["want"])) for g in data.get("goals", [])]
    return Catalog(tools=tools, goals=tuple(goals))


def _tool(data: dict[str, Any]) -> ToolSpec:
    failed = data.get("on_failure", {})
    return ToolSpec(
        **{k: data[k] for k in _SAME if k in data},
        parameters=tuple(Parameter(**p) for p in data.get("parameters", [])),
        script=Script(**data.get("script", {"shell": "true"})),
        risk=Risk(data.get("risk", "disruptive")),
        risk_known="risk" in data,
        recovery=data.get("recovery", False),
        idempotent=data.get("idempotent", False),
        undo=Undo(**data["undo"]) if "undo" in data else None,
        contract=Contract(
            **{k: _facts(data.get(k, [])) for k in ("requires", "provides", "removes", "forbids", "writes")},
            vars=tuple(data.get("vars", [])),
            fails_adding=_facts(failed.get("adds", [])),
            fails_removing=_facts(failed.get("removes", [])),
        ),
    )


def _facts(lines: list[str]) -> tuple[Fact, ...]:
    return tuple(parse_fact(line) for line in lines)
