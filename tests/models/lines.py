"""A line to a model that is only a script, tools to plan with, and a listener."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anyio

from console.catalog.spec import Catalog, Contract, Parameter, Risk, Script, ToolSpec
from console.plan.model import Undo
from console.planners import llm_wire as wire
from console.planners.llm_link import AttemptFailed, HeardFrom

Act = str | wire.Failure | Callable[[wire.Ask], str]


@dataclass
class ScriptedLine:
    """Takes the next of `acts` for each attempt, the last one again beyond them. Each reply costs `cost` and
    takes `seconds` of the event loop's clock; `mute` ones never end."""

    acts: list[Act]
    cost: float = 0.0
    seconds: float = 0.0
    mute: bool = False
    asked: list[wire.Ask] = field(default_factory=list)
    closed: int = 0

    async def open(self) -> None:
        """It always is."""

    async def attempt(self, ask: wire.Ask, heard: HeardFrom) -> wire.Answer:
        self.asked.append(ask)
        act = self.acts[min(len(self.asked), len(self.acts)) - 1]
        if isinstance(act, wire.Failure):
            raise AttemptFailed(act)
        if self.mute:
            await heard(wire.Heard(tokens=40, seconds=1.0, cost=self.cost / 2))
            await anyio.sleep_forever()
        await anyio.sleep(self.seconds)
        text = act if isinstance(act, str) else act(ask)
        return wire.Answer(
            reply=text,
            tokens_in=100,
            tokens_out=20,
            cost=self.cost,
            seconds=self.seconds,
            finish="stop",
            longest=ask.max_tokens,
        )

    def close(self) -> None:
        self.closed += 1


@dataclass
class Listener:
    """What a planner told."""

    told: list[str] = field(default_factory=list)
    passing: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    tokens: int = 0
    cost: float = 0.0

    async def __call__(
        self, message: str, /, *, tokens: int = 0, cost: float = 0.0, passing: bool = False, reply: str = ""
    ) -> None:
        (self.passing if passing else self.told).append(message)
        self.tokens, self.cost = max(tokens, self.tokens), max(cost, self.cost)
        self.replies += [reply] if reply else []


def tool(name: str, risk: Risk, *parameters: str, contract: Contract | None = None, **more: Any) -> ToolSpec:
    return ToolSpec(
        name=name,
        description=f"{name.replace('_', ' ').capitalize()}.",
        script=Script(shell=f"echo {name}"),
        parameters=tuple(Parameter(name=p, required=True) for p in parameters),
        risk=risk,
        risk_known=True,
        contract=contract or Contract(),
        **more,
    )


TOOLS = Catalog(
    tools={
        one.name: one
        for one in (
            tool("back_up", Risk.REVERSIBLE, "db", contract=Contract(provides=(("backup", "$db"),))),
            tool(
                "wipe",
                Risk.DESTRUCTIVE,
                "db",
                contract=Contract(
                    requires=(("backup", "$db"),), provides=(("wiped", "$db"),), writes=(("db", "$db"),)
                ),
                undo=Undo(action="restore", params={"db": "$db"}),
            ),
            tool("restore", Risk.DISRUPTIVE, "db", recovery=True),
            tool("look", Risk.OBSERVE, "at"),
            tool("tell", Risk.OBSERVE, "message"),
        )
    }
)


def step(name: str, action: str, *after: str, **params: Any) -> dict[str, Any]:
    return {"id": name, "action": action, "params": params, "depends_on": list(after)}


def reply(*steps: dict[str, Any], reason: str = "because") -> str:
    return json.dumps({"reason": reason, "steps": list(steps), "rollback": []})


GOOD = reply(step("1", "back_up", db="main"), step("2", "wipe", "1", db="main"))
BARE = reply(step("1", "wipe", db="main"))
UNKNOWN = reply(step("1", "wype", db="main"), step("2", "look", "1", att="x"))
