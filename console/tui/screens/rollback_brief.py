"""What a rollback comes to before it runs: what would be undone, in order, what would not, and why.

Pure: the rollback as it would be and the state of its run in, rows out, as in brief.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from console.plan.model import StepId
from console.run.events import RollbackItem, RollbackPlan
from console.run.policy import risk_of
from console.run.state import RunState
from console.tui.screens.brief import Block
from console.tui.screens.card import RISKS, command_rows, label
from console.tui.screens.modal import MUTED
from console.tui.screens.rows import Row, exact
from console.tui.view import all_steps
from console.tui.widgets.rollback_pane import not_undone


class RollbackBrief:
    """`planned` are the items that would run."""

    def __init__(self, preview: RollbackPlan, state: RunState) -> None:
        self.preview = preview
        self.state = state
        self.planned = [item for item in preview.items if item.fate == "planned"]

    def blocks(self) -> Iterator[Block]:
        """Everything there is to read, from top to bottom."""
        items, planned = self.preview.items, self.planned
        yield Block("intro", tuple(self._intro(len(planned))))
        yield from self._losses()
        if planned:
            yield _section("What would be undone, in order")
        for number, item in enumerate(planned, 1):
            yield Block(f"card -{risk_of(item.step, self.state.catalog)}", tuple(self._planned(item, number)))
        for fate, title in (("refused", "Refused: would do harm"), ("left_out", "Left out")):
            others = [item for item in items if item.fate == fate]
            if others:
                yield _section(title, error=fate == "refused")
            for item in others:
                yield Block("card -undo", tuple(self._other(item)))
        yield _section("End of the rollback")

    def _intro(self, planned: int) -> Iterator[Row]:
        yield Row(label("goal"), Content.styled(exact(self.state.goal), "bold"))
        for asked in self.state.rollback_requests:
            back_to = f" back to step {asked.back_to}" if asked.back_to else ""
            said = f"by {asked.by}{back_to}" + (f": {asked.reason}" if asked.reason else "")
            yield Row(label("asked for"), Content.styled(exact(said), "$text-warning"))
        counts = [f"{planned} would run"]
        for fate, word in (("refused", "refused"), ("left_out", "left out")):
            if count := sum(item.fate == fate for item in self.preview.items):
                counts.append(f"{count} {word}")
        yield Row(label("items"), Content(" · ".join(counts)))
        if self.preview.back_to:
            kept = f"step {self.preview.back_to} and everything that started before it"
            yield Row(label("keeps"), Content(exact(kept)))
        if not planned:
            yield Row(label(), Content.styled("There is nothing that could be undone.", "$text-warning"))

    def _losses(self) -> Iterator[Block]:
        """What stays done whatever is rolled back: said first and loud."""
        if self.preview.irreversible:
            rows = [self._subject(step, "its effect cannot be undone") for step in self.preview.irreversible]
            yield _section("‼ Irreversible", error=True)
            yield Block("card -destructive", tuple(rows))
        if self.preview.uncovered:
            rows = [self._subject(step, why) for step, why in not_undone(self.preview).items()]
            yield _section("! Not undone")
            yield Block("card -disruptive", tuple(rows))

    def _subject(self, step: StepId, why: str) -> Row:
        actions = {name: step.action for name, step in all_steps(self.state).items()}
        return Row(
            Content(""),
            Content.assemble(
                (f"{step} ", "bold $text-error"), (exact(actions.get(step, "")), "bold"), (f"  {why}", MUTED)
            ),
        )

    def _planned(self, item: RollbackItem, number: int) -> Iterator[Row]:
        mark, style = RISKS[risk_of(item.step, self.state.catalog)]
        name = (exact(item.step.action), "bold")
        asks = ("  asks before it runs", "$text-warning") if item.ask else ""
        head = Content.assemble((f"{number}. ", "bold $text-accent"), name, "  ", (mark, style), asks)
        yield Row(Content(""), head)
        yield from command_rows(item.step.action, item.step.params, self.state.catalog, self.state.workspace)
        yield self._tie(item)
        if item.why:
            yield Row(label("note"), Content.styled(exact(item.why), MUTED))

    def _other(self, item: RollbackItem) -> Iterator[Row]:
        sign, style = ("✗ ", "bold $text-error") if item.fate == "refused" else ("– ", MUTED)
        yield Row(Content(""), Content.assemble((sign, style), (exact(item.step.action), "bold")))
        yield Row(label("why"), Content(exact(item.why)))
        yield self._tie(item)

    def _tie(self, item: RollbackItem) -> Row:
        actions = {name: step.action for name, step in all_steps(self.state).items()}
        steps = ", ".join(f"{step} {actions.get(step, '')}".strip() for step in item.undoes)
        tie = f"  {item.tie}" if item.tie else ""
        return Row(label("undoes"), Content.assemble(exact(steps or "no step"), (exact(tie), MUTED)))


def _section(text: str, *, error: bool = False) -> Block:
    row = Row(Content(""), Content.styled(text, "bold"))
    return Block("section -error" if error else "section", (row,))
