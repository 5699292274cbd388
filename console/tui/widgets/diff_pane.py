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
from rich.cells import cell_len

from console.catalog.spec import Catalog, Risk
from console.errors import Fault
from console.plan.diff import ABSENT, FieldChange, PlanDiff, diff
from console.plan.hunks import Hunk, parts
from console.plan.model import Compensation, Gate, Plan, Step, StepId, Undo
from console.run.policy import risk_of
from console.run.standing import Proposal
from console.run.state import RunState
from console.tui.ink import Part, Row, Span, fit, row, wrap
from console.tui.marks import DESTRUCTIVE
from console.tui.taking import Taking
from console.tui.widgets.lines import Rows
from console.tui.widgets.plan_tree import params_text

if TYPE_CHECKING:
    from console.plan.check import Finding

INKS = {"error": "bad", "warning": "warn", "note": "quiet"}

SIDE_BY_SIDE = 70
"""Columns of the pane from which the plan and the revision stand beside each other."""

NARROW = 90
"""Columns of the screen below which they never do: what is new would be squeezed into half of it."""

_SIGNS: Mapping[str, tuple[str, str]] = {
    "added": ("+", "ok"),
    "removed": ("-", "bad"),
    "changed": ("~", "warn"),
    "rewired": ("→", "accent"),
    "moved": ("↕", "accent"),
    "plan": ("~", "warn"),
}


_LABELS: Mapping[str, str] = {
    "depends_on": "after",
    "description": "in words",
    "on_failure": "on failure",
    "explain": "why after",
}
"""What fields are called here, where not by their own names."""

_OF_NEW_STEPS = (
    "params",
    "undo",
    "gate",
    "expect",
    "on",
    "on_failure",
    "timeout",
    "retry",
    "depends_on",
    "description",
)
"""The fields that are told of a step that comes or goes, where they are given."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One part as it is shown: its name, whether the step is destructive, its fields before and after."""

    hunk: Hunk
    name: str
    destructive: bool = False
    fields: tuple[FieldChange, ...] = ()

    @property
    def at(self) -> StepId:
        """Where the cursor stands: the step, or the field of the plan."""
        return f"plan.{self.hunk.id}" if self.hunk.kind == "plan" else self.hunk.id


def shown_parts(plan: Plan, revision: Plan, change: PlanDiff, catalog: Catalog) -> list[Shown]:
    """The parts of a revision in the order in which they are shown."""
    steps = {step.id: step for step, _ in (*plan.walk(), *revision.walk())}
    fields = {one.id: one.fields for one in (*change.changed, *change.rewired)}
    found = []
    for hunk in parts(plan, revision):
        if hunk.kind == "plan":
            told = tuple(one for one in change.plan if one.field == hunk.id)
            found.append(Shown(hunk, f"the plan: {hunk.id}", fields=told))
            continue
        step = steps[hunk.id]
        told = _whole(step, hunk.kind) if hunk.kind in ("added", "removed") else fields.get(hunk.id, ())
        loud = not step.is_phase and risk_of(step, catalog) is Risk.DESTRUCTIVE
        found.append(Shown(hunk, f"{step.id} {step.action or step.description}".strip(), loud, told))
    return found


def _whole(step: Step, kind: str) -> tuple[FieldChange, ...]:
    """All that is to be said of a step that comes or goes, as changes from or to nothing."""
    given = {
        name: value for name in _OF_NEW_STEPS if (value := getattr(step, name)) not in (None, "", {}, ())
    }
    if "params" in given:
        given[""] = params_text(given.pop("params"))
    return tuple(
        FieldChange(name, ABSENT, value) if kind == "added" else FieldChange(name, value, ABSENT)
        for name, value in sorted(given.items(), key=lambda pair: pair[0] != "")
    )


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────


