"""A run's directory that is checked for leftovers at the end, and attempts to carry out in it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.run.control import spool
from console.runners.backend import Spec

Specs = Callable[..., Spec]


@pytest.fixture
def run_dir(tmp_path: Path) -> Iterator[Path]:
    """Its fork server must go by itself: as long as it lives it holds its lock."""
    path = tmp_path / "run"
    path.mkdir(mode=0o700)
    yield path
    fd = os.open(path / "shim.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
    finally:
        os.close(fd)
    log = path / "shim.log"
    assert not log.exists() or log.read_text() == ""


@pytest.fixture
def spec(run_dir: Path, tmp_path: Path) -> Specs:
    """`spec("run/1/1", "echo", "hi", timeout=3)`; one word alone is a line for the shell."""

    def make(key: str, *argv: str, cwd: str = str(tmp_path), **more: object) -> Spec:
        words = argv if len(argv) > 1 else ("/bin/sh", "-c", argv[0])
        options: dict[str, object] = {"env": {"PATH": "/usr/bin:/bin"}, **more}
        return Spec(key=key, argv=words, cwd=cwd, spool=spool(run_dir, key), **options)  # type: ignore[arg-type]

    return make


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
