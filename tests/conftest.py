"""What every test gets: state, config and runtime folders of its own, and a plain environment."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine, or one that counts lines, is no reason to fail.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
# Which lines run must not hang on luck: the same few examples each time (.ci/run's coverage).
settings.register_profile("same", settings.default, max_examples=10, derandomize=True, database=None)

for _name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TEXTUAL_THEME", "TEXTUAL"):
    os.environ.pop(_name, None)

# The tests start hundreds of processes: each would compile the whole console anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Screens make and drop many small objects; looking through them for cycles takes a quarter of the time.
gc.set_threshold(50_000, 20, 20)


# A shell has what it puts into the background ignore Ctrl+C, and every command of a test would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: two more than there are processors. Most tests wait for processes, or for a screen, half of
    their time."""
    return (os.cpu_count() or 1) + 2


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the XDG folders at a fresh, short path (a socket's path may have 100 bytes)."""
    base = tmp_path_factory.mktemp("xdg")
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        folder = base / name[4:].split("_")[0].lower()
        folder.mkdir(mode=0o700)
        monkeypatch.setenv(name, str(folder))
    return base
