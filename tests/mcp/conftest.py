from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that do not come up are tried again at once."""
    monkeypatch.setattr("console.runners.mcp_session.PAUSES", (0.01, 0.01, 0.01))
