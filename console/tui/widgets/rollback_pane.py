"""The rollback: each compensation, what it makes undone and how that is known, and how far it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from console.plan.model import StepId
from console.run.events import RollbackItem, RollbackPlan
from console.run.standing import StepState
from console.run.state import RunState
from console.tui.ink import Row, row, wrap
from console.tui.marks import MARKS
from console.tui.view import all_steps
from console.tui.widgets.lines import Rows
from console.tui.widgets.plan_tree import params_text

_FATES = {"planned": ("○", "undo"), "refused": ("✗", "bad"), "left_out": ("–", "dim")}


def rollback_rows(state: RunState, preview: RollbackPlan | None, width: int) -> list[Row]:
    """The rollback that was started, else the last preview of one."""
    started = state.rollback
    plan = started.plan if started else preview
    if plan is None:
        return [row(("nothing was rolled back; R shows what a rollback would do", "dim"))]
    lives: Mapping[StepId, StepState] = started.steps if started else {}
    rows = [row(("what happens" if started else "what would happen", "quiet"))]
    if not plan.items:
        rows.append(row(("nothing that has run so far could be undone", "dim")))
    for item in plan.items:
        rows += _item(item, lives.get(item.step.id), width)
    rows += _left_behind(state, plan, width)
    return rows


def _item(item: RollbackItem, life: StepState | None, width: int) -> Iterator[Row]:
    mark, ink = MARKS[life.status] if life else _FATES[item.fate]
    quiet = "dim" if item.fate == "left_out" else ""
    yield row(
        (f"{mark} ", ink),
        (f"{item.step.action} ", quiet or "strong"),
        (params_text(item.step.params), quiet or "quiet"),
        step=item.step.id if item.fate == "planned" else "",
    )
    undoes = f"undoes {', '.join(item.undoes)}" if item.undoes else "undoes no step by itself"
    yield from wrap(
        undoes + (f" · {item.tie}" if item.tie else ""), width - 4, "quiet", first=["    "], indent=4
    )
    if item.fate != "planned":
        yield from wrap(
            f"{item.fate.replace('_', ' ')}: {item.why}", width - 4, ink, first=["    "], indent=4
        )
    elif item.ask:
        yield row(("    asks before it runs", "warn"))
    if life and life.reason:
        yield from wrap(life.reason, width - 4, "bad", first=["    "], indent=4)


def not_undone(plan: RollbackPlan) -> dict[StepId, str]:
    """The steps with an effect that stays, and why."""
    refused = {step for item in plan.items if item.fate == "refused" for step in item.undoes}
    return {
        step: "what compensates it is refused" if step in refused else "nothing compensates it"
        for step in plan.uncovered
    }


def _left_behind(state: RunState, plan: RollbackPlan, width: int) -> Iterator[Row]:
    """What stays: by the plan before it runs, by what happened afterwards."""
    finished = state.rollback.finished if state.rollback else None
    if finished is not None:
        kept = dict(finished.not_undone) | dict.fromkeys(finished.irreversible, "irreversible")
    else:
        kept = not_undone(plan) | dict.fromkeys(plan.irreversible, "irreversible")
    if not kept:
        return
    yield Row()
    yield row(("not undone" if finished else "will not be undone", "bad strong"))
    steps = all_steps(state)
    for step_id, why in kept.items():
        step = steps.get(step_id)
        name = f"{step_id} {step.action}" if step else step_id
        yield from wrap(f"{name}: {why}", width - 2, "bad", first=["  "], indent=4)


class RollbackPane(Rows):
    """Its cursor goes from item to item, so that an item's output can be read and it can be retried."""

    def __init__(self, *, id: str = "rollback") -> None:
        super().__init__(id=id)
        self.preview: RollbackPlan | None = None

    def show(self, state: RunState) -> None:
        self.build(
            lambda width: rollback_rows(state, self.preview, width), of=(state, state.seq, self.preview)
        )
