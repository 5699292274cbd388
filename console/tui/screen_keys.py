"""The keys of the screens over the main one: what their help shows, and the guide's page of keys.

The keys that move are the main screen's, and go where those go when they are bound again.
"""

from __future__ import annotations

from collections.abc import Mapping

from console.tui.keys import ScreenKey as Key

READING = (
    Key("j,down", "One line down", "run.down"),
    Key("k,up", "One line up", "run.up"),
    Key("g,home", "To the top", "run.top"),
    Key("G,end", "To the end", "run.bottom"),
    Key("ctrl+d,pagedown,space", "A page down", "run.half_down"),
    Key("ctrl+u,pageup", "A page up", "run.half_up"),
)
LIST = (
    Key("j,down", "Down", "run.down"),
    Key("k,up", "Up", "run.up"),
    Key("g,home", "First", "run.top"),
    Key("G,end", "Last", "run.bottom"),
)
_LEAVE = Key("escape", "Back", "sheet.leave")
_HELP = Key("f1,ctrl+p,question_mark", "Keys of this screen", "sheet.keys")
_WORDS = (
    Key("enter", "Send it"),
    Key("ctrl+s", "Send it", "text.send"),
)

SCREENS: Mapping[str, tuple[Key, ...]] = {
    "Task picker": (
        Key("up,down", "Choose; what is typed narrows the list"),
        Key("enter", "Start the marked one, or what is typed"),
        Key("escape", "Take away what is typed; leave", "sheet.leave"),
    ),
    "Approval": (
        *READING,
        Key("enter", "Approve"),
        Key("x", "Reject, with a reason", "approval.reject"),
        Key("escape", "Not now", "sheet.leave"),
    ),
    "Step editor": (
        Key("tab,down", "Next field"),
        Key("shift+tab,up", "Field before"),
        Key("enter", "Take the marked completion; next field"),
        Key("left_curly_bracket", "In a value: results of earlier steps"),
        Key("space", "Pick what the step waits for (typing filters it)"),
        Key("ctrl+s", "Save", "step_editor.save"),
        Key("escape", "Close the completions; back", "sheet.leave"),
    ),
    "Words": (*_WORDS, Key("ctrl+j,alt+enter", "New line, where there are several"), _LEAVE),
    "Rollback": (
        *READING,
        Key("left,right", "Choose: cancel, or roll back"),
        Key("tab", "The other one"),
        Key("enter", "Take what is marked"),
        Key("escape", "Cancel: nothing is rolled back", "sheet.leave"),
    ),
    "Question": (
        Key("j,down", "Down", "run.down"),
        Key("k,up", "Up", "run.up"),
        Key("enter", "Give the marked answer"),
        Key("ctrl+d,pagedown", "Read on"),
        Key("ctrl+u,pageup", "Read back"),
        Key("escape", "Not now", "sheet.leave"),
    ),
    "Gate": (
        *READING,
        Key("enter", "Go on: the step starts"),
        Key("x", "Leave the step out"),
        Key("escape", "Not now", "sheet.leave"),
    ),
    "Findings": (
        *LIST,
        Key("f", "Apply the fix", "findings.fix"),
        Key("enter", "Apply the fix, or go to the step where there is none"),
        _LEAVE,
    ),
    "Runs": (*LIST, Key("enter", "Open the run"), _LEAVE),
    "Sure?": (
        Key("y", "Yes", "confirm.yes"),
        Key("n", "No", "confirm.no"),
        Key("j,down", "Down", "run.down"),
        Key("k,up", "Up", "run.up"),
        Key("enter", "Take the marked one"),
        Key("escape", "No", "sheet.leave"),
    ),
}
"""Keys by the screen's name."""

EVERYWHERE = (_HELP, Key("ctrl+q,ctrl+c", "Leave; the run goes on", "app.leave"))
"""Keys of all of them."""

SCREEN_IDS = {key.id for keys in (*SCREENS.values(), EVERYWHERE) for key in keys if key.id} | {
    "app.interrupt",
    "app.suspend",
    "app.repaint",
}
