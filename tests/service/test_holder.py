"""The process that holds a run, waited for from outside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from console.service.holder import holder_of, let_go

HOLD = """
import sys
from pathlib import Path
from console.run.journal import Journal
held = Journal.open(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.anyio
async def test_a_run_is_free_once_the_process_that_held_it_has_ended(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert await let_go(tmp_path, 0)
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert holder_of(tmp_path) == process.pid
        assert not await let_go(tmp_path, 0.01)
        process.stdin.close()
        assert await let_go(tmp_path, 30)
