"""What happens when a plan goes wrong: backups, proofs of effects, and the way back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from console.catalog.contract import bind_pattern, binding_of, ground, parse_fact, show
from console.catalog.spec import Fact, Risk, ToolSpec
from console.plan.check.calls import Calls
from console.plan.check.facts import fits, loose
from console.plan.check.finding import Finding
from console.plan.check.fixes import AddDependency, SetUndo
from console.plan.check.needs import insertion
from console.plan.check.ties import tie_of
from console.plan.check.view import View
from console.plan.model import StepId, Undo

BACKUP_FACTS = frozenset({"backup", "backups", "snapshot", "dump", "archive"})
"""First words of facts that say that there is a backup."""

_PROOF = {"verify", "check", "test", "tests", "smoke", "health", "validate", "probe"}
_ACTS = {
    "rollback", "restore", "revert", "undo", "recover", "switch", "deploy", "run", "create", "remove",
    "delete", "update", "set", "get", "back", "to", "the", "apply", "install", "uninstall", "start", "stop",
}  # fmt: skip


# ── backups ───────────────────────────────────────────────────────────────────────────────────────


def backups(view: View) -> Iterator[Finding]:
    """Destructive steps that nothing has backed up before, where something could have."""
    destructive = [s for s, tool in view.tools.items() if tool.risk is Risk.DESTRUCTIVE and not tool.recovery]
    if not destructive:
        return
    makers = _Backups(view)
    for step in destructive:
        if any(fact[0] in BACKUP_FACTS for fact in view.contracts[step].requires):
            continue  # needs() speaks of it
        saving = makers.saving(step) & ~view.bit(step)
        if saving & view.above(step):
            continue
        free = next(view.named(saving & ~view.below(step)), "")
        if free:
            text = f"it is destructive and does not wait for the backup of step {free}"
            fix = AddDependency(step, free, "a backup first")
            yield Finding("no-backup", "warning", step, text, fix)
        else:
            yield from _offered(view, step)


def _makes_backup(view: View, step: StepId) -> bool:
    made = step in view.contracts and any(f[0] in BACKUP_FACTS for f in view.contracts[step].provides)
    return made or bool(_words(view.steps[step].action) & BACKUP_FACTS)


class _Backups:
    """The steps that make backups, and of what."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._of: dict[str, list[StepId]] = {}
        unnamed: list[StepId] = []
        makers = [step for step in view.steps if _makes_backup(view, step)]
        for step in makers:
            made = (
                [f for f in view.contracts[step].provides if f[0] in BACKUP_FACTS]
                if step in view.tools
                else []
            )
            if not made or any(map(loose, (word for fact in made for word in fact))):
                unnamed.append(step)
            for word in {word for fact in made for word in fact[1:]}:
                self._of.setdefault(word, []).append(step)
        self._all, self._unnamed = view.bits(makers), view.bits(unnamed)

    def saving(self, step: StepId) -> int:
        """Those of what `step` writes, as far as contracts tell, as `bits`."""
        written = {word for fact in self._view.contracts[step].writes for word in fact[1:]}
        if not written:
            return self._all
        return self._unnamed | self._view.bits(s for word in written for s in self._of.get(word, ()))


def _offered(view: View, step: StepId) -> Iterator[Finding]:
    for resource in view.contracts[step].writes:
        for tool in view.catalog.tools.values():
            for pattern in tool.contract.provides:
                words = _backup_words(pattern, resource)
                if words is not None and not tool.recovery:
                    text = f"it is destructive and nothing has backed up {show(resource)} before"
                    fix = insertion(view, tool, words, before=step, why="a backup first")
                    yield Finding("no-backup", "warning", step, text, fix)
                    return
    named = _backup_tools(view, view.steps[step].action)
    if named and not view.contracts[step].writes:
        text = f"it is destructive and there is {named[0]}, but no backup comes before it"
        yield Finding("no-backup", "note", step, text)


