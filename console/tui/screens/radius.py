"""How far a plan reaches: what it touches, what could be undone, and the word that names its target."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from console.catalog.spec import Catalog, Fact, Risk
from console.plan.model import Plan, Step, StepId
from console.plan.references import find
from console.run.policy import risk_of
from console.run.rollback import compensation_of
from console.run.state import RunState
from console.run.ties import tie_of

TARGET_NAMES = (
    "environment", "env", "host", "hostname", "target", "cluster", "namespace", "database", "db",
    "server", "service", "region", "bucket", "table", "volume", "app", "name", "path", "file",
)  # fmt: skip
"""Parameters that usually name what a step is done to, the best first."""

_TYPEABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@:-]{0,63}")


def target_of(step: Step, catalog: Catalog) -> str:
    """The word for what `step` is done to: its target parameter, what it writes, its host; "" when
    nothing names it with one word that can be typed."""
    tool = catalog.get(step.action)
    params = tool.with_defaults(step.params) if tool else step.params
    named = [params[name] for name in TARGET_NAMES if name in params]
    written = [_bound(fact, params)[-1] for fact in (tool.contract.writes if tool else ()) if fact]
    for word in (*named, *written, step.on or ""):
        if isinstance(word, str) and _TYPEABLE.fullmatch(word) and not find(word):
            return word
    return ""


def touched(steps: Iterable[Step], catalog: Catalog) -> list[str]:
    """The resources that `steps` write, each once, in their order."""
    found: dict[str, None] = {}
    for step in steps:
        tool = catalog.get(step.action)
        if tool is None:
            continue
        params = tool.with_defaults(step.params)
        for fact in tool.contract.writes:
            found[" ".join(_bound(fact, params))] = None
        if not tool.contract.writes and tool.risk.rank >= Risk.DISRUPTIVE.rank:
            found[target_of(step, catalog)] = None
    return [name for name in found if name]


def secrets_of(steps: Iterable[Step], catalog: Catalog) -> list[str]:
    """Names of the secrets that `steps` are given, each once."""
    tools = (catalog.get(step.action) for step in steps)
    return list(dict.fromkeys(name for tool in tools if tool for name in tool.secrets))


def with_a_way_back(steps: Iterable[Step], plan: Plan, state: RunState) -> set[StepId]:
    """Those of `steps` that a rollback would undo: by their own compensation, or by the plan's list."""
    tied = {s for item in plan.rollback for s in tie_of(item, plan, state.catalog, state).undoes}
    return {s.id for s in steps if s.id in tied or compensation_of(s, state.catalog, s.params)}


def blast_radius(steps: Sequence[Step], plan: Plan, state: RunState) -> str:
    """One line: how many steps, how many destructive, what they touch, what a rollback covers."""
    count = len(steps)
    risks = {step.id: risk_of(step, state.catalog) for step in steps}
    back = with_a_way_back(steps, plan, state)
    destructive = [s for s, risk in risks.items() if risk is Risk.DESTRUCTIVE]
    changing = [s for s, risk in risks.items() if risk is not Risk.OBSERVE]
    parts = [f"{count} step{'s' if count != 1 else ''}", f"{len(destructive)} destructive"]
    if final := [s for s in destructive if s not in back]:
        parts.append(f"{len(final)} irreversible")
    if resources := touched(steps, state.catalog):
        parts.append(f"touches {', '.join(resources)}")
    if changing:
        parts.append(f"rollback covers {len(back.intersection(changing))} of {len(changing)}")
    if names := secrets_of(steps, state.catalog):
        parts.append(f"secrets {', '.join(names)}")
    return " · ".join(parts)


def _bound(fact: Fact, params: dict[str, object]) -> list[str]:
    return [str(params.get(word[1:], word)) if word.startswith("$") else word for word in fact]
