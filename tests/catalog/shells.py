"""The shells of this machine, and running a script in one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)] or ["sh"]


def run(shell: str, arguments: Sequence[str], cwd: Path | None = None) -> str:
    """What it writes; how it ends does not matter."""
    done = subprocess.run(
        [shell, *arguments], cwd=cwd, capture_output=True, timeout=30, check=False, stdin=subprocess.DEVNULL
    )
    return done.stdout.decode()