def _backup_tools(view: View, action: str) -> list[str]:
    """The tools that by their names back up what `action` by its name changes."""
    return [
        name
        for name, tool in view.catalog.tools.items()
        if _words(name) & BACKUP_FACTS and not tool.recovery and _objects(name) & _objects(action)
    ]


def _backup_words(pattern: Fact, resource: Fact) -> dict[str, str] | None:
    """The binding under which `pattern` is a backup of `resource`: "backup $db" of "db maindb"."""
    if pattern[0] not in BACKUP_FACTS or len(resource) < 2:
        return None
    if pattern[1:] == (f"${resource[0]}",):
        return {resource[0]: resource[1]}
    return {} if pattern[1:] == resource[1:] else None


# ── proofs ────────────────────────────────────────────────────────────────────────────────────────


def proofs(view: View) -> Iterator[Finding]:
    """Steps whose tool says what proves its effect, and which nothing proves."""
    tools = view.catalog.tools.values()
    lookers = [t.name for t in tools if t.risk is Risk.OBSERVE and _words(t.name) & _PROOF]
    calls: Calls | None = None
    for step, tool in view.tools.items():
        if tool.verify:
            calls = calls or Calls(view)
            yield from _unproved(view, calls, step, tool, tool.verify)
        elif tool.contract.is_empty and tool.risk_known and tool.risk.rank >= Risk.DISRUPTIVE.rank:
            yield from _never_looked_at(view, step, lookers)


def _unproved(view: View, calls: Calls, step: StepId, tool: ToolSpec, verify: str) -> Iterator[Finding]:
    prover = view.catalog.get(verify)
    words = binding_of(tool, view.steps[step].params)
    fact = () if prover else bind_pattern(parse_fact(verify), _bound(view, step, words))
    made = view.providing(fact) & ~view.bit(step)
    proving = view.bits(calls.agreeing(verify, words)) if prover else made
    if proving & view.below(step):
        return
    what = f"by {verify}" if prover else f"({show(fact)})"
    free = next(view.named(proving & ~view.above(step), last_first=True), "")
    if free:
        text = f"its effect is not proved {what}: step {free} does not wait for it"
        fix = AddDependency(free, step, f"verifies step {step}")
        yield Finding("unverified-effect", "warning", step, text, fix)
        return
    offer = (prover, words) if prover else view.tool_for(fact)
    if offer is None:
        yield Finding("unverified-effect", "note", step, f"no tool proves its effect {what}")
        return
    insert = insertion(view, *offer, after=step, why=f"verifies step {step}")
    yield Finding("unverified-effect", "warning", step, f"nothing proves its effect {what}", insert)


def _bound(view: View, step: StepId, words: dict[str, str]) -> dict[str, str]:
    """`words` with the variables that the step's contract was bound with."""
    known = dict(words)
    for pattern, fact in zip(view.tools[step].contract.requires, view.contracts[step].requires, strict=True):
        known |= {p[1:]: w for p, w in zip(pattern, fact, strict=True) if p.startswith("$") and not loose(w)}
    return known


def _never_looked_at(view: View, step: StepId, lookers: Sequence[str]) -> Iterator[Finding]:
    if step in view.looked_at:
        return
    akin = [name for name in lookers if _objects(name) & _objects(view.steps[step].action)]
    if akin:
        yield Finding("unverified-effect", "note", step, f"nothing looks at its effect; {akin[0]} might")


# ── the way back ──────────────────────────────────────────────────────────────────────────────────


def covered(view: View) -> dict[StepId, str]:
    """The steps that something would undo, with the tool that would."""
    found: dict[StepId, str] = {}
    for item in view.plan.rollback:
        tie = tie_of(item, view.plan, view.catalog)
        found |= {step: item.action for step in view.steps if step in tie.undoes}
    for name, step in view.known.paced(view.steps.items()):
        undo = view.known.undo(step)
        if undo is not None:
            found[name] = undo.action
        elif _undone_by_calls(view, name):
            found[name] = "the undo of each of its calls"
    return found


