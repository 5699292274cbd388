"""What is installed: one importable package that finds its data."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FIND = """
import sys
from console import bundled, task
from console.catalog.load import load
assert bundled.tools_dir().is_relative_to(sys.argv[1]), bundled.tools_dir()
assert load(["deploy"]).tools and task.load("deploy").goal
assert list(bundled.themes_dir().glob("*.yaml"))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def test_nothing_but_the_package_is_importable(wheel: Path) -> None:
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert {name.split("/")[0] for name in names} == {"console"}
    assert not [name for name in names if "_bundled" in name and name.endswith(".py")]


def test_the_installed_package_finds_its_tools_themes_and_samples(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    # The unpacked wheel goes before the checkout on the path, as an installed one would.
    code = f"import sys; sys.path.insert(0, sys.argv[1])\n{FIND}"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
