"""The marks of step states: a shape and an ink each, so that colour alone never tells, and the ASCII
form of everything the screens draw.
"""

from __future__ import annotations

from collections.abc import Mapping

from console.run.life import RunStatus, StepStatus

_S = StepStatus

MARKS: Mapping[StepStatus, tuple[str, str]] = {
    _S.PENDING: ("○", "dim"),
    _S.HELD: ("◌", "warn"),
    _S.READY: ("◎", "accent"),
    _S.RUNNING: ("▶", "busy"),
    _S.SUCCEEDED: ("✓", "ok"),
    _S.FAILED: ("✗", "bad"),
    _S.SKIPPED: ("–", "dim"),
    _S.CANCELLED: ("⊘", "warn"),
    _S.IN_DOUBT: ("?", "doubt"),
    _S.UNDOING: ("↶", "undo"),
    _S.UNDONE: ("↺", "undo"),
    _S.UNDO_FAILED: ("↯", "bad"),
}
"""Mark and ink of each state."""

HAS_UNDO = "↺"
DESTRUCTIVE = "‼"
GATE = "◆"

RUN_INKS: Mapping[RunStatus, str] = {
    RunStatus.DRAFTING: "busy",
    RunStatus.AWAITING_APPROVAL: "warn",
    RunStatus.RUNNING: "busy",
    RunStatus.PAUSED: "warn",
    RunStatus.AWAITING_DECISION: "warn",
    RunStatus.REPLANNING: "busy",
    RunStatus.ROLLING_BACK: "undo",
    RunStatus.SUCCEEDED: "ok",
    RunStatus.FAILED: "bad",
    RunStatus.REJECTED: "bad",
    RunStatus.STOPPED: "warn",
    RunStatus.ROLLED_BACK: "undo",
    RunStatus.ROLLBACK_INCOMPLETE: "bad",
}
"""The ink of a run's status."""

ASCII = str.maketrans(
    {
        "○": ".",
        "↕": "|",
        "◌": "=",
        "◎": "o",
        "▶": ">",
        "✓": "+",
        "✗": "X",
        "–": "-",
        "—": "-",
        "⊘": "%",
        "↶": "<",
        "↺": "u",
        "↯": "!",
        "‼": "!",
        "◆": "#",
        "▾": "v",
        "▸": ">",
        "…": "~",
        "·": "|",
        "→": ">",
        "←": "<",
        "↓": "v",
        "↑": "^",
        "∙": ".",
        "•": "*",
        "●": "O",
        "‖": "=",
        "×": "x",
        **dict.fromkeys("─━═╌┄┈▔▁╶╴", "-"),
        **dict.fromkeys("│┃║▏▎▍▌▐▕╎╵╷", "|"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯┏┓┗┛┣┫╔╗╚╝╠╣", "+"),
        **dict.fromkeys("█▓▇▆▅▄▃▂▀▉▊▋■▮", "#"),
        **dict.fromkeys("░▒", "."),
    }
)
"""What ASCII mode draws instead; each replacement is one column, as the original."""

_CONTROL_PICTURES = {0x2400 + code: "^" for code in range(0x20)} | {0x2421: "^"}
ASCII_AND_TOKENS = ASCII | _CONTROL_PICTURES

ASCII_MARKS = {
    ord(mark): ASCII[ord(mark)]
    for mark in "".join(mark for mark, _ in MARKS.values()) + "‼·…"
    if ord(mark) in ASCII
}
"""What lines without Unicode have for the marks that stand in them; no other character becomes another."""