def _undone_by_calls(view: View, step: StepId) -> bool:
    """Whether everything an agent may call without asking, and that changes something, has an undo."""
    tool = view.tools.get(step)
    if tool is None or tool.agent is None:
        return False
    called = (view.catalog.get(name) for name in tool.agent.tools)
    return all(
        one.undo is not None
        for one in called
        if one and Risk.OBSERVE.rank < one.risk.rank <= tool.agent.risk.rank
    )


def way_back(view: View) -> Iterator[Finding]:
    """Steps that nothing undoes, and compensations that could not work."""
    undone = covered(view)
    for step, tool in view.known.paced(view.tools.items()):
        if tool.recovery or tool.risk.rank < Risk.DISRUPTIVE.rank or step in undone:
            continue
        if tool.risk is Risk.DESTRUCTIVE:
            text = "it is destructive and neither it nor the plan has a way to undo it"
            yield Finding("no-way-back", "warning", step, text, _undo_from_recovery(view, step))
        elif tool.risk_known:
            yield Finding("no-way-back", "note", step, "nothing undoes it", _undo_from_recovery(view, step))
    known = view.known
    for name, one in known.paced(view.steps.items()):
        undo = known.undo(one)
        if undo is not None:
            yield from _workable(view, name, undo.action, known.undo_requires(one))
    for item in view.plan.rollback:
        undoes = tie_of(item, view.plan, view.catalog).undoes
        tied = next((step for step in view.steps if step in undoes), "")
        item_tool = view.catalog.get(item.action)
        requires = ground(item_tool, item.params).requires if item_tool else ()
        yield from _workable(view, tied, item.action, requires)


def _workable(view: View, step: StepId, action: str, requires: Sequence[Fact]) -> Iterator[Finding]:
    """Whether a compensation finds what it needs, such as the backup that it restores."""
    tool = view.catalog.get(action)
    if tool is not None and tool.contract.is_empty and "restore" in _words(action):
        named = _backup_tools(view, action)
        if named and not any(s.action in named for s in view.steps.values()):
            text = f"{action}, which would undo it, may find no backup: no step calls {named[0]}"
            yield Finding("rollback-cannot-work", "note", step, text)
    for fact in requires:
        if step and view.providing(fact) & (view.bit(step) | view.above(step)):
            continue
        if any(map(loose, fact)) or view.holds_first(fact) or (offer := view.tool_for(fact)) is None:
            continue
        makers = view.providers(fact)
        if not makers:
            text = f"{action}, which would undo it, needs {show(fact)}, which no step provides"
            fix = insertion(view, *offer, before=step, why=f"{action} needs {show(fact)}") if step else None
            yield Finding("rollback-cannot-work", "warning", step, text, fix)
        elif step:
            text = f"{action}, which would undo it, needs {show(fact)}; it does not wait for step {makers[0]}"
            free = not view.before(step, makers[0])
            fix_edge = AddDependency(step, makers[0], f"{action} needs {show(fact)}") if free else None
            yield Finding("rollback-cannot-work", "warning", step, text, fix_edge)


def _undo_from_recovery(view: View, step: StepId) -> SetUndo | None:
    """A recovery tool that ends what the step brings, with all its parameters known."""
    brought = view.contracts[step].provides
    known = binding_of(view.tools[step], view.steps[step].params)
    for tool in view.catalog.tools.values():
        if not tool.recovery or not any(fits(p, f) for p in tool.contract.removes for f in brought):
            continue
        params = {p.name: known[p.name] for p in tool.parameters if p.name in known and p.type == "string"}
        if all(p.name in params or not p.required or p.default is not None for p in tool.parameters):
            return SetUndo(step, Undo(action=tool.name, params=params))
    return None


@lru_cache(1024)
def _words(name: str) -> frozenset[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return frozenset(word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word)


def _objects(name: str) -> frozenset[str]:
    """The words of a tool's name that name a thing rather than an act."""
    return _words(name) - _ACTS - BACKUP_FACTS - _PROOF
