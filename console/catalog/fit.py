"""Does a plan fit its catalog? Every step, undo and rollback item against the tool it calls.

Found before anything runs, all together: unknown tools, tools that nothing here can carry out, parameters
that are missing, unknown or ill-typed, values a command line cannot carry. A value that holds
references is checked when it is resolved (console/catalog/command.py checks again before each start).
"""

from __future__ import annotations

from collections.abc import Iterator

from console.catalog.command import unfilled
from console.catalog.parameters import Checker
from console.catalog.spec import Catalog, ToolSpec
from console.errors import Fault
from console.plan import references
from console.plan.by_step import ByStep
from console.plan.codec import bind_inputs
from console.plan.faults import nearest
from console.plan.model import NOTE, Params, Plan, Step


def faults(plan: Plan, catalog: Catalog) -> tuple[Fault, ...]:
    """Everything in `plan` that `catalog` cannot carry out, in reading order; empty when it fits."""
    return Fitter(catalog).faults(plan)


class Fitter:
    """Holds one plan after the other against a catalog; a step is looked at once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._checker = Checker()
        self._of_step: ByStep[tuple[Fault, ...]] = ByStep(lambda step: tuple(self._step(step)))

    def faults(self, plan: Plan) -> tuple[Fault, ...]:
        """Everything in `plan` that the catalog cannot carry out."""
        return tuple(self._all(plan))

    def _all(self, plan: Plan) -> Iterator[Fault]:
        for step in plan.leaves():
            yield from self._of_step(step)
        for number, item in enumerate(plan.rollback, start=1):
            yield from self._call("", item.action, item.params, f"rollback item {number}: ")

    def _step(self, step: Step) -> Iterator[Fault]:
        if not step.action:
            yield Fault(0, step.id, "it names no action", "name a tool, or none for a note")
        else:
            yield from self._call(step.id, step.action, step.params, "")
        if step.undo is not None:
            yield from self._call(step.id, step.undo.action, step.undo.params, "undo: ")

    def _call(self, step: str, action: str, params: Params, place: str) -> Iterator[Fault]:
        if action == NOTE:
            return
        tool = self._catalog.get(action)
        if tool is None:
            yield from self._unknown(step, action, place)
            return
        if place and tool.agent is not None:
            what = f"{place}{action} is an agent, and what undoes must be known beforehand"
            yield Fault(0, step, what, "name a tool that calls something")
            return
        told = set()
        for message, hint in self._checker.problems(tool, params, template=True):
            told.add(message)
            yield Fault(0, step, f"{place}{message}", hint)
        for name, why in unfilled(tool, _known(params)):
            missing = f"{tool.name} needs the parameter {name}" in told
            if missing or (name in params and references.find(params[name])):
                continue
            yield Fault(0, step, f"{place}the parameter {name} of {tool.name} cannot be passed: {why}")

    def _unknown(self, step: str, action: str, place: str) -> Iterator[Fault]:
        """A tool of a server that was not asked yet may be there: the run asks it and looks again."""
        name, dot, tool = action.partition(".")
        server = self._catalog.servers.get(name) if dot else None
        if server is None:
            yield Fault(0, step, f"{place}there is no tool {action}", self._nearest(action))
        elif server.problem:
            yield Fault(
                0, step, f"{place}{action} cannot be carried out: {server.problem}", "mend the server"
            )
        elif server.asked:
            yield Fault(0, step, f"{place}the server {name} has no tool {tool}", self._nearest(action))

    def _nearest(self, action: str) -> str:
        names = list(self._catalog.tools)
        if hint := nearest(action, names):
            return hint
        return (
            f"the tools are {', '.join(names[:8])}{' ...' if len(names) > 8 else ''}"
            if names
            else "no tool file is loaded"
        )


def _known(params: Params) -> Params:
    """Values as far as they are known: one that refers to results is only known to be there."""
    return {name: "" if references.find(value) else value for name, value in params.items()}


def bind(plan: Plan, catalog: Catalog) -> Plan:
    """`plan` with the `input` of the second seed notation given to the parameter each tool has for it, and
    values that are named by their position given to the parameter in that place."""
    first = {name: target for name, tool in catalog.tools.items() if (target := input_of(tool))}
    return _by_position(bind_inputs(plan, first), catalog)


def _by_position(plan: Plan, catalog: Catalog) -> Plan:
    def step(old: Step) -> Step:
        if old.steps:
            return old.model_copy(update={"steps": tuple(map(step, old.steps))})
        tool = catalog.get(old.action)
        if tool is None or not any(name.isdecimal() for name in old.params):
            return old
        names = {str(at): p.name for at, p in enumerate(tool.parameters, 1)}
        names = {at: name for at, name in names.items() if name not in old.params}
        own = {p.name for p in tool.parameters}
        params = {k if k in own else names.get(k, k): value for k, value in old.params.items()}
        return old.model_copy(update={"params": params})

    return plan.model_copy(update={"steps": tuple(map(step, plan.steps))})


def input_of(tool: ToolSpec) -> str:
    """The parameter that `input` means: the tool's only one, else its first required one; ""
    when there is none, or when one is called `input`."""
    names = [p.name for p in tool.parameters]
    required = [p.name for p in tool.parameters if p.required and p.default is None]
    if "input" in names:
        return ""
    return names[0] if len(names) == 1 else next(iter(required), "")
