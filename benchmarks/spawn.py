"""What a step costs: `true` through the local backend, beside a bare posix_spawn loop of the same run.

    python benchmarks/spawn.py [--steps 1000] [--rounds 5]

The rounds take turns, so that what else the machine does meets both. Read the ratio: milliseconds
are this machine's.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import anyio

from console.run.control import spool
from console.runners.backend import Spec
from console.runners.local import LocalBackend

TRUE = "/bin/true"


def bare(steps: int, concurrency: int) -> float:
    """Seconds a step of starting and reaping, and nothing else."""
    start = time.perf_counter()
    started = running = 0
    while started < steps or running:
        while started < steps and running < concurrency:
            os.posix_spawn(TRUE, [TRUE], {}, setsid=True)
            started += 1
            running += 1
        os.wait()
        running -= 1
    return (time.perf_counter() - start) / steps


async def supervised(
    backend: LocalBackend, run_dir: Path, keys: Iterator[str], steps: int, at_once: int
) -> float:
    """Seconds a step from its submission to its exit code."""

    async def work(share: int) -> None:
        for _ in range(share):
            key = next(keys)
            await backend.submit(Spec(key, (TRUE,), "/", spool(run_dir, key)))
            status = await backend.status(key, wait=None)
            assert status.exit_code == 0, status

    start = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for _ in range(at_once):
            tasks.start_soon(work, steps // at_once)
    return (time.perf_counter() - start) / steps


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def compare(steps: int, rounds: int, at_once: int) -> None:
    keys = (f"bench/{number}/1" for number in range(steps * (rounds + 1)))
    floor, ours, engine = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        async with LocalBackend(Path(folder), linger=0) as backend:
            await supervised(backend, Path(folder), keys, steps, at_once)  # everything is loaded once
            for _ in range(rounds):
                floor.append(bare(steps, at_once))
                before = cpu()
                ours.append(await supervised(backend, Path(folder), keys, steps, at_once))
                engine.append((cpu() - before) / steps)
    ratio = statistics.median(mine / base for mine, base in zip(ours, floor, strict=True))
    print(
        f"{at_once} at once: {statistics.median(ours) * 1e3:.2f} ms a step,"
        f" bare loop {statistics.median(floor) * 1e3:.2f} ms, ratio {ratio:.2f};"
        f" engine {statistics.median(engine) * 1e6:.0f} µs CPU a step"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for at_once in (1, 8):
        anyio.run(compare, options.steps, options.rounds, at_once)


if __name__ == "__main__":
    main()