def diff_rows(
    proposal: Proposal,
    change: PlanDiff,
    found: Sequence[Shown],
    width: int,
    left: frozenset[Hunk] = frozenset(),
    taking: Taking | None = None,
    *,
    beside: bool = False,
) -> list[Row]:
    """The proposal's rows, nothing cut; each part begins with a row of its own, and those that are `left`
    out say so. `taking` is what it comes to that the rest is taken, `None` while that is worked out;
    `beside`: in two columns."""
    rows = [*_reason(proposal, change, len(found), len(left), width)]
    rows += _faults(taking.faults if taking else (), width)
    rows.append(Row())
    draw = _beside if beside else _inline
    if beside:
        half = (width - 3) // 2
        rows.append(_joined(row(("the plan now", "quiet")), row(("the revision", "quiet")), half))
    for part in found:
        rows += draw(part, "left out" if part.hunk in left else note(part, taking), part.hunk in left, width)
    if taking and not taking.faults:
        rows += _checked(taking.findings, "of what is taken" if left else "of the new plan", width)
    if change.kept:
        rows += [Row(), *wrap(", ".join(change.kept), width, "dim", first=[("= kept ", "dim")], indent=7)]
    return rows


def note(part: Shown, taking: Taking | None) -> str:
    """What is said beside a part that is taken: whether it asks for approval, and why."""
    moved = "moved" if part.hunk.kind == "moved" else ""
    if part.hunk.kind in ("removed", "plan") or taking is None or taking.faults:
        return moved
    reason = taking.asking.get(part.hunk.id)
    named = f": it was {taking.renamed[part.hunk.id]}" if part.hunk.id in taking.renamed else ""
    asks = f"no approval needed{named}" if reason is None else f"asks: {reason}" if reason else ""
    return " · ".join(said for said in (moved, asks) if said)


def _reason(proposal: Proposal, change: PlanDiff, count: int, left: int, width: int) -> Iterator[Row]:
    yield from wrap(proposal.reason or "no reason given", width, "strong")
    by = " ".join(part for part in ("proposed by", proposal.planner, proposal.model) if part)
    changed = f", changed by {proposal.changed_by}" if proposal.changed_by else ""
    yield from wrap(f"{change.summary()} · {by}{changed}", width, "quiet")
    for repair in proposal.repairs:
        yield from wrap(repair, width, "warn", first=[("repaired: ", "warn")], indent=2)
    if left:
        yield row((f"{count - left} of {count} parts are taken, {left} left out", "warn"))


def _faults(faults: Sequence[Fault], width: int) -> Iterator[Row]:
    """Why what is taken cannot be taken."""
    for fault in faults:
        yield from wrap(str(fault), width, "bad", first=[("✗ no plan: ", "bad strong")], indent=2)


def _checked(findings: Sequence[Finding], where: str, width: int) -> Iterator[Row]:
    """What the checker has against it."""
    if not findings:
        yield row(("✓ ", "ok"), (f"the checker finds nothing {where.replace('of', 'in', 1)}", "quiet"))
        return
    yield row((f"the checker, {where}", "strong"))
    for finding in findings:
        sign: Part = ("· " if finding.severity == "note" else "! ", INKS[finding.severity])
        place: Part = (f"step {finding.step} " if finding.step else "", "strong")
        yield from wrap(finding.message, width, INKS[finding.severity], first=[sign, place], indent=2)


def _head(part: Shown, note: str, left: bool) -> Row:
    sign, ink = _SIGNS[part.hunk.kind]
    box: Part = ("[ ] ", "dim") if left else ("[x] ", ink)
    loud: Part = (f" {DESTRUCTIVE}" if part.destructive else "", "bad")
    name_ink = "dim" if left else f"{ink} strong"
    said: Part = (f"  {note}" if note else "", "quiet")
    return row(box, (f"{sign} ", ink), (part.name, name_ink), loud, said, step=part.at)


def _inline(part: Shown, note: str, left: bool, width: int) -> Iterator[Row]:
    yield _head(part, note, left)
    for change in part.fields:
        yield from _field(change, left, width)


def _label(change: FieldChange) -> str:
    return change.name if change.key is not None else _LABELS.get(change.field, change.field)


def _field(change: FieldChange, left: bool, width: int) -> Iterator[Row]:
    bad, ok = ("dim", "dim") if left else ("bad", "ok")
    before, after, name = value_text(change.before), value_text(change.after), _label(change)
    if ABSENT in (change.before, change.after) and change.key is None:
        text, ink = (after, ok) if change.before is ABSENT else (before, bad)
        lead: Part = (f"      {name} " if name else "      ", "quiet")
        yield from wrap(text, width, ink if not name else "dim" if left else "", first=[lead], indent=6)
        return
    label: Part = (f"      {name}  ", "quiet")
    if len(before) + len(after) + len(name) + 12 <= width and "\n" not in before + after:
        yield row(label, (before, bad), (" → ", "dim"), (after, ok))
        return
    yield row(label)
    yield from wrap(before, width, bad, first=[("        - ", bad)], indent=10)
    yield from wrap(after, width, ok, first=[("        + ", ok)], indent=10)


