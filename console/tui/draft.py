"""A plan that cannot run yet, as text to be mended."""

from __future__ import annotations

from dataclasses import dataclass

from console.errors import Fault


@dataclass(frozen=True, slots=True)
class Draft:
    """`faults` are what is wrong with it, at the lines of `text`."""

    text: str
    faults: tuple[Fault, ...] = ()
