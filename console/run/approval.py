"""What is approved, by hash.

A step's hash covers everything that decides what it does: the step, the definition of its tool and
of its undo's tool. A plan's hash covers its steps' hashes, how they hang together, and the rollback
list. The engine takes both from its own copy before each start, so what runs is what was approved,
whatever happened in between. Descriptions are not part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.catalog.spec import Catalog, Risk, ToolSpec
from console.plan.by_step import ByStep
from console.plan.codec import decisive, digest
from console.plan.model import Compensation, Plan, Step
from console.plan.references import find
from console.run.policy import risk_of

_TELLING = {"description", "file", "line", "duration", "cost", "output_schema"}


def tool_hash(tool: ToolSpec | None) -> str:
    """SHA-256 of what a tool does; of nothing for a tool that is not there."""
    return digest(tool.model_dump(mode="json", exclude=_TELLING)) if tool else digest(None)


class Hasher:
    """Hashes steps and plans against one catalog; a tool is hashed once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._tools: dict[str, str] = {}
        self.step: ByStep[str] = ByStep(self._hash)

    def _tool(self, name: str) -> str:
        if name not in self._tools:
            tool = self._catalog.get(name)
            own = tool_hash(tool)
            if tool is not None and tool.agent is not None:
                # What an agent can do is what its tools do.
                own = digest({"agent": own, "tools": {n: self._callable(n) for n in tool.agent.tools}})
            self._tools[name] = own
        return self._tools[name]

    def _callable(self, name: str) -> list[str]:
        tool = self._catalog.get(name)
        return [self._tool(name), self._tool(tool.undo.action) if tool and tool.undo else ""]

    def _hash(self, step: Step) -> str:
        tool = self._catalog.get(step.action)
        undo = step.undo or (tool.undo if tool else None)
        return digest(
            {
                "step": decisive(step),
                "tool": self._tool(step.action),
                "undo": self._tool(undo.action) if undo else "",
            }
        )

    def compensation(self, item: Compensation) -> str:
        return digest(
            {"item": item.model_dump(mode="json", exclude={"description"}), "tool": self._tool(item.action)}
        )

    def plan(self, plan: Plan) -> str:
        return digest(
            {
                "steps": sorted([step.id, *path, self.step(step)] for step, path in plan.walk()),
                "rollback": [self.compensation(item) for item in plan.rollback],
                "expected": list(plan.expected),
            }
        )


def step_hash(step: Step, catalog: Catalog) -> str:
    """The hash that an approval of `step` names."""
    return Hasher(catalog).step(step)


def plan_hash(plan: Plan, catalog: Catalog) -> str:
    """The hash that an approval of `plan` names."""
    return Hasher(catalog).plan(plan)


def resolved_hash(step: Step, params: Mapping[str, Any], catalog: Catalog) -> str:
    """The hash of a step in its resolved form, references replaced: what a destructive step that
    was approved as a template is asked about once more."""
    return digest({"step": step_hash(step, catalog), "params": dict(params)})


def confirmable(plan: Plan, catalog: Catalog) -> tuple[Step, ...]:
    """The destructive steps that an approval of the plan must confirm one by one."""
    return tuple(step for step in plan.taken() if risk_of(step, catalog) is Risk.DESTRUCTIVE)


def is_template(step: Step) -> bool:
    """Whether what the step does depends on earlier results."""
    return bool(find(step.params))
