"""What the screens show of a step, an approval and a revision, as lines: the same rows, one fact on each.

A label stands before its text, a command behind `$`; what goes on below a line begins with `|`, so that no
text of a planner or a tool can look like a line of ours. The screens' modules are imported when something
is shown: nothing is printed later for them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from console.plan.diff import ABSENT, FieldChange, diff
from console.plan.model import Plan, Step
from console.run.state import RunState
from console.text import reveal, token

if TYPE_CHECKING:
    from console.tui.screens.brief import Brief
    from console.tui.screens.rollback_brief import RollbackBrief
    from console.tui.screens.rows import Row

INDENT = "  "

NAMES = {"depends_on": "after", "": "with"}
"""What a field is called, where it is not by its own name."""

DERIVED = "explain"
"""A field that follows from the others: why a step comes after another."""


def brief_lines(brief: Brief | RollbackBrief) -> Iterator[str]:
    """All there is to read before an approval or a rollback, from top to bottom."""
    for block in brief.blocks():
        depth = 1 if block.kind.startswith("card") else 0
        yield from row_lines(block.rows, depth)


def step_lines(step: Step, state: RunState, *, final: bool = False, depth: int = 1) -> Iterator[str]:
    """One step: what it runs, whole, where, after what, what undoes it. `final`: its references have been
    replaced."""
    from console.tui.screens.card import step_rows

    host = state.engine.host if state.engine else ""
    yield from row_lines(step_rows(step, state.catalog, state.workspace, host, final=final), depth)


def row_lines(rows: Iterable[Row], depth: int) -> Iterator[str]:
    """Rows as lines; those after the first of a card stand further in."""
    for number, row in enumerate(rows):
        lead = INDENT * (depth + (1 if depth and number else 0))
        label = row.label.plain.strip()
        first, *more = (_as_it_is(row.text.plain) if row.exact else row.text.plain).split("\n")
        said = f"$ {first}" if row.exact else first
        yield f"{lead}{label}: {said}" if label else f"{lead}{said}"
        yield from (f"{lead}{INDENT}| {line}" for line in more)


def _as_it_is(command: str) -> str:
    """A command, with escapes for what the output does not have: no mark may stand for another character."""
    encoding = sys.stdout.encoding or "ascii"
    return command.encode(encoding, "backslashreplace").decode(encoding)


def edit_lines(old: Plan, new: Plan, state: RunState) -> Iterator[str]:
    """What an edit made of a plan: each step that is new or changed as a card, the others named."""
    change = diff(old, new)
    fields = {one.id: one.fields for one in (*change.changed, *change.rewired)}
    added = {step.id for step in change.added}
    for step in new.leaves():
        if step.id in added:
            yield f"added step {step.id}:"
            yield from step_lines(step, state)
        elif step.id in fields:
            yield f"changed step {step.id}:"
            yield from _field_lines(fields[step.id])
            yield from step_lines(step, state)
    for phase in (step for step, _ in new.walk() if step.is_phase):
        if phase.id in added:
            yield f"new phase {phase.id}: {_prose(phase.description)}"
    if change.removed:
        yield f"no longer in the plan: {', '.join(change.removed)}"
    if change.moved:
        yield f"moved: {', '.join(change.moved)}"
    yield from (f"changed of the plan: {field_line(field)}" for field in change.plan)


def part_lines(state: RunState) -> Iterator[str]:
    """The revision that waits against the plan: its parts, numbered, each with why it asks."""
    from console.tui.taking import taking
    from console.tui.widgets.diff_pane import note, shown_parts

    assert state.plan is not None, "a revision is of a plan"
    assert state.proposal is not None, "it waits"
    revision = state.proposal.plan
    change = diff(state.plan, revision)
    taken = taking(state, state.plan, revision, frozenset())()
    for number, part in enumerate(shown_parts(state.plan, revision, change, state.catalog), 1):
        said = note(part, taken)
        yield f"part {number}, {part.hunk.kind}: {_prose(part.name)}{f' ({_prose(said)})' if said else ''}"
        gone = part.hunk.kind == "removed"
        shown = (replace(one, before=ABSENT, after=one.before) for one in part.fields)
        yield from _field_lines(shown if gone else part.fields)
    if change.kept:
        yield f"kept as it is: {', '.join(change.kept)}"


def _field_lines(fields: Iterable[FieldChange]) -> Iterator[str]:
    yield from (f"{INDENT}{field_line(field)}" for field in fields if field.field != DERIVED)


def field_line(field: FieldChange) -> str:
    """A field before and after, on one line."""
    from console.tui.widgets.diff_pane import value_text

    before, after = (_prose(value_text(value)) for value in (field.before, field.after))
    name = _prose(field.key or NAMES.get(field.field, field.field))
    return f"{name}: {after}" if field.before is ABSENT else f"{name}: {before} becomes {after}"


def _prose(text: str) -> str:
    """On one line, whatever it holds."""
    return reveal(text).replace("\n", token("\n"))
