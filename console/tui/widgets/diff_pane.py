"""The proposed revision against the plan, by step id: what is added, removed, changed field by field and
re-wired, what is kept; the reason on top."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from console.plan.diff import ABSENT, FieldChange, PlanDiff, StepChange, diff
from console.plan.model import Plan, Step, StepId
from console.run.standing import Proposal
from console.run.state import RunState
from console.tui.ink import Part, Row, row, wrap
from console.tui.widgets.lines import Rows
from console.tui.widgets.plan_tree import params_text

if TYPE_CHECKING:
    from console.plan.check import Finding


INKS = {"error": "bad", "warning": "warn", "note": "quiet"}


def diff_rows(state: RunState, width: int, findings: Sequence[Finding] | None = None) -> list[Row]:
    """The proposal's rows, nothing cut; each changed step begins with a row of its own. `findings` are the
    checker's about the proposed plan, `None` while it is looking."""
    proposal, plan = state.proposal, state.plan
    if proposal is None or plan is None:
        return [row(("no revision is proposed", "dim"))]
    change = diff(plan, proposal.plan)
    rows = [
        *_reason(proposal, change, width),
        *_added(change, width),
        *_removed(change, plan, width),
        *_changed(change.changed, "~", "warn", proposal.plan, width),
        *_changed(change.rewired, "→", "accent", proposal.plan, width),
        *_moved(change, proposal.plan),
        *_fields("the plan", change.plan, width),
        *_checked(findings, width),
    ]
    if change.kept:
        rows += [Row(), *wrap(", ".join(change.kept), width, "dim", first=[("= kept ", "dim")], indent=7)]
    return rows


def _reason(proposal: Proposal, change: PlanDiff, width: int) -> Iterator[Row]:
    yield from wrap(proposal.reason or "no reason given", width, "strong")
    by = " ".join(part for part in ("proposed by", proposal.planner, proposal.model) if part)
    yield row((change.summary(), "quiet"), (f" · {by}", "dim"))
    for repair in proposal.repairs:
        yield from wrap(repair, width, "warn", first=[("repaired: ", "warn")], indent=2)
    yield Row()


def _checked(findings: Sequence[Finding] | None, width: int) -> Iterator[Row]:
    """What the checker has against the proposed plan."""
    if findings is None:
        return
    if not findings:
        yield row(("✓ ", "ok"), ("the checker finds nothing in the new plan", "quiet"))
        return
    yield row(("the checker, of the new plan", "strong"))
    for finding in findings:
        sign: Part = ("· " if finding.severity == "note" else "! ", INKS[finding.severity])
        place: Part = (f"step {finding.step} " if finding.step else "", "strong")
        yield from wrap(finding.message, width, INKS[finding.severity], first=[sign, place], indent=2)


def _name(step: Step | None, step_id: StepId) -> str:
    if step is None:
        return step_id
    return f"{step_id} {step.action or step.description}".strip()


def _added(change: PlanDiff, width: int) -> Iterator[Row]:
    for step in change.added:
        yield row(("+ ", "ok"), (_name(step, step.id), "ok strong"), step=step.id)
        about = " ".join(part for part in (params_text(step.params), step.description) if part)
        if about:
            yield from wrap(about, width, first=["    "], indent=4)
        if step.depends_on:
            yield row((f"    after {', '.join(step.depends_on)}", "quiet"))


def _removed(change: PlanDiff, plan: Plan, width: int) -> Iterator[Row]:
    for step_id in change.removed:
        step = plan.step(step_id)
        yield row(("- ", "bad"), (_name(step, step_id), "bad strong"), step=step_id)
        if step.description:
            yield from wrap(step.description, width, "quiet", first=["    "], indent=4)


def _changed(changes: Iterable[StepChange], sign: str, ink: str, plan: Plan, width: int) -> Iterator[Row]:
    for change in changes:
        yield row(
            (f"{sign} ", ink), (_name(plan.step(change.id), change.id), f"{ink} strong"), step=change.id
        )
        for field in change.fields:
            yield from _field(field, width)


def _moved(change: PlanDiff, plan: Plan) -> Iterator[Row]:
    touched = {c.id for c in (*change.changed, *change.rewired)}
    for step_id in change.moved:
        if step_id not in touched:
            yield row(
                ("↕ ", "accent"),
                (_name(plan.step(step_id), step_id), "accent"),
                (" moved", "quiet"),
                step=step_id,
            )


def _fields(title: str, fields: Iterable[FieldChange], width: int) -> Iterator[Row]:
    shown = list(fields)
    if shown:
        yield row(("~ ", "warn"), (title, "warn strong"))
        for field in shown:
            yield from _field(field, width)


def _field(change: FieldChange, width: int) -> Iterator[Row]:
    label: Part = (f"    {change.name}  ", "quiet")
    before, after = value_text(change.before), value_text(change.after)
    if len(before) + len(after) + len(change.name) + 10 <= width and "\n" not in before + after:
        yield row(label, (before, "bad"), (" → ", "dim"), (after, "ok"))
        return
    yield row(label)
    yield from wrap(before, width, first=[("      - ", "bad")], indent=8)
    yield from wrap(after, width, first=[("      + ", "ok")], indent=8)


def value_text(value: Any) -> str:
    """A value of a step for people: text as it is, ids in a row, the rest as JSON."""
    if value is ABSENT:
        return "(not given)"
    if isinstance(value, str):
        return value or "(empty)"
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value) or "(none)"
    if value is None:
        return "(none)"
    return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


class DiffPane(Rows):
    """Its cursor goes from changed step to changed step."""

    def __init__(self, *, id: str = "diff") -> None:
        super().__init__(id=id)

    def show(self, state: RunState, findings: Sequence[Finding] | None = None) -> None:
        self.build(lambda width: diff_rows(state, width, findings))
