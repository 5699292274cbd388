from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.sessions import Scripted


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def session(tmp_path: Path) -> Scripted:
    directory = tmp_path / "4f1c"
    directory.mkdir(mode=0o700)
    return Scripted(directory)
