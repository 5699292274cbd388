"""What it comes to that a proposed revision is taken, or only some of its parts: whether that makes a plan,
what the checker finds in it, and what of it asks for approval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from console.errors import Fault
from console.plan.hunks import Hunk, without
from console.plan.model import Plan, StepId
from console.run.renewal import asking_in, renamed
from console.run.so_far import findings_of
from console.run.state import RunState

if TYPE_CHECKING:
    from console.plan.check import Finding


@dataclass(frozen=True, slots=True)
class Taking:
    """`faults` say why the parts make no valid plan: then nothing else is told. `asking` are the steps that
    have to be approved, with the reason; `renamed` those that were approved under another name, with that."""

    faults: tuple[Fault, ...] = ()
    findings: tuple[Finding, ...] = ()
    asking: Mapping[StepId, str] = field(default_factory=dict)
    renamed: Mapping[StepId, StepId] = field(default_factory=dict)


def taking(state: RunState, old: Plan, new: Plan, left: frozenset[Hunk]) -> Callable[[], Taking]:
    """The work of finding that out for `new` in place of `old`, without the parts that are `left` out. It
    holds on to the state as it is now, so that a thread can do it while the run goes on."""
    now = copy(state)
    now.steps = dict(state.steps)

    def work() -> Taking:
        from console.catalog.fit import faults as misfits
        from console.plan.codec import faults_of

        plan = without(old, new, left) if left else new
        if faults := (*faults_of(plan), *misfits(plan, now.catalog)):
            return Taking(faults)
        names = renamed(now.approved_plan, plan) if now.approved_plan else {}
        return Taking((), findings_of(plan, now), asking_in(now, plan), names)

    return work
