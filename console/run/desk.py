"""The desk at which wishes are judged: what is looked at, what is refused in which words, what is granted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from console.catalog.fit import Fitter
from console.catalog.spec import Catalog
from console.errors import ControlRefused, Fault
from console.plan.model import Plan, StepId
from console.run import events as ev
from console.run.approval import Hasher
from console.run.life import LIVE, StepStatus
from console.run.policy import Policy
from console.run.state import RunState


@dataclass(frozen=True, slots=True)
class Grant:
    """Events to write down, and what to do after: `cancel` these attempts, ask the planner with these
    words (`replan`) or for the steps of a phase (`expand`), `call_off` what it is at, for this person, run a
    `probe`, `retry` a step, have an agent `think` or `conclude`."""

    events: tuple[ev.Event, ...] = ()
    cancel: tuple[str, ...] = ()
    replan: str | None = None
    call_off: str = ""
    expand: StepId = ""
    think: StepId = ""
    conclude: StepId = ""
    probe: StepId = ""
    retry: StepId = ""
    answer: Any = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What a wish is judged by. `fitter` is what has held the plans before this one against the catalog."""

    state: RunState
    catalog: Catalog
    hasher: Hasher
    policy: Policy
    by: str
    person: str = ""
    fitter: Fitter | None = None

    def misfits(self, plan: Plan) -> tuple[Fault, ...]:
        """What of a plan the catalog cannot carry out."""
        return (self.fitter or Fitter(self.catalog)).faults(plan)


def refuse(what: str, *, step: StepId = "", todo: str = "") -> ControlRefused:
    """The refusal of a wish: what is wrong, at which step, what to do instead."""
    return ControlRefused(what, where=f"step {step}" if step else "", kept="nothing was changed", todo=todo)


def live(desk: Desk) -> None:
    """Refuse unless the run is under way."""
    if desk.state.status not in LIVE:
        raise refuse(f"the run is {desk.state.status.replace('_', ' ')}")


def step_in(desk: Desk, step: StepId, *allowed: StepStatus) -> StepStatus:
    """The status of a step of the run; refused unless it is one of those `allowed`."""
    try:
        status = desk.state.step(step).status
    except KeyError:
        raise refuse("there is no such step", step=step) from None
    if status not in allowed:
        raise refuse(f"it is {status.replace('_', ' ')}", step=step)
    return status


def ends(
    desk: Desk,
    end: Literal["stop", "rollback"],
    *events: ev.Event,
    reason: str = "",
    back_to: StepId | None = None,
    ties: Mapping[StepId, tuple[StepId, ...]] | None = None,
) -> Grant:
    """The run goes to an end that the operator chose, after `events`: what runs is cancelled."""
    chosen = ev.EndChosen(end=end, by=desk.by, reason=reason, back_to=back_to, ties=dict(ties or {}))
    return Grant((*events, chosen), cancel=running_keys(desk.state))


def running_keys(state: RunState) -> tuple[str, ...]:
    """The keys of all attempts that run."""
    steps = [*state.steps.values(), *(state.rollback.steps.values() if state.rollback else ())]
    return tuple(s.attempt.key for s in steps if s.status is StepStatus.RUNNING and s.attempt)
