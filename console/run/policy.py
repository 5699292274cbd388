"""Risk, and what may go without asking.

The risk of a step is its tool's; what is not known is never taken for harmless. Consent is what the
operator said beforehand (`--yes`, `--approve-up-to`); without it everything waits for a key press. Rules
come from the operator's policy files and can only tighten that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from console.catalog.spec import Catalog, Risk
from console.plan.model import Plan, Step
from console.plan.references import find


def risk_of(step: Step, catalog: Catalog) -> Risk:
    """The risk of a leaf step; an unknown tool is destructive, a note is harmless."""
    return catalog.risk(step.action)


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


HERE = "local"
"""What a rule calls the place of a step that names none."""


@dataclass(frozen=True, slots=True)
class Rule:
    """So many persons (`require`) must approve a step that everything given fits: its risk is `risk` or
    higher; its action, its place (`on`) and its parameters' values are among these shell patterns."""

    require: int
    risk: Risk | None = None
    actions: tuple[str, ...] = ()
    on: tuple[str, ...] = ()
    params: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    why: str = ""

    def fits(self, step: Step, catalog: Catalog) -> bool:
        """Whether the rule is about this step. A value that is not known yet could be any."""
        if self.risk is not None and risk_of(step, catalog).rank < self.risk.rank:
            return False
        if self.actions and not _among(step.action, self.actions):
            return False
        if self.on and not _among(step.on or HERE, self.on):
            return False
        return all(self._has(step, name, patterns) for name, patterns in self.params.items())

    def _has(self, step: Step, name: str, patterns: tuple[str, ...]) -> bool:
        value = step.params.get(name)
        if find({name: value}):
            return True
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return _among(text, patterns)


def _among(text: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for one run.

    `on_failure` overrides every step's own ("ask", "replan", "rollback" or "stop"). `unattended`
    says that nobody will answer: what would ask ends the run instead. `observe_revisions` lets a
    revision whose new and changed steps all only observe go without asking. `rules` are the policy
    files', of which the strictest that fits counts.
    """

    consent: Consent = Consent()
    on_failure: str | None = None
    unattended: bool = False
    observe_revisions: bool = False
    rules: tuple[Rule, ...] = ()

    def persons(self, step: Step, catalog: Catalog) -> int:
        """How many persons must approve this step."""
        return max((rule.require for rule in self.rules if rule.fits(step, catalog)), default=1)

    def agreed(self, step: Step, catalog: Catalog) -> bool:
        """Whether the consent given beforehand is enough for this step: it is one person's word."""
        return self.consent.covers(risk_of(step, catalog)) and self.persons(step, catalog) < 2

    def accepts(self, asking: Iterable[Step], catalog: Catalog) -> bool:
        """Whether a revision may go without asking of which these steps ask for approval (run/renewal.py)."""
        steps = tuple(asking)
        if any(self.persons(step, catalog) > 1 for step in steps):
            return False
        risks = [risk_of(step, catalog) for step in steps]
        if self.consent.revisions and all(self.consent.covers(risk) for risk in risks):
            return True
        return self.observe_revisions and all(risk is Risk.OBSERVE for risk in risks)
