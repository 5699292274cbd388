"""What the checker says: a finding, and the edit that would mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from console.plan.edit import Edit
from console.plan.model import StepId

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""Worst first. An error will go wrong, a warning may, a note is about doing it better."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the checker found.

    `code` is stable, for scripts; `step` is "" for the plan as a whole; `message` says why in one line.
    `fix` is an edit like the operator's own: its `summary` is the offer, and it can be undone.
    """

    code: str
    severity: Severity
    step: StepId
    message: str
    fix: Edit | None = None

    @property
    def steps(self) -> tuple[StepId, ...]:
        """The step, or nothing."""
        return (self.step,) if self.step else ()
