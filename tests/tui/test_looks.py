"""What a terminal tells of itself decides the colours and the marks."""

from __future__ import annotations

import pytest
from textual.color import Color

from console.commands.screen import needs_ascii, theme_for
from console.settings import IN_BROWSER
from console.tui.themes import INK_DEFAULTS, find_theme
from console.tui.widgets.lines import RAISED


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


def _light(colour: Color) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _contrast(one: str, other: str) -> float:
    lights = sorted(_light(Color.parse(colour)) for colour in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


@pytest.mark.parametrize("name", ["dark", "light", "mono", "colour-blind"])
def test_the_faintest_words_can_be_read_under_the_cursor_too(name: str) -> None:
    theme = find_theme(f"plandeck-{name}")
    assert theme is not None
    inks = {**INK_DEFAULTS, **theme.variables}
    assert theme.background is not None
    assert _contrast(inks["ink-dim"], theme.background) >= 4.5
    assert _contrast(inks[f"ink-{RAISED['dim']}"], inks["cursor"]) >= 4.5
