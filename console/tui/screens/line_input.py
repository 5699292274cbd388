"""A line to type into. What is pasted goes in whole."""

from __future__ import annotations

from textual import events
from textual.widgets import Input


class LineInput(Input):
    """Several lines that are pasted become one, with a blank between them, and that is said: the library
    would keep the first and drop the others."""

    def on_paste(self, event: events.Paste) -> None:
        lines = [line for text in event.text.splitlines() if (line := text.strip())]
        if len(lines) < 2:
            return
        event.prevent_default()
        event.stop()
        self.replace(" ".join(lines), *sorted(self.selection))
        self.notify(f"{len(lines)} lines were pasted as one", severity="warning", markup=False)
