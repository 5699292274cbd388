"""What the checker found: the worst first, each with its step, its reason and the fix it offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList, Static

from console.plan.check.finding import SEVERITIES, Finding
from console.plan.model import Plan
from console.text import one_line
from console.tui.keys import ScreenKey
from console.tui.screens.menu import Choice, Menu
from console.tui.screens.modal import MUTED, Sheet, StylePath, plain
from console.tui.screens.rows import exact

SIGNS = {
    "error": ("✗", "bold $text-error"),
    "warning": ("!", "bold $text-warning"),
    "note": ("·", MUTED),
}
"""Sign and colour of a severity."""


class FindingsScreen(Sheet[Finding | None]):
    """Gives the finding whose fix is to be applied, or whose step is to be gone to where it has none; or
    `None`."""

    CSS_PATH: ClassVar[StylePath] = ["modal.tcss", "findings.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f", "fix", "Apply the fix", id="findings.fix")]
    hints = (("↑↓", "choose"), ("f", "apply the fix"), ("Enter", "so, or go to the step"), ("Esc", "back"))
    name_of_keys = "Findings"

    def __init__(self, findings: Sequence[Finding], plan: Plan) -> None:
        super().__init__(classes="-wide")
        self.findings = sorted(findings, key=lambda f: SEVERITIES.index(f.severity))
        self.names = {step.id: step.action for step, _ in plan.walk()}
        self.heading = f"Findings · {_counted(self.findings)}"

    def compose_body(self) -> ComposeResult:
        if not self.findings:
            yield Static(plain("The checker found nothing to say about this plan.", MUTED), id="none")
            return
        yield Menu((Choice(str(n), self._line(f)) for n, f in enumerate(self.findings)), id="findings")
        yield Static(id="detail")

    def _line(self, finding: Finding) -> Content:
        sign, style = SIGNS[finding.severity]
        name = f"{finding.step} {self.names.get(finding.step, '')}" if finding.step else "the plan"
        fix = ("  fix", "$text-success") if finding.fix is not None else ""
        return Content.assemble(
            (f"{sign} ", style), (f"{one_line(name, 26):<27}", "bold"), one_line(finding.message, 200), fix
        )

    @property
    def marked(self) -> Finding | None:
        if not self.findings:
            return None
        place = self.query_one(Menu).highlighted
        return None if place is None else self.findings[place]

    def why_dead(self, key: ScreenKey) -> str:
        if not self.findings:
            return "" if key.keys == "escape" else "the checker has no findings"
        is_fix = key.keys == "f"
        fixable = self.marked is not None and self.marked.fix is not None
        return "this finding offers no fix" if is_fix and not fixable else ""

    @on(OptionList.OptionHighlighted)
    def tell(self) -> None:
        """The marked finding whole, and what its fix would do."""
        finding = self.marked
        if finding is None:
            return
        sign, style = SIGNS[finding.severity]
        offer = "There is no fix that could be applied by itself."
        if finding.fix is not None:
            offer = f"f: {exact(finding.fix.summary)}"
        self.query_one("#detail", Static).update(
            Content.assemble(
                (f"{sign} {finding.severity}", style),
                (f"  {finding.code}\n", MUTED),
                f"{exact(finding.message)}\n",
                (offer, "$text-success" if finding.fix is not None else MUTED),
            )
        )

    @on(OptionList.OptionSelected)
    def take(self) -> None:
        finding = self.marked
        if finding is not None and (finding.fix is not None or finding.step):
            self.dismiss(finding)

    def action_fix(self) -> None:
        if self.marked is not None and self.marked.fix is not None:
            self.dismiss(self.marked)
        elif self.marked is not None:
            self.notify("This finding offers no fix; Enter goes to its step", markup=False)


def _counted(findings: Sequence[Finding]) -> str:
    counts = [(severity, sum(f.severity == severity for f in findings)) for severity in SEVERITIES]
    return " · ".join(f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts if n) or "none"
