"""The line above the keys: what the plan may do to the world, after what the operator must know first. With
that, or with what it comes to that steps are held, left out or deleted, it takes as many rows as it
needs, up to three.
"""

from __future__ import annotations

from collections.abc import Sequence

from console.tui.ink import Part, Row, row
from console.tui.reasons import words
from console.tui.view import View
from console.tui.widgets.lines import Rows

MOST_ROWS = 3

_INKS = (
    ("irreversible", "bad strong"),
    ("destructive", "bad"),
    ("finding", "warn"),
    ("held", "warn"),
    ("left out", "warn"),
    ("deleted", "warn"),
    ("no return", "bad"),
    ("(was", "warn"),
    ("lack", "bad strong"),
)


class BlastLine(Rows):
    """`fault` says why the records could not be followed, and stands before everything else. `what_if`
    is what it comes to that steps are held or left out; it stands for all but the findings."""

    def __init__(self) -> None:
        super().__init__(id="blast")

    def show(self, blast: str, view: View, fault: str, what_if: str = "") -> None:
        first = first_of(view, fault)
        self.build(lambda width: blast_rows(blast, what_if, first, width))

    def rebuild(self) -> None:
        """As tall as its rows are, in another width too."""
        super().rebuild()
        if self.count() and self.styles.height is not None and self.styles.height.value != self.count():
            self.styles.height = self.count()


def told(blast: str, what_if: str) -> str:
    """The line for the plan as it is, or for what is left of it."""
    if not what_if:
        return blast
    findings = [piece for piece in blast.split(" · ") if "finding" in piece]
    return " · ".join([what_if, *findings])


def shortened(blast: str, width: int) -> str:
    """The line with fewer words where there is no room, the findings last to go."""
    if len(blast) + 1 > width:
        blast = blast.replace("rollback covers", "rollback")
    if len(blast) + 1 > width:
        blast = " · ".join(piece for piece in blast.split(" · ") if not piece.startswith("touches"))
    return blast


def laid_out(parts: Sequence[Part], width: int) -> list[Row]:
    """The pieces in rows, none broken; what does not fit into the last one is cut with a sign."""
    rows: list[list[Part]] = [[]]
    used = 1
    for part in parts:
        size = row(part).width
        if rows[-1] and used + size + 3 > width and len(rows) < MOST_ROWS:
            rows.append([])
            used = 1
        rows[-1].append(part)
        used += size + 3
    return [row(" ", *_joined(line)) for line in rows]


def _joined(parts: Sequence[Part]) -> list[Part]:
    joined: list[Part] = []
    for part in parts:
        joined += [(" · ", "dim") if joined else "", part]
    return joined


def _parts(blast: str) -> list[Part]:
    parts: list[Part] = []
    for piece in blast.split(" · ") if blast else ():
        ink = next((ink for word, ink in _INKS if word in piece), "quiet")
        parts.append((piece, "quiet" if piece.startswith("no findings") else ink))
    return parts


def first_of(view: View, fault: str) -> Part | None:
    """What the operator must know before everything else; `None` where there is nothing."""
    if fault:
        return fault, "bad"
    if view.engine_gone and not view.status.is_final:
        key = "p" if view.reopenable else f"plandeck resume {view.state.run}"
        return f"the engine of this run is gone; {key} takes it up again", "bad"
    half = view.half_approved
    if half is not None and half.signed is not None:
        return f"{half.signed.person} has approved the {words(half.scope)}; another person must (a)", "warn"
    if view.replay is not None or view.status.is_final:
        return None
    if view.read_only:
        return view.read_only, "warn"
    return (f"{view.asker} asks for the control (L answers)", "warn") if view.asker else None


def blast_rows(blast: str, what_if: str, first: Part | None, width: int) -> list[Row]:
    """The rows: `first` on one of its own where the rest does not fit beside it."""
    parts = _parts(told(blast, what_if)) if what_if else _parts(shortened(blast, width))
    if first is None:
        return laid_out(parts, width) if what_if else [row(" ", *_joined(parts))]
    both = row(" ", *_joined([first, *_parts(blast)]))
    if not what_if and both.width < width:
        return [both]
    rest = laid_out(parts, width) if what_if else [row(" ", *_joined(parts))]
    return [row(" ", first), *rest[: MOST_ROWS - 1]] if parts else [row(" ", first)]
