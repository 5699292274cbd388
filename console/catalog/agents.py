"""Agent profiles: tools that are carried out by a model which calls other tools.

A profile takes a `task` in words and, where earlier steps found something out, a `context`. What it may
call is a fixed list; an agent never calls an agent, so that every bound holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from console.catalog.spec import Agent, Catalog, Parameter, Risk, ToolSpec
from console.errors import Fault
from console.plan.faults import nearest

DEFAULT = "agent"
"""The profile that is there wherever a model is."""

PARAMETERS = (
    Parameter(name="task", description="what to find out or to do, in words", required=True),
    Parameter(name="context", description="what it must know for it: results of earlier steps"),
)


def faults(tools: Mapping[str, ToolSpec], servers: Mapping[str, object]) -> Iterator[Fault]:
    """What is wrong with the lists of tools of the profiles among `tools`."""
    for profile in tools.values():
        for name in profile.agent.tools if profile.agent else ():
            tool = tools.get(name)
            if tool is None and name.partition(".")[0] not in servers:
                what = f"the agent {profile.name} names {name}, and no file has such a tool"
                yield Fault(profile.line, "", what, nearest(name, list(tools)), profile.file)
            elif tool is not None and tool.agent is not None:
                what = f"the agent {profile.name} names {name}, which is an agent itself"
                yield Fault(profile.line, "", what, "name that agent in a step of its own", profile.file)


def with_default(catalog: Catalog, model: str = "") -> Catalog:
    """The catalog with the profile `agent` over all its tools up to `reversible`, unless a file has a
    tool of that name. One that was put in before, over fewer tools, is put in anew."""
    within = tuple(
        name
        for name, tool in catalog.tools.items()
        if tool.agent is None and tool.risk.rank <= Risk.REVERSIBLE.rank and not tool.recovery
    )
    own = catalog.get(DEFAULT)
    if (own is not None and (own.file or own.agent is None)) or not within:
        return catalog
    profile = ToolSpec(
        name=DEFAULT,
        description="Finds something out or does it by itself, one tool call after the other.",
        parameters=PARAMETERS,
        agent=Agent(tools=within, model=model),
        risk=Risk.OBSERVE,
        risk_known=True,
    )
    return catalog.model_copy(update={"tools": {**catalog.tools, DEFAULT: profile}})


def tools_of(profile: ToolSpec, catalog: Catalog) -> dict[str, ToolSpec]:
    """The tools that a profile may call, by name; those that are there."""
    names = profile.agent.tools if profile.agent else ()
    return {name: tool for name in names if (tool := catalog.get(name)) and tool.agent is None}


def shown(profile: ToolSpec, said: str) -> str:
    """An agent's work as it is approved: the profile whole, then what it is given."""
    agent = profile.agent
    assert agent is not None
    lines = [
        f"{profile.name} {said}",
        f"model: {agent.model or 'the executor model of the run'}",
        f"tools: {', '.join(agent.tools)}",
        f"without asking: calls up to {agent.risk}; each call above asks",
        f"limits: {agent.steps} calls, {agent.tokens} tokens, {agent.timeout:g} s"
        + (f", ${agent.cost_usd:g}" if agent.cost_usd is not None else ""),
    ]
    return "\n".join([*lines, f"prompt: {agent.prompt}"] if agent.prompt else lines)
