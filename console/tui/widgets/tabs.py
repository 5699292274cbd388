"""The names of the panes, as the title of the frame they share."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content

from console.tui.view import Pane, View
from console.tui.widgets.failures import troubled

TABS: tuple[tuple[str, Pane, str], ...] = (
    ("2", "output", "Output"),
    ("3", "failures", "Failures"),
    ("4", "diff", "Diff"),
    ("5", "timeline", "Timeline"),
    ("6", "events", "Events"),
    ("0", "rollback", "Rollback"),
)
"""Key, pane and name of what the frame can hold, without the summary, which there is at the end."""

SHORT: Mapping[Pane, str] = {
    "output": "Out",
    "failures": "Fail",
    "diff": "Diff",
    "timeline": "Time",
    "events": "Ev",
    "rollback": "Back",
    "summary": "End",
}
"""The names where there is no room for all of them whole."""


def tabs_title(view: View, shown: Pane, room: int) -> Content:
    """Keys and names; the pane that is shown stands out, one that has something to say is in colour."""
    alerts = {
        "failures": bool(troubled(view.state) or view.state.error),
        "diff": view.state.proposal is not None,
    }
    tabs = (*TABS, ("7", "summary", "Summary")) if view.status.is_final else TABS
    whole = sum(len(name) + 4 for _, _, name in tabs) <= room
    parts: list[Content] = []
    for key, pane, name in tabs:
        style = "bold $foreground" if pane == shown else "$ink-bad" if alerts.get(pane) else "$ink-quiet"
        parts.append(Content.styled(f"{key} {name if whole or pane == shown else SHORT[pane]}", style))
    return Content("  ").join(parts)
