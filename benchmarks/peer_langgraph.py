"""LangGraph with its SQLite checkpointer on the layered graph: prints its wall seconds.

    python -m benchmarks.peer_langgraph WORKERS DIRECTORY

A node a step, checkpoints written before each super-step ends (`durability="sync"`). Compiling the graph
is not counted.
"""

from __future__ import annotations

import asyncio
import operator
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph

from benchmarks import graphs


class State(TypedDict):
    done: Annotated[int, operator.add]


def node(seconds: float) -> Callable[[State], Awaitable[State]]:
    async def carry_out(state: State) -> State:
        child = await asyncio.create_subprocess_exec("/bin/sh", "-c", graphs.command(seconds))
        await child.wait()
        return {"done": 1}

    return carry_out


async def timed(workers: int, directory: str) -> float:
    graph = graphs.layered(20, 50)
    builder = StateGraph(State)
    for name, _, seconds in graph:
        builder.add_node(name, node(seconds))
    for name, before, _ in graph:
        builder.add_edge(before or START, name)
    config = {"max_concurrency": workers, "recursion_limit": 100_000, "configurable": {"thread_id": "1"}}
    async with AsyncSqliteSaver.from_conn_string(f"{directory}/langgraph.db") as saver:
        app = builder.compile(checkpointer=saver)
        begin = time.perf_counter()
        end = await app.ainvoke({"done": 0}, config, durability="sync")
        wall = time.perf_counter() - begin
    assert end["done"] == len(graph)
    return wall


if __name__ == "__main__":
    print(asyncio.run(timed(int(sys.argv[1]), sys.argv[2])), flush=True)