def _beside(part: Shown, note: str, left: bool, width: int) -> Iterator[Row]:
    """The part in two columns: as it is, and as it would be."""
    half = (width - 3) // 2
    yield _head(part, note, left)
    for change in part.fields:
        one = _side(change, change.before, "dim" if left else "bad", half)
        other = _side(change, change.after, "dim" if left else "ok", half)
        for a, b in zip_longest(one, other, fillvalue=Row()):
            yield _joined(a, b, half)


def _side(change: FieldChange, value: Any, ink: str, width: int) -> list[Row]:
    if value is ABSENT and change.key is None:
        return []
    name, text = _label(change), value_text(value)
    lead: Part = (f"      {name}  " if name else "      ", "quiet")
    if len(name) + 8 + cell_len(text) > width >= 8 + cell_len(text):
        return [row(lead), row(" " * 8, (text, ink))]
    return wrap(text, width, ink, first=[lead], indent=8)


def _joined(one: Row, other: Row, half: int) -> Row:
    spans = fit(one.spans, half)
    gap = half - sum(s.width for s in spans)
    return Row((*spans, Span(" " * gap), Span(" │ ", "dim"), *other.spans))


def value_text(value: Any) -> str:
    """A value of a step for people: text as it is, ids in a row, calls as they are written elsewhere, the
    rest as JSON."""
    if value is ABSENT:
        return "(not given)"
    if isinstance(value, str):
        return value or "(empty)"
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value) or "(none)"
    if value is None:
        return "(none)"
    if isinstance(value, Gate):
        return value.question or "stops and asks"
    if isinstance(value, Undo | Compensation):
        return _call_text(value)
    if isinstance(value, tuple) and all(isinstance(item, Compensation) for item in value):
        return "\n".join(_call_text(item) for item in value)
    return json.dumps(_plain(value), ensure_ascii=False)


def _call_text(call: Undo | Compensation) -> str:
    undoes = ", ".join(call.undoes or ()) if isinstance(call, Compensation) else ""
    return " ".join(
        part for part in (call.action, params_text(call.params), undoes and f"undoes {undoes}") if part
    )


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
        self._proposal: Proposal | None = None
        self._change = PlanDiff()
        self._parts: Sequence[Shown] = ()
        self._taking: Taking | None = None
        self.left: frozenset[Hunk] = frozenset()

    def show(self, state: RunState, taking: Taking | None = None) -> None:
        proposal, plan = state.proposal, state.plan
        if proposal is not self._proposal:
            self._proposal, self.left, self._parts, self._taking = proposal, frozenset(), (), None
            if proposal is not None and plan is not None:
                self._change = diff(plan, proposal.plan)
                self._parts = shown_parts(plan, proposal.plan, self._change, state.catalog)
        self._taking = taking or self._taking  # what is worked out anew stands until then
        self.build(self._draw, of=(state, proposal, self.left, self._taking))

    def _draw(self, width: int) -> Sequence[Row]:
        if self._proposal is None:
            return [row(("no revision is proposed", "dim"))]
        beside = width >= SIDE_BY_SIDE and self.app.size.width >= NARROW
        return diff_rows(
            self._proposal, self._change, self._parts, width, self.left, self._taking, beside=beside
        )

    def left_of(self, proposal: Proposal | None) -> frozenset[Hunk]:
        """The parts of this proposal that were left out: none of one that has not been shown yet."""
        return self.left if proposal is not None and proposal is self._proposal else frozenset()

    @property
    def count_of_parts(self) -> int:
        return len(self._parts)

    def leave(self, left: frozenset[Hunk], *, of: RunState) -> None:
        """Leave these parts of the revision out, and take the others."""
        self.show(of)
        self.left = left & {part.hunk for part in self._parts}
        self.rebuild()

    def toggle(self) -> bool:
        """Leave the part under the cursor out, or take it in again; whether there is one."""
        part = next((part for part in self._parts if part.at == self.step), None)
        if part is None:
            return False
        self.left ^= {part.hunk}
        self.rebuild()
        return True
