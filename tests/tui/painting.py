"""Painting is left to whoever looks.

A headless application paints every change and throws it away: half of the time of a test. Here nothing is
painted until a test looks (`render_strips`, a picture), and what it then sees is painted whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from rich.console import RenderableType
from textual._compositor import Compositor
from textual._context import visible_screen_stack
from textual.screen import Screen

_paint = Compositor.render_update


def _only_for_a_picture(
    self: Compositor,
    full: bool = False,
    screen_stack: list[Screen[object]] | None = None,
    simplify: bool = False,
) -> RenderableType | None:
    if full:
        return _paint(self, full, screen_stack, simplify)
    visible_screen_stack.set(screen_stack or [])
    self._dirty_regions.clear()
    return None


@contextmanager
def painting_for_those_who_look() -> Iterator[None]:
    with patch.object(Compositor, "render_update", _only_for_a_picture):
        yield
