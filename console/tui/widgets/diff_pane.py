"""The proposed revision against the plan, in parts that are taken or left one by one: what is added, removed,
changed field by field and re-wired; the reason on top. Side by side where there is room, inline where not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from console.plan.diff import ABSENT, FieldChange, PlanDiff, diff
from console.plan.hunks import Hunk, hunks
from console.plan.model import Plan, Step, StepId
from console.run.renewal import asking_in
from console.run.standing import Proposal
from console.run.state import RunState
from console.tui.ink import Part, Row, Span, fit, row, wrap
from console.tui.widgets.lines import Rows
from console.tui.widgets.plan_tree import params_text

if TYPE_CHECKING:
    from console.plan.check import Finding

INKS = {"error": "bad", "warning": "warn", "note": "quiet"}

SIDE_BY_SIDE = 70
"""Columns from which the plan and the revision stand beside each other."""

_SIGNS: Mapping[str, tuple[str, str]] = {
    "added": ("+", "ok"),
    "removed": ("-", "bad"),
    "changed": ("~", "warn"),
    "rewired": ("→", "accent"),
    "moved": ("↕", "accent"),
    "plan": ("~", "warn"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One part as it is shown: its name, what is said beside it, and its fields before and after."""

    hunk: Hunk
    name: str
    note: str = ""
    fields: tuple[FieldChange, ...] = ()

    @property
    def at(self) -> StepId:
        """Where the cursor stands: the step, or the field of the plan."""
        return f"plan.{self.hunk.id}" if self.hunk.kind == "plan" else self.hunk.id


def parts_of(plan: Plan, revision: Plan, asking: Mapping[StepId, str]) -> list[Shown]:
    """The parts of a revision in the order in which they are shown."""
    change = diff(plan, revision)
    steps = {step.id: step for step, _ in (*plan.walk(), *revision.walk())}
    fields = {one.id: one.fields for one in (*change.changed, *change.rewired)}
    parts = []
    for hunk in hunks(change):
        if hunk.kind == "plan":
            found = tuple(one for one in change.plan if one.field == hunk.id)
            parts.append(Shown(hunk, f"the plan: {hunk.id}", fields=found))
            continue
        step = steps[hunk.id]
        shown = (
            _whole(step, hunk.kind == "added")
            if hunk.kind in ("added", "removed")
            else fields.get(hunk.id, ())
        )
        parts.append(Shown(hunk, _name(step), _note(hunk, asking.get(hunk.id)), shown))
    return parts


def _note(hunk: Hunk, asking: str | None) -> str:
    if hunk.kind == "removed":
        return ""
    moved = "moved · " if hunk.kind == "moved" else ""
    return moved + ("no approval needed" if asking is None else f"asks: {asking}" if asking else "")


def _name(step: Step) -> str:
    return f"{step.id} {step.action or step.description}".strip()


def _whole(step: Step, added: bool) -> tuple[FieldChange, ...]:
    """All that is to be said of a step that comes or goes, as changes from or to nothing."""
    told = {
        "": params_text(step.params),
        "in words": step.description,
        "after": ", ".join(step.depends_on),
    }
    pairs = [(name, text) for name, text in told.items() if text]
    return tuple(
        FieldChange(name, ABSENT, text) if added else FieldChange(name, text, ABSENT) for name, text in pairs
    )


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────


def diff_rows(
    state: RunState,
    width: int,
    left: frozenset[Hunk] = frozenset(),
    asking: Mapping[StepId, str] | None = None,
    findings: Sequence[Finding] | None = None,
) -> list[Row]:
    """The proposal's rows, nothing cut; each part begins with a row of its own, and those that are `left`
    out say so. `asking` are the steps that have to be approved, with the reason; `findings` the
    checker's about the proposed plan, `None` while it is looking."""
    proposal, plan = state.proposal, state.plan
    if proposal is None or plan is None:
        return [row(("no revision is proposed", "dim"))]
    change = diff(plan, proposal.plan)
    parts = parts_of(plan, proposal.plan, asking_in(state, proposal.plan) if asking is None else asking)
    rows = [*_reason(proposal, change, len(parts), len(left), width)]
    draw = _beside if width >= SIDE_BY_SIDE else _inline
    if width >= SIDE_BY_SIDE:
        half = (width - 3) // 2
        rows.append(_joined(row(("the plan now", "quiet")), row(("the revision", "quiet")), half))
    for part in parts:
        rows += draw(part, part.hunk in left, width)
    rows += _checked(findings, width)
    if change.kept:
        rows += [Row(), *wrap(", ".join(change.kept), width, "dim", first=[("= kept ", "dim")], indent=7)]
    return rows


