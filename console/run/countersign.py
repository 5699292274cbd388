"""Two persons for one approval, where the operator's policy asks for that. Pure.

The first yes is written down and changes nothing else; the second must be another person's. Who somebody
is tells the kernel (service/person.py), not the name that a front end gives itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from console.catalog.spec import Catalog
from console.errors import ControlRefused
from console.plan.model import Step
from console.run import events as ev
from console.run.policy import Policy
from console.run.renewal import asking_in
from console.run.standing import Request
from console.run.state import RunState

BY_KEY = "key of "
"""How the name of a person begins who is known by a signature (service/signature.py), not by a login."""

COUNTERSIGNED = ("plan", "revision", "step", "compensation", "tool")
"""What a yes to lets something run that was not approved before."""


def persons_for(scope: str, step: str, state: RunState, catalog: Catalog, policy: Policy) -> int:
    """How many persons must say yes to a question of this scope (about `step`) as things are now."""
    if not policy.rules or scope not in COUNTERSIGNED:
        return 1
    return max((policy.persons(one, catalog) for one in _subjects(scope, step, state)), default=1)


def _subjects(scope: str, step: str, state: RunState) -> Iterator[Step]:
    """The steps that a yes lets run."""
    if scope not in ("plan", "revision"):
        yield state.find(step)
        return
    plan = state.proposal.plan if scope == "revision" and state.proposal else state.plan
    if plan is None:
        return
    asking = asking_in(state, plan)
    yield from (leaf for leaf in plan.taken() if leaf.id in asking)


def first_of_two(
    request: Request, approved: ev.Approved, persons: int, person: str
) -> ev.Countersigned | None:
    """The event for a yes that needs another one; `None` for one that is enough.

    Raises `ControlRefused` when it cannot be told who says it, or when it is the same person again.
    """
    if persons < 2:
        return None
    kept = "nothing was approved"
    if not person:
        raise ControlRefused(
            "two persons must approve this, and the system does not say who you are: no loginuid is set",
            kept=kept,
            todo="Attach from a session that you logged into yourself, or with --key and your SSH key",
        )
    signed = request.signed
    if signed is None:
        return ev.Countersigned(
            request=request.id,
            scope=request.scope,
            hash=approved.hash,
            by=approved.by,
            person=person,
            how=approved.how,
            step=request.step,
            persons=persons,
            signature=approved.signature,
        )
    if signed.person.startswith(BY_KEY) is not person.startswith(BY_KEY):
        raise ControlRefused(
            f"{signed.person} and {person} could be one person: one is known by a login, one by a key",
            kept="the first approval stands",
            todo="Approve it the way the first person did",
        )
    if signed.person == person:
        raise ControlRefused(
            f"{person} has approved this already; another person must approve it too",
            kept="the first approval stands",
            todo="Have somebody else attach and approve it",
        )
    return None
