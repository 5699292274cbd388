"""Records share the steps that are the same in them: an edit of one step of a large plan is a record of the
whole plan, and a screen keeps every record."""

from __future__ import annotations

from console.plan import tree
from console.plan.model import Plan
from console.run.events import Event, Record, decode

WITH_PLAN = frozenset(event for event in Event.kinds.values() if "plan" in event.model_fields)
"""The events that hold a plan. Most do not, and asking one for what it has not takes longer than all else."""


class Sharing:
    """Takes records in, one after the other."""

    def __init__(self) -> None:
        self._plan: Plan | None = None
        self._expected: Plan | None = None

    def expect(self, plan: Plan) -> None:
        """A record of this very plan may come: it need not be made anew."""
        self._expected = plan

    def decode(self, kind: str, body: str) -> Event:
        """As `events.decode`, without a look into a plan that was expected."""
        if kind != "plan_edited" or self._expected is None:
            return decode(kind, body)
        plan, self._expected = self._expected, None
        written = plan.model_dump_json(by_alias=True, exclude_defaults=True)
        before, found, after = body.partition(f'"plan":{written}')
        if not found:
            return decode(kind, body)
        self._plan = plan
        return decode(kind, f'{before}"plan":{{}}{after}').model_copy(update={"plan": plan})

    def __call__(self, record: Record) -> Record:
        """The record, its plan made of the steps of the plan before it where they are the same."""
        if type(record.event) not in WITH_PLAN:
            return record
        plan = getattr(record.event, "plan", None)
        if not isinstance(plan, Plan):
            return record
        if self._plan is not None and self._plan is not plan:
            plan = tree.shared(plan, self._plan)
            record = record._replace(event=record.event.model_copy(update={"plan": plan}))
        self._plan = plan
        return record
