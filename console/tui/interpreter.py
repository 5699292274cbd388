"""How Python serves the console, so that no key waits: for garbage to be looked for, or for a thread's turn.

A whole look for garbage in circles takes a tenth of a second once a plan or a record of some size is there.

What is shown is made of many small values that hold no circles; Python would look through everything that
lives after every few frames of them. What is there once the screen stands stays as long as the screen does:
while it is made hardly anything is looked at, and then it is left out of all later looks. The young are
looked at often, the old hardly ever.
"""

from __future__ import annotations

import gc
import sys

YOUNG, MIDDLE, OLD = 10_000, 5, 2000
"""New objects between two looks at the youngest, and how many of those make one at the next older."""

UNSETTLED = 1_000_000
"""New objects between two looks at the youngest before the screen stands."""

TURN = 0.001
"""Seconds that work beside the screen keeps the interpreter while the screen waits for it."""


def begin() -> None:
    """Before the first screen is made."""
    gc.set_threshold(UNSETTLED, MIDDLE, OLD)
    sys.setswitchinterval(TURN)


def settle() -> None:
    """What lives now stays. Nothing where this process does not only show a run."""
    if gc.get_threshold()[1:] == (MIDDLE, OLD):
        gc.freeze()
        gc.set_threshold(YOUNG, MIDDLE, OLD)
