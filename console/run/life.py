"""The lives of a step and of a run: two literal tables, (where it is, what happened) -> where it is then.

What a table does not hold cannot happen: the fold (run/state.py) raises `IllegalEvent` and changes
nothing. The tables in the documentation are generated from these.
"""

from __future__ import annotations

from enum import StrEnum


class StepStatus(StrEnum):
    """Where a step is in its life. `ready` is never stored: see `RunState.status_of`."""

    PENDING = "pending"
    HELD = "held"
    READY = "ready"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    IN_DOUBT = "in_doubt"
    UNDOING = "undoing"
    UNDONE = "undone"
    UNDO_FAILED = "undo_failed"


class RunStatus(StrEnum):
    DRAFTING = "drafting"
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    PAUSED = "paused"
    AWAITING_DECISION = "awaiting_decision"
    REPLANNING = "replanning"
    ROLLING_BACK = "rolling_back"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    STOPPED = "stopped"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_INCOMPLETE = "rollback_incomplete"

    @property
    def is_final(self) -> bool:
        return self in FINAL


FINAL = frozenset(
    {
        RunStatus.SUCCEEDED,
        RunStatus.FAILED,
        RunStatus.REJECTED,
        RunStatus.STOPPED,
        RunStatus.ROLLED_BACK,
        RunStatus.ROLLBACK_INCOMPLETE,
    }
)

SETTLED = frozenset({StepStatus.SUCCEEDED, StepStatus.SKIPPED})
"""A step in one of these lets its dependents go."""

UNSETTLED = frozenset({StepStatus.FAILED, StepStatus.CANCELLED, StepStatus.IN_DOUBT})
"""Statuses of a step that went wrong and that nobody has done anything about."""

_S = StepStatus

STEP_LIFE: dict[tuple[StepStatus, str], StepStatus] = {
    (_S.PENDING, "step_held"): _S.HELD,
    (_S.PENDING, "step_intended"): _S.RUNNING,
    (_S.PENDING, "step_skipped"): _S.SKIPPED,
    (_S.PENDING, "step_marked_done"): _S.SUCCEEDED,
    (_S.HELD, "step_released"): _S.PENDING,
    (_S.HELD, "step_skipped"): _S.SKIPPED,
    (_S.HELD, "step_marked_done"): _S.SUCCEEDED,
    (_S.RUNNING, "step_started"): _S.RUNNING,
    (_S.RUNNING, "agent_thought"): _S.RUNNING,
    (_S.RUNNING, "step_succeeded"): _S.SUCCEEDED,
    (_S.RUNNING, "step_failed"): _S.FAILED,
    (_S.RUNNING, "step_cancelled"): _S.CANCELLED,
    (_S.RUNNING, "step_in_doubt"): _S.IN_DOUBT,
    (_S.FAILED, "step_retry_scheduled"): _S.FAILED,
    (_S.FAILED, "step_intended"): _S.RUNNING,
    (_S.FAILED, "step_released"): _S.PENDING,
    (_S.FAILED, "step_skipped"): _S.SKIPPED,
    (_S.FAILED, "step_marked_done"): _S.SUCCEEDED,
    (_S.CANCELLED, "step_intended"): _S.RUNNING,
    (_S.CANCELLED, "step_released"): _S.PENDING,
    (_S.CANCELLED, "step_skipped"): _S.SKIPPED,
    (_S.CANCELLED, "step_marked_done"): _S.SUCCEEDED,
    (_S.IN_DOUBT, "step_probed"): _S.IN_DOUBT,
    (_S.IN_DOUBT, "step_intended"): _S.RUNNING,
    (_S.IN_DOUBT, "step_released"): _S.PENDING,
    (_S.IN_DOUBT, "step_marked_done"): _S.SUCCEEDED,
    (_S.IN_DOUBT, "step_marked_failed"): _S.FAILED,
    (_S.IN_DOUBT, "step_skipped"): _S.SKIPPED,
    (_S.SUCCEEDED, "undo_intended"): _S.UNDOING,
    (_S.FAILED, "undo_intended"): _S.UNDOING,
    (_S.CANCELLED, "undo_intended"): _S.UNDOING,
    (_S.IN_DOUBT, "undo_intended"): _S.UNDOING,
    (_S.SKIPPED, "undo_intended"): _S.UNDOING,
    (_S.UNDO_FAILED, "undo_intended"): _S.UNDOING,
    (_S.UNDOING, "undo_intended"): _S.UNDOING,
    (_S.UNDOING, "undo_succeeded"): _S.UNDONE,
    (_S.UNDOING, "undo_failed"): _S.UNDO_FAILED,
    (_S.UNDONE, "step_intended"): _S.RUNNING,
    (_S.UNDONE, "step_released"): _S.PENDING,
    (_S.UNDONE, "step_skipped"): _S.SKIPPED,
    (_S.UNDO_FAILED, "undo_succeeded"): _S.UNDONE,
    (_S.UNDO_FAILED, "step_skipped"): _S.SKIPPED,
    (_S.UNDONE, "undo_intended"): _S.UNDOING,
}
"""Step life. The `undo_...` triggers are the events of the rollback items that undo the step."""

