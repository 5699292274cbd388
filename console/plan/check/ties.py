"""What an item of the plan's rollback list undoes, read off the plan.

Asked in this order, the first answer counts: what the item says (`undoes`); references to results;
the same destructive tool (a link switched there and back); the tools' contracts; parameter values that
it shares with a step (a release created and removed); the object in the tools' names (`restore_config`,
`edit_config`). A step that makes a backup is not what a restore undoes but what it *needs*.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from console.catalog.contract import ground, match
from console.catalog.spec import Catalog, Contract, Fact, Risk
from console.plan.model import Compensation, Params, Plan, Step, StepId
from console.plan.references import find

_RESTORE = {"restore", "recover", "revert", "rollback", "reload", "undo", "import"}
_BACKUP = {"backup", "dump", "snapshot", "save", "export", "archive"}
_ACTS = {
    "add", "apply", "build", "change", "check", "clean", "cleanup", "copy", "create", "delete",
    "deploy", "disable", "drop", "edit", "enable", "fetch", "get", "install", "link", "make",
    "move", "notify", "put", "remove", "rename", "replace", "reset", "restart", "rotate", "run",
    "send", "set", "start", "stop", "switch", "sync", "test", "uninstall", "unlink", "update",
    "upgrade", "upload", "verify", "write",
}  # fmt: skip
_VAGUE = {"back", "data", "dir", "directory", "file", "files", "folder", "item", "items", "path", "up"}
"""Words that name no thing in particular: a tool that deletes files does not undo one that copies them."""

_TELLING_LENGTH = 3


@dataclass(frozen=True, slots=True)
class Tie:
    """`undoes`: the steps an item makes undone. `needs`: steps one of which must have succeeded for
    it to make sense (the backup it restores). `why` is for the operator."""

    undoes: tuple[StepId, ...] = ()
    why: str = ""
    needs: tuple[StepId, ...] = ()


def tie_of(
    item: Compensation, plan: Plan, catalog: Catalog, carried: Mapping[StepId, Params] | None = None
) -> Tie:
    """The tie of one item of `plan.rollback`; without `undoes` when nothing tells. `carried` are the
    parameters that steps were carried out with, where they have been."""
    known = carried or {}
    steps = [step for step in plan.taken() if not step.is_note]
    changing = [step for step in steps if catalog.risk(step.action) is not Risk.OBSERVE]
    needs = _backups(item, steps, catalog, known)
    subjects = [step for step in changing if step.id not in needs]

    def answer(undoes: Iterable[StepId], why: str) -> Tie:
        return Tie(tuple(undoes), why, needs)

    if item.undoes is not None:
        return answer(item.undoes, "the plan says so")
    if referred := [r.step for r in find(item.params) if r.step not in needs]:
        return answer(dict.fromkeys(referred), "it uses their results")
    destructive = catalog.risk(item.action) is Risk.DESTRUCTIVE
    if destructive and (same := [step.id for step in subjects if step.action == item.action]):
        return answer(same, f"the same tool, {item.action}")
    if bound := [step.id for step in subjects if _by_contract(item, step, catalog)]:
        return answer(bound, "the tools' contracts")
    if shared := _sharing(item.params, subjects, known):
        value = next(iter(shared.values()))
        return answer(shared, f"they share the value {value!r}")
    others = [step for step in subjects if step.action != item.action]
    if named := [step.id for step in others if _objects(item.action) & _objects(step.action)]:
        return answer(named, f"the name, {item.action}")
    return answer((), "nothing in the plan says what it undoes")


def _words(action: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", action)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]


def _objects(action: str) -> set[str]:
    """The words of a tool's name that name a thing rather than an act."""
    return {word for word in _words(action) if word not in _ACTS | _RESTORE | _BACKUP | _VAGUE}


def _scalars(value: Any) -> set[str]:
    """The values in parameters that are telling enough to tie by, as text."""
    if isinstance(value, dict):
        return set().union(*(_scalars(part) for part in value.values()))
    if isinstance(value, list):
        return set().union(*(_scalars(part) for part in value))
    if isinstance(value, bool) or value is None:
        return set()
    text = str(value)
    return {text} if len(text) >= _TELLING_LENGTH else set()


def _sharing(params: Params, steps: Iterable[Step], carried: Mapping[StepId, Params]) -> dict[StepId, str]:
    mine = _scalars(params)
    found: dict[StepId, str] = {}
    for step in steps:
        if common := mine & _scalars(carried.get(step.id, step.params)):
            found[step.id] = min(common)
    return found


def _contract(action: str, params: Params, catalog: Catalog) -> Contract:
    tool = catalog.get(action)
    return ground(tool, tool.with_defaults(params)) if tool else Contract()


def _touch(patterns: Iterable[Fact], facts: Iterable[Fact]) -> bool:
    held = list(facts)
    return any(match(pattern, fact, {}) is not None for pattern in patterns for fact in held)


def _by_contract(item: Compensation, step: Step, catalog: Catalog) -> bool:
    """Whether the item takes away what the step brings, or writes what it writes."""
    ours = _contract(item.action, item.params, catalog)
    theirs = _contract(step.action, step.params, catalog)
    return _touch(ours.removes, theirs.provides) or _touch(ours.writes, theirs.writes)


def _backups(
    item: Compensation, steps: list[Step], catalog: Catalog, carried: Mapping[StepId, Params]
) -> tuple[StepId, ...]:
    """The steps that make what the item needs: by contract, else a backup that a restore goes with
    by value or by name."""
    needed = _contract(item.action, item.params, catalog).requires
    if providers := [
        step.id
        for step in steps
        if needed and _touch(needed, _contract(step.action, step.params, catalog).provides)
    ]:
        return tuple(providers)
    if not set(_words(item.action)) & _RESTORE:
        return ()
    makers = [step for step in steps if set(_words(step.action)) & _BACKUP]
    by_value = _sharing(item.params, makers, carried)
    by_name = [step.id for step in makers if _objects(step.action) & _objects(item.action)]
    return tuple(by_value) or tuple(by_name)
