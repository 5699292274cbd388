"""Every command that the README and the guide show in a block marked `console` runs as it is shown.

A line `$ command` is run by sh in an empty folder that the file's commands share; it must exit with 0,
or with N where it says so: `# exits with N`. A here-document is part of its command. Blocks with another
mark (`sh`, `text`) are only read.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HERE = re.compile(r"<<'(\w+)'")
_EXITS = re.compile(r"#.*\bexits with (\d+)")


def commands(file: Path) -> list[str]:
    lines = "\n".join(_BLOCK.findall(file.read_text())).replace("\\\n", "").splitlines()
    found: list[str] = []
    end = ""
    for line in lines:
        if end:
            found[-1] += f"\n{line}"
            end = "" if line == end else end
        elif line.startswith("$ "):
            found.append(line[2:])
            here = _HERE.search(line)
            end = here[1] if here else ""
    return found


FILES = [file for file in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if commands(file)]


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_the_commands_that_are_shown_run(file: Path, tmp_path: Path) -> None:
    bin_dir = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": f"{bin_dir}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    for command in commands(file):
        found = _EXITS.search(command)
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == int(found[1] if found else 0), f"{command}\n{done.stdout}\n{done.stderr}"
