"""One worker for all tests that ask a real one: it takes seconds to load litellm."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from console.planners.llm_link import Link
from tests.models.server import ModelServer, served


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Link]:
    home = tmp_path_factory.mktemp("worker")
    link = Link({"PATH": os.environ["PATH"], "HOME": str(home), "STUB_API_KEY": "sk-canary"})
    yield link
    link.close()


@pytest.fixture(scope="session")
def base_server() -> Iterator[ModelServer]:
    with served() as server:
        yield server


@pytest.fixture
def server(base_server: ModelServer) -> ModelServer:
    base_server.plays()
    return base_server
