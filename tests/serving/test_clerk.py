"""The clerk in this process."""

from __future__ import annotations

import threading
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from console.errors import UsageError
from console.service.holder import let_go, tell_to_end
from console.service.order import Order
from console.serving.clerk import Clerk, Terms
from console.settings import find_run, new_run_dir, run_ids
from console.task import Task

pytestmark = pytest.mark.anyio
NOTE = {"goal": "g", "steps": [{"id": 1, "tool": "none", "description": "d"}]}


async def test_who_hands_in_keeps_nobody_waiting(tmp_path: Path) -> None:
    begun, looked = threading.Event(), threading.Event()

    def make(task: Task, files: list[str]) -> Order:
        begun.set()
        raise UsageError("nobody was kept waiting" if looked.wait(10) else "everybody was kept waiting")

    clerk = Clerk(Terms(workspace=tmp_path), make)

    async def hand_in() -> None:
        with pytest.raises(UsageError, match="nobody was kept waiting"):
            await clerk.submit_plan(NOTE, [], "x")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hand_in)
        await to_thread.run_sync(begun.wait, 10)
        looked.set()


async def test_of_two_that_hand_in_at_once_the_last_place_goes_to_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.serving.clerk.OPEN_RUNS", 1)
    both = threading.Barrier(2)

    def make(task: Task, files: list[str]) -> Order:
        both.wait(10)
        return Order(directory=new_run_dir(), task=task, workspace=str(tmp_path), by="x")

    submitted, refused = list[str](), list[UsageError]()

    async def hand_in() -> None:
        try:
            done = await Clerk(Terms(workspace=tmp_path), make).submit_plan(NOTE, [], "x")
            submitted.append(done.run)
        except UsageError as error:
            refused.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hand_in)
        tasks.start_soon(hand_in)
    assert ([error.what for error in refused], run_ids()) == (
        ["1 submitted runs are not over yet"],
        submitted,
    )
    tell_to_end(find_run(submitted[0]))
    assert await let_go(find_run(submitted[0]), 20)
