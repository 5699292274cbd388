"""These tests need the libraries they are about, which are not among plandeck's own: `.ci/run` installs them
from `.ci/interop.txt` and runs this folder."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

LIBRARIES = ("langchain_core", "langgraph", "llama_index")
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if not missing or os.environ.get("PLANDECK_INTEROP"):
        return
    skip = pytest.mark.skip(
        reason=f"{', '.join(missing)} not installed; .ci/run runs these with .ci/interop.txt"
    )
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(skip)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The examples of the guide, installed as far as Python can tell."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(EXAMPLES), os.environ.get("PYTHONPATH", "")]).rstrip(":")
    )
    return EXAMPLES