def _reason(proposal: Proposal, change: PlanDiff, parts: int, left: int, width: int) -> Iterator[Row]:
    yield from wrap(proposal.reason or "no reason given", width, "strong")
    by = " ".join(part for part in ("proposed by", proposal.planner, proposal.model) if part)
    changed = f", changed by {proposal.changed_by}" if proposal.changed_by else ""
    yield from wrap(f"{change.summary()} · {by}{changed}", width, "quiet")
    for repair in proposal.repairs:
        yield from wrap(repair, width, "warn", first=[("repaired: ", "warn")], indent=2)
    if left:
        yield row((f"{parts - left} of {parts} parts are taken, {left} left out", "warn"))
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


def _head(part: Shown, left: bool) -> Row:
    sign, ink = _SIGNS[part.hunk.kind]
    box: Part = ("[ ] ", "dim") if left else ("[x] ", ink)
    note = "left out" if left else part.note
    name_ink = "dim" if left else f"{ink} strong"
    return row(
        box, (f"{sign} ", ink), (part.name, name_ink), (f"  {note}" if note else "", "quiet"), step=part.at
    )


def _inline(part: Shown, left: bool, width: int) -> Iterator[Row]:
    yield _head(part, left)
    for change in part.fields:
        yield from _field(change, left, width)


def _field(change: FieldChange, left: bool, width: int) -> Iterator[Row]:
    bad, ok = ("dim", "dim") if left else ("bad", "ok")
    before, after = value_text(change.before), value_text(change.after)
    if ABSENT in (change.before, change.after) and change.key is None:
        text, ink = (after, ok) if change.before is ABSENT else (before, bad)
        lead: Part = (f"      {change.name} " if change.name else "      ", "quiet")
        yield from wrap(
            text, width, ink if change.name == "" else "dim" if left else "", first=[lead], indent=6
        )
        return
    label: Part = (f"      {change.name}  ", "quiet")
    if len(before) + len(after) + len(change.name) + 12 <= width and "\n" not in before + after:
        yield row(label, (before, bad), (" → ", "dim"), (after, ok))
        return
    yield row(label)
    yield from wrap(before, width, first=[("        - ", bad)], indent=10)
    yield from wrap(after, width, first=[("        + ", ok)], indent=10)


def _beside(part: Shown, left: bool, width: int) -> Iterator[Row]:
    """The part in two columns: as it is, and as it would be."""
    half = (width - 3) // 2
    yield _head(part, left)
    for change in part.fields:
        one = _side(change, change.before, "dim" if left else "bad", half)
        other = _side(change, change.after, "dim" if left else "ok", half)
        for a, b in zip_longest(one, other, fillvalue=Row()):
            yield _joined(a, b, half)


def _side(change: FieldChange, value: Any, ink: str, width: int) -> list[Row]:
    if value is ABSENT and change.key is None:
        return []
    lead: Part = (f"      {change.name}  " if change.name else "      ", "quiet")
    return wrap(value_text(value), width, ink, first=[lead], indent=8)


def _joined(one: Row, other: Row, half: int) -> Row:
    spans = fit(one.spans, half)
    gap = half - sum(s.width for s in spans)
    return Row((*spans, Span(" " * gap), Span(" │ ", "dim"), *other.spans))


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
    """Its cursor goes from part to part. `left` are the parts that were left out of the proposal."""

    def __init__(self, *, id: str = "diff") -> None:
        super().__init__(id=id)
        self._state = RunState()
        self._proposal: Proposal | None = None
        self._asking: Mapping[StepId, str] = {}
        self._parts: Sequence[Shown] = ()
        self._findings: Sequence[Finding] | None = None
        self.left: frozenset[Hunk] = frozenset()

    def show(self, state: RunState, findings: Sequence[Finding] | None = None) -> None:
        self._state, self._findings = state, findings
        proposal, plan = state.proposal, state.plan
        if proposal is not self._proposal:
            self._proposal, self.left, self._parts = proposal, frozenset(), ()
            if proposal is not None and plan is not None:
                self._asking = asking_in(state, proposal.plan)
                self._parts = parts_of(plan, proposal.plan, self._asking)
        self.build(
            lambda width: diff_rows(self._state, width, self.left, self._asking, self._findings),
            of=(state, state.seq, findings),
        )

    @property
    def count_of_parts(self) -> int:
        return len(self._parts)

    def toggle(self) -> bool:
        """Leave the part under the cursor out, or take it in again; whether there is one."""
        part = next((part for part in self._parts if part.at == self.step), None)
        if part is None:
            return False
        self.left ^= {part.hunk}
        self.rebuild()
        return True
