"""Asking the planner for a revision in words."""

from __future__ import annotations

from console.run.life import SETTLED, StepStatus
from console.run.state import RunState
from console.tui.screens.text_input import AskText


class RequestChanges(AskText):
    """Gives the words for the planner, or `None`. An empty text is not sent."""

    def __init__(self, state: RunState) -> None:
        super().__init__("Request changes", multiline=True, lead=_lead(state))

    def action_send(self) -> None:
        if self.typed.strip():
            self.dismiss(self.typed.strip())
        else:
            self.notify("Nothing is written yet: say what should be different", markup=False)


def _lead(state: RunState) -> str:
    if state.plan is None:
        return "Say in other words what is wanted. The planner plans once more; nothing runs unasked."
    done = sum(s.status in SETTLED for s in state.steps.values())
    running = sum(s.status is StepStatus.RUNNING for s in state.steps.values())
    kept = f"{done} finished and {running} running steps stay as they are. " if done or running else ""
    return (
        f"Say what should be different. {kept}The planner revises the rest and you see a diff;"
        " nothing changes until you accept it."
    )
