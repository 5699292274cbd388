"""Risk, and what may go without asking.

The risk of a step is its tool's; what is not known is never taken for harmless. Consent is what the
operator said beforehand (`--yes`, `--approve-up-to`); without it everything waits for a key press.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from console.catalog.spec import Catalog, Risk
from console.plan.model import NOTE, Plan, Step


def risk_of(step: Step, catalog: Catalog) -> Risk:
    """The risk of a leaf step; an unknown tool is destructive, a note is harmless."""
    return risk_of_action(step.action, catalog)


def risk_of_action(action: str, catalog: Catalog) -> Risk:
    if action == NOTE or not action:
        return Risk.OBSERVE
    tool = catalog.get(action)
    return tool.risk if tool else Risk.DESTRUCTIVE


def risk_of_plan(plan: Plan, catalog: Catalog) -> Risk:
    """The highest risk of its steps."""
    return max((risk_of(step, catalog) for step in plan.leaves()), key=lambda r: r.rank, default=Risk.OBSERVE)


@dataclass(frozen=True, slots=True)
class Consent:
    """What was agreed to before the run: steps up to and including `up_to`; nothing when `None`.

    `revisions` says that a revision within the same bounds is agreed to as well; `by` and `label`
    say for the record who gave the consent and how.
    """

    up_to: Risk | None = None
    revisions: bool = False
    by: str = ""
    label: str = ""

    def covers(self, risk: Risk) -> bool:
        return self.up_to is not None and risk.rank <= self.up_to.rank


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one run.

    `on_failure` overrides every step's own ("ask", "replan", "rollback" or "stop"). `unattended`
    says that nobody will answer: what would ask ends the run instead. `observe_revisions` lets a
    revision whose new and changed steps all only observe go without asking.
    """

    consent: Consent = Consent()
    on_failure: str | None = None
    unattended: bool = False
    observe_revisions: bool = False

    def accepts(self, asking: Iterable[Step], catalog: Catalog) -> bool:
        """Whether a revision may go without asking of which these steps ask for approval (run/renewal.py)."""
        risks = [risk_of(step, catalog) for step in asking]
        if self.consent.revisions and all(self.consent.covers(risk) for risk in risks):
            return True
        return self.observe_revisions and all(risk is Risk.OBSERVE for risk in risks)
