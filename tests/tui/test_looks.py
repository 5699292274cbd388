"""What a terminal tells of itself decides the colours and the marks."""

from __future__ import annotations

import pytest

from console.commands.screen import needs_ascii, theme_for
from console.settings import IN_BROWSER


@pytest.mark.parametrize(
    ("environ", "theme"),
    [
        ({"TERM": "linux"}, "16"),
        ({"TERM": "xterm"}, "16"),
        ({"TERM": "screen"}, "16"),
        ({"TERM": "xterm-256color"}, ""),
        ({"TERM": "tmux-256color"}, ""),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, ""),
        ({"TERM": "foot"}, ""),
        ({"TERM": "linux", IN_BROWSER: "1"}, ""),
    ],
)
def test_sixteen_colours_where_no_more_are_told(environ: dict[str, str], theme: str) -> None:
    assert theme_for(environ) == theme


@pytest.mark.parametrize(
    ("environ", "encoding", "ascii"),
    [
        ({"TERM": "xterm-256color"}, "utf-8", False),
        ({"TERM": "xterm-256color"}, "UTF8", False),
        ({"TERM": "xterm-256color"}, "iso8859-1", True),
        ({"TERM": "xterm"}, "ascii", True),
        ({"TERM": "linux"}, "utf-8", True),
        ({IN_BROWSER: "1"}, "ascii", False),
    ],
)
def test_ascii_where_nothing_else_can_be_shown(environ: dict[str, str], encoding: str, ascii: bool) -> None:
    assert needs_ascii(environ, encoding) is ascii
