"""The steps of a phase, planned when its turn comes: what the planner is asked, and its answer put in.

The planner is asked for a plan of the phase alone, from what holds by then; so every planner can do it. Its
steps become the phase's, under ids of their own; nothing else in the plan changes. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from console.catalog.contract import ground, match, parse_fact
from console.catalog.spec import Catalog, Fact
from console.errors import PlannerError
from console.plan.graph import Graph
from console.plan.model import Compensation, Plan, Step, StepId, Undo
from console.plan.references import renamed
from console.planners.base import Goal
from console.run.endings import facts_now
from console.run.life import StepStatus
from console.run.state import RunState

STEM = 48
"""Characters of a phase's id that the ids of its steps begin with."""


def phase_of(plan: Plan | None, phase: StepId) -> Step:
    """The phase in `plan` that is to be planned. Raises `PlannerError` when it is not there any more."""
    for step, _ in plan.walk() if plan else ():
        if step.id == phase and step.expand and not step.steps:
            return step
    raise PlannerError(
        "the phase is planned already, or gone", where=f"phase {phase}", kept="the plan is kept"
    )


def goal_of_phase(
    goal: Goal, phase: Step, state: RunState, catalog: Catalog, said: Mapping[str, str]
) -> Goal:
    """What the planner is asked for: the phase's description as the goal, with the facts that hold when its
    turn has come. `said` are the results it can build on, by name."""
    return replace(
        goal,
        text=phase.description or f"phase {phase.id} of: {goal.text}",
        facts=_facts_then(phase.id, state, catalog),
        want=(),
        fallback=(),
        inputs={**goal.inputs, **said},
        is_phase=True,
    )


def before_phase(phase: Step, state: RunState) -> list[StepId]:
    """The steps it depends on directly, that have succeeded."""
    assert state.plan is not None
    done = Graph.of(state.plan).directly_before(phase.id)
    return [s for s in done if s in state.steps and state.steps[s].status is StepStatus.SUCCEEDED]


def _facts_then(phase: StepId, state: RunState, catalog: Catalog) -> frozenset[Fact]:
    """What holds now, and after the steps before the phase that are still to come, by their contracts."""
    assert state.plan is not None
    facts = {parse_fact(fact) for fact in facts_now(state, catalog)}
    graph = Graph.of(state.plan)
    before = graph.ancestors(phase)
    for step_id in graph.order:
        step = state.leaves.get(step_id) if step_id in before else None
        tool = catalog.get(step.action) if step else None
        if step is None or tool is None or state.steps[step_id].status is StepStatus.SUCCEEDED:
            continue
        contract = ground(tool, tool.with_defaults(step.params), facts)
        gone = {f for f in facts for pattern in contract.removes if match(pattern, f, {}) is not None}
        facts = (facts - gone) | set(contract.provides)
    return frozenset(facts)


def put_in(plan: Plan, phase: StepId, made: Plan, taken: set[StepId]) -> Plan:
    """`plan` with the steps of `made` in its phase. `taken` are ids that no step may get."""
    used = taken | {step.id for step, _ in plan.walk()}
    names: dict[StepId, StepId] = {}
    for number, (step, _) in enumerate(made.walk(), 1):
        name = f"{phase[:STEM]}-{number}"
        while name in used:
            name += "x"
        used.add(name)
        names[step.id] = name

    def own(step: Step) -> Step:
        undo = step.undo and Undo(action=step.undo.action, params=renamed(step.undo.params, names))
        return step.model_copy(
            update={
                "id": names[step.id],
                "params": renamed(step.params, names),
                "undo": undo,
                "depends_on": tuple(names.get(d, d) for d in step.depends_on),
                "explain": {names.get(d, d): why for d, why in step.explain.items()},
                "steps": tuple(own(child) for child in step.steps),
            }
        )

    def planned(step: Step) -> Step:
        if step.id == phase:
            return step.model_copy(update={"steps": tuple(own(s) for s in made.steps), "expand": False})
        return step.model_copy(update={"steps": tuple(planned(child) for child in step.steps)})

    listed = tuple(_own_item(item, names) for item in made.rollback)
    return plan.model_copy(
        update={"steps": tuple(planned(step) for step in plan.steps), "rollback": (*listed, *plan.rollback)}
    )


def _own_item(item: Compensation, names: Mapping[StepId, StepId]) -> Compensation:
    undoes = None if item.undoes is None else tuple(names.get(s, s) for s in item.undoes)
    return item.model_copy(update={"params": renamed(item.params, names), "undoes": undoes})
