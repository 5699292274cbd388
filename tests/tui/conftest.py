"""What the tests of the screens share."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.tui.painting import painting_for_those_who_look


@pytest.fixture
def anyio_backend() -> str:
    """Textual runs on asyncio."""
    return "asyncio"


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clock times on the screen are the same everywhere."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture(autouse=True)
def painted_when_looked_at() -> Iterator[None]:
    with painting_for_those_who_look():
        yield
