"""DBOS with SQLite on the layered graph, in an environment of its own: prints its wall seconds.

    python -m benchmarks.peer_dbos WORKERS DIRECTORY

One durable workflow; its steps run layer by layer, because DBOS numbers steps in the order they start.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time

from dbos import DBOS

from benchmarks import graphs


def main() -> None:
    workers, directory = int(sys.argv[1]), sys.argv[2]
    graph = graphs.layered(20, 50)
    logging.disable(logging.CRITICAL)
    DBOS(
        config={
            "name": "bench",
            "system_database_url": f"sqlite:///{directory}/dbos.sqlite",
            "run_admin_server": False,
        }
    )
    room: asyncio.Semaphore

    @DBOS.step()
    async def step(name: str, seconds: float) -> None:
        async with room:
            child = await asyncio.create_subprocess_exec("/bin/sh", "-c", graphs.command(seconds))
            await child.wait()

    @DBOS.workflow()
    async def workflow(count: int) -> None:
        nonlocal room
        room = asyncio.Semaphore(workers)
        level: dict[str, int] = {}
        layers: dict[int, list[tuple[str, float]]] = {}
        for name, before, seconds in graph[:count]:
            level[name] = 1 + max((level[b] for b in before), default=-1)
            layers.setdefault(level[name], []).append((name, seconds))
        for number in sorted(layers):
            await asyncio.gather(*(step(*one) for one in layers[number]))

    DBOS.launch()

    async def timed() -> float:
        await workflow(1)
        begin = time.perf_counter()
        await workflow(len(graph))
        return time.perf_counter() - begin

    wall = asyncio.run(timed())
    DBOS.destroy()
    print(wall, flush=True)


if __name__ == "__main__":
    main()
