"""One step that prints a gigabyte, beside the shell's own redirection in the same round; and a resume.

    python -m benchmarks.capture [rounds]

`x_redirect` is our rate over the rate of `sh -c '... > file'`; `grown_mb` is how much the engine's
resident memory grew. Then a run of 1,000 steps is taken up again by a new engine: seconds until it knows
everything.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anyio
import psutil

from benchmarks import graphs
from benchmarks.executor import engine_wall
from console.run.journal import Journal
from console.run.state import RunState
from console.runners.backend import Spec
from console.runners.local import LocalBackend

SIZE = 1 << 30
LINE = f"yes | head -c {SIZE}"


def redirect(directory: Path) -> float:
    begin = time.perf_counter()
    subprocess.run(["sh", "-c", f"{LINE} > {directory}/out"], check=True)
    return time.perf_counter() - begin


async def ours(directory: Path) -> tuple[float, float]:
    process = psutil.Process()
    async with LocalBackend(directory) as backend:
        before = process.memory_info().rss
        spec = Spec("r/1/1", ("sh", "-c", LINE), "/", directory / "steps" / "1.1", {"PATH": "/usr/bin:/bin"})
        begin = time.perf_counter()
        await backend.submit(spec)
        status = await backend.status("r/1/1", wait=None)
        wall = time.perf_counter() - begin
        assert status.exit_code == 0, status
        assert (spec.spool / "out").stat().st_size == SIZE
        return wall, (process.memory_info().rss - before) / 2**20


def resume() -> float:
    directory = Path(tempfile.mkdtemp(prefix="pdc"))
    anyio.run(engine_wall, graphs.independent(1000), 8, directory)
    begin = time.perf_counter()
    journal = Journal.open(directory)
    RunState.of(journal.since(0))
    wall = time.perf_counter() - begin
    journal.close()
    shutil.rmtree(directory, ignore_errors=True)
    return wall


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    ratios, grown = [], []
    for _ in range(rounds):
        directory = Path(tempfile.mkdtemp(prefix="pdc"))
        floor = redirect(directory)
        (directory / "out").unlink()
        wall, growth = anyio.run(ours, directory)
        shutil.rmtree(directory, ignore_errors=True)
        ratios.append(floor / wall)
        grown.append(growth)
    print(json.dumps({"x_redirect": round(statistics.median(ratios), 2), "grown_mb": round(max(grown), 1)}))
    print(json.dumps({"resume_1000_steps_s": round(resume(), 3)}))


if __name__ == "__main__":
    main()