_R = RunStatus
LIVE = (_R.RUNNING, _R.PAUSED, _R.AWAITING_DECISION, _R.REPLANNING)
"""Where a run is under way."""

RUN_LIFE: dict[tuple[RunStatus, str], RunStatus] = {
    (_R.DRAFTING, "planning_started"): _R.DRAFTING,
    (_R.DRAFTING, "planning_progressed"): _R.DRAFTING,
    (_R.DRAFTING, "planning_failed"): _R.DRAFTING,
    (_R.DRAFTING, "plan_drafted"): _R.AWAITING_APPROVAL,
    (_R.DRAFTING, "plan_edited"): _R.AWAITING_APPROVAL,
    (_R.AWAITING_APPROVAL, "plan_edited"): _R.AWAITING_APPROVAL,
    (_R.AWAITING_APPROVAL, "run_started"): _R.RUNNING,
    (_R.AWAITING_APPROVAL, "replan_started"): _R.REPLANNING,
    **{(s, "plan_edited"): s for s in LIVE},
    **{(s, "planning_progressed"): s for s in LIVE},
    **{(s, "run_paused"): _R.PAUSED for s in (_R.RUNNING, _R.AWAITING_DECISION)},
    **{(s, "run_continued"): _R.RUNNING for s in (_R.PAUSED, _R.AWAITING_DECISION)},
    **{(_R.REPLANNING, trigger): _R.REPLANNING for trigger in ("run_paused", "run_continued")},
    (_R.RUNNING, "decision_awaited"): _R.AWAITING_DECISION,
    (_R.REPLANNING, "decision_awaited"): _R.AWAITING_DECISION,
    **{(s, "replan_started"): _R.REPLANNING for s in LIVE},
    (_R.REPLANNING, "revision_proposed"): _R.AWAITING_DECISION,
    (_R.REPLANNING, "replan_failed"): _R.AWAITING_DECISION,
    (_R.AWAITING_DECISION, "revision_proposed"): _R.AWAITING_DECISION,
    (_R.AWAITING_DECISION, "revision_accepted"): _R.RUNNING,
    (_R.AWAITING_DECISION, "revision_rejected"): _R.AWAITING_DECISION,
    **{(s, "revision_proposed"): _R.AWAITING_DECISION for s in (_R.RUNNING, _R.PAUSED)},
    **{(s, f"revision_{answer}"): s for s in (_R.RUNNING, _R.PAUSED) for answer in ("accepted", "rejected")},
    **{(s, "rollback_started"): _R.ROLLING_BACK for s in LIVE},
    (_R.ROLLING_BACK, "rollback_finished"): _R.AWAITING_DECISION,
    **{(s, "run_finished"): s for s in (_R.DRAFTING, _R.AWAITING_APPROVAL, *LIVE, _R.ROLLING_BACK)},
    **{(s, "run_reopened"): _R.AWAITING_DECISION for s in FINAL},
}
"""Run life. `run_finished` leads to the outcome it names; what is not listed here and is not about
the run's course (a warning, an answer, a step) is allowed wherever the run is not final."""

BEFORE_START: dict[str, RunStatus] = {
    "revision_proposed": _R.AWAITING_APPROVAL,
    "revision_accepted": _R.AWAITING_APPROVAL,
    "revision_rejected": _R.AWAITING_APPROVAL,
    "replan_failed": _R.AWAITING_APPROVAL,
}
"""What a revision leads to while nothing has run: the plan still waits for its approval."""

COURSE = frozenset(trigger for _, trigger in RUN_LIFE)
"""Every trigger that is about the run's course."""
