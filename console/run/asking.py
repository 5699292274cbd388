"""What is asked of a person, and what was answered, now or beforehand."""

from __future__ import annotations

from console.catalog.spec import Catalog
from console.plan.model import Step, StepId
from console.run import events as ev
from console.run.countersign import persons_for
from console.run.policy import Policy
from console.run.state import RunState


def withdrawn(step: StepId, state: RunState, why: str) -> tuple[ev.RequestWithdrawn, ...]:
    """The end of every question about the step."""
    return tuple(
        ev.RequestWithdrawn(request=request.id, reason=why)
        for request in state.requests.values()
        if request.step == step
    )


class Asking:
    """The questions of one run. Nothing here is kept: all of it is in the state."""

    def __init__(self, state: RunState, catalog: Catalog, policy: Policy) -> None:
        self._state, self._catalog, self._policy = state, catalog, policy

    def ask(
        self,
        scope: ev.Scope,
        hash_: str,
        *,
        step: StepId = "",
        question: str = "",
        options: tuple[str, ...] = (),
    ) -> ev.ApprovalRequested:
        """A question; its id is the number of the first record that could hold it."""
        return ev.ApprovalRequested(
            request=f"q{self._state.seq + 1}",
            scope=scope,
            hash=hash_,
            step=step,
            question=question,
            options=options,
            persons=self.persons(scope, step),
        )

    def persons(self, scope: ev.Scope, step: StepId = "") -> int:
        """How many persons must say yes to this."""
        return persons_for(scope, step, self._state, self._catalog, self._policy)

    def is_open(self, *scopes: ev.Scope, step: StepId = "") -> bool:
        """Whether a question of these scopes (about `step`) waits."""
        return any(r.scope in scopes and step in ("", r.step) for r in self._state.requests.values())

    def is_about(self, step: StepId) -> bool:
        """Whether any question about the step waits."""
        return any(request.step == step for request in self._state.requests.values())

    def was_answered(self, scope: ev.Scope, step: StepId, hash_: str | None = None) -> bool:
        """Whether a yes to this about the step still counts."""
        return any(
            a.scope == scope and a.step == step and not a.used and hash_ in (None, a.hash)
            for a in self._state.approvals
        )

    def consented(self, request: ev.ApprovalRequested) -> ev.Approved:
        """The answer that was given beforehand."""
        return ev.Approved(
            request=request.request,
            scope=request.scope,
            hash=request.hash,
            by=self._policy.consent.by,
            how=self._policy.consent.label,
            step=request.step,
        )

    def hold_for(self, step: Step, request: ev.ApprovalRequested) -> tuple[ev.Event, ...]:
        """Hold a step until it is answered for; with consent, answer at once."""
        held = ev.StepHeld(step=step.id, reason=f"waits for an answer ({request.scope})")
        is_agreed = self._policy.agreed(step, self._catalog)
        if is_agreed and (request.scope != "gate" or self._policy.unattended):
            return (held, request, self.consented(request), ev.StepReleased(step=step.id))
        return (held, request)
