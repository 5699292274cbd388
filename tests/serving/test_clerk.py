"""The clerk in this process."""

from __future__ import annotations

import threading
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from console.errors import UsageError
from console.service.order import Order
from console.serving.clerk import Clerk, Terms
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
