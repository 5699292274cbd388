"""The journal as it grows: one line an event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.plan.model import StepId
from console.run import events as ev
from console.run.events import Record
from console.tui.ink import Row, row
from console.tui.reasons import words
from console.tui.when import short_time, time_of_day
from console.tui.widgets.lines import Lines

_INKS: Mapping[str, str] = {
    "step_succeeded": "ok",
    "step_failed": "bad",
    "step_in_doubt": "doubt",
    "step_cancelled": "warn",
    "warned": "warn",
    "approval_requested": "warn",
    "approved": "ok",
    "denied": "bad",
    "planning_failed": "bad",
    "replan_failed": "bad",
    "run_finished": "strong",
    "rollback_started": "undo",
    "rollback_finished": "undo",
    "step_intended": "dim",
    "step_started": "busy",
}


def event_row(record: Record) -> Row:
    """Number, time, what happened, to which step, and the telling detail."""
    event = record.event
    step: StepId = getattr(event, "step", "")
    return row(
        (f"{record.seq:>5} ", "dim"),
        (f"{time_of_day(record.at)}  ", "quiet"),
        (f"{words(event.kind):<18} ", _INKS.get(event.kind, "")),
        (f"{step} " if step else "", "strong"),
        (_detail(event), "quiet"),
        step=step,
    )


def _detail(event: ev.Event) -> str:
    match event:
        case ev.StepIntended():
            return " ".join(event.command)
        case ev.StepStarted():
            return f"on {event.host}" if event.host else ""
        case ev.StepSucceeded():
            return f"in {short_time(event.duration)}" if event.duration else ""
        case ev.StepFailed() | ev.ReplanFailed() | ev.PlanningFailed():
            return event.error
        case ev.AgentThought():
            call = f"{event.call.action} {event.call.params}" if event.call else ""
            return " ".join(part for part in (event.thought, call, event.finish, event.error) if part)
        case ev.ApprovalRequested():
            return f"{event.scope} {event.question}"
        case ev.Approved():
            return f"{event.scope} by {event.by} {event.answer}"
        case ev.Denied():
            return f"{event.scope} by {event.by} {event.reason}"
        case ev.PlanEdited():
            return f"rev {event.revision} by {event.by}: {event.summary}"
        case ev.PlanDrafted() | ev.RevisionProposed():
            return f"{len(event.plan.leaves())} steps by {event.planner} {event.reason}"
        case ev.RunFinished():
            return f"{words(event.outcome)} {event.reason}"
        case ev.Warned() | ev.PlanningProgressed():
            return event.message
    by = getattr(event, "by", "")
    return str(getattr(event, "reason", "") or (f"by {by}" if by else ""))


class EventsPane(Lines):
    """Draws the records it was given; stays at the end while it is there."""

    def __init__(self, *, id: str = "events") -> None:
        super().__init__(id=id)
        self._records: Sequence[Record] = ()
        self._shown = 0

    def show(self, records: Sequence[Record]) -> None:
        """`records` may grow in place."""
        if records is self._records and len(records) == self._shown:
            return
        at_end = self.scroll_offset.y >= self._shown - self.content_height - 1
        self._records, self._shown = records, len(records)
        self.show_rows()
        if at_end:
            self.scroll_to(y=self._shown, animate=False, force=True)

    @property
    def selects(self) -> bool:
        return False

    def count(self) -> int:
        return self._shown

    def row_at(self, index: int, width: int) -> Row:
        return event_row(self._records[index])

    def notice(self) -> str:
        said = f"{self._shown:,} record{'s' if self._shown != 1 else ''}"
        return " · ".join(part for part in (said, super().notice()) if part)
